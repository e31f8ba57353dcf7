"""The command line of the program, one line for each command."""

import click

from function.cli.command_group import PROGRAM, CommandGroup


@click.group(
    cls=CommandGroup,
    # A command is imported when it runs, so that serve starts fast.
    lazy_subcommands={
        "adopt": "function.cli.adopt:adopt",
        "check": "function.cli.check:check",
        "completion": "function.cli.completion:completion",
        "explain": "function.cli.explain:explain",
        "impact": "function.cli.impact:impact",
        "input": "function.cli.input:input_command",
        "release": "function.cli.release:release",
        "render": "function.cli.render:render",
        "serve": "function.cli.serve:serve",
    },
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""\b
Examples:
  function-ecr-repos explain claim.yaml    show its repositories and where to push
  function-ecr-repos check *.yaml          find mistakes in claims and Compositions
  function-ecr-repos render claim.yaml     print what Crossplane would apply
  function-ecr-repos adopt state.json      write claims for existing repositories
  function-ecr-repos impact namespace x    show which repositories go with it
  function-ecr-repos input                 print an Input with every field
  function-ecr-repos serve --insecure      serve without TLS, for `crossplane render`
""",
)
@click.version_option(package_name=PROGRAM)
@click.option("--debug", is_flag=True, help="Print tracebacks of unexpected errors.")
def cli(*, debug: bool) -> None:  # CommandGroup reads --debug
    """Create the Amazon ECR repositories of every workload before its first push."""


if __name__ == "__main__":
    cli()

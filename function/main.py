"""The command line."""

import click

from function.cli.group import PROGRAM, Group


@click.group(
    cls=Group,
    # Imported when it is asked for: serving needs none of what the others do.
    modules={
        "check": "function.cli.check:check",
        "explain": "function.cli.explain:explain_command",
        "input": "function.cli.input:input_command",
        "render": "function.cli.render:render",
        "serve": "function.cli.serve:serve",
    },
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""\b
Examples:
  function-ecr-repos explain claim.yaml    where to push, and which guards act
  function-ecr-repos check *.yaml          claims, Inputs and Compositions, offline
  function-ecr-repos render claim.yaml     what Crossplane would apply
  function-ecr-repos input                 all that a Composition's input can say
  function-ecr-repos serve --insecure      answer on this machine, for the CLI's render
\b
Completion, for bash (zsh and fish alike):
  eval "$(_FUNCTION_ECR_REPOS_COMPLETE=bash_source function-ecr-repos)"
""",
)
@click.version_option(package_name=PROGRAM)
@click.option("--debug", is_flag=True, help="Print tracebacks of unexpected errors.")
def cli(*, debug: bool) -> None:  # Group reads it
    """Give every workload its Amazon ECR repositories before the first push."""


if __name__ == "__main__":
    cli()

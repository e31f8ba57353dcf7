"""`function-ecr-repos input`: an Input or platform settings, with every field."""

import click

from function.generate.commented_input import commented_input, commented_settings


@click.command(
    "input",
    epilog="""\b
Examples:
  function-ecr-repos input --settings > settings.yaml
  function-ecr-repos input > input.yaml
""",
)
@click.option(
    "--settings",
    is_flag=True,
    help="Print the platform settings, an EnvironmentConfig, instead of an Input.",
)
def input_command(*, settings: bool) -> None:
    """Print an Input with every field commented out.

    Paste the output under `input` of the function's pipeline step in a Composition.
    The platform settings have the same fields, and survive an upgrade of the package.
    """
    click.echo(commented_settings() if settings else commented_input(), nl=False)

"""`function-ecr-repos input`: an Input with every field."""

import click

from function.generate.commented_input import commented_input


@click.command("input")
def input_command() -> None:
    """Print an Input with every field commented out.

    Paste the output under `input` of the function's pipeline step in a Composition.

    Example: function-ecr-repos input > input.yaml
    """
    click.echo(commented_input(), nl=False)

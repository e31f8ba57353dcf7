"""`function-ecr-repos input`."""

import click

from function.generate import reference_pages as reference


@click.command("input")
def input_command() -> None:
    """Print an Input with every field, commented out.

    What it prints goes under `input` of the function's pipeline step in a Composition.

    Example: function-ecr-repos input > input.yaml
    """
    click.echo(reference.commented(), nl=False)

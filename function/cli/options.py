"""Arguments and options that several commands have."""

import functools
from collections.abc import Callable
from typing import Any

import click

from function.cli.composites import load_step

# click.Path completes file names in the shell. It does not check that the file exists,
# so that manifests.py reports all problems with a file in one way.
FILE = click.Path(allow_dash=True)

files_argument = click.argument(
    "files", nargs=-1, required=True, metavar="FILE...", type=FILE
)
namespace_option = click.option(
    "--namespace", help="The namespace of claims whose file has none."
)
output_option = click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="The output format.",
)


def step_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add --composition and --settings; the command gets a CompositionStep, `step`."""

    @click.option(
        "--composition",
        type=FILE,
        help="Use this function's input from a Composition.",
    )
    @click.option(
        "--settings",
        type=FILE,
        help="Use the platform settings in a file: the EnvironmentConfig ecr-repos.",
    )
    @functools.wraps(command)
    def with_step(
        *, composition: str | None, settings: str | None, **arguments: Any
    ) -> None:
        command(step=load_step(composition, settings), **arguments)

    return with_step

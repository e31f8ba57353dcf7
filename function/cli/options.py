"""Arguments and options that several commands have."""

import click

# click.Path completes file names in the shell. It does not check that the file exists,
# so that manifests.py reports all problems with a file in one way.
FILE = click.Path(allow_dash=True)

files_argument = click.argument(
    "files", nargs=-1, required=True, metavar="FILE...", type=FILE
)
composition_option = click.option(
    "--composition",
    type=FILE,
    help="Use this function's input from a Composition.",
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

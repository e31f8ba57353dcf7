"""`function-ecr-repos completion`: completion of commands, options and file names."""

import click
from click.shell_completion import BashComplete, FishComplete, ZshComplete

from function.cli.command_group import PROGRAM

_SCRIPTS = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}
# The variable by which click's script asks the program for completions.
_VARIABLE = f"_{PROGRAM.replace('-', '_').upper()}_COMPLETE"


@click.command(
    epilog=f"""\b
Install it for bash 4.4 or newer, in ~/.bashrc:
  eval "$({PROGRAM} completion bash)"
\b
For zsh, in ~/.zshrc, after compinit:
  eval "$({PROGRAM} completion zsh)"
\b
For fish, once:
  {PROGRAM} completion fish \\
    > ~/.config/fish/completions/{PROGRAM}.fish
"""
)
@click.argument("shell", type=click.Choice(list(_SCRIPTS)))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script for a shell.

    The script calls this program when you press Tab.
    """
    script = _SCRIPTS[shell](ctx.find_root().command, {}, PROGRAM, _VARIABLE)
    click.echo(script.source())

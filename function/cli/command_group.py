"""The click group of the program: it imports commands lazily and reports errors."""

import difflib
import importlib
import os
import sys
import traceback
from collections.abc import Mapping
from typing import Any, NoReturn

import click

from function.cli.errors import InputFileError

PROGRAM = "function-ecr-repos"
# Exit statuses; docs/command-line.md lists them all.
INPUT_FILE_STATUS = 2
BUG_STATUS = 70  # EX_SOFTWARE in sysexits.h
INTERRUPTED_STATUS = 130  # 128 + SIGINT, as shells report it
# How many characters of an unexpected exception's text are printed.
_MAX_QUOTED = 200


class CommandGroup(click.Group):
    """A click group that prints each error on one line.

    It prints the traceback of an unexpected exception only with --debug.
    """

    def __init__(
        self,
        *args: Any,
        lazy_subcommands: Mapping[str, str],
        **kwargs: Any,
    ) -> None:
        """Create a group.

        Args:
            args: click.Group's.
            lazy_subcommands: Where each command is, MODULE:ATTRIBUTE, by its name.
            kwargs: click.Group's.
        """
        super().__init__(*args, **kwargs)
        self._places = lazy_subcommands

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's
        """Return the names of the commands, sorted."""
        return sorted(self._places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # click's
        """Import a command; return None if there is no command of this name."""
        if cmd_name not in self._places:
            return None
        module, _, attribute = self._places[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def main(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Run the program; exit with its status."""
        kwargs["standalone_mode"] = False
        try:
            status = super().main(*args, **kwargs)
        except click.exceptions.NoArgsIsHelpError as e:
            e.show()
            sys.exit(e.exit_code)
        except click.ClickException as e:
            _exit_with_click_error(e)
        except click.Abort:
            sys.exit(INTERRUPTED_STATUS)
        sys.exit(status if isinstance(status, int) else 0)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that the user chose, and report its exceptions."""
        try:
            return super().invoke(ctx)
        except InputFileError as e:
            click.echo(f"{PROGRAM} {ctx.invoked_subcommand}: {e}", err=True)
            sys.exit(INPUT_FILE_STATUS)
        except (click.ClickException, click.Abort, click.exceptions.Exit, EOFError):
            raise
        except Exception as e:
            if isinstance(e, BrokenPipeError):
                raise  # `| head`: click exits without a message
            if ctx.params.get("debug"):
                traceback.print_exc()
            text = " ".join(str(e).split())[:_MAX_QUOTED]
            click.echo(
                f"{PROGRAM}: internal error: {type(e).__name__}: {text}. Please report "
                f"it with the traceback that `{PROGRAM} --debug` prints",
                err=True,
            )
            sys.exit(BUG_STATUS)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command; for an unknown one, suggest the name nearest to it."""
        if args and self.get_command(ctx, args[0]) is None and args[0][:1] != "-":
            names = self.list_commands(ctx)
            nearest = difflib.get_close_matches(args[0], names, 1)
            advice = (
                f"did you mean {nearest[0]}?"
                if nearest
                else f"the commands are {', '.join(names)}"
            )
            ctx.fail(f"no command {args[0]!r}; {advice}")
        return super().resolve_command(ctx, args)


def _exit_with_click_error(error: click.ClickException) -> NoReturn:
    command, advice = PROGRAM, ""
    text = " ".join(error.format_message().split()).rstrip(".")
    if isinstance(error, click.UsageError):
        if error.ctx:
            command = error.ctx.command_path
        advice = f"{'' if text.endswith('?') else '.'} See {command} --help"
    click.echo(f"{command}: {text[:1].lower()}{text[1:]}{advice}", err=True)
    sys.exit(error.exit_code)


def use_color() -> bool:
    """Whether to color standard output: on a terminal, unless a variable forbids it.

    NO_COLOR is the convention of no-color.org: any value but an empty one disables
    color.
    """
    return sys.stdout.isatty() and not (
        os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    )

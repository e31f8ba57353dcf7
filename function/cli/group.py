"""How all commands fail: in one line, with a mend."""

import difflib
import importlib
import os
import sys
import traceback
from collections.abc import Mapping
from typing import Any

import click

PROGRAM = "function-ecr-repos"
INTERNAL = 70  # EX_SOFTWARE of sysexits.h


class Group(click.Group):
    """A group whose errors are one line each, and whose tracebacks want --debug."""

    def __init__(self, *args: Any, modules: Mapping[str, str], **kwargs: Any) -> None:  # noqa: ANN401  # click's
        """Create one.

        Args:
            args: click's.
            modules: Where each command is, by its name: MODULE:ATTRIBUTE.
            kwargs: click's.
        """
        super().__init__(*args, **kwargs)
        self._modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's
        """Return the names of the commands."""
        return sorted(self._modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # click's
        """Import a command; None if there is no such."""
        if cmd_name not in self._modules:
            return None
        module, _, attribute = self._modules[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def main(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  # click's
        """Run the command; exit with its status."""
        kwargs["standalone_mode"] = False
        try:
            status = super().main(*args, **kwargs)
        except click.exceptions.NoArgsIsHelpError as e:
            e.show()
            sys.exit(e.exit_code)
        except click.ClickException as e:
            self._fail(e)
        except click.Abort:
            sys.exit(130)  # 128 and SIGINT, as a shell has it
        sys.exit(status if isinstance(status, int) else 0)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401  # click's
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit, EOFError):
            raise
        except Exception as e:
            if isinstance(e, BrokenPipeError):
                raise  # `| head`: click ends quietly
            if ctx.params.get("debug"):
                traceback.print_exc()
            kind, why = type(e).__name__, " ".join(str(e).split())[:200]
            click.echo(
                f"{PROGRAM}: internal error: {kind}: {why}. Please report it, with "
                f"what `{PROGRAM} --debug` prints before this line",
                err=True,
            )
            sys.exit(INTERNAL)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command, or name the nearest."""
        if args and self.get_command(ctx, args[0]) is None and args[0][:1] != "-":
            near = difflib.get_close_matches(args[0], self.list_commands(ctx), 1)
            known = near or self.list_commands(ctx)
            ctx.fail(f"no command {args[0]!r}; there is {', '.join(known)}")
        return super().resolve_command(ctx, args)

    def _fail(self, error: click.ClickException) -> None:
        path = PROGRAM
        if isinstance(error, click.UsageError) and error.ctx:
            path = error.ctx.command_path
        said = " ".join(error.format_message().split()).rstrip(".")
        mend = f". See {path} --help" if isinstance(error, click.UsageError) else ""
        click.echo(f"{path}: {said[:1].lower()}{said[1:]}{mend}", err=True)
        sys.exit(error.exit_code)


def coloured() -> bool:
    """Whether standard output takes colours: a terminal, and nobody says no."""
    # no-color.org: set to anything but nothing.
    return sys.stdout.isatty() and not (
        os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    )


def fail(command: str, why: object) -> None:
    """Say in one line why a command cannot do what was asked; exit with 2."""
    click.echo(f"{PROGRAM} {command}: {why}", err=True)
    sys.exit(2)

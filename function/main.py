"""The command line."""

import asyncio
import sys

import click
from crossplane.function import cli as sdkcli
from crossplane.function import logging

from function import fn, server
from function.commands.check import check
from function.commands.explain import explain_command
from function.commands.group import PROGRAM, Group
from function.commands.render import render


@click.group(
    cls=Group,
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


@cli.command()
@sdkcli.standard_options
@click.option(
    "--metrics-address",
    default="0.0.0.0:8080",  # where Crossplane's runtime looks
    show_default=True,
    envvar="METRICS_ADDRESS",
    show_envvar=True,
    help="Where /metrics, /livez and /readyz are served, in the clear; empty for none.",
)
def serve(  # noqa: PLR0913  # the SDK's options
    *,
    debug: bool,
    address: str,
    tls_certs_dir: str | None,
    insecure: bool,
    max_recv_message_size: int,
    max_send_message_size: int | None,
    metrics_address: str,
) -> None:
    """Serve RunFunction over gRPC, as Crossplane calls it."""
    logging.configure(logging.Level.DEBUG if debug else logging.Level.INFO)
    try:
        credentials = None if insecure else server.load_credentials(tls_certs_dir)
        asyncio.run(
            server.serve(
                fn.FunctionRunner(),
                address,
                credentials,
                receive_megabytes=max_recv_message_size,
                send_megabytes=max_recv_message_size
                if max_send_message_size is None
                else max_send_message_size,
                metrics_address=metrics_address,
            )
        )
    except server.CannotServeError as e:
        click.echo(f"function-ecr-repos serve: {e}", err=True)
        sys.exit(1)


class _OwnBoolean(click.types.BoolParamType):
    """A boolean that is False where the environment's word is somebody else's.

    DEBUG=release and the like are common, and no reason not to start.
    """

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> bool:
        try:
            return bool(super().convert(value, param, ctx))
        except click.BadParameter:
            return False


next(p for p in serve.params if p.name == "debug").type = _OwnBoolean()


@cli.command("input")
def input_command() -> None:
    """Print an Input with every field, commented out.

    What it prints goes under `input` of the function's pipeline step in a Composition.

    Example: function-ecr-repos input > input.yaml
    """
    from function import reference  # noqa: PLC0415  # not for serving

    click.echo(reference.commented(), nl=False)


cli.add_command(check)
cli.add_command(explain_command)
cli.add_command(render)


if __name__ == "__main__":
    cli()

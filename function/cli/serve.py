"""`function-ecr-repos serve`: the gRPC server that Crossplane calls."""

import asyncio
import sys

import click
from crossplane.function import cli as sdkcli
from crossplane.function import logging

from function.cli.command_group import PROGRAM
from function.fn import FunctionRunner
from function.server import grpc as server


@click.command()
@sdkcli.standard_options
@click.option(
    "--metrics-address",
    default="0.0.0.0:8080",  # the port that Crossplane's runtime expects
    show_default=True,
    envvar="METRICS_ADDRESS",
    show_envvar=True,
    help="Serve /metrics, /livez and /readyz on this HOST:PORT, over HTTP without TLS. "
    "Empty: do not serve them.",
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
    """Serve the function over gRPC, as Crossplane calls it.

    The exit status is 1 if the server cannot start.
    """
    logging.configure(logging.Level.DEBUG if debug else logging.Level.INFO)
    try:
        credentials = None if insecure else server.load_credentials(tls_certs_dir)
        asyncio.run(
            server.serve(
                FunctionRunner(),
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
        click.echo(f"{PROGRAM} serve: {e}", err=True)
        sys.exit(1)


class _DebugVariable(click.types.BoolParamType):
    """A boolean that is False for any text that is not a boolean.

    The SDK reads --debug from the variable DEBUG, which other programs use too:
    DEBUG=release must not keep the server from starting.
    """

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> bool:
        try:
            return bool(super().convert(value, param, ctx))
        except click.BadParameter:
            return False


next(p for p in serve.params if p.name == "debug").type = _DebugVariable()

"""`function-ecr-repos serve`."""

import asyncio
import sys

import click
from crossplane.function import cli as sdkcli
from crossplane.function import logging

from function import fn
from function.server import grpc as server


@click.command()
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

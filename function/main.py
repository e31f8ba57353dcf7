"""The command line."""

import asyncio
import sys

import click
from crossplane.function import cli as sdkcli
from crossplane.function import logging

from function import fn, server


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="function-ecr-repos")
def cli() -> None:
    """Give every workload its Amazon ECR repositories before the first push."""


@cli.command()
@sdkcli.standard_options
def serve(  # noqa: PLR0913  # the SDK's options
    *,
    debug: bool,
    address: str,
    tls_certs_dir: str | None,
    insecure: bool,
    max_recv_message_size: int,
    max_send_message_size: int | None,
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
                send_megabytes=max_send_message_size or max_recv_message_size,
            )
        )
    except server.CannotServeError as e:
        click.echo(f"function-ecr-repos serve: {e}", err=True)
        sys.exit(1)

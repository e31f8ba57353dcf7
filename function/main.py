"""The command line."""

import asyncio
import sys

import click
import yaml
from crossplane.function import cli as sdkcli
from crossplane.function import logging
from crossplane.function.proto.v1 import run_function_pb2 as fnv1

from function import fn, server
from function import render as rendering


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="function-ecr-repos")
def cli() -> None:
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


@cli.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--composition", help="A Composition, whose input for this function is used."
)
@click.option(
    "--observed", multiple=True, help="A file of observed resources; may be repeated."
)
@click.option("--namespace", help="The claim's namespace, where the file has none.")
def render(
    *,
    files: tuple[str, ...],
    composition: str | None,
    observed: tuple[str, ...],
    namespace: str | None,
) -> None:
    """Print the manifests for claims or XRs, without a cluster.

    FILE is a YAML file of one or more documents, or - for standard input. Manifests
    go to standard output, results and conditions to standard error. The exit status
    is 1 if a result is fatal, 2 if a file cannot be used.

    Example: function-ecr-repos render example/claim.yaml
    """
    logging.configure(logging.Level.DISABLED)
    stdin = sys.stdin
    try:
        step_input, namespaced = {}, False
        if composition:
            composed_by = rendering.load(composition, stdin)[0]
            step_input = rendering.input_of(composed_by, composition)
            namespaced = rendering.is_namespaced(composed_by)
        seen = [o for name in observed for o in rendering.load(name, stdin)]
        composites = [
            rendering.composite_of(document, name, namespace, namespaced=namespaced)
            for name in files
            for document in rendering.load(name, stdin)
        ]
        requests = [rendering.request(xr, step_input, seen) for xr in composites]
    except rendering.RenderError as e:
        click.echo(f"function-ecr-repos render: {e}", err=True)
        sys.exit(2)

    fatal = False
    for xr, rsp in zip(composites, rendering.run(requests), strict=True):
        about = f"{xr['kind']}/{xr['metadata']['name']}"
        fatal_texts = {
            r.message for r in rsp.results if r.severity == fnv1.SEVERITY_FATAL
        }
        fatal = fatal or bool(fatal_texts)
        for result in rsp.results:
            if result.severity != fnv1.SEVERITY_FATAL and result.message in fatal_texts:
                continue  # the claim's event of the same
            severity = fnv1.Severity.Name(result.severity).removeprefix("SEVERITY_")
            click.echo(f"{severity.capitalize()} {about}: {result.message}", err=True)
        for c in rsp.conditions:
            status = fnv1.Status.Name(c.status).removeprefix("STATUS_CONDITION_")
            click.echo(
                f"Condition {about}: {c.type}={status.capitalize()} ({c.reason}) "
                f"{c.message}",
                err=True,
            )
        if fatal_texts:
            continue
        for manifest in rendering.manifests(xr, rsp):
            click.echo("---")
            click.echo(yaml.safe_dump(manifest, width=10_000), nl=False)
    sys.exit(1 if fatal else 0)


if __name__ == "__main__":
    cli()

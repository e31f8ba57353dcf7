"""The gRPC server: the function's services, health and reflection, over mutual TLS."""

import asyncio
import functools
import signal
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
from crossplane.function import logging, runtime
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from function.fn import FunctionRunner
from function.server import metrics
from function.server.request import parse_request

# How long running calls may take after a shutdown began.
GRACE_SECONDS = 5.0
# Crossplane makes up to 100 calls at once (--max-reconcile-rate) over one connection.
# HTTP/2 makes a client with more calls wait. So memory stays bounded, and a call that
# waits too long fails with the client's deadline.
MAX_CONCURRENT_CALLS = 128
_MEGABYTE = 1024 * 1024
# gRPC stores the size of a message in a C int.
_MAX_MEGABYTES = 2047


class CannotServeError(Exception):
    """The server cannot start. The text contains the reason and the fix."""


def load_credentials(certs_dir: str | None) -> grpc.ServerCredentials:
    """Return mutual TLS credentials from tls.crt, tls.key and ca.crt in a directory.

    Raises:
        CannotServeError: No directory is given, or one of its files cannot be used.
    """
    if not certs_dir:
        msg = (
            "no TLS certificates: set --tls-certs-dir or TLS_SERVER_CERTS_DIR, or use "
            "--insecure to serve without TLS"
        )
        raise CannotServeError(msg)
    crt, key, ca = (Path(certs_dir) / n for n in ("tls.crt", "tls.key", "ca.crt"))
    try:
        for file in (crt, key, ca):
            file.read_bytes()  # its error names the file; an error of ssl does not
        # Checked here: gRPC accepts any bytes, and fails later with an error about the
        # address.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(crt, key, password="")
        context.load_verify_locations(cadata=ca.read_text())
        return runtime.load_credentials(certs_dir)
    except (ssl.SSLError, ValueError) as e:
        msg = (
            f"cannot use the certificates in {certs_dir}: {e}; tls.crt and tls.key "
            "must be a matching certificate and key in PEM format, and ca.crt must "
            "contain PEM certificates"
        )
        raise CannotServeError(msg) from e
    except OSError as e:
        msg = (
            f"cannot read {e.filename}: {e.strerror}; the directory of --tls-certs-dir "
            "must contain tls.crt, tls.key and ca.crt"
        )
        raise CannotServeError(msg) from e


async def serve(  # noqa: PLR0913  # each is a flag of the command
    function: FunctionRunner,
    address: str,
    credentials: grpc.ServerCredentials | None,
    *,
    receive_megabytes: int = 4,
    send_megabytes: int = 4,
    metrics_address: str = "",
    started: Callable[[int], None] = lambda _port: None,
) -> None:
    """Serve until SIGTERM or SIGINT, then wait for the calls that are running.

    The SDK's serve() has no health service, and it also opens a listener without TLS
    if it gets both options. So this module creates the server itself.

    Args:
        function: The function to serve.
        address: HOST:PORT; port 0 uses a free port.
        credentials: The TLS credentials; None serves without TLS.
        receive_megabytes: The size limit of a request.
        send_megabytes: The size limit of a response.
        metrics_address: HOST:PORT of metrics and probes; empty for none. If the server
            cannot listen there, it logs a warning and runs without them.
        started: Called with the port as soon as the server responds to calls.

    Raises:
        CannotServeError: A size limit is out of range, or the server cannot listen on
            the address.
    """
    for megabytes in (receive_megabytes, send_megabytes):
        if not 1 <= megabytes <= _MAX_MEGABYTES:
            msg = (
                f"the message size limit is {megabytes} MB; gRPC allows 1 to "
                f"{_MAX_MEGABYTES} MB. Change --max-recv-message-size or "
                "--max-send-message-size"
            )
            raise CannotServeError(msg)
    server = grpc.aio.server(
        options=[
            ("grpc.max_receive_message_length", receive_megabytes * _MEGABYTE),
            ("grpc.max_send_message_length", send_megabytes * _MEGABYTE),
            # By default a second server can listen on the same port and take calls.
            ("grpc.so_reuseport", 0),
            ("grpc.max_concurrent_streams", MAX_CONCURRENT_CALLS),
            # Off: it also counts calls that have ended, and so refuses calls although
            # fewer are running.
            ("grpc.http.overload_protection", 0),
        ]
    )
    server.add_generic_rpc_handlers(tuple(_handlers(function)))
    checks = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    reflection.enable_server_reflection(
        (*runtime.SERVICE_NAMES, health.SERVICE_NAME), server
    )
    try:
        port = (
            server.add_insecure_port(address)
            if credentials is None
            else server.add_secure_port(address, credentials)
        )
    except RuntimeError as e:
        msg = f"cannot listen on {address}: {e}"
        raise CannotServeError(msg) from e

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sig in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sig, stop.set)
    await server.start()
    await checks.set("", health_pb2.HealthCheckResponse.SERVING)
    started(port)
    if metrics_address:
        try:
            metrics.serve(metrics_address, lambda: not stop.is_set())
        except (OSError, ValueError) as e:
            logging.get_logger().warning(
                "Cannot serve metrics and probes",
                address=metrics_address,
                error=str(e),
            )
    await stop.wait()
    await checks.enter_graceful_shutdown()
    await server.stop(GRACE_SECONDS)


def _handlers(function: FunctionRunner) -> Iterator[grpc.GenericRpcHandler]:
    """Yield RunFunction for both versions of Crossplane's service.

    Both versions have the same wire format. The SDK's generated code would register
    them too, but it serializes the keys of maps in another order in each process.
    """

    async def run_function(
        req: fnv1.RunFunctionRequest, context: grpc.aio.ServicerContext
    ) -> fnv1.RunFunctionResponse:
        started = time.perf_counter()
        rsp = await function.RunFunction(req, context)
        seconds = time.perf_counter() - started
        metrics.METRICS.record(rsp, seconds, metrics.unready_repositories(req, rsp))
        return rsp

    handler = grpc.unary_unary_rpc_method_handler(
        run_function,
        request_deserializer=parse_request,
        response_serializer=functools.partial(
            fnv1.RunFunctionResponse.SerializeToString, deterministic=True
        ),
    )
    for service in runtime.SERVICE_NAMES:
        if service != reflection.SERVICE_NAME:
            yield grpc.method_handlers_generic_handler(
                service, {"RunFunction": handler}
            )

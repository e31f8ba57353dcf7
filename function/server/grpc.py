"""The gRPC server: the SDK's services, health and reflection, over mutual TLS."""

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

GRACE_SECONDS = 5.0
_MEGABYTE = 1024 * 1024
# Crossplane asks 100 at a time (--max-reconcile-rate), over one connection. Beyond this
# many a client waits, by HTTP/2's own rule, and sends nothing: memory stays bounded,
# and who has waited too long hears of the deadline it set, and of no other error.
AT_ONCE = 128
# gRPC counts a message's bytes in a C int.
_LARGEST_MEGABYTES = 2047


class CannotServeError(Exception):
    """The server cannot start; its text says why and what to do."""


def load_credentials(certs_dir: str | None) -> grpc.ServerCredentials:
    """Load mutual TLS credentials: tls.crt, tls.key and ca.crt of a directory.

    Raises:
        CannotServeError: There is no directory, or a file in it cannot be used.
    """
    if not certs_dir:
        msg = (
            "no credentials: give --tls-certs-dir (or TLS_SERVER_CERTS_DIR), or serve "
            "in the clear with --insecure"
        )
        raise CannotServeError(msg)
    try:
        crt, key, ca = (Path(certs_dir) / n for n in ("tls.crt", "tls.key", "ca.crt"))
        for file in (crt, key, ca):
            file.read_bytes()  # whose error names the file, as ssl's does not
        # gRPC takes anything here, and fails later with a word about the address.
        trial = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trial.load_cert_chain(crt, key, password="")
        trial.load_verify_locations(cadata=ca.read_text())
        return runtime.load_credentials(certs_dir)
    except (ssl.SSLError, ValueError) as e:
        msg = (
            f"cannot use the certificates in {certs_dir}: {e}; tls.crt and tls.key "
            "must be a PEM pair, ca.crt PEM certificates"
        )
        raise CannotServeError(msg) from e
    except OSError as e:
        msg = (
            f"cannot read {e.filename}: {e.strerror}; --tls-certs-dir needs tls.crt, "
            "tls.key and ca.crt"
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
    """Serve until SIGTERM or SIGINT, then finish what is running.

    The SDK's own serve() opens a plaintext listener beside the TLS one where it is
    given both, and has no health service, so the server is put together here.

    Args:
        function: What answers.
        address: HOST:PORT; port 0 takes a free one.
        credentials: None serves in the clear.
        receive_megabytes: The largest request.
        send_megabytes: The largest response.
        metrics_address: HOST:PORT of metrics and probes; empty for none. One that
            cannot be listened on is logged: it is no reason not to serve.
        started: Called with the port once requests are answered.

    Raises:
        CannotServeError: A size is out of range, or the address cannot be listened
            on.
    """
    for megabytes in (receive_megabytes, send_megabytes):
        if not 1 <= megabytes <= _LARGEST_MEGABYTES:
            msg = (
                f"a message size of {megabytes} MB; gRPC takes 1 to "
                f"{_LARGEST_MEGABYTES}. Change --max-recv-message-size or "
                "--max-send-message-size"
            )
            raise CannotServeError(msg)
    server = grpc.aio.server(
        options=[
            ("grpc.max_receive_message_length", receive_megabytes * _MEGABYTE),
            ("grpc.max_send_message_length", send_megabytes * _MEGABYTE),
            # Without it a second server could share the port, and calls with it.
            ("grpc.so_reuseport", 0),
            ("grpc.max_concurrent_streams", AT_ONCE),
            # It refuses calls within that number while ended ones are not yet freed.
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
                "No metrics and no probes", address=metrics_address, why=str(e)
            )
    await stop.wait()
    await checks.enter_graceful_shutdown()
    await server.stop(GRACE_SECONDS)


def _handlers(function: FunctionRunner) -> Iterator[grpc.GenericRpcHandler]:
    """Yield what the generated stubs would register, for both versions of the service.

    Both versions are the same on the wire. A response has a map's keys in order:
    otherwise each process would write them in another one.
    """

    async def run(
        req: fnv1.RunFunctionRequest, context: grpc.aio.ServicerContext
    ) -> fnv1.RunFunctionResponse:
        started = time.perf_counter()
        rsp = await function.RunFunction(req, context)
        metrics.COUNTS.add(rsp, time.perf_counter() - started)
        return rsp

    handler = grpc.unary_unary_rpc_method_handler(
        run,
        request_deserializer=fnv1.RunFunctionRequest.FromString,
        response_serializer=functools.partial(
            fnv1.RunFunctionResponse.SerializeToString, deterministic=True
        ),
    )
    for service in runtime.SERVICE_NAMES:
        if service != reflection.SERVICE_NAME:
            yield grpc.method_handlers_generic_handler(
                service, {"RunFunction": handler}
            )

"""The gRPC server: services, health, limits, TLS, and why it cannot start."""

import asyncio
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from crossplane.function import logging
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from crossplane.function.proto.v1 import run_function_pb2_grpc as grpcv1
from crossplane.function.proto.v1beta1 import run_function_pb2 as fnv1beta1
from crossplane.function.proto.v1beta1 import run_function_pb2_grpc as grpcv1beta1
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from prometheus_client import REGISTRY

from function.composition.required_settings import REQUIREMENT
from function.fn import FunctionRunner
from function.server import grpc as server
from tests.server.server_process import EMPTY, TIMEOUT_SECONDS, call, serving

logging.configure(logging.Level.DISABLED)


def call_in_process(req: fnv1.RunFunctionRequest) -> fnv1.RunFunctionResponse:
    """Start the server in this process, call it, and stop it with SIGTERM."""

    async def scenario() -> fnv1.RunFunctionResponse:
        port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        running = asyncio.create_task(
            server.serve(FunctionRunner(), "127.0.0.1:0", None, started=port.set_result)
        )
        async with grpc.aio.insecure_channel(f"127.0.0.1:{await port}") as channel:
            stub = grpcv1.FunctionRunnerServiceStub(channel)
            rsp: fnv1.RunFunctionResponse = await stub.RunFunction(
                req, timeout=TIMEOUT_SECONDS
            )
        signal.raise_signal(signal.SIGTERM)
        await running
        return rsp

    return asyncio.run(scenario())


def test_a_call_runs_run_function(monkeypatch: pytest.MonkeyPatch) -> None:
    """Production and tests have one code path: a breakpoint there is reached."""
    calls: list[Any] = []
    run_function = FunctionRunner.RunFunction

    async def recorded(self: FunctionRunner, req: Any, context: Any) -> Any:
        calls.append((req.meta.tag, context))
        return await run_function(self, req, context)

    monkeypatch.setattr(FunctionRunner, "RunFunction", recorded)
    rsp = call_in_process(fnv1.RunFunctionRequest(meta=fnv1.RequestMeta(tag="a")))
    assert rsp.meta.tag == "a"
    ((tag, context),) = calls
    assert tag == "a"
    assert context is not None


def test_a_call_is_counted() -> None:
    def counted() -> tuple[float | None, ...]:
        return (
            REGISTRY.get_sample_value(
                "function_ecr_repos_request_duration_seconds_count"
            ),
            REGISTRY.get_sample_value(
                "function_ecr_repos_conditions_total", {"reason": "InvalidParameters"}
            ),
        )

    before = counted()
    call_in_process(EMPTY)
    assert counted() == tuple((n or 0) + 1 for n in before)


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_without_tls_reports_health_and_stops_on(
    stop: signal.Signals,
) -> None:
    with serving("--insecure") as (address, process):
        with grpc.insecure_channel(address) as channel:
            assert call(channel).results[0].severity == fnv1.SEVERITY_FATAL
            check = health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest()
            )
            assert check.status == health_pb2.HealthCheckResponse.SERVING
        process.send_signal(stop)
        assert process.wait(TIMEOUT_SECONDS) == 0


def test_it_serves_older_crossplanes_and_grpcurl() -> None:
    with serving("--insecure") as (address, _), grpc.insecure_channel(address) as c:
        assert call(c)
        older = fnv1beta1.RunFunctionRequest(
            extra_resources={REQUIREMENT: fnv1beta1.Resources()}
        )
        rsp = grpcv1beta1.FunctionRunnerServiceStub(c).RunFunction(
            older, timeout=TIMEOUT_SECONDS
        )
        assert rsp.results[0].severity == fnv1beta1.SEVERITY_FATAL
        request = reflection_pb2.ServerReflectionRequest(list_services="")
        (listed,) = reflection_pb2_grpc.ServerReflectionStub(c).ServerReflectionInfo(
            iter([request]), timeout=TIMEOUT_SECONDS
        )
    assert {s.name for s in listed.list_services_response.service} == {
        "apiextensions.fn.proto.v1.FunctionRunnerService",
        "apiextensions.fn.proto.v1beta1.FunctionRunnerService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    }


@pytest.mark.parametrize(
    ("megabytes", "code", "why"),
    [
        ("4", grpc.StatusCode.RESOURCE_EXHAUSTED, "the default, for 8 MB"),
        ("16", None, "more than 8 MB"),
    ],
)
def test_the_size_limit_of_requests_is_an_option(
    megabytes: str, code: grpc.StatusCode | None, why: str
) -> None:
    large = fnv1.RunFunctionRequest()
    large.observed.composite.resource.update({"spec": {"junk": "x" * 8_000_000}})
    with (
        serving("--insecure", "--max-recv-message-size", megabytes) as (address, _),
        grpc.insecure_channel(
            address, options=[("grpc.max_receive_message_length", -1)]
        ) as channel,
    ):
        future = grpcv1.FunctionRunnerServiceStub(channel).RunFunction.future(
            large, wait_for_ready=True, timeout=TIMEOUT_SECONDS
        )
        error = future.exception()
    assert (error and error.code()) == code, why


def no_certificate(authority: Any, _: Any) -> grpc.ChannelCredentials:
    return grpc.ssl_channel_credentials(authority.crt)


def another_authority(authority: Any, other: Any) -> grpc.ChannelCredentials:
    return grpc.ssl_channel_credentials(authority.crt, *other.pair())


def expired(authority: Any, _: Any) -> grpc.ChannelCredentials:
    return grpc.ssl_channel_credentials(authority.crt, *authority.pair(days=-1))


def no_tls(_: Any, __: Any) -> None:
    return None


@pytest.mark.parametrize("client", [no_certificate, another_authority, expired, no_tls])
def test_mutual_tls_refuses(
    client: Callable[[Any, Any], grpc.ChannelCredentials | None],
    authority: Any,
    other_authority: Any,
    certs: Path,
) -> None:
    with serving("--tls-certs-dir", str(certs)) as (address, _):
        mutual = grpc.ssl_channel_credentials(authority.crt, *authority.pair())
        with grpc.secure_channel(address, mutual) as channel:
            assert call(channel).results
        credentials = client(authority, other_authority)
        channel = (
            grpc.secure_channel(address, credentials)
            if credentials
            else grpc.insecure_channel(address)
        )
        with channel, pytest.raises(grpc.RpcError) as e:
            grpcv1.FunctionRunnerServiceStub(channel).RunFunction(
                fnv1.RunFunctionRequest(), timeout=TIMEOUT_SECONDS
            )
        assert e.value.code() == grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("file", ["tls.crt", "tls.key", "ca.crt"])
@pytest.mark.parametrize("content", [b"", b"garbage", b"\xff", None])
def test_a_certificate_that_cannot_be_used_gets_a_message(
    file: str, content: bytes | None, certs: Path
) -> None:
    message = f"cannot use the certificates in {certs}: "
    if content is None:
        (certs / file).unlink()
        message = f"cannot read {certs / file}: No such file"
    else:
        (certs / file).write_bytes(content)
    with pytest.raises(server.CannotServeError) as e:
        server.load_credentials(str(certs))
    assert str(e.value).startswith(message)


@pytest.mark.parametrize("directory", [None, ""])
def test_no_directory_of_certificates_gets_a_message(directory: str | None) -> None:
    with pytest.raises(server.CannotServeError, match="no TLS certificates: set --tls"):
        server.load_credentials(directory)


@pytest.mark.parametrize(
    ("address", "sizes", "message"),
    [
        ("256.0.0.1:1", {}, "cannot listen on 256.0.0.1:1"),
        (
            "127.0.0.1:0",
            {"receive_megabytes": 0},
            "the message size limit is 0 MB; gRPC allows 1 to 2047 MB",
        ),
        (
            "127.0.0.1:0",
            {"send_megabytes": 5000},
            "the message size limit is 5000 MB; gRPC allows 1 to 2047 MB",
        ),
    ],
)
def test_it_cannot_start_with(
    address: str, sizes: dict[str, Any], message: str
) -> None:
    with pytest.raises(server.CannotServeError) as e:
        asyncio.run(server.serve(FunctionRunner(), address, None, **sizes))
    assert str(e.value).startswith(message)


def test_it_cannot_start_on_a_port_that_is_in_use() -> None:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        address = f"127.0.0.1:{s.getsockname()[1]}"
        with pytest.raises(server.CannotServeError, match="cannot listen on"):
            asyncio.run(server.serve(FunctionRunner(), address, None))

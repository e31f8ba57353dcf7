"""The server as a process: TLS, health, signals, reasons for not starting."""

import datetime
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from crossplane.function.proto.v1 import run_function_pb2_grpc as grpcv1
from crossplane.function.proto.v1beta1 import run_function_pb2 as fnv1beta1
from crossplane.function.proto.v1beta1 import run_function_pb2_grpc as grpcv1beta1
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from prometheus_client.parser import text_string_to_metric_families

SERVE = [sys.executable, "-m", "function.main", "serve"]


class Authority:
    """A certificate authority, and the pairs it signs for localhost."""

    def __init__(self) -> None:
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ca")])
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.crt = self._sign(self.name, self.key.public_key(), days=1, is_ca=True)

    def pair(self, *, days: int = 1) -> tuple[bytes, bytes]:
        """Return a private key and its certificate, good for some days from now on."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        key = ec.generate_private_key(ec.SECP256R1())
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return pem, self._sign(name, key.public_key(), days=days, is_ca=False)

    def _sign(
        self,
        name: x509.Name,
        public: ec.EllipticCurvePublicKey,
        *,
        days: int,
        is_ca: bool,
    ) -> bytes:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self.name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=2))
            .not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.BasicConstraints(is_ca, None), critical=True)
            .add_extension(
                x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False
            )
            .sign(self.key, hashes.SHA256())
            .public_bytes(serialization.Encoding.PEM)
        )


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def certs(authority: Authority, tmp_path: Path) -> Path:
    """Return a directory as Crossplane mounts it."""
    key, crt = authority.pair()
    (tmp_path / "ca.crt").write_bytes(authority.crt)
    (tmp_path / "tls.crt").write_bytes(crt)
    (tmp_path / "tls.key").write_bytes(key)
    return tmp_path


@contextmanager
def serving(*args: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    address = f"localhost:{port}"
    # A later option wins: without it, all would want one port.
    own = ("--address", f"127.0.0.1:{port}", "--metrics-address", "")
    process = subprocess.Popen([*SERVE, *own, *args])
    try:
        yield address, process
    finally:
        process.kill()
        process.wait()


def ask(channel: grpc.Channel) -> fnv1.RunFunctionResponse:
    return grpcv1.FunctionRunnerServiceStub(channel).RunFunction(
        fnv1.RunFunctionRequest(), wait_for_ready=True, timeout=20
    )


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_it_answers_in_the_clear_reports_health_and_stops_on(
    sig: signal.Signals,
) -> None:
    with serving("--insecure") as (address, process):
        with grpc.insecure_channel(address) as channel:
            assert ask(channel).results[0].severity == fnv1.SEVERITY_FATAL
            check = health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest()
            )
            assert check.status == health_pb2.HealthCheckResponse.SERVING
        process.send_signal(sig)
        assert process.wait(20) == 0


def test_older_crossplanes_and_grpcurl_are_served() -> None:
    with serving("--insecure") as (address, _), grpc.insecure_channel(address) as c:
        assert ask(c)
        rsp = grpcv1beta1.FunctionRunnerServiceStub(c).RunFunction(
            fnv1beta1.RunFunctionRequest(), timeout=20
        )
        assert rsp.results[0].severity == fnv1beta1.SEVERITY_FATAL
        listing = reflection_pb2.ServerReflectionRequest(list_services="")
        (answer,) = reflection_pb2_grpc.ServerReflectionStub(c).ServerReflectionInfo(
            iter([listing]), timeout=20
        )
    assert {s.name for s in answer.list_services_response.service} == {
        "apiextensions.fn.proto.v1.FunctionRunnerService",
        "apiextensions.fn.proto.v1beta1.FunctionRunnerService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    }


@pytest.mark.parametrize(
    ("megabytes", "code"),
    [("4", grpc.StatusCode.RESOURCE_EXHAUSTED), ("16", None)],
)
def test_the_receive_limit_is_configurable(
    megabytes: str, code: grpc.StatusCode | None
) -> None:
    huge = fnv1.RunFunctionRequest()
    huge.observed.composite.resource.update({"spec": {"junk": "x" * 8_000_000}})
    with (
        serving("--insecure", "--max-recv-message-size", megabytes) as (address, _),
        grpc.insecure_channel(
            address, options=[("grpc.max_receive_message_length", -1)]
        ) as channel,
    ):
        call = grpcv1.FunctionRunnerServiceStub(channel).RunFunction.future(
            huge, wait_for_ready=True, timeout=20
        )
        assert (call.exception() and call.exception().code()) == code


@pytest.mark.parametrize(
    "who", ["no certificate", "another authority", "expired", "in the clear"]
)
def test_mutual_tls_refuses(who: str, authority: Authority, certs: Path) -> None:
    ca = authority.crt
    credentials = {
        "no certificate": lambda: grpc.ssl_channel_credentials(ca),
        "another authority": lambda: grpc.ssl_channel_credentials(
            ca, *Authority().pair()
        ),
        "expired": lambda: grpc.ssl_channel_credentials(ca, *authority.pair(days=-1)),
        "in the clear": lambda: None,
    }[who]()
    with serving("--tls-certs-dir", str(certs)) as (address, _):
        mutual = grpc.ssl_channel_credentials(ca, *authority.pair())
        with grpc.secure_channel(address, mutual) as channel:
            assert ask(channel).results
        channel = (
            grpc.secure_channel(address, credentials)
            if credentials
            else grpc.insecure_channel(address)
        )
        with channel, pytest.raises(grpc.RpcError) as e:
            grpcv1.FunctionRunnerServiceStub(channel).RunFunction(
                fnv1.RunFunctionRequest(), timeout=20
            )
        assert e.value.code() == grpc.StatusCode.UNAVAILABLE


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as got:
            return got.status, got.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


def test_metrics_and_probes() -> None:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    with (
        serving("--insecure", "--metrics-address", f"127.0.0.1:{port}") as (address, _),
        grpc.insecure_channel(address) as channel,
    ):
        assert ask(channel).results
        deadline = time.monotonic() + 20
        while True:
            try:
                assert get(port, "/readyz") == (200, "ok\n")
                break
            except urllib.error.URLError:  # gRPC comes first
                assert time.monotonic() < deadline
        assert get(port, "/livez") == (200, "ok\n")
        assert get(port, "/")[0] == 404
        status, text = get(port, "/metrics")
    assert status == 200
    families = {
        sample.name: sample
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    prefix = "function_ecr_repos"
    assert families[f"{prefix}_request_duration_seconds_count"].value == 1
    assert families[f"{prefix}_results_total"].labels == {"severity": "fatal"}
    assert families[f"{prefix}_conditions_total"].labels == {
        "reason": "InvalidParameters"
    }
    assert families[f"{prefix}_build_info"].labels["version"]
    assert families["process_resident_memory_bytes"].value > 0


@pytest.mark.parametrize("metrics", ["127.0.0.1:1x", "taken", "nowhere"])
def test_it_serves_without_metrics_where_it_must(metrics: str) -> None:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        taken = f"127.0.0.1:{s.getsockname()[1]}"
        given = taken if metrics == "taken" else metrics
        with (
            serving("--insecure", "--metrics-address", given) as (address, process),
            grpc.insecure_channel(address) as channel,
        ):
            assert ask(channel).results
            assert process.poll() is None


def test_another_programs_debug_variable_does_not_stop_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DEBUG", "release")
    with serving("--insecure") as (address, _), grpc.insecure_channel(address) as c:
        assert ask(c)


def refused(*args: str) -> str:
    done = subprocess.run(
        [*SERVE, *args], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.parametrize(
    ("args", "why"),
    [
        ([], "no credentials"),
        (["--tls-certs-dir", "/nowhere"], "/nowhere/tls.crt: No such file"),
        (["--insecure", "--address", "256.0.0.1:1"], "cannot listen"),
        (["--insecure", "--max-recv-message-size", "0"], "1 to 2047"),
        (["--insecure", "--max-send-message-size", "5000"], "1 to 2047"),
    ],
)
def test_it_says_why_it_cannot_start(args: list[str], why: str) -> None:
    assert why in refused(*args)


@pytest.mark.parametrize("file", ["tls.crt", "tls.key", "ca.crt"])
@pytest.mark.parametrize("content", [b"", b"garbage"])
def test_it_says_that_a_certificate_cannot_be_used(
    file: str, content: bytes, certs: Path
) -> None:
    (certs / file).write_bytes(content)
    assert "cannot use the certificates" in refused("--tls-certs-dir", str(certs))


def test_it_says_that_its_port_is_taken() -> None:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        address = f"127.0.0.1:{s.getsockname()[1]}"
        assert "cannot listen" in refused("--insecure", "--address", address)

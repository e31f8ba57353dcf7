"""The server as a process: TLS, health, signals, reasons for not starting."""

import datetime
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from crossplane.function.proto.v1 import run_function_pb2_grpc as grpcv1
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from grpc_health.v1 import health_pb2, health_pb2_grpc

SERVE = [sys.executable, "-m", "function.main", "serve"]


@pytest.fixture(scope="module")
def certs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with a CA and one pair it signed for localhost."""
    directory = tmp_path_factory.mktemp("certs")
    now = datetime.datetime.now(datetime.UTC)
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    ca = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ca")])

    def sign(
        name: x509.Name, public: ec.EllipticCurvePublicKey, *, is_ca: bool
    ) -> bytes:
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(ca)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(is_ca, None), critical=True)
            .add_extension(
                x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False
            )
            .sign(ca_key, hashes.SHA256())
            .public_bytes(serialization.Encoding.PEM)
        )

    leaf = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    (directory / "ca.crt").write_bytes(sign(ca, ca_key.public_key(), is_ca=True))
    (directory / "tls.crt").write_bytes(sign(leaf, key.public_key(), is_ca=False))
    (directory / "tls.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return directory


@contextmanager
def serving(*args: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    address = f"localhost:{port}"
    process = subprocess.Popen([*SERVE, "--address", f"127.0.0.1:{port}", *args])  # noqa: S603
    try:
        yield address, process
    finally:
        process.kill()
        process.wait()


def ask(channel: grpc.Channel) -> fnv1.RunFunctionResponse:
    return grpcv1.FunctionRunnerServiceStub(channel).RunFunction(
        fnv1.RunFunctionRequest(), wait_for_ready=True, timeout=20
    )


def test_it_answers_in_the_clear_reports_health_and_stops_on_sigterm() -> None:
    with serving("--insecure") as (address, process):
        with grpc.insecure_channel(address) as channel:
            assert ask(channel).results[0].severity == fnv1.SEVERITY_FATAL
            check = health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest()
            )
            assert check.status == health_pb2.HealthCheckResponse.SERVING
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_mutual_tls_refuses_a_client_without_a_certificate(certs: Path) -> None:
    ca, key, crt = ((certs / n).read_bytes() for n in ("ca.crt", "tls.key", "tls.crt"))
    with serving("--tls-certs-dir", str(certs)) as (address, _):
        mutual = grpc.ssl_channel_credentials(ca, key, crt)
        with grpc.secure_channel(address, mutual) as channel:
            assert ask(channel).results
        stranger = grpc.ssl_channel_credentials(ca)
        for channel in (
            grpc.secure_channel(address, stranger),
            grpc.insecure_channel(address),
        ):
            with channel, pytest.raises(grpc.RpcError) as e:
                grpcv1.FunctionRunnerServiceStub(channel).RunFunction(
                    fnv1.RunFunctionRequest(), timeout=20
                )
            assert e.value.code() == grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize(
    ("args", "why"),
    [
        ([], "no credentials"),
        (["--tls-certs-dir", "/nowhere"], "No such file"),
        (["--insecure", "--address", "256.0.0.1:1"], "cannot listen"),
    ],
)
def test_it_says_why_it_cannot_start(args: list[str], why: str) -> None:
    done = subprocess.run(  # noqa: S603
        [*SERVE, *args], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 1
    assert why in done.stderr
    assert "Traceback" not in done.stderr

"""serve: its options reach the server, and it says why it cannot start."""

import socket
import time
import urllib.error
import urllib.request

import grpc
import pytest
from processes import free_port

from tests.cli.invocations import run, run_script
from tests.server.server_process import call, serving


def test_metrics_and_probes_are_served() -> None:
    port = free_port()
    with (
        serving("--insecure", "--metrics-address", f"127.0.0.1:{port}") as (address, _),
        grpc.insecure_channel(address) as channel,
    ):
        assert call(channel).results
        deadline = time.monotonic() + 20
        while True:
            try:
                ready = urllib.request.urlopen(
                    f"http://127.0.0.1:{port}/readyz", timeout=5
                )
                break
            except urllib.error.URLError:  # the gRPC server starts first
                assert time.monotonic() < deadline
        with ready:
            assert ready.read() == b"ok\n"
        with urllib.request.urlopen(
            f"http://127.0.0.1:{port}/metrics", timeout=5
        ) as response:
            text = response.read().decode()
    assert "function_ecr_repos_request_duration_seconds_count 1.0\n" in text
    assert 'function_ecr_repos_results_total{severity="fatal"} 1.0\n' in text


@pytest.mark.parametrize("metrics", ["127.0.0.1:1x", "in use", "nowhere"])
def test_it_serves_calls_if_it_cannot_serve_metrics(metrics: str) -> None:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        in_use = f"127.0.0.1:{s.getsockname()[1]}"
        metrics_address = in_use if metrics == "in use" else metrics
        with (
            serving("--insecure", "--metrics-address", metrics_address) as (address, p),
            grpc.insecure_channel(address) as channel,
        ):
            assert call(channel).results
            assert p.poll() is None


def test_another_programs_debug_variable_is_ignored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DEBUG", "release")
    with serving("--insecure") as (address, _), grpc.insecure_channel(address) as c:
        assert call(c)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "no TLS certificates: set --tls-certs-dir"),
        (["--tls-certs-dir", "/nowhere"], "cannot read /nowhere/tls.crt: No such file"),
        (["--insecure", "--address", "256.0.0.1:1"], "cannot listen on 256.0.0.1:1"),
        (
            ["--insecure", "--max-recv-message-size", "0"],
            "the message size limit is 0 MB",
        ),
        (
            ["--insecure", "--max-send-message-size", "5000"],
            "the message size limit is 5000",
        ),
    ],
)
def test_it_says_why_it_cannot_start(
    args: list[str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TLS_SERVER_CERTS_DIR", raising=False)
    code, out, err = run("serve", *args)
    assert (code, out) == (1, "")
    assert err.startswith(f"function-ecr-repos serve: {message}")


def test_the_process_ends_with_one_line_if_it_cannot_start() -> None:
    code, out, err = run_script("serve", TLS_SERVER_CERTS_DIR="")
    assert (code, out) == (1, "")
    assert err.startswith("function-ecr-repos serve: no TLS certificates")
    assert err.count("\n") == 1

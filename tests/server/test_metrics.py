"""What is counted, and what the HTTP server serves."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from function.server import metrics
from tests.builders import APIS, CLASSIC, INPUT, call, live, request, xr

PREFIX = "function_ecr_repos"
RSP = fnv1.RunFunctionResponse


def test_responses_are_counted() -> None:
    registry = CollectorRegistry()
    counted = metrics.Metrics(registry)
    fatal = fnv1.Result(severity=fnv1.SEVERITY_FATAL)
    warning = fnv1.Result(severity=fnv1.SEVERITY_WARNING)
    refused = RSP(
        results=[warning, fatal], conditions=[fnv1.Condition(reason="NotAllowed")]
    )
    available = RSP(conditions=[fnv1.Condition(reason="Available")])
    for rsp, seconds in ((refused, 0.0002), (available, 0.0006), (available, 0.0006)):
        counted.record(rsp, seconds, ["chart"] if rsp is refused else ())
    values = {
        (sample.name.removeprefix(f"{PREFIX}_"), *sample.labels.values()): sample.value
        for family in registry.collect()
        for sample in family.samples
    }
    version = values.keys() & {("build_info", "0.1.0")}
    assert version, "the version of the package"
    assert {k: v for k, v in values.items() if k not in version} == {
        ("request_duration_seconds_bucket", "0.0001"): 0,
        ("request_duration_seconds_bucket", "0.00025"): 1,
        ("request_duration_seconds_bucket", "0.0005"): 1,
        ("request_duration_seconds_bucket", "0.001"): 3,
        ("request_duration_seconds_bucket", "0.0025"): 3,
        ("request_duration_seconds_bucket", "0.005"): 3,
        ("request_duration_seconds_bucket", "0.01"): 3,
        ("request_duration_seconds_bucket", "0.05"): 3,
        ("request_duration_seconds_bucket", "0.25"): 3,
        ("request_duration_seconds_bucket", "1.0"): 3,
        ("request_duration_seconds_bucket", "+Inf"): 3,
        ("request_duration_seconds_count",): 3,
        ("request_duration_seconds_sum",): pytest.approx(0.0014),
        ("results_total", "warning"): 1,
        ("results_total", "fatal"): 1,
        ("conditions_total", "NotAllowed"): 1,
        ("conditions_total", "Available"): 2,
        ("unready_repositories_total", "chart"): 1,
    }


@pytest.mark.parametrize("provider", APIS)
def test_what_is_not_ready_is_counted_by_its_key(provider: str) -> None:
    composite = xr(provider)
    composite["spec"]["parameters"]["repositories"] = ["mine"]
    settings = {
        "provider": provider,
        "repositories": {"chart": {}},
        "allow": {"repositories": ["m*"]},
    }
    policies = {"repository": {"lifecycle": {"keepLast": 5}}}
    observed = {"imagerepo": {"resource": live(provider)}}
    req = request(composite, observed=observed, input={**INPUT, **settings, **policies})
    rsp = call(req)
    assert rsp.conditions[0].reason == "Creating"
    unready = [*metrics.unready_repositories(req, rsp)]
    assert sorted(unready) == ["bundle", "chart", "other"]
    rsp.conditions[0].status = fnv1.STATUS_CONDITION_TRUE
    assert not [*metrics.unready_repositories(req, rsp)]


def test_settings_that_are_wrong_count_nothing() -> None:
    req = request(xr(CLASSIC), input={**INPUT, "deletion": "Sometimes"})
    assert not [*metrics.unready_repositories(req, call(req))]


@contextmanager
def serving(*, ready: bool) -> Iterator[int]:
    server = metrics.serve("127.0.0.1:0", lambda: ready)
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(
            f"http://127.0.0.1:{port}{path}", timeout=5
        ) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as e:
        with e:
            return e.code, e.read().decode()


@pytest.mark.parametrize(
    ("path", "ready", "response", "why"),
    [
        ("/livez", True, (200, "ok\n"), "it runs"),
        ("/livez", False, (200, "ok\n"), "it still runs"),
        ("/readyz", True, (200, "ok\n"), "it responds to calls"),
        ("/readyz", False, (503, "not serving\n"), "it shuts down"),
        ("/", True, (404, "/metrics, /livez, /readyz\n"), "what there is"),
    ],
)
def test_a_probe_gets(
    path: str, response: tuple[int, str], why: str, *, ready: bool
) -> None:
    with serving(ready=ready) as port:
        assert get(port, path) == response, why


def test_metrics_have_ours_and_the_processs() -> None:
    metrics.METRICS.record(RSP(), 0.001)
    with serving(ready=True) as port:
        status, text = get(port, "/metrics")
    assert status == 200
    samples = {
        sample.name: sample
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert samples[f"{PREFIX}_request_duration_seconds_count"].value >= 1
    assert samples[f"{PREFIX}_build_info"].labels["version"]
    assert samples["process_resident_memory_bytes"].value > 0
    assert not [name for name in samples if name.endswith("_created")]


@pytest.mark.parametrize("address", ["", "nowhere", "127.0.0.1:", "127.0.0.1:1x"])
def test_an_address_needs_a_host_and_a_port(address: str) -> None:
    with pytest.raises(ValueError, match=r"is not HOST:PORT"):
        metrics.serve(address, lambda: True)

"""Generated requests, each broken in one place, over real gRPC.

`make test` sends 300 of them; `pytest --hypothesis-profile=thorough` 10,000.
"""

import copy
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from crossplane.function.proto.v1 import run_function_pb2_grpc as grpcv1
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import INPUT, request, xr
from tests.server.server_process import serving

ACCOUNT = "123456789012"
VALID = xr()
NAMES = list(VALID["spec"]["parameters"])
Broken = tuple[list[str], Any, dict[str, Any], str]
MISSING = object()

# Nothing that the field takes: no string at all, or text that breaks its rule.
NO_STRING = st.one_of(
    st.none(),
    st.booleans(),
    st.floats(allow_nan=False),
    st.lists(st.text(), max_size=3),
    st.dictionaries(st.text(max_size=5), st.text(), max_size=3),
)
HOSTILE = st.one_of(
    st.text(st.characters(min_codepoint=0x80, exclude_categories=["Cs"]), min_size=1),
    st.text(st.characters(max_codepoint=0x1F), min_size=1),
    st.sampled_from(
        ["A", "a b", "a:b", "a..b", "\x1b[2Ja", "$(id)", "a\x00", "a\u202e"]
    ),
    st.integers(300, 100_000).map("a".__mul__),
)


def _parameter(name: str) -> st.SearchStrategy[Broken]:
    field = f"spec.parameters.{name}"
    return st.one_of(st.just(MISSING), st.just(""), NO_STRING, HOSTILE).map(
        lambda value: (["spec", "parameters", name], value, {}, field)
    )


BROKEN: st.SearchStrategy[Broken] = st.one_of(
    *map(_parameter, NAMES),
    st.one_of(st.just(MISSING), NO_STRING, HOSTILE).map(
        lambda value: (
            ["spec", "claimRef", "namespace"],
            value,
            {},
            "spec.claimRef.namespace",
        )
    ),
    st.one_of(st.text(), st.booleans(), st.lists(st.none(), max_size=2)).map(
        lambda value: (["spec", "parameters"], value, {}, "spec.parameters")
    ),
    st.one_of(HOSTILE, st.booleans()).map(
        lambda value: (["metadata", "namespace"], value, {}, "metadata.namespace")
    ),
    st.sampled_from(["us-east-1", "cn-north-1"]).map(
        lambda region: (
            ["spec", "parameters", "repoPrefix"],
            f"{ACCOUNT}.dkr.ecr.{region}.amazonaws.com/tap",
            {},
            "spec.parameters.repoPrefix",
        )
    ),
    st.sampled_from([*NAMES, "spec"]).map(
        lambda name: ([], None, {**INPUT, name: "x"}, f"input.{name}")
    ),
    st.sampled_from(["bundle", "allow", "defaults", "registryHost"]).map(
        lambda name: ([], None, {**INPUT, name: "x"}, f"input.{name}")
    ),
    st.sampled_from(
        [
            ("repoPrefixes", "repoPrefix"),
            ("regions", "region"),
            ("providerNames", "providerName"),
        ]
    ).map(
        lambda pair: (
            [],
            None,
            {**INPUT, "allow": {pair[0]: ["none-*"]}},
            f"spec.parameters.{pair[1]}",
        )
    ),
)


def broken_xr(path: list[str], value: Any) -> dict[str, Any]:
    xr = copy.deepcopy(VALID)
    at = xr
    for key in path[:-1]:
        at = at[key]
    if value is MISSING:
        del at[path[-1]]
    elif path:
        at[path[-1]] = value
    return xr


@pytest.fixture(scope="module")
def stub() -> Iterator[grpcv1.FunctionRunnerServiceStub]:
    with serving("--insecure") as (address, process):
        with grpc.insecure_channel(address) as channel:
            grpc.channel_ready_future(channel).result(timeout=30)
            yield grpcv1.FunctionRunnerServiceStub(channel)
        assert process.poll() is None, "the server died"


def test_the_request_is_valid_before_it_is_broken(
    stub: grpcv1.FunctionRunnerServiceStub,
) -> None:
    rsp = stub.RunFunction(request(VALID, input=INPUT))
    assert not rsp.results
    assert set(rsp.desired.resources) == {"imagerepo", "bundlerepo"}


@given(broken=BROKEN)
def test_every_bad_request_is_refused_with_its_field(
    stub: grpcv1.FunctionRunnerServiceStub, broken: Broken
) -> None:
    path, value, given_input, field = broken
    earlier = {"resources": {"theirs": {"resource": {"kind": "Theirs"}}}}
    req = request(broken_xr(path, value), desired=earlier, input=given_input)
    rsp = stub.RunFunction(req, timeout=20)
    result = rsp.results[-1]
    assert result.severity == fnv1.SEVERITY_FATAL
    assert field in result.message
    assert result.message.isascii() or "…" in result.message
    assert result.message.isprintable()
    assert len(result.message) < 1000
    (condition,) = rsp.conditions
    assert condition.status == fnv1.STATUS_CONDITION_FALSE
    assert condition.reason in ("InvalidParameters", "NotAllowed")
    assert list(rsp.desired.resources) == ["theirs"]

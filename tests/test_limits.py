"""What is too large is refused at once, in few words, and leaves nothing behind."""

import json
import re
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from processes import free_port
from prometheus_client.parser import text_string_to_metric_families

from function import limits as bounds
from function.api import overrides
from function.generate.crd import input_crd
from tests import builders
from tests.builders import INPUT, call_bytes, xr
from tests.server.server_process import serving

STEP_INPUT = {
    **INPUT,
    "allow": {"overrides": ["tags", "lifecycle", "permissions", "scanOnPush"]},
}
# What each edit changes, in as many bytes.
EDIT = "edit-00000"
POLICY = json.dumps(
    {
        "rules": [
            {
                "rulePriority": 1,
                "description": EDIT,
                "selection": {
                    "tagStatus": "untagged",
                    "countType": "sinceImagePushed",
                    "countUnit": "days",
                    "countNumber": 14,
                },
                "action": {"type": "expire"},
            }
        ]
    }
)
# What etcd takes, and so what a tenant can write.
SIZE = 1_300_000
Hostile = Callable[[int], dict[str, Any]]


def request(
    repository: dict[str, Any], labels: dict[str, str] | None = None, **parameters: str
) -> bytes:
    """Return a request of an XR that says this of its repositories."""
    manifest = xr()
    manifest["metadata"]["labels"] = {"edit": EDIT, **(labels or {})}
    manifest["spec"]["parameters"] |= {**parameters, "repository": repository}
    return builders.request(manifest, input=STEP_INPUT).SerializeToString()


def edited(serialized: bytes, times: int) -> bytes:
    """Return a request after one more edit."""
    return serialized.replace(EDIT.encode(), f"edit-{times:05}".encode())


def said(rsp: fnv1.RunFunctionResponse) -> str:
    return rsp.results[-1].message if rsp.results else ""


# What a hostile author writes, by the characters that it may have.
HOSTILE: dict[str, Hostile] = {
    "a policy with much white space": lambda size: {
        "lifecycle": {"policy": POLICY + " " * size}
    },
    "a policy of no JSON": lambda size: {"lifecycle": {"policy": "[" * size}},
    "a number of many digits": lambda size: {
        "lifecycle": {"policy": '{"rules":%s}' % ("1" * size)}
    },
    "a policy that says a thing twice": lambda size: {
        "permissions": {
            "policy": "{"
            + "".join(f'"{m:06}":1,' for m in range(size // 11))
            + '"a":1,"a":1}'
        }
    },
    "a policy with a long key twice": lambda size: {
        "lifecycle": {"policy": '{"%s":1,"%s":1}' % (("k" * (size // 2),) * 2)}
    },
    "many rules": lambda size: {
        "lifecycle": {
            "byTagPrefix": [
                {"prefix": f"v{m:06}", "keepLast": 1} for m in range(size // 43)
            ]
        }
    },
    "many tags": lambda size: {"tags": {f"k{m:06}": "v" for m in range(size // 17)}},
    "a long tag": lambda size: {"tags": {"k": "v" * size}},
    "a long key": lambda size: {"tags": {"k" * size: "v"}},
    "many unknown options": lambda size: {f"x{m:06}": True for m in range(size // 16)},
    "an option with a long name": lambda size: {"x" * size: 1},
    "many small values": lambda size: {"permissions": {"pull": [None] * (size // 4)}},
    "many principals": lambda size: {
        "permissions": {"pull": [f"{m:012}" for m in range(size // 16)]}
    },
    "many options of options": lambda size: {
        "permissions": {f"x{m:06}": None for m in range(size // 16)}
    },
}
LONGEST_MESSAGE = 600
# Of processor time. A small refusal takes a fifth of a millisecond.
LONGEST_SECONDS = 0.1


def seconds(serialized: bytes) -> float:
    """Return the processor time of one answer, without what others make it wait."""
    times = []
    for n in range(3):
        edit = edited(serialized, n)
        started = time.process_time()
        call_bytes(edit)
        times.append(time.process_time() - started)
    return min(times)


@pytest.mark.parametrize("size", [SIZE, 110_000, 15_000], ids=str)
@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_text_is_refused_quickly_and_briefly(kind: str, size: int) -> None:
    """The event loop is one thread: all claims wait while one is answered."""
    serialized = request(HOSTILE[kind](size))
    message = said(call_bytes(serialized))
    assert seconds(serialized) < LONGEST_SECONDS
    assert len(message) < LONGEST_MESSAGE
    assert message.isprintable()
    if (kind, size) == ("a policy with much white space", 15_000):
        assert not message
    else:
        assert message.startswith("spec.parameters.repository")


def test_a_large_xr_is_fast_too() -> None:
    labels = {f"example.org/{m:06}": "" for m in range(SIZE // 26)}
    serialized = request({"scanOnPush": True}, labels)
    assert said(call_bytes(serialized)) == ""
    assert seconds(serialized) < LONGEST_SECONDS


@pytest.mark.parametrize(("name", "longest"), bounds.LONGEST_PARAMETER.items())
def test_a_parameter_is_no_longer_than_the_xrd_says(name: str, longest: int) -> None:
    for xrd in Path("package").glob("*/definition.yaml"):
        (version,) = yaml.safe_load(xrd.read_text())["spec"]["versions"]
        schema = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
        parameters = schema["properties"]["parameters"]["properties"]
        assert parameters[name]["maxLength"] == longest
    assert "at most" not in said(
        call_bytes(request({}, None, **{name: "a" * longest}))
    ) or (
        name in ("workloadName", "repoPrefix")  # together 256 at most
    )
    for length in (longest + 1, SIZE):
        message = said(call_bytes(request({}, None, **{name: "a" * length})))
        assert message.startswith(f'spec.parameters.{name}: got "aaa')
        assert (
            f"with {length} characters; it must have at most {longest} characters"
            in message
        )
        assert len(message) < LONGEST_MESSAGE


LIMITS = {
    "integer": "maximum",
    "array": "maxItems",
    "map": "maxProperties",
    "object": "properties",
}


def unbounded(path: str, schema: dict[str, Any]) -> Iterator[str]:
    """Yield the fields of a schema that may hold any amount."""
    kind = "map" if "additionalProperties" in schema else schema["type"]
    if kind == "string" and not {"enum", "maxLength"} & set(schema):
        # A pattern without * and + outside its classes is a length too.
        if re.search(r"[*+]", re.sub(r"\[[^]]*\]", "", schema.get("pattern", "*"))):
            yield path
    elif kind in LIMITS and LIMITS[kind] not in schema:
        yield path
    inner = dict(schema.get("properties", {}))
    inner |= {k: schema[k] for k in ("items", "additionalProperties") if k in schema}
    for name, field in inner.items():
        yield from unbounded(f"{path}.{name}", field)


@pytest.mark.parametrize("xrd", sorted(Path("package").glob("*/definition.yaml")))
def test_all_that_a_tenant_may_write_is_bounded(xrd: Path) -> None:
    (version,) = yaml.safe_load(xrd.read_text())["spec"]["versions"]
    schema = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    assert list(unbounded("spec", schema)) == []


def test_all_that_a_platform_may_write_is_bounded() -> None:
    (version,) = input_crd()["spec"]["versions"]
    schema = version["schema"]["openAPIV3Schema"]
    kubernetes = ["apiVersion", "kind", "metadata"]
    for name in kubernetes:
        del schema["properties"][name]
    assert list(unbounded("input", schema)) == []


@pytest.mark.parametrize(
    "given",
    [
        {"allow": {"regions": ["a" * 200 + str(n) for n in range(2000)]}},
        {"metadata": {"annotations": {"a": "b" * 300_000}}},
    ],
    ids=["globs", "metadata"],
)
def test_a_huge_input_is_refused_before_it_is_read(given: dict[str, Any]) -> None:
    req = fnv1.RunFunctionRequest.FromString(request({}))
    req.input.CopyFrom(fnv1.Resource(resource={**STEP_INPUT, **given}).resource)
    message = said(call_bytes(req.SerializeToString()))
    assert re.match(
        r"input: got an object of \d+ bytes; it must not be larger than 262144 bytes",
        message,
    )


def test_a_refusal_names_some_globs_of_many() -> None:
    req = fnv1.RunFunctionRequest.FromString(request({}))
    allow = {"regions": [f"us-{n:03}-" + "x" * 200 for n in range(500)]}
    req.input.CopyFrom(fnv1.Resource(resource={**STEP_INPUT, "allow": allow}).resource)
    message = said(call_bytes(req.SerializeToString()))
    assert '"us-009-' in message
    assert "and 490 more" in message
    assert len(message) < 3000


@pytest.mark.parametrize(
    ("size", "more"), [(100, 2), (5_000, 0), (17_000, 0), (50_000, 0)]
)
def test_only_small_overrides_are_cached(size: int, more: int) -> None:
    serialized = request(HOSTILE["a policy with much white space"](size))
    overrides._merge.cache_clear()
    assert said(call_bytes(serialized)) == ""
    assert overrides._merge.cache_info().currsize == more


def resident_mebibytes(metrics_port: int) -> float:
    """Return the resident memory that the server reports."""
    url = f"http://127.0.0.1:{metrics_port}/metrics"
    with urllib.request.urlopen(url, timeout=20) as got:
        text = got.read().decode()
    return next(
        sample.value / 2**20
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "process_resident_memory_bytes"
    )


MOST_GROWTH = 40  # MiB


@pytest.mark.parametrize(
    ("kinds", "size", "edits"),
    [
        (["a policy with much white space"], SIZE, 90),
        (["a policy with much white space"], 50_000, 450),
        (list(HOSTILE), SIZE, 90),
    ],
    ids=["a large text", "as large as is taken", "all kinds"],
)
def test_memory_does_not_grow_with_a_claims_edits(
    kinds: list[str], size: int, edits: int
) -> None:
    requests = [request(HOSTILE[kind](size)) for kind in kinds]
    metrics_port = free_port()
    options = ("--insecure", "--metrics-address", f"127.0.0.1:{metrics_port}")
    with serving(*options) as (address, _), grpc.insecure_channel(address) as channel:
        run = channel.unary_unary(
            "/apiextensions.fn.proto.v1.FunctionRunnerService/RunFunction",
            response_deserializer=fnv1.RunFunctionResponse.FromString,
        )
        # What any first request brings in: the libraries that parse options.
        small = request({"tags": {"a": "b"}})
        assert said(run(small, wait_for_ready=True, timeout=60)) == ""
        before = resident_mebibytes(metrics_port)
        for n in range(edits):
            run(edited(requests[n % len(requests)], n), timeout=20)
        assert resident_mebibytes(metrics_port) - before < MOST_GROWTH

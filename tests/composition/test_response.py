"""The same request gives the same bytes, from every server and at every time."""

import asyncio
import os
import random
import subprocess
import sys
from datetime import datetime, timedelta
from typing import Any

import grpc
import pytest
from crossplane.function.proto.v1 import run_function_pb2 as fnv1

from function import fn
from function.composition.desired import decide
from function.composition.observed import observe
from function.composition.response import respond
from function.composition.ttl import PENDING_SECONDS, RELEASE_SECONDS
from tests.builders import call_bytes, captured, parsed


def refused() -> dict[str, Any]:
    request = captured("first")
    spec = request["observed"]["composite"]["resource"]["spec"]
    spec["parameters"]["region"] = "nowhere"
    return request


def after_others() -> dict[str, Any]:
    request = captured("steady")
    request["desired"] = {
        "composite": {"resource": {"status": {"other": {"a": 1, "b": [2]}}}},
        "resources": {f"other-{n}": {"resource": {"kind": "X"}} for n in range(20)},
    }
    request["context"] = {f"key-{n}": n for n in range(20)}
    return request


DELETED_AT = "2026-01-01T00:00:00Z"


def released() -> dict[str, Any]:
    request = captured("steady")
    theirs = request["observed"]["resources"].pop("imagerepo")
    metadata = theirs["resource"]["metadata"]
    metadata["deletionTimestamp"] = DELETED_AT
    metadata["ownerReferences"][0]["uid"] = "another"
    request["requiredResources"]["contenders-imagerepo"] = {"items": [theirs]}
    return request


REQUESTS = {
    "the first pass": captured("first"),
    "the steady state": captured("steady"),
    "a refusal": refused(),
    "a previous claim is being deleted": released(),
    "what earlier steps want is passed on": after_others(),
}


def shuffled(value: Any, by: random.Random) -> Any:
    """Return a document with the keys of all its objects in another order."""
    if isinstance(value, list):
        return [shuffled(each, by) for each in value]
    if isinstance(value, dict):
        keys = by.sample(list(value), len(value))
        return {key: shuffled(value[key], by) for key in keys}
    return value


def answer(request: dict[str, Any]) -> bytes:
    # As it goes over the wire.
    rsp = call_bytes(parsed(request).SerializeToString())
    return rsp.SerializeToString(deterministic=True)


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
def test_the_order_of_keys_changes_nothing(request_: dict[str, Any]) -> None:
    want = answer(request_)
    by = random.Random(8)
    for _ in range(20):
        assert answer(shuffled(request_, by)) == want


def test_earlier_requests_change_nothing() -> None:
    by = random.Random(8)
    want = {name: answer(request) for name, request in REQUESTS.items()}
    for name in by.choices(list(REQUESTS), k=100):
        assert answer(REQUESTS[name]) == want[name], name


def test_the_time_of_a_deletion_decides_nothing_but_the_ttl() -> None:
    req = parsed(released())
    deleted = datetime.fromisoformat(DELETED_AT)
    ttls = []
    responses = []
    for later in (timedelta(minutes=1), timedelta(hours=1)):
        rsp = respond(req, decide(observe(req, deleted + later)))
        ttls.append(rsp.meta.ttl.seconds)
        rsp.meta.ClearField("ttl")
        responses.append(rsp)
    assert responses[0] == responses[1]
    assert responses[0].conditions[0].reason == "PreviousDeleting"
    assert ttls == [RELEASE_SECONDS, PENDING_SECONDS]


def test_two_servers_send_the_same_bytes() -> None:
    """On the wire, from processes whose hashes differ."""
    said = [_served(seed) for seed in ("1", "2")]
    assert said[0] == said[1]


def _served(seed: str) -> list[bytes]:
    by = random.Random(seed)
    with subprocess.Popen(
        [sys.executable, __file__],
        env={**os.environ, "PYTHONHASHSEED": seed},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                call = channel.unary_unary(
                    "/apiextensions.fn.proto.v1.FunctionRunnerService/RunFunction",
                    fnv1.RunFunctionRequest.SerializeToString,
                )
                requests = [parsed(shuffled(r, by)) for r in REQUESTS.values()]
                return [call(req, timeout=20) for req in requests]
        finally:
            process.kill()


if __name__ == "__main__":
    from function.server import grpc as server

    asyncio.run(
        server.serve(
            fn.FunctionRunner(),
            "127.0.0.1:0",
            None,
            started=lambda port: print(port, flush=True),
        )
    )

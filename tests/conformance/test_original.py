"""Compare our function with the recipe in the real function-patch-and-transform."""

import asyncio
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml
from build import build
from crossplane.function import logging, resource
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from crossplane.function.proto.v1 import run_function_pb2_grpc as grpcv1
from google.protobuf import json_format
from hypothesis import given, settings
from hypothesis import strategies as st

from function.composition.required_settings import REQUIREMENT
from function.fn import FunctionRunner
from function.providers.crossplane_runtime import REPOSITORY_ID

ORIGINAL = yaml.safe_load(
    (Path(__file__).parent / "original/composition.yaml").read_text()
)
logging.configure(logging.Level.DISABLED)


@pytest.fixture(scope="module")
def original() -> Iterator[grpcv1.FunctionRunnerServiceStub]:
    """Serve function-patch-and-transform; yield its stub."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{s.getsockname()[1]}"
    program = build("patch-and-transform")
    process = subprocess.Popen([program, "--insecure", "--address", address])
    try:
        with grpc.insecure_channel(address) as channel:
            grpc.channel_ready_future(channel).result(timeout=30)
            yield grpcv1.FunctionRunnerServiceStub(channel)
    finally:
        process.terminate()
        process.wait(30)


def request(parameters: dict[str, str], namespace: str) -> dict[str, Any]:
    xr = {
        "apiVersion": "tap.vrabbi.cloud/v1alpha1",
        "kind": "XWorkloadECRRepo",
        "metadata": {"name": "claim-x7k2p"},
        "spec": {
            "claimRef": {
                "apiVersion": "tap.vrabbi.cloud/v1alpha1",
                "kind": "WorkloadECRRepo",
                "name": "claim",
                "namespace": namespace,
            },
            "parameters": parameters,
        },
    }
    # There are no platform settings.
    return {
        "observed": {"composite": {"resource": xr}},
        "requiredResources": {REQUIREMENT: {}},
    }


PIECE = st.from_regex(r"[a-z0-9]{1,10}(-{1,2}[a-z0-9]{1,10}){0,2}", fullmatch=True)
PARAMETERS = st.fixed_dictionaries(
    {
        "workloadName": PIECE,
        "repoPrefix": st.lists(PIECE, min_size=1, max_size=3).map("/".join)
        | st.just("xxxxxxx.dkr.ecr.eu-west-2.amazonaws.com/tap/workloads"),
        "region": st.sampled_from(["eu-west-2", "us-gov-west-1", "cn-north-1"]),
        "providerName": PIECE,
    }
)


def comparable(rsp: fnv1.RunFunctionResponse) -> dict[str, Any]:
    """Return the fields that name the repository and reach ECR.

    This leaves out our label with the repository id and our management of deletion.
    """
    assert not [r for r in rsp.results if r.severity == fnv1.SEVERITY_FATAL]
    found = {}
    for key, desired in rsp.desired.resources.items():
        manifest = resource.struct_to_dict(desired.resource)
        manifest["spec"].pop("deletionPolicy", None)
        manifest["metadata"]["labels"].pop(REPOSITORY_ID, None)
        found[key] = {
            "type": (manifest["apiVersion"], manifest["kind"]),
            "labels": manifest["metadata"]["labels"],
            "external name": manifest["metadata"]["annotations"][
                "crossplane.io/external-name"
            ],
            "spec": manifest["spec"],
        }
    return found


@settings(deadline=None, max_examples=300)
@given(parameters=PARAMETERS, namespace=PIECE)
def test_every_valid_xr_gives_the_same_result_as_the_recipe(
    original: grpcv1.FunctionRunnerServiceStub,
    parameters: dict[str, str],
    namespace: str,
) -> None:
    req = request(parameters, namespace)
    ours = json_format.ParseDict(req, fnv1.RunFunctionRequest())
    theirs = json_format.ParseDict(
        {
            **req,
            "input": {
                "apiVersion": "pt.fn.crossplane.io/v1beta1",
                "kind": "Resources",
                "resources": ORIGINAL["spec"]["resources"],
            },
        },
        fnv1.RunFunctionRequest(),
    )
    got = asyncio.run(FunctionRunner().RunFunction(ours, None))
    want = original.RunFunction(theirs, timeout=20)
    assert set(comparable(want)) == {"imagerepo", "bundlerepo"}
    assert comparable(got) == comparable(want)

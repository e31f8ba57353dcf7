"""Fuzz RunFunction with malformed requests, guided by coverage, and watch its memory.

It fails on a crash, on a message with characters that a terminal cannot show, and on
growing memory. `make fuzz FUZZ_S=3600` runs it for an hour.
"""

import argparse
import asyncio
import copy
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import atheris
import psutil
import yaml
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from google.protobuf import json_format
from google.protobuf.message import DecodeError

with atheris.instrument_imports(include=["function"]):
    from crossplane.function import logging

    from function.composition.observed import BUNDLE, IMAGE, policy_names
    from function.composition.required_settings import REQUIREMENT
    from function.ecr.options import OPTION_NAMES
    from function.fn import FunctionRunner

ROOT = Path(__file__).parents[2]
OURS = {IMAGE, BUNDLE}
OURS |= {name for repository in OURS for _, name in policy_names(repository)}
LONGEST_INPUT = 1 << 16
LONGEST_TEXT = 4096
# Allowed growth: libFuzzer keeps interesting inputs in the memory of the same process.
GROWTH_MIB = 64


def main() -> int:
    """Run the fuzzer in a child process, and print the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=600, help="how long (600)")
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory(prefix="function-ecr-repos-fuzz-") as directory:
        corpus = Path(directory) / "corpus"
        corpus.mkdir()
        for number, seed in enumerate(seeds()):
            (corpus / str(number)).write_bytes(seed)
        log = Path(directory) / "log"
        with log.open("wb") as out:
            child = subprocess.Popen(
                [
                    *(sys.executable, __file__, "--child", corpus),
                    *(f"-max_total_time={seconds}", f"-max_len={LONGEST_INPUT}"),
                    *("-print_final_stats=1", "-timeout=10", "-verbosity=0"),
                    f"-artifact_prefix={directory}/",
                ],
                stdout=out,
                stderr=out,
            )
        try:
            sizes = watch(child, seconds)
        finally:
            child.kill()
        said = log.read_text(errors="replace")
        runs = re.search(r"stat::number_of_executed_units:\s*(\d+)", said)
        if child.returncode or not runs:
            print(said[-6000:])
            for found in Path(directory).glob("crash-*"):
                print(f"{found.name}: {found.read_bytes()[:2000]!r}")
            return 1
        middle, last = sizes[len(sizes) // 2], sizes[-1]
        print(
            f"{runs[1]} requests in {seconds} s, no crash; resident memory "
            f"{middle:.0f} MiB at half time, {last:.0f} MiB at the end"
        )
        return int(last - middle > GROWTH_MIB)


def watch(child: "subprocess.Popen[bytes]", seconds: int) -> list[float]:
    """Return the resident memory of a process in MiB, once a second until it ends."""
    process, sizes, started = psutil.Process(child.pid), [], time.monotonic()
    while child.poll() is None:
        try:
            sizes.append(process.memory_info().rss / 2**20)
        except psutil.NoSuchProcess:
            break
        if len(sizes) % 60 == 0:
            gone = time.monotonic() - started
            print(f"{gone:.0f} of {seconds} s, {sizes[-1]:.0f} MiB", flush=True)
        try:
            child.wait(1)
        except subprocess.TimeoutExpired:
            continue
    child.wait()
    return sizes or [0.0]


def seeds() -> list[bytes]:
    """Return valid requests to start with: first and later passes, and competitors."""

    def load(name: str) -> list[dict[str, Any]]:
        return list(yaml.safe_load_all((ROOT / "example" / name).read_text()))

    (xr,) = load("xr.yaml")
    image, bundle = load("observed.yaml")
    resources = {IMAGE: {"resource": image}, BUNDLE: {"resource": bundle}}
    given = {
        "apiVersion": "ecrrepos.fn.tap.vrabbi.cloud/v1beta1",
        "kind": "Input",
        "bundle": True,
        "deletion": "Always",
        "registryHost": "Keep",
        "allow": {"repoPrefixes": ["tap/*"], "regions": ["[a-z]*"]},
        "defaults": {"region": "eu-west-2"},
    }
    composite = {"composite": {"resource": xr}}
    # The workload overrides repository options, and all overrides are allowed.
    free = {**given, "allow": {"overrides": list(OPTION_NAMES)}}
    overridden = copy.deepcopy(xr)
    overridden["spec"]["parameters"]["repository"] = {
        "scanOnPush": True,
        "imageTagMutability": "IMMUTABLE",
        "tags": {"team": "shop"},
        "automaticTags": True,
        "lifecycle": {
            "expireUntaggedAfterDays": 14,
            "byTagPrefix": [{"prefix": "v", "keepLast": 3}],
            "keepLast": 100,
        },
        "permissions": {"pull": ["123456789012"], "organizations": ["o-a1b2c3d4e5"]},
    }
    written = copy.deepcopy(overridden)
    written["spec"]["parameters"]["repository"] = {
        "lifecycle": {
            "policy": '{"rules":[{"rulePriority":1,"selection":{"tagStatus":"any",'
            '"countType":"imageCountMoreThan","countNumber":9},'
            '"action":{"type":"expire"}}]}'
        },
        "permissions": {
            "policy": '{"Statement":[{"Effect":"Allow","Principal":"*",'
            '"Action":"ecr:BatchGetImage"}]}'
        },
    }
    overrides = [
        {"observed": {"composite": {"resource": each}}, "input": free}
        for each in (overridden, written)
    ]
    # A large request takes another path in the code.
    large = copy.deepcopy(overridden)
    large["metadata"]["labels"] = {f"l{n}": "x" * 20 for n in range(600)}
    overrides.append({"observed": {"composite": {"resource": large}}, "input": free})
    competitors = {"items": [{"resource": image}]}
    requests: list[dict[str, Any]] = [
        *overrides,
        {"observed": composite},
        {"observed": composite, "input": given},
        {"observed": {**composite, "resources": resources}, "input": given},
        {
            "observed": composite,
            "requiredResources": {f"contenders-{IMAGE}": competitors},
            "desired": {"resources": {"theirs": {"resource": bundle}}},
        },
    ]
    settings = {
        "apiVersion": "apiextensions.crossplane.io/v1beta1",
        "kind": "EnvironmentConfig",
        "metadata": {"name": "ecr-repos"},
        "data": {k: v for k, v in given.items() if k not in ("apiVersion", "kind")},
    }
    # Without an answer about them, the function only requires the platform settings.
    answers: list[dict[str, Any]] = [{}, {"items": [{"resource": settings}]}]
    return [
        json_format.ParseDict(
            {
                **request,
                "requiredResources": {
                    **request.get("requiredResources", {}),
                    REQUIREMENT: answer,
                },
            },
            fnv1.RunFunctionRequest(),
        ).SerializeToString()
        for request in requests
        for answer in answers
    ]


def fuzz(corpus: list[str]) -> None:
    """Run the fuzzer in this process; does not return."""
    logging.configure(logging.Level.DISABLED)
    loop, runner = asyncio.new_event_loop(), FunctionRunner()

    def one(data: bytes) -> None:
        try:
            req = fnv1.RunFunctionRequest.FromString(data)
        except DecodeError:
            return  # gRPC refuses it before it reaches the function
        rsp = loop.run_until_complete(runner.RunFunction(req, None))
        rsp.SerializeToString()
        said = [r.message for r in rsp.results] + [c.message for c in rsp.conditions]
        for text in said:
            ours = text.replace("…", "")  # marks shortened text
            if not (ours.isprintable() and ours.isascii()):
                raise AssertionError(f"not for a terminal: {text!r}")
            if len(text) > LONGEST_TEXT:
                raise AssertionError(f"{len(text)} characters: {text[:200]!r}")
            if "internal error" in text:
                raise AssertionError("the function reported an internal error")
        made = set(rsp.desired.resources) - set(req.desired.resources)
        if made - OURS:
            raise AssertionError(f"it composed {made}")

    atheris.Setup([sys.argv[0], *corpus], one)
    atheris.Fuzz()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        fuzz(sys.argv[2:])
    sys.exit(main())

"""An Input as the rest of the function has it, and what is not there without one."""

import subprocess
import sys
from dataclasses import asdict, fields
from pathlib import Path

from crossplane.function import resource
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from google.protobuf import json_format

from function.api.input import Input, parse_input
from function.api.settings import NO_INPUT, Settings

STEADY = Path(__file__).parents[1] / "benchmark/requests/steady.json"
INPUT = {"apiVersion": "ecrrepos.fn.tap.vrabbi.cloud/v1beta1", "kind": "Input"}
OTHER = {
    "provider": "ecr.aws.m.upbound.io/v1beta1",
    "managementPolicies": True,
    "providerConfigKind": "ProviderConfig",
    "registryHost": "Keep",
    "bundle": False,
    "deletion": "Never",
    "repository": {"forceDelete": False},
    "image": {"scanOnPush": True},
    "bundleRepository": {"scanOnPush": False},
    "connection": {"kind": "Secret"},
    "allow": {
        "repoPrefixes": ["a"],
        "regions": [],
        "providerNames": ["c"],
        "overrides": ["tags"],
    },
    "defaults": {"repoPrefix": "d", "region": "e", "providerName": "f"},
}


def parsed(**given: object) -> Settings:
    return parse_input(resource.dict_to_struct(INPUT | given))


def test_an_input_that_says_nothing_is_none() -> None:
    assert asdict(parsed()) == asdict(NO_INPUT) == asdict(Input().settings())


def test_what_an_input_says_is_in_the_settings() -> None:
    assert OTHER.keys() == {f.alias for f in Input.model_fields.values()}
    settings = parsed(**OTHER)
    for field in fields(Settings):
        got, nothing = getattr(settings, field.name), getattr(NO_INPUT, field.name)
        assert got != nothing, field.name
        if field.name in ("allow", "defaults"):
            for part in fields(got):
                assert getattr(got, part.name) != getattr(nothing, part.name)
    assert settings.allow.regions == (), "nothing is allowed, which is not anything"
    assert [dict(layer.given()) for layer in settings.image] == [
        {"forceDelete": False},
        {"scanOnPush": True},
    ]
    assert [dict(layer.given()) for layer in settings.bundle_repository] == [
        {"forceDelete": False},
        {"scanOnPush": False},
    ]


def test_the_same_input_is_one_object() -> None:
    assert parsed(**OTHER) is parsed(**OTHER)


SERVE = """
import sys
from crossplane.function import logging
from function.cli import serve
from function.fn import FunctionRunner
from function.composition.request import parse_request
logging.configure(logging.Level.INFO)
rsp = FunctionRunner().answer(parse_request(sys.stdin.buffer.read()))
assert rsp.conditions[0].reason == "Available", rsp
print(*(name for name in ("pydantic", "yaml") if name in sys.modules))
"""


def test_serving_without_an_input_does_not_import_what_parses_one() -> None:
    req = json_format.Parse(STEADY.read_text(), fnv1.RunFunctionRequest())
    assert not req.input.fields
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", SERVE],
        input=req.SerializeToString(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.split() == []

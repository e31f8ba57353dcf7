"""What is remembered of what was seen, and how much memory that can be."""

import json
from pathlib import Path
from typing import Any

import pytest
from crossplane.function import logging
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from google.protobuf import json_format

from function import fn
from function import limits as bounds
from function.api import overrides
from function.composition import desired as answer
from function.composition import observed as seen
from function.composition.request import parse_request

REQUESTS = Path(__file__).parents[1] / "benchmark/requests"
REMEMBERING = (seen._asked, seen._live, seen._attached)
logging.configure(logging.Level.DISABLED)


def steady() -> dict[str, Any]:
    return dict(json.loads((REQUESTS / "steady.json").read_text()))


def ask(request: dict[str, Any]) -> fnv1.RunFunctionResponse:
    req = json_format.ParseDict(request, fnv1.RunFunctionRequest())
    return fn.FunctionRunner().answer(parse_request(req.SerializeToString()))


def looked_up() -> list[int]:
    return [sum(each.cache_info()[:2]) for each in REMEMBERING]


def test_what_is_usual_is_remembered() -> None:
    first = ask(steady())
    before = [each.cache_info().hits for each in REMEMBERING]
    assert ask(steady()) == first
    after = [each.cache_info().hits for each in REMEMBERING]
    assert [b - a for a, b in zip(before, after, strict=True)] == [1, 2, 0]


@pytest.mark.parametrize("where", ["composite", "imagerepo"])
def test_what_is_huge_is_answered_and_not_remembered(where: str) -> None:
    """A tenant writes a claim, and its annotations go to its XR."""
    request = steady()
    want = ask(request)
    observed = request["observed"]
    huge = (
        observed["composite"] if where == "composite" else observed["resources"][where]
    )
    annotations = huge["resource"]["metadata"].setdefault("annotations", {})
    annotations["example.org/note"] = "x" * 200_000
    before = looked_up()
    assert ask(request) == want
    usual = {"composite": [0, 2, 0], "imagerepo": [1, 1, 0]}[where]
    assert [b - a for a, b in zip(before, looked_up(), strict=True)] == usual


def test_all_that_is_remembered_is_bounded() -> None:
    """A manifest of the largest size in each place: a fraction of the pod's memory."""
    places = sum(each.cache_info().maxsize or 0 for each in REMEMBERING)
    largest = places * bounds.LARGEST_REMEMBERED
    assert largest < 32 * 2**20
    for each in (answer.answer, overrides._merge):
        assert 0 < (each.cache_info().maxsize or 0) <= 512

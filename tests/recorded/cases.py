"""Recorded cases: a request as Crossplane sends it, and the whole response, as JSON.

A case takes three lines: its name and reason, its request, and its response. Both are
JSON merge patches (RFC 7386) of the request and the response of a base, which is in its
provider's `bases.json`. A base may itself be a patch of another. In a request,
`{"$observed": "imagerepo"}` is the observed resource of that name, and
`{"$repeat": ["x", 9]}` is a text that is repeated.
"""

import asyncio
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from crossplane.function import logging
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from google.protobuf import json_format

from function.fn import FunctionRunner
from function.server.request import parse_request

Json = dict[str, Any]
RECORDED = Path(__file__).parents[1] / "goldens/recorded"
BASES = "bases.json"
# Bases that are written whole; the others are patches of the last of these.
WHOLE = ("first", "ready")
# How long a line of a base may be.
WIDTH = 600
logging.configure(logging.Level.DISABLED)


class Case(NamedTuple):
    """A case as it is sent and expected: its patches are applied."""

    provider: str
    topic: str
    name: str
    reason: str
    base: str
    request: Json
    response: Json

    @property
    def id(self) -> str:
        return f"{self.provider}/{self.topic}/{self.name}"

    @property
    def is_refused(self) -> bool:
        return is_fatal(self.response)


def is_fatal(response: Json) -> bool:
    results: list[Json] = response.get("results", [])
    return any(each["severity"] == "SEVERITY_FATAL" for each in results)


def respond(request: Json) -> Json:
    """Send a request to the function, parsed as the server does it."""
    sent = json_format.ParseDict(expanded(request), fnv1.RunFunctionRequest())
    received = parse_request(sent.SerializeToString())
    rsp = asyncio.run(FunctionRunner().RunFunction(received, None))
    return json_format.MessageToDict(rsp)


def expanded(request: Json) -> Json:
    """Return a request with each `$observed` and `$repeat` replaced by its value."""
    resources = request["observed"].get("resources", {})

    def replace(found: Json) -> object:
        match found:
            case {"$observed": name}:
                return resources[name]
            case {"$repeat": [text, times]}:
                return text * times
        return found

    whole: Json = json.loads(json.dumps(request), object_hook=replace)
    return whole


def merged(base: Json, changes: Json) -> Json:
    """Apply a JSON merge patch."""
    out = dict(base)
    for key, value in changes.items():
        if value is None:
            out.pop(key, None)
        elif isinstance(value, dict):
            old = out.get(key)
            out[key] = merged(old if isinstance(old, dict) else {}, value)
        else:
            out[key] = value
    return out


def patch(before: Json, after: Json) -> Json:
    """Return the JSON merge patch that makes one of the other."""
    out: Json = dict.fromkeys(before.keys() - after.keys())
    for key, value in after.items():
        old = before.get(key)
        if isinstance(value, dict) and isinstance(old, dict):
            if changes := patch(old, value):
                out[key] = changes
        elif json.dumps(old) != json.dumps(value):
            out[key] = value
    return out


def load() -> Iterator[Case]:
    """Read all cases."""
    for file in sorted(RECORDED.glob("*/*.json")):
        if file.name == BASES:
            continue
        bases = json.loads(file.with_name(BASES).read_text())
        for case in json.loads(file.read_text()):
            head = (case["name"], case["reason"], case["base"])
            whole = _whole(case, bases)
            yield Case(
                file.parent.name, file.stem, *head, whole["request"], whole["response"]
            )


def _whole(case: Json, bases: Mapping[str, Json]) -> Json:
    """Return the request and the response of a case, or of a base."""
    base = _whole(bases[case["base"]], bases) if "base" in case else {}
    return merged(base, {key: case[key] for key in ("request", "response")})


def write(
    provider: str, bases: Mapping[str, Json], cases: Mapping[str, Iterable[Case]]
) -> None:
    """Write a provider's bases, which are requests, and its cases by their topics."""
    folder = RECORDED / provider
    folder.mkdir(parents=True, exist_ok=True)
    whole = {
        name: {"request": request, "response": respond(request)}
        for name, request in bases.items()
    }
    last = WHOLE[-1]
    written = {
        name: both if name in WHOLE else {"base": last, **patch(whole[last], both)}
        for name, both in whole.items()
    }
    (folder / BASES).write_text(f"{_wrapped(written)}\n")
    for topic, of_topic in cases.items():
        lines = [_lines(case, whole[case.base]) for case in of_topic]
        (folder / f"{topic}.json").write_text("[\n{}\n]\n".format(",\n".join(lines)))


def _lines(case: Case, base: Json) -> str:
    whole = {"request": case.request, "response": case.response}
    changes = patch(base, whole)
    # A merge patch cannot say null.
    assert patch(merged(base, changes), whole) == {}, case.id
    head = {"name": case.name, "reason": case.reason, "base": case.base}
    request, response = (
        f' "{key}": {json.dumps(changes.get(key, {}), sort_keys=True)}' for key in whole
    )
    return f"{json.dumps(head).removesuffix('}')},\n{request},\n{response}}}"


def _wrapped(value: object, indent: str = "") -> str:
    """Return JSON, in which what fits into a line is in one."""
    line = json.dumps(value, sort_keys=True)
    if len(indent) + len(line) <= WIDTH or not value:
        return line
    inner = f"{indent} "
    if isinstance(value, dict):
        parts = [
            f"{json.dumps(key)}: {_wrapped(of, inner)}"
            for key, of in sorted(value.items())
        ]
        return f"{{\n{inner}" + f",\n{inner}".join(parts) + f"\n{indent}}}"
    if isinstance(value, list):
        parts = [_wrapped(each, inner) for each in value]
        return f"[\n{inner}" + f",\n{inner}".join(parts) + f"\n{indent}]"
    return line


def write_responses() -> None:
    """Write the responses to the recorded requests again."""
    by_provider: dict[str, dict[str, list[Case]]] = {}
    for case in load():
        topics = by_provider.setdefault(case.provider, {})
        answered = case._replace(response=respond(case.request))
        topics.setdefault(case.topic, []).append(answered)
    for provider, topics in by_provider.items():
        bases = json.loads((RECORDED / provider / BASES).read_text())
        requests = {
            name: _whole(base, bases)["request"] for name, base in bases.items()
        }
        write(provider, requests, topics)

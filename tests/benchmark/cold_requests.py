"""The requests of the benchmark: what Crossplane sent for one XR, made into many XRs.

The captured requests are in requests/; capture.py made them. Each derived XR differs
from the others, and has changed whenever it is sent again: README.md says how.
"""

import base64
import copy
import functools
import hashlib
import json
import re
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from google.protobuf import json_format

FOLDER = Path(__file__).parent / "requests"
FIRST, REQUIRED, CREATING, STEADY = "first", "required", "creating", "steady"
LARGE = "large"
PHASES = (FIRST, REQUIRED, CREATING, STEADY, LARGE)
WORKLOAD, NAMESPACE = "example-app", "default"
OTHERS = 50
# The requirement's name. All XRs have the same platform settings.
SETTINGS = "platform-settings"

Document = dict[str, Any]
Fill = Callable[[int, int], bytes]

_UID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_SHA256 = r"\b[0-9a-f]{64}\b"
# The hash of a repository's region, name and account: in a managed resource's name.
_REPOSITORY = r"\b[a-z2-7]{32}\b"
# What the API server and the provider wrote when the objects were created. All other
# times are of the last change.
_CREATED = {
    *("creationTimestamp", "createdAt"),
    "crossplane.io/external-create-pending",
    "crossplane.io/external-create-succeeded",
}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def captured(name: str) -> Document:
    """Return the captured request of a phase.

    `large` was not captured: it is the steady one behind earlier steps that desire 50
    resources, all observed.
    """
    if name == LARGE:
        return _large()
    return dict(json.loads((FOLDER / f"{name}.json").read_text()))


def derive(
    name: str, xrs: int, visit: int = 0, step: Document | None = None
) -> Iterator[bytes]:
    """Yield one serialized request of each of many XRs.

    Args:
        name: A phase, or a file in requests/ without its suffix.
        xrs: How many XRs.
        visit: How often each was sent before. An XR keeps its names from visit to
            visit; its resource versions, generations and times are new ones.
        step: The input of the pipeline step that handles the request.
    """
    template = _template(name, json.dumps(step))
    return (template.request(xr, visit) for xr in range(xrs))


def repositories(xr: int) -> dict[str, str]:
    """Return the names of an XR's repositories, by composed resource."""
    name = f"tap/workloads/{_workload(xr)}-{_namespace(xr)}"
    return {"imagerepo": name, "bundlerepo": f"{name}-bundle"}


class Template:
    """A serialized request with slots; all values of a slot have the same length."""

    def __init__(self, document: Document, step: Document | None) -> None:
        """Put slots where XRs differ, and where an XR differs from its last visit."""
        self._fills: dict[bytes, Fill] = {}
        self._marks: dict[str, str] = {}
        document = copy.deepcopy(document)
        settings = document["requiredResources"].pop(SETTINGS)
        text = json.dumps(self._mark(document, ""))
        xr = document["observed"]["composite"]["resource"]["metadata"]["name"]
        suffix = xr.rpartition("-")[2]
        text = text.replace(
            f"{WORKLOAD}-{NAMESPACE}",
            f"{self._workload}-{self._namespace}",
        )
        text = text.replace(WORKLOAD, self._workload)
        text = text.replace(
            f"-{suffix}",
            "-" + self._slot(suffix, lambda xr, _: _digest(suffix, xr)[:5]),
        )
        for rx, fill in ((_SHA256, _digest), (_UID, _uid), (_REPOSITORY, _repository)):
            for found in sorted(set(re.findall(rx, text))):
                mark = self._slot(found, functools.partial(_of_xr, fill, found))
                text = text.replace(found, mark)
        req = json_format.Parse(text, fnv1.RunFunctionRequest())
        json_format.ParseDict(settings, req.required_resources[SETTINGS])
        if step:
            req.input.Clear()
            req.input.update(step)
        req.meta.tag = self._slot("tag", lambda xr, n: _digest(f"tag {n}", xr))
        serialized = req.SerializeToString(deterministic=True)
        pattern = b"|".join(map(re.escape, self._fills))
        parts = re.split(b"(" + pattern + b")", serialized)
        self._parts = [(part, self._fills.get(part)) for part in parts]

    def request(self, xr: int, visit: int) -> bytes:
        """Return the request of an XR at a visit."""
        return b"".join(fill(xr, visit) if fill else part for part, fill in self._parts)

    @property
    def _workload(self) -> str:
        return self._slot("workload", lambda xr, _: _workload(xr))

    @property
    def _namespace(self) -> str:
        return self._slot("namespace", lambda xr, _: _namespace(xr))

    def _slot(self, original: str, fill: Callable[[int, int], str]) -> str:
        """Return the mark of a slot: one for each original value."""
        if original not in self._marks:
            length = len(fill(0, 0))
            mark = f"<{len(self._marks)}".ljust(length - 1, "_") + ">"
            self._marks[original] = mark
            self._fills[mark.encode()] = lambda xr, n: fill(xr, n).encode()
        return self._marks[original]

    def _number(self, original: float) -> float:
        """Return the mark of a slot for a number, which a Struct has as a double."""
        mark = 2.0**50 + original
        self._fills[struct.pack("<d", mark)] = lambda _, n: struct.pack(
            "<d", original + n
        )
        return mark

    def _mark(self, value: Any, key: str) -> Any:
        """Put slots where the key says what the value is."""
        if isinstance(value, dict):
            return {k: self._mark(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return [self._mark(v, key) for v in value]
        if isinstance(value, float) and key in ("generation", "observedGeneration"):
            return self._number(value)
        return self._mark_text(value, key) if isinstance(value, str) else value

    def _mark_text(self, value: str, key: str) -> str:
        if value == NAMESPACE and key.endswith("namespace"):
            return self._namespace
        if key == "resourceVersion":
            slot = functools.partial(_version, len(self._marks))
            return self._slot(f"resourceVersion {value}", slot)
        if _TIME.fullmatch(value):
            created = key in _CREATED
            return self._slot(
                f"{'created' if created else 'changed'} {value}",
                functools.partial(_time, value, created=created),
            )
        return value


@functools.cache
def _template(name: str, step: str) -> Template:
    return Template(captured(name), json.loads(step))


def _workload(xr: int) -> str:
    return f"app-{xr:05d}"


def _namespace(xr: int) -> str:
    return f"team-{xr % 100:02d}"


def _of_xr(fill: Callable[[str, int], str], original: str, xr: int, _: int) -> str:
    """Return a value that is the same at every visit of an XR."""
    return fill(original, xr)


# Ten thousand XRs have some ten each.
@functools.lru_cache(maxsize=200_000)
def _digest(original: str, xr: int) -> str:
    return hashlib.sha256(f"{original} {xr}".encode()).hexdigest()


@functools.lru_cache(maxsize=100_000)
def _uid(original: str, xr: int) -> str:
    found = _digest(original, xr)
    return "-".join((found[:8], found[8:12], found[12:16], found[16:20], found[20:32]))


@functools.lru_cache(maxsize=100_000)
def _repository(original: str, xr: int) -> str:
    found = bytes.fromhex(_digest(original, xr))
    return base64.b32encode(found).decode().lower()[:32]


def _version(slot: int, xr: int, visit: int) -> str:
    return str(1_000_000_000 + (visit * 10_000 + xr) * 100 + slot)


def _time(original: str, xr: int, visit: int, *, created: bool) -> str:
    """Return a time: of creation, or of a change that was made since the last visit."""
    seconds = int(original[17:19]) + xr + (0 if created else 3_600 * (visit + 1))
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1_767_225_600 + seconds))


def _large() -> Document:
    request = captured(STEADY)
    observed = request["observed"]["resources"]
    like = observed["imagerepo"]["resource"]
    desired = {}
    for n in range(OTHERS):
        bucket: Document = {
            "apiVersion": "s3.aws.crossplane.io/v1beta1",
            "kind": "Bucket",
            "metadata": {"annotations": {"crossplane.io/external-name": f"bucket-{n}"}},
            "spec": {
                "forProvider": {
                    "locationConstraint": "eu-west-2",
                    "objectOwnership": "BucketOwnerEnforced",
                    "tagging": {"tagSet": [{"key": "n", "value": str(n)}]},
                },
                "providerConfigRef": {"name": "aws-provider"},
            },
        }
        metadata = {**like["metadata"], **bucket["metadata"], "name": f"other-{n}"}
        desired[f"other-{n}"] = {"resource": bucket, "ready": "READY_TRUE"}
        observed[f"other-{n}"] = {"resource": {**like, **bucket, "metadata": metadata}}
    request["desired"] = {"resources": desired}
    return request

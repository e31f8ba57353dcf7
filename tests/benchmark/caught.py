"""The requests that are sent: Crossplane's own, of one XR or made into those of many.

requests/ has what it sent for a claim on the running chain; catch.py caught it.
"""

import copy
import functools
import json
from pathlib import Path
from typing import Any

from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from google.protobuf import json_format

FOLDER = Path(__file__).parent / "requests"
FIRST, STEADY, LARGE = "first", "steady", "large"
NAMES = (FIRST, STEADY, LARGE)
WORKLOAD = "example-app"
OTHERS = 50

Document = dict[str, Any]


def document(name: str) -> Document:
    """Return a request: of the first pass, in the steady state, or a large one.

    In the steady state both repositories are Ready. The large one, which was not sent,
    is the same behind earlier steps that want 50 resources, all observed.
    """
    if name == LARGE:
        return _large()
    return dict(json.loads((FOLDER / f"{name}.json").read_text()))


def _large() -> Document:
    request = document(STEADY)
    observed = request["observed"]["resources"]
    like = observed["imagerepo"]["resource"]
    wanted = {}
    for n in range(OTHERS):
        desired: Document = {
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
        seen = {**copy.deepcopy(like), **copy.deepcopy(desired)}
        seen["metadata"] = {
            **copy.deepcopy(like["metadata"]),
            **desired["metadata"],
            "name": f"other-{n}",
        }
        wanted[f"other-{n}"] = {"resource": desired, "ready": "READY_TRUE"}
        observed[f"other-{n}"] = {"resource": seen}
    request["desired"] = {"resources": wanted}
    return request


def message(request: Document, step: Document | None = None) -> bytes:
    """Return a request as it is sent to a step of a pipeline that has this input."""
    req = json_format.ParseDict(request, fnv1.RunFunctionRequest())
    if step:
        req.input.update(step)
    return req.SerializeToString(deterministic=True)


def many(name: str, count: int, step: Document | None = None) -> list[bytes]:
    """Return a request of each of so many XRs."""
    return list(_many(name, count, json.dumps(step)))


# Ten thousand take seconds to make, and go to several servers.
@functools.lru_cache(maxsize=8)
def _many(name: str, count: int, step: str) -> tuple[bytes, ...]:
    request = document(name)
    if count == 1:
        return (message(request, json.loads(step)),)
    # What tells XRs apart is of one length in all, so that each costs the same.
    tag, uid = (
        request["meta"]["tag"],
        request["observed"]["composite"]["resource"]["metadata"]["uid"],
    )
    text = json.dumps(request).replace(WORKLOAD, "app-00000")
    template = message(json.loads(text), json.loads(step))

    def of(number: int) -> bytes:
        suffix = b"%05d" % number
        found = template.replace(b"app-00000", b"app-" + suffix)
        for own in (tag.encode(), uid.encode()):
            found = found.replace(own, own[:-5] + suffix)
        return found

    return tuple(map(of, range(count)))

"""Crossplane, the classic provider and ECR, as far as images can be lost by them.

What each does is read off the real programs (tests/e2e runs those): Crossplane's
FunctionComposer, crossplane-runtime's managed reconciler, provider-aws's controller.
All of a step happens at once; which step comes next is the test's choice, and a
reconcile may see a cluster of the past.
"""

import asyncio
import copy
import dataclasses
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from crossplane.function import resource
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from google.protobuf import json_format

from function.fn import FunctionRunner

Manifest = dict[str, Any]
Claim = tuple[str, str]  # namespace, name
Place = tuple[str, str, str]  # provider config (here: an account), region, name

_PENDING = "crossplane.io/external-create-pending"
_SUCCEEDED = "crossplane.io/external-create-succeeded"
_FAILED = "crossplane.io/external-create-failed"
_COMPOSED_AS = "crossplane.io/composition-resource-name"


@dataclasses.dataclass
class EcrRepository:
    """One repository in ECR; who made it is known to the simulation alone."""

    creator: Claim | None
    created_at: str
    images: int = 0


@dataclasses.dataclass
class Xr:
    """A claim's composite resource, with what Crossplane keeps in it."""

    claim: Claim
    uid: str
    parameters: dict[str, str]
    deleting: bool = False
    refs: dict[str, str] = dataclasses.field(default_factory=dict)
    ready: bool = False
    reason: str = ""

    def manifest(self) -> Manifest:
        namespace, name = self.claim
        return {
            "apiVersion": "tap.vrabbi.cloud/v1alpha1",
            "kind": "XWorkloadECRRepo",
            "metadata": {"name": f"{name}-{self.uid}", "uid": self.uid},
            "spec": {
                "claimRef": {"namespace": namespace, "name": name},
                "parameters": self.parameters,
            },
        }


class LostImagesError(AssertionError):
    """A repository with images was deleted by a claim that did not create it."""


class World:
    """All there is."""

    def __init__(self) -> None:
        self.ecr: dict[Place, EcrRepository] = {}
        self.managed: dict[str, Manifest] = {}
        self.xrs: dict[str, Xr] = {}
        self.input: Manifest = {}
        self._now = datetime(2026, 1, 1, tzinfo=UTC)
        self._uids = iter(range(10**9))
        # By uid, what was wanted of those whose creation is not known to have ended.
        self._waiting: dict[str, Manifest] = {}
        self._past: list[dict[str, Manifest]] = []
        self._loop = asyncio.new_event_loop()
        self._runner = FunctionRunner()

    def close(self) -> None:
        self._loop.close()

    def time(self) -> str:
        """Return a time that never comes again."""
        self._now += timedelta(seconds=1)
        return self._now.isoformat()

    def an_hour_passes(self) -> None:
        self._now += timedelta(hours=1)

    def uid(self) -> str:
        return f"uid-{next(self._uids)}"

    # Tenants

    def apply_claim(self, claim: Claim, parameters: dict[str, str]) -> Xr:
        for xr in self.xrs.values():
            if xr.claim == claim and not xr.deleting:
                xr.parameters = parameters
                return xr
        xr = Xr(claim, self.uid(), parameters)
        self.xrs[xr.uid] = xr
        return xr

    def delete_claim(self, xr: Xr) -> None:
        """Delete a claim: its XR is not run again, and its resources are deleted."""
        xr.deleting = True
        for manifest in self._controlled_by(xr):
            manifest["metadata"]["deletionTimestamp"] = self.time()

    def orphan_claim(self, xr: Xr) -> None:
        """Delete a claim's XR with --cascade=orphan, or lose it to a backup."""
        for manifest in self._controlled_by(xr):
            del manifest["metadata"]["ownerReferences"]
        del self.xrs[xr.uid]

    def push(self, place: Place) -> None:
        if place in self.ecr:
            self.ecr[place].images += 1

    # Outsiders

    def create_outside(self, place: Place) -> None:
        self.ecr.setdefault(place, EcrRepository(None, self.time(), images=1))

    def delete_outside(self, place: Place) -> None:
        self.ecr.pop(place, None)

    # Crossplane

    def reconcile(self, xr: Xr, *, behind: int = 0, only: str = "") -> None:
        """Run an XR through the function, as Crossplane does.

        Args:
            behind: How many reconciles ago the cluster is seen as it was.
            only: Apply this composed resource alone, and be killed then.
        """
        self._past.append(copy.deepcopy(self.managed))
        self._past = self._past[-4:]
        if xr.deleting or xr.uid not in self.xrs:
            return
        seen = self._past[max(0, len(self._past) - 1 - behind)]
        observed = {
            key: seen[name]
            for key, name in xr.refs.items()
            if name in seen and _controller(seen[name]) == xr.uid
        }
        rsp = self._run(xr, observed, seen)
        for condition in rsp.conditions:
            xr.reason = condition.reason
        if any(r.severity == fnv1.SEVERITY_FATAL for r in rsp.results):
            xr.ready = False
            return
        for key, live in observed.items():
            current = self.managed.get(live["metadata"]["name"])
            if key not in rsp.desired.resources and current:
                current["metadata"]["deletionTimestamp"] = self.time()
        xr.ready = rsp.desired.composite.ready != fnv1.READY_FALSE
        for key, desired in rsp.desired.resources.items():
            if only and key != only:
                xr.ready = False
                continue
            manifest = resource.struct_to_dict(desired.resource)
            if key in observed:
                manifest["metadata"]["name"] = observed[key]["metadata"]["name"]
            manifest["metadata"].setdefault("name", f"{xr.claim[1]}-{self.uid()}")
            xr.refs[key] = manifest["metadata"]["name"]
            applied = self._apply(xr, key, manifest)
            xr.ready &= applied and desired.ready == fnv1.READY_TRUE

    def _run(
        self, xr: Xr, observed: dict[str, Manifest], seen: dict[str, Manifest]
    ) -> fnv1.RunFunctionResponse:
        request: Manifest = {
            "observed": {
                "composite": {"resource": xr.manifest()},
                "resources": {k: {"resource": m} for k, m in observed.items()},
            },
            "input": self.input,
        }
        requirements = None
        for _ in range(5):
            req = json_format.ParseDict(request, fnv1.RunFunctionRequest())
            rsp = self._loop.run_until_complete(self._runner.RunFunction(req, None))
            if rsp.requirements == requirements:
                return rsp
            requirements = rsp.requirements
            request["requiredResources"] = {
                name: {
                    "items": [
                        {"resource": manifest}
                        for manifest in seen.values()
                        if selector.match_labels.labels.items()
                        <= manifest["metadata"]["labels"].items()
                    ]
                }
                for name, selector in requirements.resources.items()
            }
        raise AssertionError("the requirements never settle")

    def _apply(self, xr: Xr, key: str, manifest: Manifest) -> bool:
        """Apply a composed resource server-side; False where that is refused."""
        name = manifest["metadata"]["name"]
        live = self.managed.get(name)
        if live is None:
            live = self.managed[name] = {
                "metadata": {
                    "uid": self.uid(),
                    "creationTimestamp": self.time(),
                    "labels": {},
                    "annotations": {},
                },
            }
        elif _controller(live) not in (None, xr.uid):
            return False  # "Only one reference can have Controller set to true"
        namespace, claim = xr.claim
        labels = {
            "crossplane.io/claim-namespace": namespace,
            "crossplane.io/claim-name": claim,
            "crossplane.io/composite": f"{claim}-{xr.uid}",
        }
        metadata = live["metadata"]
        metadata["name"] = name
        metadata["labels"] |= manifest["metadata"]["labels"] | labels
        metadata["annotations"] |= manifest["metadata"]["annotations"]
        metadata["annotations"][_COMPOSED_AS] = key
        metadata["ownerReferences"] = [{"uid": xr.uid, "controller": True}]
        live |= {k: manifest[k] for k in ("apiVersion", "kind", "spec")}
        return True

    def _controlled_by(self, xr: Xr) -> Iterator[Manifest]:
        return (m for m in self.managed.values() if _controller(m) == xr.uid)

    # The recipe: patch and transform, before the Composition moved to the function

    def recipe(self, claim: Claim, parameters: dict[str, str]) -> Xr:
        """Make a claim as the recipe does, and move it to the function."""
        xr = self.apply_claim(claim, parameters)
        if xr.refs:
            return xr
        image = "{repoPrefix}/{workloadName}-".format(**parameters) + claim[0]
        for key, name in (("imagerepo", image), ("bundlerepo", f"{image}-bundle")):
            manifest = {
                "apiVersion": "ecr.aws.crossplane.io/v1beta1",
                "kind": "Repository",
                "metadata": {
                    "name": f"{claim[1]}-{self.uid()}",
                    "labels": {"region": parameters["region"]},
                    "annotations": {"crossplane.io/external-name": name},
                },
                "spec": {
                    "deletionPolicy": "Delete",
                    "forProvider": {
                        "forceDelete": True,
                        "region": parameters["region"],
                    },
                    "providerConfigRef": {"name": parameters["providerName"]},
                },
            }
            xr.refs[key] = manifest["metadata"]["name"]
            self._apply(xr, key, manifest)
            self.provide(xr.refs[key])
            self.provide(xr.refs[key])
        self.reconcile(xr)
        return xr

    # The provider

    def provide(self, name: str, *, killed: Callable[[], bool] = bool) -> None:
        """Reconcile one managed resource.

        Args:
            killed: Whether the provider is killed between making a repository and
                recording that.
        """
        live = self.managed[name]
        metadata, spec = live["metadata"], live["spec"]
        wanted = _desired_state(live)
        if self._waiting.get(metadata["uid"]) == wanted:
            return
        self._waiting.pop(metadata["uid"], None)
        annotations = metadata["annotations"]
        place = (
            spec["providerConfigRef"]["name"],
            spec["forProvider"]["region"],
            annotations["crossplane.io/external-name"],
        )
        if "deletionTimestamp" in metadata and spec["deletionPolicy"] == "Orphan":
            del self.managed[name]
            return
        recorded = max(annotations.get(_SUCCEEDED, ""), annotations.get(_FAILED, ""))
        if annotations.get(_PENDING, "") > recorded:
            said = "cannot determine creation result - remove the annotation"
            waits = {"type": "Synced", "status": "False", "message": said}
            live.setdefault("status", {})["conditions"] = [waits]
            self._waiting[metadata["uid"]] = wanted
            return
        if "deletionTimestamp" in metadata:
            if self._delete(metadata, place, force=spec["forProvider"]["forceDelete"]):
                del self.managed[name]
        elif found := self.ecr.get(place):
            live["status"] = {
                "atProvider": {
                    "repositoryArn": ":".join(place),
                    "repositoryUri": "/".join(place),
                    "createdAt": found.created_at,
                },
                "conditions": [{"type": "Ready", "status": "True"}],
            }
        else:
            labels = metadata["labels"]
            creator = (
                labels["crossplane.io/claim-namespace"],
                labels["crossplane.io/claim-name"],
            )
            annotations[_PENDING] = self.time()
            self.ecr[place] = EcrRepository(creator, self.time())
            if not killed():
                annotations[_SUCCEEDED] = self.time()

    def _delete(self, metadata: Manifest, place: Place, *, force: bool) -> bool:
        """Delete a repository; False where ECR refuses."""
        found = self.ecr.get(place)
        if found is None:
            return True
        if found.images and not force:
            return False  # RepositoryNotEmptyException
        labels = metadata["labels"]
        claim = (
            labels["crossplane.io/claim-namespace"],
            labels["crossplane.io/claim-name"],
        )
        if found.images and found.creator != claim:
            raise LostImagesError(f"{claim} deleted {found} at {place}")
        del self.ecr[place]
        return True


def _desired_state(manifest: Manifest) -> Manifest:
    """Return what has the provider reconcile a managed resource again.

    crossplane-runtime, pkg/resource/predicates.go, DesiredStateChanged.
    """
    metadata = manifest["metadata"]
    annotations = metadata["annotations"]
    return copy.deepcopy(
        {
            "annotations": {
                k: v for k, v in annotations.items() if k not in (_PENDING, _FAILED)
            },
            "labels": metadata["labels"],
            "deleted": "deletionTimestamp" in metadata,
            "spec": manifest["spec"],
        }
    )


def _controller(manifest: Manifest) -> str | None:
    for owner in manifest["metadata"].get("ownerReferences", ()):
        return str(owner["uid"])
    return None

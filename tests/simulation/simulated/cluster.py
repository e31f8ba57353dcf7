"""An API server with Crossplane, the function, and the providers that are installed.

Crossplane is v2.4.2: internal/controller/apiextensions/composite/
composition_functions.go and internal/xfn/required_resources.go.
"""

import copy
import dataclasses
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from crossplane.function import resource
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from google.protobuf import json_format

from function.fn import FunctionRunner
from tests.simulation.simulated.classic import CLASSIC, ClassicProvider
from tests.simulation.simulated.ecr import Actor, Claim
from tests.simulation.simulated.invariants import Exemption, NotEarned
from tests.simulation.simulated.managed import (
    EXTERNAL_NAME,
    FINALIZER,
    PENDING,
    SUCCEEDED,
    Api,
    Manifest,
    Provider,
    ProviderError,
    Ref,
    may,
    may_delete,
)
from tests.simulation.simulated.upjet import NAMESPACED, UPBOUND, UpjetProvider, merged

if TYPE_CHECKING:
    from tests.simulation.simulated.world import World

INPUT = {"apiVersion": "ecrrepos.fn.tap.vrabbi.cloud/v1beta1", "kind": "Input"}
COMPOSED_AS = "crossplane.io/composition-resource-name"
# How far the function lets the cluster's clock and AWS's differ.
SLACK = timedelta(minutes=5)
_PAST = 4
_ROUNDS = 6  # required_resources.go: the first call, and MaxRequirementsIterations more


class NotServedError(Exception):
    """The API server knows no such kind."""


class RefusedError(Exception):
    """The API server refuses an object, and not as Invalid."""


@dataclasses.dataclass
class Composite:
    """A composite, with what Crossplane keeps in it; its claim has the same."""

    claim: Claim
    uid: str
    namespaced: bool
    parameters: dict[str, Any]
    refs: dict[str, Ref] = dataclasses.field(default_factory=dict)
    status: Manifest = dataclasses.field(default_factory=dict)
    ready: bool = False
    reason: str = ""
    message: str = ""

    @property
    def name(self) -> str:
        return self.claim[1] if self.namespaced else f"{self.claim[1]}-{self.uid}"

    @property
    def labels(self) -> dict[str, str]:
        """What Crossplane puts on what it composes."""
        namespace, name = self.claim
        labels = {"crossplane.io/composite": self.name}
        if not self.namespaced:
            labels["crossplane.io/claim-namespace"] = namespace
            labels["crossplane.io/claim-name"] = name
        return labels

    def manifest(self) -> Manifest:
        """Return it as the function sees it."""
        namespace, name = self.claim
        ref = {"namespace": namespace, "name": name}
        metadata = {"name": self.name, "uid": self.uid}
        return {
            "apiVersion": "tap.vrabbi.cloud/v1alpha1",
            "kind": "XWorkloadECRRepo",
            "metadata": metadata
            | ({"namespace": namespace} if self.namespaced else {}),
            "spec": {
                "parameters": self.parameters,
                **({} if self.namespaced else {"claimRef": ref}),
            },
            "status": self.status,
        }


class Cluster:
    """One cluster."""

    def __init__(
        self,
        world: "World",
        name: str,
        *apis: Api,
        accounts: Mapping[str, str],
        required_resources: bool = True,
        default_tags: bool = True,
    ) -> None:
        """Create one.

        Args:
            world: Where it is.
            name: What it is called.
            apis: The providers' that are installed; claims use the first cluster-scoped
                one, composites without claims the namespaced one.
            accounts: By provider config.
            required_resources: Whether Crossplane knows them by that name; v1 does not.
            default_tags: Whether Upbound's provider runs without --skip-default-tags.
        """
        if NAMESPACED in apis and UPBOUND not in apis and not required_resources:
            # One package serves both; v1 can leave no kind of a package out.
            apis = (*apis, UPBOUND)
        self.world = world
        self.name = name
        self.apis = {api.group: api for api in apis}
        self.accounts = dict(accounts)
        # Of the Composition for claims, and of that for namespaced composites.
        self.inputs: dict[bool, Manifest] = {
            api.namespaced: {**INPUT, "provider": api.provider}
            for api in reversed(apis)
        }
        self.objects: dict[Ref, Manifest] = {}
        self.composites: dict[str, Composite] = {}
        # Namespaces that are being deleted; UIDs with a ProviderConfigUsage.
        self.terminating: set[str] = set()
        self.usages: set[str] = set()
        self.providers: dict[str, Provider] = {
            api.group: ClassicProvider(self)
            if api is CLASSIC
            else UpjetProvider(self, api, default_tags=default_tags)
            for api in apis
        }
        # By UID of a managed resource: the Input's `deletion` when last reconciled.
        self.deletion: dict[str, str] = {}
        self.from_recipe: set[str] = set()
        self.recipes: set[Claim] = set()
        self._required_resources = required_resources
        self._applied: dict[tuple[Ref, str], Manifest] = {}
        self._past: list[dict[Ref, Manifest]] = []
        self._runner = FunctionRunner()

    def configure(self, **fields: object) -> None:
        """Have the platform team write fields of the Compositions' inputs anew."""
        for given in self.inputs.values():
            provider = given["provider"]
            given.clear()
            given.update(INPUT, provider=provider)
            given.update(fields)

    # Tenants

    def apply(
        self,
        claim: Claim,
        parameters: dict[str, Any],
        *,
        namespaced: bool | None = None,
    ) -> Composite:
        """Apply a claim, or a namespaced composite; by itself where both are served.

        Raises:
            RefusedError: Its namespace is being deleted.
        """
        if claim[0] in self.terminating:
            raise RefusedError(claim[0])
        for composite in self.composites.values():
            if (composite.claim, composite.namespaced) == (
                claim,
                composite.namespaced if namespaced is None else namespaced,
            ):
                composite.parameters = parameters
                return composite
        if namespaced is None:
            namespaced = next(iter(self.apis.values())).namespaced
        composite = Composite(claim, self.world.uid(), namespaced, parameters)
        self.composites[composite.uid] = composite
        return composite

    def delete(self, composite: Composite) -> None:
        """Delete a claim: its composite is not run again, what it controls deleted."""
        del self.composites[composite.uid]
        for ref in self.controlled_by(composite.uid):
            self.delete_object(ref)

    def orphan(self, composite: Composite) -> None:
        """Delete a composite with --cascade=orphan, or lose it to a backup."""
        for ref in self.controlled_by(composite.uid):
            del self.objects[ref]["metadata"]["ownerReferences"]
        del self.composites[composite.uid]

    def delete_namespace(self, namespace: str) -> None:
        """Delete a namespace with all that is in it, in no order that helps."""
        self.terminating.add(namespace)
        for composite in list(self.composites.values()):
            if composite.claim[0] == namespace:
                self.delete(composite)
        for ref in [ref for ref in self.objects if ref.namespace == namespace]:
            self.usages.discard(self.objects[ref]["metadata"]["uid"])
            self.delete_object(ref)
        self._end_namespaces()

    def repoint(self, config: str, account: str) -> None:
        """Point a provider config at another account.

        What its resources made in the one, they now take for what is in the other.
        """
        self.accounts[config] = account
        for ref in self.managed("Repository"):
            if self.objects[ref]["spec"]["providerConfigRef"]["name"] == config:
                self.world.mistake(self, ref)

    def recipe(self, claim: Claim, parameters: dict[str, Any]) -> None:
        """Make a claim as patch and transform did, before its Composition moved."""
        if any(composite.claim == claim for composite in self.composites.values()):
            return
        self.recipes.add(claim)
        composite = self.apply(claim, parameters)
        image = "{repoPrefix}/{workloadName}-".format(**parameters) + claim[0]
        for key, name in (("imagerepo", image), ("bundlerepo", f"{image}-bundle")):
            manifest = {
                "apiVersion": CLASSIC.provider,
                "kind": "Repository",
                "metadata": {
                    "name": f"{composite.name}-{self.world.uid()}",
                    "labels": {"region": parameters["region"]},
                    "annotations": {EXTERNAL_NAME: name},
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
            ref = composite.refs[key] = ref_of(manifest)
            self._apply(composite, key, manifest)
            self.from_recipe.add(self.objects[ref]["metadata"]["uid"])
            for _ in range(2):
                self.provider(ref).poll(ref)
        self.reconcile(composite)

    # Crossplane

    def reconcile(
        self, composite: Composite, *, behind: int = 0, only: str = ""
    ) -> None:
        """Run a composite through the function, as Crossplane does.

        Args:
            composite: Which one.
            behind: How many reconciles ago the cluster is seen as it was; never before
                what was seen last.
            only: Apply this composed resource alone, and be killed then.
        """
        self._past = [*self._past, copy.deepcopy(self.objects)][-_PAST:]
        # A cache goes forward only.
        del self._past[: -1 - behind]
        seen, fresh = self._past[0], len(self._past) == 1
        if composite.uid not in self.composites:
            return
        observed = {
            key: live
            for key, ref in composite.refs.items()
            if (live := seen.get(ref)) and controller(live) in ("", composite.uid)
        }
        try:
            rsp = self._run(composite, observed, seen)
            self._take(composite, rsp)
            if any(r.severity == fnv1.SEVERITY_FATAL for r in rsp.results):
                composite.ready = False
                for ref in composite.refs.values():
                    self._told(ref, fresh=fresh)
                return
            self._compose(composite, rsp, observed, only=only, fresh=fresh)
        except (NotServedError, RefusedError) as e:
            composite.ready, composite.reason = False, "ReconcileError"
            composite.message = str(e)

    def _take(self, composite: Composite, rsp: fnv1.RunFunctionResponse) -> None:
        composite.status = dict(composite.status)
        composite.status["conditions"] = [
            {"type": c.type, "status": "True" if c.status == 2 else "False"}
            | {"reason": c.reason, "message": c.message}
            for c in rsp.conditions
        ]
        for condition in rsp.conditions:
            composite.reason, composite.message = condition.reason, condition.message

    def _compose(
        self,
        composite: Composite,
        rsp: fnv1.RunFunctionResponse,
        observed: Mapping[str, Manifest],
        *,
        only: str,
        fresh: bool,
    ) -> None:
        desired: dict[str, Manifest] = {}
        for key, each in rsp.desired.resources.items():
            manifest = desired[key] = resource.struct_to_dict(each.resource)
            metadata = manifest.setdefault("metadata", {})
            if key in observed:
                metadata["name"] = observed[key]["metadata"]["name"]
            metadata.setdefault("name", f"{composite.name}-{self.world.uid()}")
            if composite.namespaced:
                metadata["namespace"] = composite.claim[0]
        for key, live in observed.items():
            current = self.objects.get(ref_of(live))
            # One that nobody controls is not Crossplane's to delete.
            if key not in desired and current and controller(current) == composite.uid:
                self.delete_object(ref_of(live))
        composite.refs = {key: ref_of(manifest) for key, manifest in desired.items()}
        applied = {}
        for key, manifest in desired.items():
            if not only or key == only:
                applied[key] = self._apply(composite, key, manifest)
                if applied[key]:
                    self._told(ref_of(manifest), fresh=fresh)
        if only:
            composite.ready = False
            return
        status = resource.struct_to_dict(rsp.desired.composite.resource)
        conditions = composite.status["conditions"]
        composite.status = {**status.get("status", {}), "conditions": conditions}
        composite.ready = rsp.desired.composite.ready == fnv1.READY_TRUE or (
            rsp.desired.composite.ready == fnv1.READY_UNSPECIFIED
            and all(
                applied[key] and each.ready == fnv1.READY_TRUE
                for key, each in rsp.desired.resources.items()
            )
        )

    def _run(
        self,
        composite: Composite,
        observed: Mapping[str, Manifest],
        seen: Mapping[Ref, Manifest],
    ) -> fnv1.RunFunctionResponse:
        request: Manifest = {
            "observed": {
                "composite": {"resource": composite.manifest()},
                "resources": {k: {"resource": m} for k, m in observed.items()},
            },
            "input": self.inputs[composite.namespaced],
        }
        if self._required_resources:
            request["meta"] = {"capabilities": list(fnv1.Capability.keys())[1:]}
        requirements = None
        for _ in range(_ROUNDS):
            req = json_format.ParseDict(request, fnv1.RunFunctionRequest())
            rsp = self.world.loop.run_until_complete(
                self._runner.RunFunction(req, None)
            )
            fatal = any(r.severity == fnv1.SEVERITY_FATAL for r in rsp.results)
            if fatal or rsp.requirements == requirements:
                return rsp
            requirements = rsp.requirements
            request["extraResources"] = {
                name: self._fetch(selector, seen)
                for name, selector in requirements.extra_resources.items()
            }
            if self._required_resources:
                request["requiredResources"] = {
                    name: self._fetch(selector, seen)
                    for name, selector in requirements.resources.items()
                }
                request["requiredSchemas"] = {
                    name: {"openapiV3": {"type": "object"}}
                    if self._serves(selector.api_version, selector.kind)
                    else {}
                    for name, selector in requirements.schemas.items()
                }
        raise AssertionError("requirements didn't stabilize")

    def _fetch(
        self, selector: fnv1.ResourceSelector, seen: Mapping[Ref, Manifest]
    ) -> Manifest:
        """Return what a requirement selects: nothing for a name that is not there.

        Raises:
            NotServedError: The API server knows no such kind.
        """
        if not self._serves(selector.api_version, selector.kind):
            raise NotServedError(f"{selector.api_version} {selector.kind}")
        group = selector.api_version.rpartition("/")[0]
        labels = selector.match_labels.labels.items()
        found = [
            manifest
            for ref, manifest in sorted(self._all(seen), key=lambda each: each[0])
            if (ref.group, ref.kind) == (group, selector.kind)
            and selector.namespace in ("", ref.namespace)
            and selector.match_name in ("", ref.name)
            and labels <= manifest["metadata"].get("labels", {}).items()
        ]
        return {"items": [{"resource": manifest} for manifest in found]}

    def _all(self, seen: Mapping[Ref, Manifest]) -> Iterator[tuple[Ref, Manifest]]:
        """Return all objects; the definitions of the providers' kinds among them."""
        yield from seen.items()
        yield self._lock()
        plurals = {"Repository": "repositories", "LifecyclePolicy": "lifecyclepolicies"}
        for api in self.apis.values():
            for kind, version in api.versions.items():
                name = f"{plurals[kind]}.{api.group}"
                yield (
                    Ref("apiextensions.k8s.io", "CustomResourceDefinition", "", name),
                    {
                        "apiVersion": "apiextensions.k8s.io/v1",
                        "kind": "CustomResourceDefinition",
                        "metadata": {"name": name},
                        "spec": {
                            "group": api.group,
                            "names": {"kind": kind, "plural": plurals[kind]},
                            "versions": [{"name": version, "served": True}],
                        },
                        "status": {
                            "conditions": [{"type": "Established", "status": "True"}]
                        },
                    },
                )

    def _lock(self) -> tuple[Ref, Manifest]:
        """Return Crossplane's list of the packages that are installed."""
        upbound = "v2.5.0" if NAMESPACED.group in self.apis else "v1.23.0"
        sources = {
            "crossplane-contrib/provider-aws": "v0.58.0"
            if CLASSIC.group in self.apis
            else "",
            "upbound/provider-aws-ecr": upbound
            if self.apis.keys() - {CLASSIC.group}
            else "",
        }
        api_version = "pkg.crossplane.io/v1beta1"
        return Ref("pkg.crossplane.io", "Lock", "", "lock"), {
            "apiVersion": api_version,
            "kind": "Lock",
            "metadata": {"name": "lock"},
            "packages": [
                {
                    "name": source.rpartition("/")[2],
                    "source": f"xpkg.upbound.io/{source}",
                    "type": "Provider",
                    "version": version,
                }
                for source, version in sources.items()
                if version
            ],
        }

    def _serves(self, api_version: str, kind: str) -> bool:
        group, _, version = api_version.rpartition("/")
        if not group.startswith("ecr.aws."):
            return True
        api = self.apis.get(group)
        return api is not None and api.versions.get(kind) == version

    def _apply(self, composite: Composite, key: str, manifest: Manifest) -> bool:
        """Apply a composed resource server-side; False where that is Invalid.

        Raises:
            NotServedError: The API server knows no such kind.
            RefusedError: Its namespace is being deleted.
        """
        if not self._serves(manifest["apiVersion"], manifest["kind"]):
            raise NotServedError(f"{manifest['apiVersion']} {manifest['kind']}")
        ref, now = ref_of(manifest), self.world.time()
        live = self.objects.get(ref)
        if live is None:
            if ref.namespace in self.terminating:
                raise RefusedError(f"{ref.namespace} is being terminated")
            live = self.objects[ref] = self._new(ref, now)
        elif controller(live) not in ("", composite.uid):
            return False  # "Only one reference can have Controller set to true"
        desired = copy.deepcopy(manifest)
        metadata = desired["metadata"]
        metadata["labels"] = {**metadata.get("labels", {}), **composite.labels}
        metadata["annotations"] = {**metadata.get("annotations", {}), COMPOSED_AS: key}
        metadata["ownerReferences"] = [{"uid": composite.uid, "controller": True}]
        # Of each manager what it applied last: what it leaves out now is removed.
        before = self._applied.get((ref, composite.uid), {})
        self._applied[ref, composite.uid] = copy.deepcopy(desired)
        _merge(live, before, desired)
        self._default(ref, live)
        return True

    def _new(self, ref: Ref, now: str) -> Manifest:
        namespace = {"namespace": ref.namespace} if ref.namespace else {}
        return {
            "metadata": {
                "name": ref.name,
                **namespace,
                "uid": self.world.uid(),
                "creationTimestamp": now,
                "labels": {},
                "annotations": {},
            },
            "status": {},
        }

    def _default(self, ref: Ref, live: Manifest) -> None:
        """Fill in the defaults of the providers' CRDs."""
        api = self.apis.get(ref.group)
        if api is None:
            return
        if not api.namespaced:
            live["spec"].setdefault("deletionPolicy", "Delete")
        if api.manages:
            live["spec"].setdefault("managementPolicies", ["*"])
        if api.namespaced:
            live["spec"]["providerConfigRef"].setdefault(
                "kind", "ClusterProviderConfig"
            )

    def delete_object(self, ref: Ref) -> None:
        """Delete an object; one with a finalizer waits for its controller."""
        metadata = self.objects[ref]["metadata"]
        if not metadata.get("finalizers"):
            self.remove(ref)
        else:
            metadata.setdefault("deletionTimestamp", self.world.time())

    def is_deleted(self, ref: Ref) -> bool:
        """Whether an object is there still, and deleted."""
        return "deletionTimestamp" in self.objects.get(ref, {}).get("metadata", {})

    def finalize(self, ref: Ref) -> None:
        """Add the managed reconciler's finalizer."""
        self.objects[ref]["metadata"]["finalizers"] = [FINALIZER]

    def remove(self, ref: Ref) -> None:
        """Remove an object that nothing keeps any more."""
        live = self.objects.pop(ref)
        self.usages.discard(live["metadata"]["uid"])
        self._applied = {k: v for k, v in self._applied.items() if k[0] != ref}
        self._end_namespaces()

    def _end_namespaces(self) -> None:
        self.terminating &= {ref.namespace for ref in self.objects}

    def controlled_by(self, uid: str) -> list[Ref]:
        """Return what a composite controls."""
        return [ref for ref, m in self.objects.items() if controller(m) == uid]

    # The providers

    def managed(self, kind: str = "") -> list[Ref]:
        """Return the managed resources, or those of one kind."""
        return sorted(
            ref
            for ref in self.objects
            if ref.group in self.apis and kind in ("", ref.kind)
        )

    def provider(self, ref: Ref) -> Provider:
        """Return the provider that reconciles a managed resource."""
        return self.providers[ref.group]

    def applied(self, mr: Manifest) -> Manifest:
        """Return what the composite that controls a resource applied of it."""
        return self._applied.get((ref_of(mr), controller(mr)), {})

    def account(self, mr: Manifest) -> str:
        """Return the account of a managed resource's provider config.

        Raises:
            ProviderError: There is no such config.
        """
        config = mr["spec"]["providerConfigRef"]["name"]
        if config not in self.accounts:
            raise ProviderError(
                f'connect failed: cannot get referenced ProviderConfig "{config}"'
            )
        return self.accounts[config]

    def actor(self, mr: Manifest) -> Actor:
        """Return a managed resource as the one that acts in ECR."""
        metadata = mr["metadata"]
        uid, owner = metadata["uid"], controller(mr)
        composite = self.composites.get(owner)
        labels = metadata["labels"]
        claim = (
            labels.get("crossplane.io/claim-namespace", metadata.get("namespace", "")),
            labels.get(
                "crossplane.io/claim-name", labels.get("crossplane.io/composite", "")
            ),
        )
        kin = tuple(
            self.objects[ref]["metadata"]["uid"]
            for ref in (self.controlled_by(owner) if owner else ())
            if ref.kind == "Repository"
        )
        exempt = None
        if any(self.deletion.get(each) == "Always" for each in (uid, *kin)):
            exempt = Exemption.ALWAYS
        elif uid in self.from_recipe:
            exempt = Exemption.RECIPE
        elif not owner and mr["kind"] != "Repository":
            exempt = Exemption.ORPHANED
        return Actor(
            *(self.name, uid, owner, claim),
            kin=kin,
            live=composite is not None,
            exempt=exempt,
        )

    def _told(self, ref: Ref, *, fresh: bool) -> None:
        """Note that the function has decided on a resource, maybe on its newest state.

        Where it refuses a claim it still decides on the rights that the claim has.
        """
        mr = self.objects.get(ref)
        if mr is None or ref.kind != "Repository" or ref.group not in self.apis:
            return
        uid, annotations = mr["metadata"]["uid"], mr["metadata"]["annotations"]
        given = self.inputs[self.apis[ref.group].namespaced]
        self.deletion[uid] = given.get("deletion", "OnlyCreated")
        if not fresh:
            return
        self.from_recipe.discard(uid)
        found = self.world.ecr.find(self.provider(ref).place(mr))
        if found is None or self.apis[ref.group] is not CLASSIC:
            return
        record = [annotations.get(key) for key in (PENDING, SUCCEEDED)]
        if uid in found.polled_by and not (
            all(record)
            and datetime.fromisoformat(str(record[0])) - SLACK
            <= found.created_at
            <= datetime.fromisoformat(str(record[1])) + SLACK
        ):
            found.mistaken_for.pop(uid, None)

    def check_rights(self) -> None:
        """See that every right was earned.

        Raises:
            NotEarned: One was not.
        """
        for ref in self.managed("Repository"):
            mr, api = self.objects[ref], self.apis[ref.group]
            actions = set(mr["spec"].get("managementPolicies", ["*"]))
            deletes = may_delete(mr, manages=api.manages) and bool(
                merged(mr, "forceDelete")
            )
            if deletes and self.deletion.get(mr["metadata"]["uid"]) == "Never":
                raise NotEarned(f"{ref} may delete under `deletion: Never`")
            changes = api.manages and may(actions, "Update")
            if not (deletes or changes):
                continue
            found = self.world.ecr.find(self.provider(ref).place(mr))
            actor = self.actor(mr)
            if found and not (found.earned_by(actor) or found.exempts(actor)):
                verb = "delete" if deletes else "change"
                raise NotEarned(f"{actor} may {verb} {ref}: {found}")


def controller(manifest: Manifest) -> str:
    """Return the UID of what controls an object; empty for nothing."""
    for owner in manifest["metadata"].get("ownerReferences", ()):
        return str(owner["uid"])
    return ""


def ref_of(manifest: Manifest) -> Ref:
    """Return where an object is."""
    metadata = manifest["metadata"]
    return Ref(
        manifest["apiVersion"].rpartition("/")[0],
        manifest["kind"],
        metadata.get("namespace", ""),
        metadata["name"],
    )


def _merge(live: Manifest, before: Manifest, desired: Manifest) -> None:
    """Apply over a live object, and remove what the same manager no longer applies.

    Lists are atomic. What others have changed since is theirs, and stays.
    """
    for key, was in before.items():
        if key in desired:
            continue
        if isinstance(was, dict) and isinstance(live.get(key), dict):
            _merge(live[key], was, {})
            if not live[key]:
                del live[key]
        elif live.get(key) == was:
            del live[key]
    for key, value in desired.items():
        if isinstance(value, dict):
            inner = live.setdefault(key, {})
            was = before.get(key)
            _merge(inner, was if isinstance(was, dict) else {}, value)
        else:
            live[key] = value

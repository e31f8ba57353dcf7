"""An API server with Crossplane, the function and the installed providers.

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
# The clock difference between the cluster and AWS that the function tolerates.
SLACK = timedelta(minutes=5)
_PAST = 4
_ROUNDS = 6  # required_resources.go: the first call, and MaxRequirementsIterations more


class NotServedError(Exception):
    """The API server does not serve this kind."""


class RefusedError(Exception):
    """The API server refuses an object with another error than Invalid."""


@dataclasses.dataclass
class Composite:
    """A composite resource and its claim, as one object."""

    claim: Claim
    uid: str
    namespaced: bool
    parameters: dict[str, Any]
    created_at: str
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
        """The labels that Crossplane sets on composed resources."""
        namespace, name = self.claim
        labels = {"crossplane.io/composite": self.name}
        if not self.namespaced:
            labels["crossplane.io/claim-namespace"] = namespace
            labels["crossplane.io/claim-name"] = name
        return labels

    def manifest(self) -> Manifest:
        """Return the manifest that the function receives."""
        namespace, name = self.claim
        ref = {"namespace": namespace, "name": name}
        metadata = {
            "name": self.name,
            "uid": self.uid,
            # Only that it has one matters: it is in a cluster.
            "resourceVersion": "1",
            "creationTimestamp": self.created_at,
        }
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
        """Create a cluster.

        Args:
            world: The world that it belongs to.
            name: Its name.
            apis: The installed provider APIs. Claims use the first cluster-scoped one;
                composites without claims use the namespaced one.
            accounts: The AWS account of each provider config.
            required_resources: Whether Crossplane supports `required_resources`. v1
                only supports the older field `extra_resources`.
            default_tags: Whether Upbound's provider runs without --skip-default-tags.
        """
        if NAMESPACED in apis and UPBOUND not in apis and not required_resources:
            # One package has both APIs; v1 cannot install only some kinds of it.
            apis = (*apis, UPBOUND)
        self.world = world
        self.name = name
        self.apis = {api.group: api for api in apis}
        self.accounts = dict(accounts)
        # The inputs in two Compositions: for claims, and for namespaced composites.
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
        # `deletion` and `adopt` in the input when a managed resource was last
        # reconciled, by UID.
        self.deletion: dict[str, str] = {}
        self.adopt: dict[str, str] = {}
        self.from_recipe: set[str] = set()
        self.recipes: set[Claim] = set()
        self._required_resources = required_resources
        self._applied: dict[tuple[Ref, str], Manifest] = {}
        self._past: list[dict[Ref, Manifest]] = []
        self._runner = FunctionRunner()

    def configure(self, **fields: object) -> None:
        """Replace the input fields of both Compositions, as a platform team does."""
        for input_ in self.inputs.values():
            provider = input_["provider"]
            input_.clear()
            input_.update(INPUT, provider=provider)
            input_.update(fields)

    # Tenants

    def apply(
        self,
        claim: Claim,
        parameters: dict[str, Any],
        *,
        namespaced: bool | None = None,
    ) -> Composite:
        """Apply a claim or a namespaced composite.

        Without `namespaced`, the first API of the cluster decides which of the two.

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
        composite = Composite(
            claim, self.world.uid(), namespaced, parameters, self.world.time()
        )
        self.composites[composite.uid] = composite
        return composite

    def delete(self, composite: Composite, *, collect: bool = True) -> None:
        """Delete a claim and its composite.

        Args:
            composite: The composite.
            collect: Whether the garbage collector deletes its resources immediately.
        """
        del self.composites[composite.uid]
        if collect:
            self.collect_garbage()

    def collect_garbage(self) -> None:
        """Delete the resources whose composite is gone."""
        for ref, live in list(self.objects.items()):
            if (uid := controller(live)) and uid not in self.composites:
                self.delete_object(ref)

    def orphan(self, composite: Composite) -> None:
        """Delete a composite but not its resources: --cascade=orphan, or a backup."""
        for ref in self.controlled_by(composite.uid):
            del self.objects[ref]["metadata"]["ownerReferences"]
        del self.composites[composite.uid]
        if CLASSIC.group in self.apis:
            # Exemption.STALE_LEFTOVER: no cache is older than what was left behind.
            self._past = [copy.deepcopy(self.objects)]

    def delete_namespace(self, namespace: str) -> None:
        """Delete a namespace and everything in it, without the safe order."""
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

        Its resources then mistake repositories in the new account for their own.
        """
        self.accounts[config] = account
        for ref in self.managed("Repository"):
            if self.objects[ref]["spec"]["providerConfigRef"]["name"] == config:
                self.world.mistake(self, ref)

    def recipe(self, claim: Claim, parameters: dict[str, Any]) -> None:
        """Create a claim of the patch-and-transform recipe, then move it to us."""
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
            composite: The composite to reconcile.
            behind: Read the state of the cluster as it was this many reconciles ago,
                but never an older state than the last reconcile did.
            only: Apply only this composed resource, as if Crossplane was then killed.
        """
        self._past = [*self._past, copy.deepcopy(self.objects)][-_PAST:]
        # A cache never goes back to an older state.
        del self._past[: -1 - behind]
        snapshot, fresh = self._past[0], len(self._past) == 1
        if composite.uid not in self.composites:
            return
        observed = {
            key: live
            for key, ref in composite.refs.items()
            # What the cache does not have yet is read without it (crossplane v1.20.13
            # to v2.4.2, ExistingComposedResourceObserver).
            if (live := snapshot.get(ref) or self.objects.get(ref))
            and controller(live) in ("", composite.uid)
        }
        try:
            rsp = self._run(composite, observed, snapshot)
            self._record_response(composite, rsp)
            if any(r.severity == fnv1.SEVERITY_FATAL for r in rsp.results):
                composite.ready = False
                # An old state may not have the rights yet that there are to reduce.
                for ref in composite.refs.values() if fresh else ():
                    self._record_decision(ref, fresh=True)
                return
            self._compose(composite, rsp, observed, only=only, fresh=fresh)
        except (NotServedError, RefusedError) as e:
            composite.ready, composite.reason = False, "ReconcileError"
            composite.message = str(e)

    def _record_response(
        self, composite: Composite, rsp: fnv1.RunFunctionResponse
    ) -> None:
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
            # Crossplane does not delete a resource without a controller.
            if key not in desired and current and controller(current) == composite.uid:
                self.delete_object(ref_of(live))
        composite.refs = {key: ref_of(manifest) for key, manifest in desired.items()}
        applied = {}
        for key, manifest in desired.items():
            if not only or key == only:
                applied[key] = self._apply(composite, key, manifest)
                if applied[key]:
                    self._record_decision(ref_of(manifest), fresh=fresh)
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
        snapshot: Mapping[Ref, Manifest],
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
                name: self._fetch(selector, snapshot)
                for name, selector in requirements.extra_resources.items()
            }
            if self._required_resources:
                request["requiredResources"] = {
                    name: self._fetch(selector, snapshot)
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
        self, selector: fnv1.ResourceSelector, snapshot: Mapping[Ref, Manifest]
    ) -> Manifest:
        """Return the resources that a requirement selects; none for a missing name.

        Raises:
            NotServedError: The API server does not serve this kind.
        """
        if not self._serves(selector.api_version, selector.kind):
            raise NotServedError(f"{selector.api_version} {selector.kind}")
        group = selector.api_version.rpartition("/")[0]
        labels = selector.match_labels.labels.items()
        found = [
            manifest
            for ref, manifest in sorted(self._all(snapshot), key=lambda each: each[0])
            if (ref.group, ref.kind) == (group, selector.kind)
            and selector.namespace in ("", ref.namespace)
            and selector.match_name in ("", ref.name)
            and labels <= manifest["metadata"].get("labels", {}).items()
        ]
        return {"items": [{"resource": manifest} for manifest in found]}

    def _all(self, snapshot: Mapping[Ref, Manifest]) -> Iterator[tuple[Ref, Manifest]]:
        """Return all objects, including the CRDs of the providers."""
        yield from snapshot.items()
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
        """Return Crossplane's Lock, the list of installed packages."""
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
        """Apply a composed resource server-side; return False if that is Invalid.

        Raises:
            NotServedError: The API server does not serve this kind.
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
        # The last manifest of each field manager: fields that it now omits are removed.
        before = self._applied.get((ref, composite.uid), {})
        spec = copy.deepcopy(live.get("spec"))
        self._applied[ref, composite.uid] = copy.deepcopy(desired)
        _merge(live, before, desired)
        self._default(ref, live)
        if live.get("spec") != spec:
            live["metadata"]["generation"] += 1
        return True

    def _new(self, ref: Ref, now: str) -> Manifest:
        namespace = {"namespace": ref.namespace} if ref.namespace else {}
        return {
            "metadata": {
                "name": ref.name,
                **namespace,
                "uid": self.world.uid(),
                "creationTimestamp": now,
                "generation": 0,
                "labels": {},
                "annotations": {},
            },
            "status": {},
        }

    def _default(self, ref: Ref, live: Manifest) -> None:
        """Set the defaults from the CRDs of the providers."""
        api = self.apis.get(ref.group)
        if api is None:
            return
        if not api.namespaced:
            live["spec"].setdefault("deletionPolicy", "Delete")
        if api.honours_policies:
            live["spec"].setdefault("managementPolicies", ["*"])
        if api.namespaced:
            live["spec"]["providerConfigRef"].setdefault(
                "kind", "ClusterProviderConfig"
            )

    def delete_object(self, ref: Ref) -> None:
        """Delete an object; with a finalizer, only mark it as deleted."""
        metadata = self.objects[ref]["metadata"]
        if not metadata.get("finalizers"):
            self.remove(ref)
        else:
            metadata.setdefault("deletionTimestamp", self.world.time())

    def is_deleted(self, ref: Ref) -> bool:
        """Whether an object exists and is marked as deleted."""
        return "deletionTimestamp" in self.objects.get(ref, {}).get("metadata", {})

    def finalize(self, ref: Ref) -> None:
        """Add the managed reconciler's finalizer."""
        self.objects[ref]["metadata"]["finalizers"] = [FINALIZER]

    def remove(self, ref: Ref) -> None:
        """Remove an object that has no finalizer left."""
        live = self.objects.pop(ref)
        self.usages.discard(live["metadata"]["uid"])
        self._applied = {k: v for k, v in self._applied.items() if k[0] != ref}
        self._end_namespaces()

    def _end_namespaces(self) -> None:
        self.terminating &= {ref.namespace for ref in self.objects}

    def controlled_by(self, uid: str) -> list[Ref]:
        """Return the objects that a composite controls."""
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
        """Return the manifest that the controlling composite last applied."""
        return self._applied.get((ref_of(mr), controller(mr)), {})

    def account(self, mr: Manifest) -> str:
        """Return the AWS account of the provider config of a managed resource.

        Raises:
            ProviderError: The provider config does not exist.
        """
        config = mr["spec"]["providerConfigRef"]["name"]
        if config not in self.accounts:
            raise ProviderError(
                f'connect failed: cannot get referenced ProviderConfig "{config}"'
            )
        return self.accounts[config]

    def actor(self, mr: Manifest) -> Actor:
        """Return the identity with which a managed resource acts in ECR."""
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
        siblings = tuple(
            self.objects[ref]["metadata"]["uid"]
            for ref in (self.controlled_by(owner) if owner else ())
            if ref.kind == "Repository"
        )
        exempt = None
        if any(self.deletion.get(each) == "Always" for each in (uid, *siblings)):
            exempt = Exemption.ALWAYS
        elif uid in self.from_recipe:
            exempt = Exemption.RECIPE
        elif not owner and mr["kind"] != "Repository":
            exempt = Exemption.ORPHANED
        elif mr["kind"] == "LifecyclePolicy" and (
            mr["spec"].get("deletionPolicy") == "Delete"
            and ref_of(mr).group == CLASSIC.group
        ):
            exempt = Exemption.RELEASED_POLICY
        return Actor(
            *(self.name, uid, owner, claim),
            siblings=siblings,
            live=composite is not None,
            exempt=exempt,
            manages=self.manages(uid, *siblings),
        )

    def manages(self, *uids: str) -> bool:
        """Whether one of these managed resources may change what it adopted."""
        return any(self.adopt.get(uid) == "Manage" for uid in uids)

    def _record_decision(self, ref: Ref, *, fresh: bool) -> None:
        """Record that the function has decided about a managed resource.

        The function also decides about rights when it refuses a claim. Decisions from
        an old state (not `fresh`) do not end exemptions.
        """
        mr = self.objects.get(ref)
        if mr is None or ref.kind != "Repository" or ref.group not in self.apis:
            return
        uid, annotations = mr["metadata"]["uid"], mr["metadata"]["annotations"]
        input_ = self.inputs[self.apis[ref.group].namespaced]
        self.deletion[uid] = input_.get("deletion", "OnlyCreated")
        self.adopt[uid] = input_.get("adopt", "Observe")
        if not fresh:
            return
        self.from_recipe.discard(uid)
        found = self.world.ecr.find(self.provider(ref).location(mr))
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
        """Check that every right was earned.

        Raises:
            NotEarned: A right was not earned.
        """
        for ref in self.managed("Repository"):
            mr, api = self.objects[ref], self.apis[ref.group]
            actions = set(mr["spec"].get("managementPolicies", ["*"]))
            deletes = may_delete(mr, honours_policies=api.honours_policies) and bool(
                merged(mr, "forceDelete")
            )
            composed_as = mr["metadata"]["annotations"].get(COMPOSED_AS)
            if composed_as == "existingrepo" and actions - {"Observe", "Update"}:
                raise NotEarned(f"{ref} may create or delete an existing repository")
            deletion = self.deletion.get(mr["metadata"]["uid"])
            if deletes and deletion in ("Never", "WhenEmpty"):
                raise NotEarned(f"{ref} may delete images under `deletion: {deletion}`")
            changes = api.honours_policies and may(actions, "Update")
            if not (deletes or changes):
                continue
            found = self.world.ecr.find(self.provider(ref).location(mr))
            actor = self.actor(mr)
            manages = actor.manages and not deletes
            if found and not (
                found.earned_by(actor) or found.exempts(actor) or manages
            ):
                verb = "delete" if deletes else "change"
                raise NotEarned(f"{actor} may {verb} {ref}: {found}")


def controller(manifest: Manifest) -> str:
    """Return the UID of the controller of an object, or an empty string."""
    for owner in manifest["metadata"].get("ownerReferences", ()):
        return str(owner["uid"])
    return ""


def ref_of(manifest: Manifest) -> Ref:
    """Return the reference to an object."""
    metadata = manifest["metadata"]
    return Ref(
        manifest["apiVersion"].rpartition("/")[0],
        manifest["kind"],
        metadata.get("namespace", ""),
        metadata["name"],
    )


def _merge(live: Manifest, before: Manifest, desired: Manifest) -> None:
    """Merge into a live object, and remove fields that the manager no longer applies.

    Lists are atomic. A field that another manager has changed since is kept.
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

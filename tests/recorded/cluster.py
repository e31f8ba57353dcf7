"""What Crossplane and a provider make of what the function desires."""

import copy
from collections.abc import Iterable
from typing import NamedTuple, Self

from tests.recorded.cases import Json, is_fatal, respond

UID = "7a43dd38-d8f0-4e84-bcf3-a32f8ce7c966"
CLAIM, NAMESPACE = "example-app-ecr-repos", "default"
ACCOUNT, REGION = "123456789012", "eu-west-2"
CREATED_AT = "2026-11-25T08:41:59Z"
CHANGED_AT = "2026-11-25T08:42:00Z"
PREFIX = "ecrrepos.fn.tap.vrabbi.cloud"
SIGNATURE = "function-ecr-repos/created-by"
PENDING = "crossplane.io/external-create-pending"
SUCCEEDED = "crossplane.io/external-create-succeeded"
EXTERNAL = "crossplane.io/external-name"
COMPOSED = "crossplane.io/composition-resource-name"
IMAGE, BUNDLE = "imagerepo", "bundlerepo"
SETTINGS = "platform-settings"
CAPABILITIES = [
    *("CAPABILITIES", "REQUIRED_RESOURCES", "CREDENTIALS", "CONDITIONS"),
    "REQUIRED_SCHEMAS",
]
PARAMETERS = {
    "providerName": "aws-provider",
    "region": REGION,
    "repoPrefix": "tap/workloads",
    "workloadName": "example-app",
}
APIS = {
    "classic": "ecr.aws.crossplane.io/v1beta1",
    "upbound": "ecr.aws.upbound.io/v1beta2",
    "namespaced": "ecr.aws.m.upbound.io/v1beta1",
}
PACKAGES = {
    "classic": "crossplane-contrib/provider-aws",
    "upbound": "upbound/provider-aws-ecr",
    "namespaced": "upbound/provider-aws-ecr",
}
# Crossplane calls a function once, and as often again while its requirements change
# (crossplane v2.4.2, internal/xfn/required_resources.go, MaxRequirementsIterations).
ITERATIONS = 5


class Owner(NamedTuple):
    """Whose an XR is; a claim has the name of its XR on Crossplane v2."""

    claim: str
    namespace: str
    uid: str


OURS = Owner(CLAIM, NAMESPACE, UID)
PREDECESSOR = OURS._replace(uid="0b5e-predecessor")
# Another claim, and parameters with which its names are the same as ours.
THEIRS = Owner("theirs", "app-default", "0b5e-theirs")
THEIR_PARAMETERS = {**PARAMETERS, "workloadName": "example"}


def ready(status: str = "True", reason: str = "Available") -> Json:
    return {
        "lastTransitionTime": CHANGED_AT,
        "reason": reason,
        "status": status,
        "type": "Ready",
    }


def synced(problem: str = "") -> Json:
    return {
        "lastTransitionTime": CHANGED_AT,
        **({"message": problem} if problem else {}),
        "reason": "ReconcileError" if problem else "ReconcileSuccess",
        "status": "False" if problem else "True",
        "type": "Synced",
    }


class Cluster:
    """One XR, the function's Input, and what a provider makes of what is desired."""

    def __init__(
        self,
        provider: str,
        given: Json | None = None,
        parameters: Json | None = None,
        owner: Owner = OURS,
    ) -> None:
        self.provider, self.api = provider, APIS[provider]
        self.namespaced = provider == "namespaced"
        self.input: Json = {
            "apiVersion": f"{PREFIX}/v1beta1",
            "kind": "Input",
            "provider": self.api,
            **copy.deepcopy(given or {}),
        }
        self.parameters: Json = copy.deepcopy(parameters or PARAMETERS)
        self.xr = self._xr(*owner)
        self.resources: Json = {}
        # What other claims have, the providers that are installed, and what earlier
        # steps of the pipeline want.
        self.others: list[Json] = []
        self.installed = {provider}
        self.earlier: Json = {}
        self.capabilities = CAPABILITIES
        # The data of the platform settings; None for no object.
        self.settings: Json | None = None
        self.required: Json = {}
        self.response: Json = {}

    def _xr(self, claim: str, namespace: str, uid: str) -> Json:
        name = claim if self.namespaced else f"{claim}-fk8gj"
        metadata: Json = {
            "creationTimestamp": "2026-11-25T08:41:50Z",
            "finalizers": ["composite.apiextensions.crossplane.io"],
            "labels": {"crossplane.io/composite": name},
            "name": name,
            "resourceVersion": "1222",
            "uid": uid,
        }
        api_version = "tap.vrabbi.cloud/v1alpha1"
        composition = {"compositionRef": {"name": "workloadecrrepo"}}
        spec: Json = {"parameters": self.parameters}
        if self.namespaced:
            metadata["namespace"] = namespace
            spec["crossplane"] = composition
        else:
            metadata["labels"] |= {
                "crossplane.io/claim-name": claim,
                "crossplane.io/claim-namespace": namespace,
            }
            reference = {"apiVersion": api_version, "kind": "WorkloadECRRepo"}
            spec |= composition
            spec["claimRef"] = {**reference, "name": claim, "namespace": namespace}
        kind = "WorkloadECRRepo" if self.namespaced else "XWorkloadECRRepo"
        return {
            "apiVersion": api_version,
            "kind": kind,
            "metadata": metadata,
            "spec": spec,
        }

    @property
    def live(self) -> list[Json]:
        """The composed resources that are there."""
        return [each["resource"] for each in self.resources.values()]

    def managed(self, key: str = IMAGE) -> Json:
        found: Json = self.resources[key]["resource"]
        return found

    def request(self) -> Json:
        """Return what Crossplane sends."""
        request = {
            **({"input": self.input} if self.input else {}),
            "meta": {
                "capabilities": [f"CAPABILITY_{each}" for each in self.capabilities],
                "tag": "6cd5e7dffb5d44ac",
            },
            "observed": {
                "composite": {"resource": self.xr},
                "resources": self.resources,
            },
            **self.required,
            **self.earlier,
        }
        return copy.deepcopy(request)

    def ask(self, calls: int = 0) -> Json:
        """Call as Crossplane does, until the requirements settle; return the request.

        Args:
            calls: How often, whether they settle or not.
        """
        # Crossplane has had them in its last reconcile too (v2.4), or from the step.
        settings = {SETTINGS: {"items": self._platform_settings()}}
        self.required, before = {"requiredResources": settings}, None
        for call in range(1, ITERATIONS + 2):
            request = self.request()
            self.response = respond(request)
            after = self.response.get("requirements", {})
            if calls == call or (not calls and after == before):
                return request
            if is_fatal(self.response):
                return request
            self._require(after)
            if call == 1 and not after:
                return request
            before = after
        raise AssertionError("requirements didn't stabilize")

    def _require(self, requirements: Json) -> None:
        self.required = {
            theirs: {
                name: {"items": self._select(selector)}
                for name, selector in requirements[ours].items()
            }
            for ours, theirs in (
                ("resources", "requiredResources"),
                ("extraResources", "extraResources"),
            )
            if ours in requirements
        }
        served = {APIS[provider] for provider in self.installed}
        if schemas := requirements.get("schemas"):
            self.required["requiredSchemas"] = {
                name: {"openapiV3": {"type": "object"}} if name in served else {}
                for name in schemas
            }

    def _platform_settings(self) -> list[Json]:
        if self.settings is None:
            return []
        settings = {
            "apiVersion": "apiextensions.crossplane.io/v1beta1",
            "kind": "EnvironmentConfig",
            "metadata": {"name": "ecr-repos", "resourceVersion": "1201"},
            "data": self.settings,
        }
        return [{"resource": settings}]

    def _select(self, selector: Json) -> list[Json]:
        if selector["kind"] == "EnvironmentConfig":
            return self._platform_settings()
        if selector["kind"] == "Lock":
            packages = sorted({PACKAGES[provider] for provider in self.installed})
            lock = {
                "apiVersion": selector["apiVersion"],
                "kind": "Lock",
                "metadata": {"name": "lock"},
                "packages": [
                    {"source": f"registry.example.org/{each}", "version": "v2.1.0"}
                    for each in packages
                ],
            }
            return [{"resource": lock}]

        def is_selected(found: Json) -> bool:
            labels = found["metadata"].get("labels", {})
            wanted = selector["matchLabels"]["labels"]
            return bool(
                found["apiVersion"] == selector["apiVersion"]
                and wanted.items() <= labels.items()
            )

        ours = [name for name in self.resources if is_selected(self.managed(name))]
        theirs = [{"resource": each} for each in self.others if is_selected(each)]
        return [*({"$observed": name} for name in ours), *theirs]

    def apply(self) -> Self:
        """Apply what is desired: what is missing goes, what is there is changed."""
        desired = self.response["desired"].get("resources", {})
        self.resources = {k: v for k, v in self.resources.items() if k in desired}
        for name, each in desired.items():
            manifest = copy.deepcopy(each["resource"])
            if name not in self.resources:
                self.resources[name] = {"resource": self._new(name, manifest)}
                continue
            live = self.managed(name)
            for field in ("annotations", "labels"):
                live["metadata"][field] |= manifest["metadata"].get(field, {})
            tags = live.get("spec", {}).get("forProvider", {}).get("tags", {})
            live |= {k: v for k, v in manifest.items() if k != "metadata"}
            if "crossplane-name" in tags:
                self._tag(live)
        return self

    def _new(self, name: str, manifest: Json) -> Json:
        """Return what Crossplane makes of a new composed resource."""
        xr, metadata = self.xr["metadata"], manifest["metadata"]
        metadata.setdefault("name", f"{xr['name']}-{name}")
        metadata.setdefault("annotations", {})[COMPOSED] = name
        owner = {"apiVersion": self.xr["apiVersion"], "kind": self.xr["kind"]}
        owner |= {"controller": True, "name": xr["name"], "uid": xr["uid"]}
        metadata |= {
            "creationTimestamp": "2026-11-25T08:41:58Z",
            "labels": {**metadata.get("labels", {}), **xr["labels"]},
            "ownerReferences": [owner],
            "resourceVersion": "1272",
            "uid": f"5547e7fc-{name}",
        }
        if self.namespaced:
            metadata["namespace"] = xr["namespace"]
        return manifest

    def _tag(self, live: Json) -> None:
        """Write the tags that Upbound's providers have of their own."""
        live["spec"]["forProvider"].setdefault("tags", {}).update(
            {
                "crossplane-kind": f"repository.{self.api.partition('/')[0]}",
                "crossplane-name": live["metadata"]["name"],
                "crossplane-providerconfig": live["spec"]["providerConfigRef"]["name"],
            }
        )

    def start(self, live: Json) -> None:
        """Let the provider start to create."""
        metadata = live["metadata"]
        metadata["finalizers"] = ["finalizer.managedresource.crossplane.io"]
        live["status"] = {"conditions": [ready("False", "Creating"), synced()]}
        if live["kind"] == "Repository":
            metadata["annotations"][PENDING] = CREATED_AT
            metadata["annotations"].pop(SUCCEEDED, None)
            if self.provider != "classic":
                self._tag(live)

    def finish(self, live: Json, *, found: bool = False) -> None:
        """Let the provider have created, or found, what is desired."""
        self.start(live)
        live["status"] = {"conditions": [ready(), synced()]}
        if live["kind"] != "Repository":
            return
        annotations, spec = live["metadata"]["annotations"], live["spec"]
        if found:
            del annotations[PENDING]
        else:
            annotations[SUCCEEDED] = CREATED_AT
        name = annotations[EXTERNAL]
        uri = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{name}"
        arn = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{name}"
        if self.provider == "classic":
            live["status"]["atProvider"] = {
                "createdAt": "2019-01-01T00:00:00Z" if found else CREATED_AT,
                "registryId": ACCOUNT,
                "repositoryArn": arn,
                "repositoryName": name,
                "repositoryUri": uri,
            }
            return
        at_creation = spec.get("initProvider", {}).get("tags", {})
        tags = {**spec["forProvider"].get("tags", {}), **at_creation}
        encryption = [{"encryptionType": "AES256"}]
        live["status"]["atProvider"] = {
            "arn": arn,
            "encryptionConfiguration": spec["forProvider"].get(
                "encryptionConfiguration", encryption
            ),
            "id": name,
            "registryId": ACCOUNT,
            "repositoryUrl": uri,
            "tags": {"made": "by hand"} if found else tags,
        }

    def composed(self) -> Self:
        """Bring it to where no provider has seen what Crossplane composed."""
        self.ask()
        return self.apply()

    def creating(self) -> Self:
        """Bring it to where the provider creates."""
        self.composed()
        for each in self.live:
            self.start(each)
        return self

    def made(self, found: Iterable[str] = ()) -> Self:
        """Bring it to where the provider has just created, or found, repositories."""
        self.composed()
        for name in self.resources:
            self.finish(self.managed(name), found=name in found)
        return self

    def settled(self, found: Iterable[str] = ()) -> Self:
        """Bring it to where nothing changes any more."""
        self.made(found)
        for _ in range(8):
            before = copy.deepcopy(self.resources)
            self.composed()
            for each in self.live:
                if each["apiVersion"] != "v1" and "status" not in each:
                    self.finish(each)
            if self.resources == before:
                return self
        raise AssertionError("it never settles")

    def adopted(self) -> Self:
        """Bring it to where both repositories were found, and nothing changes."""
        return self.settled(found=(IMAGE, BUNDLE))

    def fails(self, problem: str, *, is_ready: bool = True) -> Self:
        """Let the provider meet a problem."""
        for each in self.live:
            first = ready() if is_ready else ready("False", "Creating")
            each["status"]["conditions"] = [first, synced(problem)]
        return self

    def replaced(self) -> Self:
        """Let another repository take each one's place."""
        for each in self.live:
            at_provider = each["status"].get("atProvider", {})
            if "createdAt" in at_provider:
                at_provider["createdAt"] = "2026-11-26T10:00:00Z"
            elif "tags" in at_provider:
                at_provider["tags"] = {SIGNATURE: "another-uid"}
        return self

    def against(
        self,
        *keys: str,
        provider: str = "",
        owner: Owner = THEIRS,
        parameters: Json = THEIR_PARAMETERS,
    ) -> Self:
        """Let another claim, whose names are the same, have created repositories."""
        theirs = Cluster(
            provider or self.provider, parameters=parameters, owner=owner
        ).settled()
        self.installed.add(theirs.provider)
        for key in keys:
            found = theirs.managed(key)
            found["metadata"]["uid"] = f"1234-theirs-{key}"
            found["metadata"]["creationTimestamp"] = "2026-11-25T08:00:00Z"
            self.others.append(found)
        return self

"""Make the recorded requests anew, by what Crossplane and the providers do.

    python tests/recorded/record.py

It calls the function, and plays Crossplane and a provider: what is desired is observed
in the next request, as they leave it. Needed only where a case is added; the test reads
what is committed.
"""

import copy
import functools
import json
from collections.abc import Callable, Iterable
from typing import Any

from test_recorded import BASES, RECORDED, dumps, merged, respond

Json = dict[str, Any]
UID = "7a43dd38-d8f0-4e84-bcf3-a32f8ce7c966"
NAME, NAMESPACE = "example-app-ecr-repos", "default"
COMPOSITE = f"{NAME}-fk8gj"
ACCOUNT, REGION = "123456789012", "eu-west-2"
CREATED_AT = "2026-11-25T08:41:59Z"
CAPABILITIES = ["CAPABILITIES", "REQUIRED_RESOURCES", "CREDENTIALS", "CONDITIONS"]
PREFIX = "ecrrepos.fn.tap.vrabbi.cloud"
SIGNATURE = "function-ecr-repos/created-by"
PENDING = "crossplane.io/external-create-pending"
SUCCEEDED = "crossplane.io/external-create-succeeded"
EXTERNAL = "crossplane.io/external-name"
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
GONE = "observe failed: external resource does not exist"
UNKNOWN_RESULT = (
    "cannot determine creation result - remove the "
    "crossplane.io/external-create-pending annotation if it is safe to proceed"
)
DENIED = (
    "create failed: failed to create the Repository resource: AccessDeniedException: "
    "User is not authorized to perform: ecr:CreateRepository, request id: 1b2c-3d"
)
LIFECYCLE: Json = {
    "byTagPrefix": [
        {"keepLast": 50, "prefix": "v"},
        {"expireAfterDays": 30, "prefix": "dev-"},
    ],
    "expireUntaggedAfterDays": 7,
    "keepLast": 100,
}
LIFECYCLE_POLICY = (
    '{"rules": [{"rulePriority": 1, "selection": {"tagStatus": "any", "countType": '
    '"imageCountMoreThan", "countNumber": 9}, "action": {"type": "expire"}}]}'
)
PERMISSIONS: Json = {
    "lambdaAccounts": [ACCOUNT],
    "organizations": ["o-abcdefghij"],
    "pull": ["210987654321"],
    "push": [f"arn:aws:iam::{ACCOUNT}:role/ci"],
}
PERMISSIONS_POLICY = (
    '{"Statement": {"Effect": "Deny", "Principal": "*", "Action": "ecr:PutImage"}}'
)
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234"
OPTIONS: dict[str, Json] = {
    "forceDelete": {"forceDelete": False},
    "imageTagMutability MUTABLE": {"imageTagMutability": "MUTABLE"},
    "imageTagMutability IMMUTABLE": {"imageTagMutability": "IMMUTABLE"},
    "imageTagMutability IMMUTABLE_WITH_EXCLUSION": {
        "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
        "imageTagMutabilityExclusionFilters": ["latest", "dev-*"],
    },
    "imageTagMutability MUTABLE_WITH_EXCLUSION": {
        "imageTagMutability": "MUTABLE_WITH_EXCLUSION",
        "imageTagMutabilityExclusionFilters": ["v*"],
    },
    "scanOnPush true": {"scanOnPush": True},
    "scanOnPush false": {"scanOnPush": False},
    "encryption AES256": {"encryption": {"type": "AES256"}},
    "encryption KMS": {"encryption": {"kmsKey": KEY, "type": "KMS"}},
    "encryption KMS_DSSE": {"encryption": {"type": "KMS_DSSE"}},
    "tags": {"tags": {"cost centre": "42/a", "team": "shop"}},
    "automaticTags": {"automaticTags": True},
    "automaticTags and tags": {
        "automaticTags": True,
        "tags": {"namespace": "mine wins"},
    },
    "lifecycle expireUntaggedAfterDays": {"lifecycle": {"expireUntaggedAfterDays": 7}},
    "lifecycle byTagPrefix": {"lifecycle": {"byTagPrefix": LIFECYCLE["byTagPrefix"]}},
    "lifecycle keepLast": {"lifecycle": {"keepLast": 100}},
    "lifecycle": {"lifecycle": LIFECYCLE},
    "lifecycle policy": {"lifecycle": {"policy": LIFECYCLE_POLICY}},
    "lifecycle none": {"lifecycle": {}},
    **{
        f"permissions {key}": {"permissions": {key: value}}
        for key, value in PERMISSIONS.items()
        if key != "lambdaAccounts"
    },
    "permissions lambdaAccounts": {
        "permissions": {"lambdaAccounts": [ACCOUNT], "pull": [ACCOUNT]}
    },
    "permissions": {"permissions": PERMISSIONS},
    "permissions policy": {"permissions": {"policy": PERMISSIONS_POLICY}},
    "permissions none": {"permissions": {}},
}
SHORT = {"lifecycle": {"keepLast": 5}, "permissions": {"pull": ["210987654321"]}}
COMMON = {
    **{key: OPTIONS[key][key] for key in ("forceDelete", "tags", "automaticTags")},
    "imageTagMutability": "IMMUTABLE",
    "lifecycle": LIFECYCLE,
    "permissions": PERMISSIONS,
    "scanOnPush": True,
}
POLICIES = {
    "lifecycle": {"policy": LIFECYCLE_POLICY},
    "permissions": {"policy": PERMISSIONS_POLICY},
}
ENCRYPTED = {
    **OPTIONS["imageTagMutability IMMUTABLE_WITH_EXCLUSION"],
    **OPTIONS["encryption KMS"],
}
ALLOWED = [
    *("forceDelete", "imageTagMutability", "imageTagMutabilityExclusionFilters"),
    *("scanOnPush", "encryption", "tags", "automaticTags", "lifecycle", "permissions"),
]


class Cluster:
    """One XR, the function's Input, and what a provider makes of what is desired."""

    def __init__(
        self,
        provider: str,
        parameters: Json | None = None,
        **given: Any,
    ) -> None:  # a mapping of the Input's fields
        self.provider, self.api = provider, APIS[provider]
        self.namespaced = provider == "namespaced"
        self.input = {
            "apiVersion": f"{PREFIX}/v1beta1",
            "kind": "Input",
            "provider": self.api,
            **given,
        }
        self.xr = self._xr(PARAMETERS if parameters is None else parameters)
        self.resources: Json = {}
        # What others have, and the APIs that are served.
        self.objects: list[Json] = []
        self.served = {self.api}
        self.more: Json = {}
        self.capabilities = [*CAPABILITIES, "REQUIRED_SCHEMAS"]
        self.required: Json = {}
        self.response: Json = {}

    def _xr(self, parameters: Json) -> Json:
        metadata: Json = {
            "creationTimestamp": "2026-11-25T08:41:50Z",
            "finalizers": ["composite.apiextensions.crossplane.io"],
            "generation": 3,
            "labels": {"crossplane.io/composite": COMPOSITE},
            "name": COMPOSITE,
            "resourceVersion": "1222",
            "uid": UID,
        }
        spec: Json = {"parameters": copy.deepcopy(parameters)}
        if self.namespaced:
            metadata |= {
                "labels": {"crossplane.io/composite": NAME},
                "name": NAME,
                "namespace": NAMESPACE,
            }
            spec["crossplane"] = {"compositionRef": {"name": "workloadecrrepo"}}
        else:
            metadata["labels"] |= {
                "crossplane.io/claim-name": NAME,
                "crossplane.io/claim-namespace": NAMESPACE,
            }
            spec |= {
                "claimRef": {
                    "apiVersion": "tap.vrabbi.cloud/v1alpha1",
                    "kind": "WorkloadECRRepo",
                    "name": NAME,
                    "namespace": NAMESPACE,
                },
                "compositionRef": {"name": "workloadecrrepo"},
                "writeConnectionSecretToRef": {
                    "name": UID,
                    "namespace": "crossplane-system",
                },
            }
        return {
            "apiVersion": "tap.vrabbi.cloud/v1alpha1",
            "kind": "WorkloadECRRepo" if self.namespaced else "XWorkloadECRRepo",
            "metadata": metadata,
            "spec": spec,
        }

    @property
    def parameters(self) -> Json:
        found: Json = self.xr["spec"]["parameters"]
        return found

    def managed(self, key: str = "imagerepo") -> Json:
        found: Json = self.resources[key]["resource"]
        return found

    def request(self) -> Json:
        """Return what Crossplane sends."""
        request = {
            "input": self.input,
            "meta": {
                "capabilities": [f"CAPABILITY_{each}" for each in self.capabilities],
                "tag": "6cd5e7dffb5d44ac",
            },
            "observed": {
                "composite": {"resource": self.xr},
                "resources": self.resources,
            },
            **self.required,
            **self.more,
        }
        return copy.deepcopy(request)

    def ask(self) -> Json:
        """Ask as Crossplane does: until the requirements stay; return the request."""
        self.required, before = {}, None
        for _ in range(5):  # as often as Crossplane asks
            request = self.request()
            self.response = respond(request)
            requirements = self.response.get("requirements", {})
            if requirements == before or not requirements:
                return request
            before = requirements
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
            if schemas := requirements.get("schemas"):
                self.required["requiredSchemas"] = {
                    name: {"openapiV3": {"type": "object"}}
                    if name in self.served
                    else {}
                    for name in schemas
                }
        return request

    def _select(self, selector: Json) -> list[Json]:
        if selector["kind"] == "Lock":
            lock = {
                "apiVersion": selector["apiVersion"],
                "kind": "Lock",
                "metadata": {"name": "lock"},
                "packages": [
                    {
                        "source": f"registry.example.org/{'/'.join(package)}",
                        "version": "v2.1.0",
                    }
                    for api in sorted(self.served)
                    for package in [
                        ("upbound", "provider-aws-ecr")
                        if "upbound" in api
                        else ("crossplane-contrib", "provider-aws")
                    ]
                ],
            }
            return [{"resource": lock}]
        wanted = selector["matchLabels"]["labels"].items()
        ours = [each["resource"] for each in self.resources.values()]
        return [
            {"resource": found}
            for found in (*ours, *self.objects)
            if found["apiVersion"] == selector["apiVersion"]
            and wanted <= found["metadata"].get("labels", {}).items()
        ]

    def apply(self) -> None:
        """Apply what is desired: what is missing goes, what is there is changed."""
        desired = self.response["desired"].get("resources", {})
        for name in [name for name in self.resources if name not in desired]:
            del self.resources[name]
        for name, each in desired.items():
            manifest = copy.deepcopy(each["resource"])
            if name in self.resources:
                live = self.managed(name)
                for field in ("annotations", "labels"):
                    live["metadata"][field] |= manifest["metadata"].get(field, {})
                tags = live.get("spec", {}).get("forProvider", {}).get("tags", {})
                live |= {k: v for k, v in manifest.items() if k != "metadata"}
                if isinstance(tags, dict) and "crossplane-name" in tags:
                    self._default_tags(live)
            else:
                self.resources[name] = {"resource": self.new(name, manifest)}

    def new(self, name: str, manifest: Json) -> Json:
        """Return what Crossplane makes of a new composed resource."""
        xr = self.xr["metadata"]
        metadata = manifest["metadata"]
        metadata.setdefault("name", f"{xr['name']}-{name}")
        metadata.setdefault("annotations", {})
        metadata["annotations"]["crossplane.io/composition-resource-name"] = name
        metadata["labels"] = {**metadata.get("labels", {}), **xr["labels"]}
        metadata |= {
            "creationTimestamp": "2026-11-25T08:41:58Z",
            "generation": 1,
            "ownerReferences": [
                {
                    "apiVersion": self.xr["apiVersion"],
                    "blockOwnerDeletion": True,
                    "controller": True,
                    "kind": self.xr["kind"],
                    "name": xr["name"],
                    "uid": xr["uid"],
                }
            ],
            "resourceVersion": "1272",
            "uid": f"5547e7fc-{name}",
        }
        if self.namespaced:
            metadata["namespace"] = xr["namespace"]
        return manifest

    def _default_tags(self, live: Json) -> None:
        """Write the tags that Upbound's provider has of its own."""
        live["spec"]["forProvider"].setdefault("tags", {}).update(
            {
                "crossplane-kind": f"repository.{self.api.partition('/')[0]}",
                "crossplane-name": live["metadata"]["name"],
                "crossplane-providerconfig": live["spec"]["providerConfigRef"]["name"],
            }
        )

    def begin(self, live: Json) -> None:
        """Let the provider begin to create."""
        metadata = live["metadata"]
        metadata["finalizers"] = ["finalizer.managedresource.crossplane.io"]
        if live["kind"] != "Repository":
            return
        metadata["annotations"][PENDING] = CREATED_AT
        if self.provider != "classic":
            self._default_tags(live)
        live["status"] = {"conditions": [ready("False", "Creating"), synced()]}

    def finish(self, live: Json, *, created: bool = True) -> None:
        """Let the provider have what it makes, or find it there."""
        self.begin(live)
        annotations = live["metadata"]["annotations"]
        live["status"] = {"conditions": [ready(), synced()]}
        if live["kind"] != "Repository":
            return
        if created:
            annotations[SUCCEEDED] = CREATED_AT
        else:
            del annotations[PENDING]
        name, spec = annotations[EXTERNAL], live["spec"]
        uri = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{name}"
        arn = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{name}"
        at_provider: Json = {"registryId": ACCOUNT}
        if self.provider == "classic":
            at_provider |= {
                "createdAt": CREATED_AT if created else "2019-01-01T00:00:00Z",
                "repositoryArn": arn,
                "repositoryName": name,
                "repositoryUri": uri,
            }
        else:
            tags = {
                **spec["forProvider"].get("tags", {}),
                **spec.get("initProvider", {}).get("tags", {}),
            }
            at_provider |= {
                "arn": arn,
                "encryptionConfiguration": spec["forProvider"].get(
                    "encryptionConfiguration", [{"encryptionType": "AES256"}]
                ),
                "id": name,
                "repositoryUrl": uri,
                "tags": tags if created else {"made": "by hand"},
            }
        live["status"]["atProvider"] = at_provider

    def begun(self) -> "Cluster":
        """Bring it to where the provider creates."""
        self.ask()
        self.apply()
        for each in self.resources.values():
            self.begin(each["resource"])
        return self

    def made(self, *, created: bool = True) -> "Cluster":
        """Bring it to where the provider has just made, or found, the repositories."""
        self.ask()
        self.apply()
        for each in self.resources.values():
            self.finish(each["resource"], created=created)
        return self

    def ready(self, *, created: bool = True) -> "Cluster":
        """Bring it to where nothing changes any more."""
        self.made(created=created)
        for _ in range(8):
            before = copy.deepcopy(self.resources)
            self.ask()
            self.apply()
            for each in self.resources.values():
                live = each["resource"]
                if live["apiVersion"] != "v1" and "status" not in live:
                    self.finish(live)
            if self.resources == before:
                return self
        raise AssertionError("it never settles")

    def competitor(self, key: str = "imagerepo", *, other: str = "") -> Json:
        """Return what another claim has of a repository, which it created."""
        theirs = Cluster(other or self.provider)
        if theirs.namespaced:
            theirs.xr["metadata"] |= {"namespace": "shop"}
        theirs.xr["metadata"] |= {"name": "theirs", "uid": "0b5e-theirs"}
        theirs.xr["metadata"]["labels"] = {"crossplane.io/composite": "theirs"}
        if not theirs.namespaced:
            claim = {"name": "theirs", "namespace": "shop"}
            theirs.xr["spec"]["claimRef"] |= claim
            theirs.parameters["workloadName"] = "example-app"
            theirs.xr["spec"]["claimRef"]["namespace"] = NAMESPACE
            theirs.xr["metadata"]["labels"] |= {
                "crossplane.io/claim-name": "theirs",
                "crossplane.io/claim-namespace": NAMESPACE,
            }
        else:
            # example-app-default, by another cut of the same name.
            theirs.xr["metadata"]["namespace"] = NAMESPACE
        found: Json = theirs.ready().managed(key)
        found["metadata"]["uid"] = f"1234-theirs-{key}"
        found["metadata"]["creationTimestamp"] = "2026-11-25T08:00:00Z"
        return found


def ready(status: str = "True", reason: str = "Available") -> Json:
    return {
        "lastTransitionTime": "2026-11-25T08:42:00Z",
        "reason": reason,
        "status": status,
        "type": "Ready",
    }


def synced(problem: str = "") -> Json:
    return {
        "lastTransitionTime": "2026-11-25T08:42:00Z",
        **({"message": problem} if problem else {}),
        "reason": "ReconcileError" if problem else "ReconcileSuccess",
        "status": "False" if problem else "True",
        "type": "Synced",
    }


def fails(cluster: Cluster, problem: str, *, is_ready: bool = True) -> Cluster:
    for each in cluster.resources.values():
        is_so = ready() if is_ready else ready("False", "Creating")
        each["resource"]["status"]["conditions"] = [is_so, synced(problem)]
    return cluster


class Recorder:
    """The cases of one provider."""

    def __init__(self, provider: str) -> None:
        self.provider = provider
        self.topics: dict[str, list[Json]] = {}
        self.bases = {
            "first": Cluster(provider).ask(),
            "ready": Cluster(provider).ready().ask(),
            "policies": Cluster(provider, repository=COMMON).ready().ask(),
        }

    def add(self, topic: str, name: str, reason: str, cluster: Cluster) -> Json:
        """Record a cluster's next request; return the response."""
        return self.add_request(topic, name, reason, cluster.ask())

    def add_request(self, topic: str, name: str, reason: str, request: Json) -> Json:
        patches = {base: patch(of, request) for base, of in self.bases.items()}
        base = min(patches, key=lambda each: len(json.dumps(patches[each])))
        response = respond(request)
        assert merged(self.bases[base], patches[base]) == request, name
        self.topics.setdefault(topic, []).append(
            {
                "base": base,
                "name": name,
                "reason": reason,
                "request": patches[base],
                "response": response,
            }
        )
        return response

    def both(  # a name, a reason and what makes the cluster
        self, topic: str, name: str, reason: str, make: Callable[[], Cluster]
    ) -> None:
        """Record the first pass, and where nothing changes any more."""
        response = self.add(topic, f"{name}, first pass", reason, make())
        if not is_fatal(response):
            self.add(topic, f"{name}, ready", reason, make().ready())

    def write(self) -> None:
        folder = RECORDED / self.provider
        folder.mkdir(parents=True, exist_ok=True)
        (folder / BASES).write_text(dumps(self.bases))
        for topic, cases in self.topics.items():
            (folder / f"{topic}.json").write_text(dumps(cases))


def is_fatal(response: Json) -> bool:
    results: Iterable[Json] = response.get("results", [])
    return any(result.get("severity") == "SEVERITY_FATAL" for result in results)


def patch(before: Any, after: Any) -> Any:
    """Return the JSON merge patch from one to the other."""
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return after
    out = dict.fromkeys(before.keys() - after.keys())
    for key, value in after.items():
        if key not in before:
            out[key] = value
        elif before[key] != value:
            out[key] = patch(before[key], value)
    return out


def record_options(to: Recorder) -> None:  # noqa: C901
    """Each option of the Input, alone."""
    provider = to.provider

    def given(
        name: str,
        reason: str,
        **more: Any,
    ) -> None:  # an Input's fields
        to.both("options", name, reason, lambda: Cluster(provider, **more))

    for name, options in OPTIONS.items():
        given(
            f"repository: {name}",
            "one option, of both repositories",
            repository=options,
        )
    for layer in ("image", "bundleRepository"):
        for name, options in (
            ("all", COMMON),
            ("whole policies", POLICIES),
            ("encryption", ENCRYPTED),
        ):
            given(f"{layer}: {name}", "options of one alone", **{layer: options})
        given(
            f"{layer} over repository",
            "an option of one replaces that of both",
            repository=COMMON,
            **{layer: {"scanOnPush": False, "lifecycle": {}, "tags": {"team": "b"}}},
        )
    for deletion in ("OnlyCreated", "Always", "Never"):
        given(f"deletion {deletion}", "which rights are given", deletion=deletion)
        to.add(
            "options",
            f"deletion {deletion}, adopted",
            "which rights are given on what was there before",
            Cluster(provider, deletion=deletion, repository=SHORT).ready(created=False),
        )
    for manages in (True, False):
        given(
            f"managementPolicies {manages}",
            "who is told by management policies",
            managementPolicies=manages,
        )
    for kind in ("ClusterProviderConfig", "ProviderConfig"):
        given(f"providerConfigKind {kind}", "whose config", providerConfigKind=kind)
    for bundle in (True, False):
        given(f"bundle {bundle}", "one repository or two", bundle=bundle)
    for kind in ("ConfigMap", "Secret"):
        given(f"connection {kind}", "an object of details", connection={"kind": kind})
    host = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/tap/workloads"
    for registry in ("Strip", "Keep"):
        to.both(
            "options",
            f"registryHost {registry}",
            "a prefix that starts with a registry's host",
            functools.partial(
                Cluster,
                provider,
                {**PARAMETERS, "repoPrefix": host},
                registryHost=registry,
            ),
        )
    to.both(
        "options",
        "a prefix like a host",
        "its first segment looks like a registry's host, and is none",
        lambda: Cluster(provider, {**PARAMETERS, "repoPrefix": "x.dkr.ecr.aws/tap"}),
    )
    defaults = {k: v for k, v in PARAMETERS.items() if k != "workloadName"}
    to.both(
        "options",
        "defaults",
        "an XR that says only its workload's name",
        lambda: Cluster(provider, {"workloadName": "example-app"}, defaults=defaults),
    )
    allow = {
        "providerNames": ["aws-*"],
        "regions": ["eu-*"],
        "repoPrefixes": ["tap/*"],
    }
    given("allow", "all parameters are allowed", allow=allow)
    for name, options in {
        **OPTIONS,
        "all": COMMON,
        "nothing": {},
    }.items():
        workload = Cluster(
            provider,
            {**PARAMETERS, "repository": options},
            allow={"overrides": ALLOWED},
        )
        to.add("overrides", name, "what a workload says of its own", workload)


def record_states(to: Recorder) -> None:
    """Each state, from the first pass on."""
    _record_creation(to)
    _record_owners(to)
    _record_changes(to)
    _record_crossplane(to)


def _record_creation(to: Recorder) -> None:
    provider = to.provider

    def add(name: str, reason: str, cluster: Cluster) -> Json:
        return to.add("states", name, reason, cluster)

    first = Cluster(provider)
    to.add_request(
        "states",
        "first pass, nothing required yet",
        "the first call of a reconcile",
        first.request(),
    )
    add("first pass", "nobody else asks for them", first)
    composed = Cluster(provider)
    composed.ask()
    composed.apply()
    add("composed", "no provider has seen them", composed)
    add("creating", "the providers create them", Cluster(provider).begun())
    unproven = Cluster(provider).made()
    for each in unproven.resources.values():
        status = each["resource"]["status"]
        status["conditions"][0] = ready("False", "Creating")
        del status["atProvider"]
    add("created but unproven", "its provider says nothing of it yet", unproven)
    add("created", "the rights are given now", Cluster(provider).made())
    add("ready", "steady state", Cluster(provider).ready())
    only = Cluster(provider).made()
    only.begin(only.managed("bundlerepo"))
    only.managed("bundlerepo")["metadata"]["annotations"].pop(SUCCEEDED)
    add("image created, bundle creating", "one of two", only)
    other = Cluster(provider).made()
    other.begin(other.managed())
    other.managed()["metadata"]["annotations"].pop(SUCCEEDED)
    add("bundle created, image creating", "a bundle earns nothing before", other)
    add("found", "there before the claim", Cluster(provider).made(created=False))
    add("adopted", "steady state", Cluster(provider).ready(created=False))
    mixed = Cluster(provider).ready()
    mixed.finish(mixed.managed("bundlerepo"), created=False)
    mixed.managed("bundlerepo")["metadata"]["annotations"].pop(SUCCEEDED)
    add("image created, bundle adopted", "one was there before", mixed)
    add(
        "creation refused",
        "ECR refuses, and the provider says so",
        fails(Cluster(provider).begun(), DENIED, is_ready=False),
    )
    add(
        "a problem when ready",
        "the provider cannot observe them any more",
        fails(Cluster(provider).ready(), "observe failed: ThrottlingException"),
    )
    late = Cluster(provider).ready()
    late.managed()["status"]["conditions"].append(
        {
            "message": "async update failed: AccessDeniedException",
            "reason": "AsyncUpdateFailure",
            "status": "False",
            "type": "LastAsyncOperation",
        }
    )
    add("an operation failed", "upjet's own condition", late)
    add(
        "unresolved creation",
        "the provider died while it created, and waits for a person",
        fails(Cluster(provider).begun(), UNKNOWN_RESULT, is_ready=False),
    )
    again = fails(Cluster(provider).begun(), UNKNOWN_RESULT, is_ready=False)
    again.ask()
    again.apply()
    add("unresolved creation, recorded", "as the function recorded it before", again)
    fails(again, DENIED, is_ready=False)
    add("unresolved creation, tried again", "the record stays", again)
    add(
        "gone",
        "deleted by hand where it may only be observed",
        fails(Cluster(provider).ready(created=False), GONE),
    )
    add(
        "created, then gone",
        "its status is a past one",
        fails(Cluster(provider).ready(), GONE),
    )


def _replaced(cluster: Cluster) -> Cluster:
    for each in cluster.resources.values():
        at_provider = each["resource"].get("status", {}).get("atProvider", {})
        if "createdAt" in at_provider:
            at_provider["createdAt"] = "2026-11-26T10:00:00Z"
        elif "tags" in at_provider:
            at_provider["tags"] = {SIGNATURE: "another-uid"}
    return cluster


def _record_owners(to: Recorder) -> None:  # noqa: C901, PLR0915
    provider = to.provider

    def add(name: str, reason: str, cluster: Cluster) -> Json:
        return to.add("owners", name, reason, cluster)

    def against(cluster: Cluster, *keys: str, other: str = "") -> Cluster:
        cluster.objects = [cluster.competitor(key, other=other) for key in keys]
        cluster.served |= {APIS[other]} if other else set()
        return cluster

    both = ("imagerepo", "bundlerepo")
    add("name taken", "both are another claim's", against(Cluster(provider), *both))
    add("image taken", "one is", against(Cluster(provider), "imagerepo"))
    add("bundle taken", "one is", against(Cluster(provider), "bundlerepo"))
    for other in (each for each in APIS if each != provider):
        if "namespaced" in (other, provider) and other == "classic":
            continue
        add(
            "name taken in another provider's API",
            "a claim that was made under another `provider`",
            against(Cluster(provider), "imagerepo", other=other),
        )
        break
    add(
        "found, and another created it",
        "both are live",
        against(Cluster(provider).made(created=False), "imagerepo"),
    )
    add(
        "created, and another asks",
        "who created it has it",
        against(Cluster(provider).ready(), *both),
    )
    late = against(Cluster(provider).ready(created=False), "imagerepo")
    theirs = late.objects[0]
    theirs["metadata"]["annotations"].pop(PENDING)
    theirs["metadata"]["annotations"].pop(SUCCEEDED)
    theirs["status"]["atProvider"].pop("tags", None)
    add("both found it, and they asked first", "the first one has it", late)
    first = copy.deepcopy(late)
    first.objects[0]["metadata"]["creationTimestamp"] = "2026-11-25T09:00:00Z"
    add("both found it, and we asked first", "the first one has it", first)
    creating = against(Cluster(provider).begun(), "imagerepo")
    add("creating, and another created it", "both race", creating)
    left = against(Cluster(provider), "imagerepo")
    del left.objects[0]["metadata"]["ownerReferences"]
    add("another claim left it behind", "with no controller any more", left)
    own = Cluster(provider).ready()
    for each in own.resources.values():
        del each["resource"]["metadata"]["ownerReferences"]
    add("its own without a controller", "it left them behind itself", own)
    shown = Cluster(provider).ready()
    for each in shown.resources.values():
        metadata = each["resource"]["metadata"]
        del metadata["ownerReferences"]
        metadata["labels"] = {
            key: value.replace("example-app", "other")
            for key, value in metadata["labels"].items()
        }
    add("it is shown what another left", "never taken over", shown)
    add(
        "replaced",
        "another repository stands there",
        _replaced(Cluster(provider).ready()),
    )
    add(
        "replaced, with policies",
        "its policies are removed",
        _replaced(Cluster(provider, repository=SHORT).ready()),
    )
    add(
        "replaced, deletion Always",
        "the platform gives the rights",
        _replaced(Cluster(provider, deletion="Always").ready()),
    )
    if provider == "classic":
        restored = Cluster(provider).ready()
        for each in restored.resources.values():
            annotations = each["resource"]["metadata"]["annotations"]
            annotations[f"{PREFIX}/created-by"] = "another-uid"
        to.add("own", "restored", "the record is another composite's", restored)
    else:
        copied = Cluster(provider).ready()
        for each in copied.resources.values():
            tags = each["resource"]["spec"]["forProvider"]["tags"]
            tags[SIGNATURE] = UID
        to.add("own", "a copied signature", "it proves nothing in the spec", copied)
        untagged = Cluster(provider).ready()
        for each in untagged.resources.values():
            del each["resource"]["spec"]["forProvider"]["tags"]
        to.add("own", "no tags of the provider's", "it would copy ours", untagged)
    _record_release(to, against)


def _record_release(to: Recorder, against: Callable[..., Cluster]) -> None:
    """A bundle is given up, because its image is another claim's."""
    for name, given in (("", {}), (" with policies", {"repository": SHORT})):
        lost = Cluster(to.provider, **given).made()
        image = lost.managed()
        image["metadata"]["annotations"].pop(SUCCEEDED)
        lost.finish(image, created=False)
        against(lost, "imagerepo")
        for step in range(4):
            if "bundlerepo" not in lost.resources:
                break
            reason = "the image is another claim's: one step after the other"
            to.add("owners", f"bundle given up{name}, {step + 1}", reason, lost)
            lost.apply()
    deleted = Cluster(to.provider).made()
    deleted.finish(deleted.managed(), created=False)
    deleted.managed()["metadata"]["annotations"].pop(SUCCEEDED, None)
    against(deleted, "imagerepo")
    bundle = deleted.managed("bundlerepo")
    bundle["metadata"]["deletionTimestamp"] = "2026-11-25T09:00:00Z"
    to.add("owners", "bundle given up, deleting", "as it was empty", deleted)
    bundle["status"]["conditions"][1] = synced("RepositoryNotEmptyException: it is not")
    to.add("owners", "bundle given up, not empty", "it stays in ECR", deleted)


def _record_changes(to: Recorder) -> None:
    provider = to.provider

    def add(name: str, reason: str, cluster: Cluster) -> Json:
        return to.add("changes", name, reason, cluster)

    for created in (True, False):
        for parameter, value in {
            "workloadName": "other",
            "repoPrefix": "other",
            "region": "us-east-1",
            "providerName": "other",
        }.items():
            changed = Cluster(provider).ready(created=created)
            changed.parameters[parameter] = value
            add(
                f"{parameter} changed, {'created' if created else 'adopted'}",
                "a live repository never moves",
                changed,
            )
    every = Cluster(provider).ready()
    every.parameters.update(dict.fromkeys(("workloadName", "providerName"), "other"))
    every.objects = [Cluster(provider).competitor()]
    add("parameters changed, and another asks for the old name", "kept", every)
    off = Cluster(provider).ready()
    off.input["bundle"] = False
    add("bundle switched off", "a live one stays", off)
    off = Cluster(provider, repository=SHORT).ready()
    off.input["bundle"] = False
    add("bundle switched off, with policies", "a live one stays", off)
    on = Cluster(provider, bundle=False).ready()
    on.input["bundle"] = True
    add("bundle switched on", "one is made", on)
    moved = Cluster(provider).ready()
    moved.input["provider"] = APIS[
        {"classic": "upbound", "upbound": "classic", "namespaced": "upbound"}[provider]
    ]
    add("provider changed", "a live one keeps its API", moved)
    for deletion in ("Never", "Always"):
        now = Cluster(provider).ready()
        now.input["deletion"] = deletion
        add(f"deletion changed to {deletion}", "rights follow", now)
    for before, after, name in (
        ({}, COMMON, "options given to a live one"),
        (COMMON, {}, "options taken from a live one"),
        (SHORT, COMMON, "options changed"),
        ({}, OPTIONS["encryption KMS"], "encryption given to a live one"),
    ):
        now = Cluster(provider, repository=before).ready()
        now.input["repository"] = after
        add(name, "an option changes under a live repository", now)
        if not is_fatal(now.response):
            now.apply()
            add(f"{name}, next", "one reconcile later", now)
    policies = Cluster(provider, repository=SHORT).ready()
    life = policies.managed("imagerepo-lifecycle")
    life["status"]["conditions"] = [
        ready("False", "Unavailable"),
        synced("update failed: AccessDeniedException"),
    ]
    add("a policy's problem", "the claim says it", policies)
    waiting = Cluster(provider, repository=SHORT).made()
    waiting.ask()
    waiting.apply()
    add("policies that are not there yet", "composed, and not seen", waiting)


def _record_crossplane(to: Recorder) -> None:
    provider = to.provider

    def add(name: str, reason: str, cluster: Cluster) -> Json:
        return to.add("crossplane", name, reason, cluster)

    responsive = {
        "conditions": [
            {
                "lastTransitionTime": "2026-11-25T08:42:00Z",
                "message": "Watch circuit breaker open",
                "reason": "WatchCircuitOpen",
                "status": "False",
                "type": "Responsive",
            }
        ]
    }
    states: dict[str, Callable[[], Cluster]] = {
        "first pass": lambda: Cluster(provider),
        "creating": lambda: Cluster(provider).begun(),
        "ready": lambda: Cluster(provider).ready(),
        "adopted": lambda: Cluster(provider).ready(created=False),
        "a problem": lambda: fails(Cluster(provider).ready(), "observe failed"),
    }
    for name, make in states.items():
        cluster = make()
        cluster.xr["status"] = responsive
        add(f"circuit breaker open, {name}", "Crossplane drops its events", cluster)
    earlier: Json = {
        "context": {"apiextensions.crossplane.io/environment": {"team": "a"}},
        "desired": {
            "composite": {
                "connectionDetails": {"theirs": "eA=="},
                "resource": {"status": {"other": {"field": 1}}},
            },
            "resources": {
                "earlier": {
                    "ready": "READY_TRUE",
                    "resource": {
                        "apiVersion": "v1",
                        "data": {"a": "b"},
                        "kind": "ConfigMap",
                        "metadata": {"name": "earlier"},
                    },
                }
            },
        },
    }
    later: dict[str, Callable[[], Cluster]] = {
        "first pass": lambda: Cluster(provider),
        "ready": lambda: Cluster(provider).ready(),
        "refused": lambda: Cluster(provider, {**PARAMETERS, "region": "Here"}),
        "refused and reduced": lambda: _refused(provider, deletion="Never"),
    }
    for name, make in later.items():
        cluster = make()
        cluster.more = copy.deepcopy(earlier)
        add(f"an earlier step, {name}", "what it wants is passed on", cluster)
    for name, capabilities in {
        "v1": [],
        "v2.0": CAPABILITIES[:2],
    }.items():
        for state, make in {
            "first pass": lambda: Cluster(provider),
            "adopted": lambda: Cluster(provider).ready(created=False),
        }.items():
            cluster = make()
            cluster.capabilities = capabilities
            add(f"Crossplane {name}, {state}", "by what it can do", cluster)
    for state, make in {
        "first pass": lambda: Cluster(provider),
        "ready": lambda: Cluster(provider).ready(),
    }.items():
        cluster = make()
        del cluster.xr["metadata"]["uid"]
        add(f"no UID, {state}", "as in a file that is rendered", cluster)
        cluster = make()
        del cluster.input
        cluster.input = {"apiVersion": f"{PREFIX}/v1beta1", "kind": "Input"}
        if provider == "classic":
            to.add("own", f"empty Input, {state}", "all by default", cluster)
            request = cluster.request()
            del request["input"]
            to.add_request("own", f"no Input, {state}", "all by default", request)


def _refused(provider: str, **given: Any) -> Cluster:
    cluster = Cluster(provider, repository=SHORT).ready()
    cluster.input |= given
    cluster.parameters["region"] = "Here"
    return cluster


def record_refusals(to: Recorder) -> None:  # noqa: C901
    """Each refusal, at the first pass and with live repositories."""
    provider = to.provider
    host = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/tap"
    parameters: dict[str, Json] = {
        "a bad name": {"workloadName": "Example_App!"},
        "a name that is too long": {"workloadName": "a" * 253},
        "a parameter that is too long": {"workloadName": "a" * 254},
        "a bad region": {"region": "Here"},
        "a bad provider name": {"providerName": "AWS!"},
        "a host of another region": {"repoPrefix": host},
        "a prefix of slashes": {"repoPrefix": "//"},
        "a hostile prefix": {"repoPrefix": "tap\x1b[31m\n\u202e/x"},
        "a number": {"workloadName": 5},
        "an empty parameter": {"workloadName": ""},
        "an override that is not allowed": {"repository": {"scanOnPush": True}},
        "overrides that are no object": {"repository": "none"},
        "overrides that are too large": {"repository": {"x": "y" * (129 * 1024)}},
    }
    inputs: dict[str, Json] = {
        "an unknown field": {"unknown": 1},
        "a wrong type": {"bundle": "no"},
        "a wrong value": {"deletion": "Sometimes"},
        "an unknown provider": {"provider": "ecr.aws.example.org/v1"},
        "a wrong kind": {"kind": "Output"},
        "a wrong option": {"repository": {"lifecycle": {"keepLast": 0}}},
        "a reserved tag": {"repository": {"tags": {"aws:x": "y"}}},
        "filters without their mutability": {
            "repository": {"imageTagMutabilityExclusionFilters": ["a"]}
        },
        "a broken policy": {"repository": {"lifecycle": {"policy": "{}"}}},
        "a default that cannot be": {"defaults": {"region": "Here"}},
        "an Input that is too large": {"unknown": "x" * (257 * 1024)},
    }
    allow: dict[str, Json] = {
        "region": {"regions": ["us-*"]},
        "repoPrefix": {"repoPrefixes": ["other/*"]},
        "providerName": {"providerNames": ["none"]},
        "anything": {"regions": []},
    }

    def each(name: str, reason: str, change: Callable[[Cluster], object]) -> None:
        for state, cluster in {
            "first pass": Cluster(provider),
            "live": Cluster(provider).ready(),
        }.items():
            change(cluster)
            large = len(json.dumps([cluster.xr, cluster.input])) > 2**16
            if large and (provider != "classic" or state == "live"):
                continue
            to.add("own" if large else "refusals", f"{name}, {state}", reason, cluster)

    def updates(part: str, given: Json) -> Callable[[Cluster], object]:
        return lambda cluster: getattr(cluster, part).update(given)

    def drop(parameter: str, cluster: Cluster) -> None:
        cluster.parameters.pop(parameter)

    for name, given in parameters.items():
        each(name, "a parameter", updates("parameters", given))
    for missing in PARAMETERS:
        each(
            f"no {missing}",
            "a parameter that is missing",
            functools.partial(drop, missing),
        )
    for name, given in inputs.items():
        each(name, "a broken Input", updates("input", given))
    for name, given in allow.items():
        each(
            f"{name} is not allowed",
            "what the platform allows",
            updates("input", {"allow": given}),
        )

    def nowhere(cluster: Cluster) -> None:
        cluster.xr["metadata"].pop("namespace", None)
        cluster.xr["spec"].pop("claimRef", None)

    each("no namespace", "an XR that was made by hand", nowhere)

    def scope(cluster: Cluster) -> None:
        if cluster.namespaced:
            del cluster.xr["metadata"]["namespace"]
            cluster.xr["spec"]["claimRef"] = {"name": NAME, "namespace": NAMESPACE}
        else:
            cluster.xr["metadata"]["namespace"] = NAMESPACE

    each("wrong scope", "what this XR cannot compose", scope)
    _record_reduced(to)


def _record_reduced(to: Recorder) -> None:
    """A refused claim loses rights that are not earned, and nothing else."""
    provider = to.provider

    def add(name: str, reason: str, cluster: Cluster) -> Json:
        return to.add("refusals", name, reason, cluster)

    never = _refused(provider, deletion="Never")
    add("refused, deletion Never", "the right to delete goes", never)
    never.apply()
    add("refused, deletion Never, next", "nothing is left to take", never)
    add("refused, replaced", "all rights go", _replaced(_refused(provider)))
    add(
        "refused, replaced, deletion Always",
        "the platform gives them",
        _replaced(_refused(provider, deletion="Always")),
    )
    other = Cluster(provider).ready(created=False)
    other.input["deletion"] = "Always"
    other.ask()
    other.apply()
    other.parameters["region"] = "Here"
    other.objects = [other.competitor()]
    add("refused, another claim's, deletion Always", "all rights go", other)
    denied = Cluster(provider).ready()
    denied.input |= {"allow": {"regions": ["us-*"]}, "deletion": "Never"}
    add("not allowed, deletion Never", "the right to delete goes", denied)
    broken = Cluster(provider).ready()
    broken.input |= {"deletion": "Never", "unknown": 1}
    add("a broken Input, deletion Never", "what it says of deletion is unknown", broken)
    if provider == "namespaced":
        kept = Cluster(provider, connection={"kind": "Secret"}).ready()
        kept.input["deletion"] = "Never"
        kept.parameters["region"] = "Here"
        to.add("own", "refused, with a connection", "its object stays", kept)


def main() -> None:
    for provider in APIS:
        to = Recorder(provider)
        record_options(to)
        record_states(to)
        record_refusals(to)
        to.write()


if __name__ == "__main__":
    main()

"""Build requests and observed resources, and read responses.

The workload is `shop` in namespace `default`; its repository is `tap/shop-default` in
eu-west-2, by provider config `aws`. What a recipe_ function makes is the original
recipe's, for the classic provider.
"""

import asyncio
import json
from pathlib import Path
from typing import Any, NamedTuple

from crossplane.function import logging, resource
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from google.protobuf import json_format

from function import fn
from function.api.input import parse_input
from function.api.settings import Settings, effective_settings
from function.composition.required_settings import REQUIREMENT, settings_are_known
from function.ecr.repository import repository_id
from function.providers.registry import PROVIDERS

# Else each refusal is a line among the tests' own.
logging.configure(logging.Level.DISABLED)

Json = dict[str, Any]
TESTS = Path(__file__).parent
INPUT = {"apiVersion": "ecrrepos.fn.tap.vrabbi.cloud/v1beta1", "kind": "Input"}
PARAMETERS = {
    "workloadName": "shop",
    "repoPrefix": "tap",
    "region": "eu-west-2",
    "providerName": "aws",
}
NAME = "tap/shop-default"

CLASSIC = "ecr.aws.crossplane.io/v1beta1"
CLUSTER = "ecr.aws.upbound.io/v1beta2"
NAMESPACED = "ecr.aws.m.upbound.io/v1beta1"
# Where a creation is recorded: an ECR tag (Upbound), an annotation (classic).
SIGNATURE = "function-ecr-repos/created-by"
RECORD = "ecrrepos.fn.tap.vrabbi.cloud/created-by"
CREATED = {
    "crossplane.io/external-create-pending": "2026-01-01T00:00:00Z",
    "crossplane.io/external-create-succeeded": "2026-01-01T00:00:01Z",
}
CREATED_AT = "2026-01-01T00:00:01Z"
READY = {"type": "Ready", "status": "True"}


class ProviderApi(NamedTuple):
    """What differs between providers.

    Attributes:
        config: The providerConfigRef that a manifest has.
        facts: What its status calls uri, arn and registryId.
        has_deletion_policy: Whether its resources have one.
    """

    config: dict[str, str]
    facts: dict[str, str]
    has_deletion_policy: bool = True


APIS = {
    CLASSIC: ProviderApi(
        {"name": "aws"},
        {"uri": "repositoryUri", "arn": "repositoryArn", "registryId": "registryId"},
    ),
    CLUSTER: ProviderApi(
        {"name": "aws"},
        {"uri": "repositoryUrl", "arn": "arn", "registryId": "registryId"},
    ),
    NAMESPACED: ProviderApi(
        {"name": "aws", "kind": "ClusterProviderConfig"},
        {"uri": "repositoryUrl", "arn": "arn", "registryId": "registryId"},
        has_deletion_policy=False,
    ),
}
FACTS = {"uri": f"host/{NAME}", "arn": f"arn:{NAME}", "registryId": "123456789012"}

# What a manifest says of rights: its deletionPolicy and managementPolicies.
_Rights = tuple[str | None, list[str] | None]
OBSERVE_ONLY = ("Orphan", ["Observe"])
OBSERVE_CREATE = ("Orphan", ["Observe", "Create"])
ORPHAN_ON_DELETE = ("Orphan", ["Observe", "Create", "Update", "LateInitialize"])
FULL = ("Delete", ["*"])

# Options one by one, and those that every provider has together.
EXCLUSION = {
    "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
    "imageTagMutabilityExclusionFilters": ["latest", "dev-*"],
}
_LIFECYCLE_POLICY = {
    "rules": [
        {
            "rulePriority": 1,
            "selection": {
                "tagStatus": "any",
                "countType": "sinceImagePulled",
                "countUnit": "days",
                "countNumber": 90,
            },
            "action": {"type": "transition", "targetStorageClass": "archive"},
        }
    ]
}
_DENY = {"Statement": {"Effect": "Deny", "Principal": "*", "Action": "ecr:PutImage"}}
OPTIONS: dict[str, Json] = {
    "nothing": {},
    "forceDelete": {"forceDelete": False},
    "imageTagMutability": {"imageTagMutability": "IMMUTABLE"},
    "imageTagMutabilityExclusionFilters": EXCLUSION,
    "scanOnPush": {"scanOnPush": True},
    "encryption": {"encryption": {"type": "AES256"}},
    "encryption with a key": {
        "encryption": {
            "type": "KMS",
            "kmsKey": "arn:aws:kms:eu-west-2:123456789012:key/1234",
        }
    },
    "tags": {"tags": {"team": "shop", "cost centre": "42/a"}},
    "automaticTags": {"automaticTags": True, "tags": {"namespace": "mine wins"}},
    "lifecycle": {
        "lifecycle": {
            "expireUntaggedAfterDays": 7,
            "byTagPrefix": [
                {"prefix": "v", "keepLast": 50},
                {"prefix": "dev-", "expireAfterDays": 30},
            ],
            "keepLast": 100,
        }
    },
    "lifecycle by pattern, and archived": {
        "lifecycle": {
            "expireUntaggedAfterDays": 30,
            "byTagPattern": [
                {
                    "pattern": "release-*",
                    "archiveUnpulledAfterDays": 180,
                    "expireArchivedAfterDays": 3650,
                },
                {"pattern": "pr-*", "expireAfterDays": 14},
            ],
            "archiveAfterDays": 90,
            "expireArchivedAfterDays": 365,
        }
    },
    "lifecycle as it is": {"lifecycle": {"policy": json.dumps(_LIFECYCLE_POLICY)}},
    "permissions": {
        "permissions": {
            "pull": ["210987654321"],
            "push": ["arn:aws:iam::123456789012:role/ci"],
            "organizations": ["o-abcdefghij"],
            "lambdaAccounts": ["123456789012"],
        }
    },
    "permissions of organizations, through an endpoint": {
        "permissions": {
            "pull": ["210987654321"],
            "pushOrganizations": ["o-abcdefghij"],
            "fullAccessOrganizations": ["o-klmnopqrst"],
            "vpcEndpoints": ["vpce-0123456789abcdef0"],
        }
    },
    "permissions as they are": {"permissions": {"policy": json.dumps(_DENY)}},
}
OPTIONS["all that every provider has"] = {
    key: value
    for name in ("scanOnPush", "tags", "lifecycle", "permissions", "forceDelete")
    for key, value in OPTIONS[name].items()
}
# Two short policies, and the composed resources that they become.
POLICIES = {"lifecycle": {"keepLast": 5}, "permissions": {"pull": ["210987654321"]}}
LIFECYCLE, PERMISSIONS = "imagerepo-lifecycle", "imagerepo-policy"


# Requests


def xr(provider: str = CLASSIC, namespace: str = "default") -> Json:
    """Return a composite resource whose repositories this provider can make."""
    metadata = {"name": "shop", "uid": "ours"}
    spec: Json = {"parameters": dict(PARAMETERS)}
    if provider == NAMESPACED:
        metadata["namespace"] = namespace
    else:
        spec["claimRef"] = {"namespace": namespace, "name": "shop"}
    return {
        "apiVersion": "tap.vrabbi.cloud/v1alpha1",
        "kind": "XR",
        "metadata": metadata,
        "spec": spec,
    }


def captured(name: str) -> Json:
    """Return a request that Crossplane sent: `first`, or `steady`."""
    file = TESTS / f"benchmark/requests/{name}.json"
    return dict(json.loads(file.read_text()))


def request(composite: Json, **fields: Any) -> fnv1.RunFunctionRequest:
    """Return a request of a composite.

    Args:
        composite: The XR.
        fields: Those of a request; of `observed`, the resources alone.
    """
    observed = {
        "composite": {"resource": composite},
        "resources": fields.pop("observed", {}),
    }
    return parsed({"meta": {"tag": "t"}, "observed": observed, **fields})


def parsed(document: Json) -> fnv1.RunFunctionRequest:
    """Return the request that a JSON document is, without platform settings."""
    req = json_format.ParseDict(document, fnv1.RunFunctionRequest())
    if not settings_are_known(req):
        # Crossplane has looked for them, and there are none.
        req.required_resources[REQUIREMENT].SetInParent()
    return req


def settings_of(**step_input: Any) -> Settings:
    """Return the settings that apply under an Input, without platform settings."""
    return effective_settings(parse_input(resource.dict_to_struct(INPUT | step_input)))


def platform_settings(**data: Any) -> Json:
    """Return the EnvironmentConfig with the platform settings."""
    return {
        "apiVersion": "apiextensions.crossplane.io/v1beta1",
        "kind": "EnvironmentConfig",
        "metadata": {"name": "ecr-repos"},
        "data": data,
    }


# Responses


def call(req: fnv1.RunFunctionRequest) -> fnv1.RunFunctionResponse:
    """Call RunFunction."""
    return asyncio.run(fn.FunctionRunner().RunFunction(req, None))


def call_bytes(serialized: bytes) -> fnv1.RunFunctionResponse:
    """Call RunFunction with a serialized request."""
    return call(fnv1.RunFunctionRequest.FromString(serialized))


def run(
    provider: str,
    observed: Json | None = None,
    /,
    *,
    competitors: list[Json] | None = None,
    required: bool = True,
    composite: Json | None = None,
    others: dict[str, Json] | None = None,
    **step_input: Any,
) -> fnv1.RunFunctionResponse:
    """Call RunFunction for an image without a bundle.

    Args:
        provider: The Input's.
        observed: The image's managed resource.
        competitors: The managed resources that the requirement selects.
        required: Whether Crossplane has fetched these already.
        composite: The XR, unless it is the usual one.
        others: More observed resources, by composed name.
        step_input: The Input's other fields.
    """
    manifests = {"imagerepo": observed, **(others or {})}
    items = [{"resource": each} for each in competitors or []]
    return call(
        request(
            composite or xr(provider),
            observed={k: {"resource": m} for k, m in manifests.items() if m},
            input={**INPUT, "provider": provider, "bundle": False, **step_input},
            requiredResources={"contenders-imagerepo": {"items": items}}
            if required
            else {},
        )
    )


def reconcile(
    provider: str,
    observed: Json | None = None,
    /,
    *,
    objects: list[Json] | None = None,
    capabilities: list[str] | None = None,
    serves: set[str] | None = None,
    composite: Json | None = None,
    seeds: Json | None = None,
    **step_input: Any,
) -> fnv1.RunFunctionResponse:
    """Call RunFunction as Crossplane does, with what its requirements select.

    Args:
        provider: The Input's.
        observed: The image's managed resource.
        objects: All that the cluster has.
        capabilities: What Crossplane says that it can.
        serves: The APIs that are served; another one fails the reconcile. None for
            what knows no kinds, such as a test.
        composite: The XR, unless it is the usual one.
        seeds: Required resources of the last reconcile (v2.4).
        step_input: The Input's other fields.
    """
    document: Json = {
        "meta": {"capabilities": capabilities or []},
        "observed": {
            "composite": {"resource": composite or xr(provider)},
            "resources": {"imagerepo": {"resource": observed}} if observed else {},
        },
        "input": {**INPUT, "provider": provider, "bundle": False, **step_input},
        "requiredResources": seeds or {},
    }
    requirements = None
    for _ in range(5):
        rsp = call(parsed(document))
        if is_fatal(rsp) or rsp.requirements == requirements:
            return rsp
        requirements = rsp.requirements
        for field, selectors in (
            ("requiredResources", requirements.resources),
            ("extraResources", requirements.extra_resources),
        ):
            document[field] = {
                name: {"items": _select(selector, objects or [], serves)}
                for name, selector in selectors.items()
            }
        document["requiredSchemas"] = {
            name: {"openapiV3": {"type": "object"}} if api.api_version in serves else {}
            for name, api in requirements.schemas.items()
            if serves is not None
        }
    raise AssertionError("the requirements never settle")


def _select(
    selector: fnv1.ResourceSelector, objects: list[Json], serves: set[str] | None
) -> list[Json]:
    api = selector.api_version
    if serves is not None and api in PROVIDERS:
        assert api in serves, f"no matches for kind {selector.kind} in {api}"
    return [
        {"resource": found}
        for found in objects
        if (found["apiVersion"], found["kind"]) == (api, selector.kind)
        and (
            found["metadata"].get("name") == selector.match_name
            if selector.WhichOneof("match") == "match_name"
            else selector.match_labels.labels.items()
            <= found["metadata"].get("labels", {}).items()
        )
    ]


def is_fatal(rsp: fnv1.RunFunctionResponse) -> bool:
    """Whether Crossplane would change nothing."""
    return any(r.severity == fnv1.SEVERITY_FATAL for r in rsp.results)


def desired(rsp: fnv1.RunFunctionResponse) -> dict[str, Json]:
    """Return the desired manifests, by composed name."""
    return {
        name: resource.struct_to_dict(r.resource)
        for name, r in sorted(rsp.desired.resources.items())
    }


def desired_image(rsp: fnv1.RunFunctionResponse) -> Json:
    """Return the desired image's manifest, of a response without results."""
    assert not rsp.results, rsp.results
    return desired(rsp)["imagerepo"]


def sent_for_provider(rsp: fnv1.RunFunctionResponse, name: str = "imagerepo") -> Json:
    """Return a desired repository's spec.forProvider."""
    return dict(desired(rsp)[name]["spec"]["forProvider"])


def additions(manifest: Json) -> Json:
    """Return what a new repository has in spec.forProvider besides its options.

    Args:
        manifest: The repository's managed resource.
    """
    group, _, _ = manifest["apiVersion"].partition("/")
    if group == "ecr.aws.crossplane.io":
        return {}
    return {
        "encryptionConfiguration": [{"encryptionType": "AES256"}],
        "imageScanningConfiguration": {"scanOnPush": False},
        "imageTagMutability": "MUTABLE",
        "tags": {
            "crossplane-kind": f"repository.{group}",
            "crossplane-name": manifest["metadata"]["name"],
            "crossplane-providerconfig": manifest["spec"]["providerConfigRef"]["name"],
        },
    }


def status(rsp: fnv1.RunFunctionResponse) -> Json:
    """Return the desired status of the composite."""
    return dict(resource.struct_to_dict(rsp.desired.composite.resource)["status"])


def rights(manifest: Json) -> _Rights:
    """Return a manifest's deletionPolicy and managementPolicies."""
    spec = manifest["spec"]
    return spec.get("deletionPolicy"), spec.get("managementPolicies")


# Observed resources


def live(
    provider: str,
    *,
    made: bool = True,
    conditions: list[dict[str, str]] | None = None,
    signature: str | None = None,
    uid: str = "",
    day: int = 1,
) -> Json:
    """Return an observed managed resource, as its provider leaves it when it is ready.

    Args:
        provider: Whose it is.
        made: Whether the provider created the repository.
        conditions: Those of its status; Ready alone by default.
        signature: What ECR's tag of ours says; None for its creator's UID.
        uid: That of its controller, where it is another's.
        day: When it was created.
    """
    manifest = desired_image(run(provider))
    metadata = manifest["metadata"]
    at = f"2026-01-0{day}T00:00:00Z"
    metadata |= {"creationTimestamp": at, "uid": f"of-{uid}"}
    metadata["annotations"] |= CREATED if made else {}
    if uid:
        metadata["ownerReferences"] = [{"controller": True, "uid": uid}]
    manifest["status"] = {
        "conditions": [READY] if conditions is None else conditions,
        "atProvider": {
            theirs: FACTS[ours] for ours, theirs in APIS[provider].facts.items()
        },
    }
    if uid:
        manifest["spec"].get("initProvider", {}).get("tags", {})[SIGNATURE] = uid
    if signature is None:
        signature = (uid or "ours") if made else ""
    if provider == CLASSIC:
        manifest["status"]["atProvider"]["createdAt"] = CREATED_AT
    elif signature:
        manifest["status"]["atProvider"]["tags"] = {SIGNATURE: signature}
    return manifest


def with_full_rights(provider: str, options: Json | None = None) -> Json:
    """Return a managed resource that has all rights, as a provider leaves it."""
    manifest = live(provider)
    granted = composed(provider, options or {})["imagerepo"]
    manifest["spec"] = granted["spec"]
    manifest["metadata"]["annotations"] |= granted["metadata"]["annotations"]
    return manifest


def composed(provider: str, options: Json) -> dict[str, Json]:
    """Return what is composed for a repository that is known to be ours."""
    rsp = run(provider, live(provider), repository=options)
    assert not rsp.results, rsp.results
    return desired(rsp)


def live_policies(
    provider: str, options: Json, *, deletable: bool | None = None
) -> dict[str, Json]:
    """Return the live policies that options once gave, by composed name.

    Args:
        provider: Whose they are.
        options: A repository's.
        deletable: Whether they may be deleted; None for what they were composed with.
    """
    out = {}
    for name, manifest in composed(provider, options).items():
        if name == "imagerepo":
            continue
        manifest["metadata"] |= {"name": name, "annotations": CREATED}
        manifest["status"] = {"conditions": [READY]}
        if deletable is not None:
            _set_deletable(manifest, deletable=deletable)
        out[name] = manifest
    return out


def _set_deletable(manifest: Json, *, deletable: bool) -> None:
    spec = manifest["spec"]
    policy, actions = FULL if deletable else ORPHAN_ON_DELETE
    if "deletionPolicy" in spec:
        spec["deletionPolicy"] = policy
    if "managementPolicies" in spec:
        spec["managementPolicies"] = actions


# The original recipe


RECIPE_PREFIX = "xxxxxxx.dkr.ecr.eu-west-2.amazonaws.com/tap/workloads"
RECIPE_NAME = f"{RECIPE_PREFIX}/example-app-default"
RECIPE_PARAMETERS = {
    "workloadName": "example-app",
    "repoPrefix": RECIPE_PREFIX,
    "region": "eu-west-2",
    "providerName": "aws-provider",
}


def recipe_xr(parameters: Any = None, **spec: Any) -> Json:
    """Return the recipe's own example, with these parameters and fields of its spec."""
    return {
        "apiVersion": "tap.vrabbi.cloud/v1alpha1",
        "kind": "XWorkloadECRRepo",
        "metadata": {"name": "example-app-ecr-repos-x7k2p"},
        "spec": {
            "claimRef": {"namespace": "default", "name": "example-app-ecr-repos"},
            "parameters": RECIPE_PARAMETERS if parameters is None else parameters,
            **spec,
        },
    }


def recipe_repository(
    name: str,
    *,
    policy: str = "Orphan",
    resource_name: str | None = None,
    region: str = "eu-west-2",
    config: str = "aws-provider",
) -> Json:
    """Return the whole manifest of a repository."""
    identified = repository_id("ecr.aws.crossplane.io", config, region, name)
    return {
        "apiVersion": CLASSIC,
        "kind": "Repository",
        "metadata": {
            "name": resource_name or f"{name.rpartition('/')[2]}-{identified}",
            "annotations": {"crossplane.io/external-name": name},
            "labels": {
                "region": region,
                "ecrrepos.fn.tap.vrabbi.cloud/repository": identified,
            },
        },
        "spec": {
            "deletionPolicy": policy,
            "forProvider": {"forceDelete": True, "region": region},
            "providerConfigRef": {"name": config},
        },
    }


def recipe_observed(name: str, *, created: bool = True, **changed: str) -> Json:
    """Return an entry of `observed`: a repository that the recipe once composed."""
    named = {"resource_name": "as-the-recipe-named-it", **changed}
    manifest = recipe_repository(name, **named)
    manifest["metadata"]["annotations"] |= CREATED if created else {}
    manifest["status"] = {
        "conditions": [READY],
        "atProvider": {
            "repositoryUri": f"host/{name}",
            "repositoryArn": f"arn:{name}",
            "registryId": "123456789012",
            "createdAt": CREATED_AT,
        },
    }
    return {"resource": manifest}


def recipe_both(*, created: bool = True) -> dict[str, Json]:
    """Return both of the recipe's repositories, as they are observed."""
    return {
        "imagerepo": recipe_observed(RECIPE_NAME, created=created),
        "bundlerepo": recipe_observed(f"{RECIPE_NAME}-bundle", created=created),
    }


def recipe_competitor(name: str, uid: str = "theirs") -> Json:
    """Return the same repository as another composite's."""
    manifest = recipe_observed(name)["resource"]
    manifest["metadata"]["ownerReferences"] = [
        {"uid": "of-no-controller"},
        {"uid": uid, "controller": True, "name": "secret-of-theirs"},
    ]
    return {"resource": manifest}

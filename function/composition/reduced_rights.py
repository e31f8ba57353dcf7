"""What a live claim that is refused may still lose: rights that it has not earned.

Crossplane changes nothing on a fatal result. So yesterday's rights would outlast a
replaced repository, another owner and `deletion: Never`, for as long as a claim is
wrong. Where a live resource has more than it has earned, the answer is not fatal: it
desires what is there, as it is, but for these rights. Nothing is ever given.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from google.protobuf import json_format
from google.protobuf import struct_pb2 as structpb

from function.api.input import Input
from function.composition import desired as answer
from function.composition.competitors import LOCK
from function.composition.composed import Composed, observed_repository
from function.composition.conditions import connection_details
from function.composition.observed import BUNDLE, IMAGE, Observed, policy_name
from function.composition.request import Request, parse_struct
from function.ecr import ownership
from function.ecr.ownership import Standing, bundle_rights, rights
from function.ecr.policies import Attached, Kind, attach
from function.ecr.repository import Facts, Rights
from function.providers import managed
from function.providers.option_fields import FIELD_NAMES
from function.structs import struct

# What of a managed resource's spec.forProvider is the function's own.
_OURS = frozenset(
    {
        *FIELD_NAMES,
        *("region", "repository", "repositoryName"),
        *("policy", "lifecyclePolicyText", "rawPolicy"),
    }
)
# And what of it a repository has that is only observed.
_DEFAULT_POLICIES = {"managementPolicies": ["*"]}
_UNEARNED = frozenset({"region", "forceDelete"})


class _Kept(NamedTuple):
    """A live repository of a refused claim, and what it may have."""

    composed: Composed
    may: Rights

    @property
    def facts(self) -> Facts:
        return self.composed.facts or Facts()

    @property
    def reduced(self) -> bool:
        """Whether it has more than that."""
        return ownership.has_more_than_earned(
            may_delete=self.facts.deletable,
            may_change=self.facts.changeable,
            earned_delete=self.may is Rights.ALL,
            earned_change=self.may in (Rights.KEEP, Rights.ALL),
        )


def reduce(req: Request, observed: Observed, rsp: fnv1.RunFunctionResponse) -> bool:
    """Desire what a refused claim has, with no more rights than are earned.

    Args:
        req: The request.
        observed: What of it can be read whatever its claim asks for.
        rsp: What is answered; untouched if nothing is reduced.

    Returns:
        Whether something is: if not, a fatal result keeps everything as it is.
    """
    requirements = fnv1.Requirements()
    live = dict(_live(requirements, observed))
    released = dict(_released(observed, live))
    asks = any(
        name not in req.required_resources and name not in req.extra_resources
        for name in requirements.resources
        if name != LOCK
    )
    if not (asks or released or any(kept.reduced for kept in live.values())):
        return False
    rsp.requirements.CopyFrom(requirements)
    resources = req.observed.resources
    for key, kept in live.items():
        manages = observed.settings.honours_management_policies(kept.composed.provider)
        manifest = _manifest(resources[key].resource, manages=manages)
        if kept.reduced:
            _reduce(manifest, kept, observed.settings)
        answer.desire(rsp, key, manifest, ready=kept.composed.known.ready)
    for name, policy in observed.policies:
        if name not in released:
            key = name.partition("-")[0]
            manages = observed.settings.honours_management_policies(
                dict(observed.live)[key].provider
            )
            manifest = _manifest(resources[name].resource, manages=manages)
            answer.desire(rsp, name, manifest, ready=policy.ready)
        elif wanted := released[name]:
            answer.desire(rsp, name, wanted, ready=policy.ready)
    if answer.CONNECTION in resources:
        manifest = _object(resources[answer.CONNECTION].resource)
        answer.desire(rsp, answer.CONNECTION, manifest, ready=True)
    _report(rsp, {key: kept.composed for key, kept in live.items()})
    return True


def _live(
    requirements: fnv1.Requirements, observed: Observed
) -> Iterator[tuple[str, _Kept]]:
    image = Standing.FREE
    for key, (provider, own, _) in observed.live:
        if own is None:
            continue
        repository = observed_repository(own, observed.namespace, observed.uid)
        rivals = dict(observed.rivals).get(key, ())
        standing = ownership.standing(own, rivals)
        deletion = observed.settings.deletion
        may = rights(deletion, standing)
        # Of these alone it matters who else asks: all others keep nothing anyway.
        if standing is Standing.ADOPTED and may is Rights.ALL and own.changeable:
            where = dict(observed.search)[key]
            answer.require_rivals(requirements, key, provider, repository, where)
        if key == IMAGE:
            image = standing
        elif image is not Standing.TAKEN:
            may = bundle_rights(may, image, own)
        composed = Composed(repository, repository, provider, own, standing)
        yield key, _Kept(composed, may)


def _released(
    observed: Observed, live: Mapping[str, _Kept]
) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """Return the policies that go, and what is desired of each until then."""
    policies = dict(observed.policies)
    for key, kept in live.items():
        if kept.may in (Rights.KEEP, Rights.ALL):
            continue
        if kept.composed.standing is Standing.WAITING:
            continue
        provider = kept.composed.provider
        manages = observed.settings.honours_management_policies(provider)
        for kind in Kind:
            name = policy_name(key, kind)
            policy: Attached | None = policies.get(name)
            if policy is None:
                continue
            left = kept.composed.kept._replace(rights=Rights.OBSERVE)
            wanted = attach(provider, kind, left, policy, there=bool(kept.facts.arn))
            yield (
                name,
                provider.attachment(wanted, manages=manages) if wanted else None,
            )


def _reduce(manifest: dict[str, Any], kept: _Kept, settings: Input) -> None:
    spec, provider = manifest["spec"], kept.composed.provider
    if kept.may not in (Rights.KEEP, Rights.ALL):
        given = spec["forProvider"]
        spec["forProvider"] = {k: v for k, v in given.items() if k in _UNEARNED}
    if provider.has_deletion_policy:
        spec |= managed.deletion_policy(kept.may)
    if settings.honours_management_policies(provider) or "managementPolicies" in spec:
        spec |= managed.management_policies(
            kept.may, late_initialize=not kept.facts.copies_tags
        )


def _manifest(serialized: bytes, *, manages: bool) -> dict[str, Any]:
    """Return what the function owns of one of its managed resources, as it is."""
    observed = parse_struct(serialized)
    metadata, spec = struct(observed, "metadata"), struct(observed, "spec")
    annotations = _some(
        struct(metadata, "annotations"),
        managed.EXTERNAL_NAME,
        ownership.CREATED_BY,
        *(
            (ownership.CREATE_FAILED, ownership.CREATE_ABANDONED)
            if ownership.CREATE_ABANDONED in struct(metadata, "annotations").fields
            else ()
        ),
    )
    labels = _some(struct(metadata, "labels"), "region", managed.IDENTITY)
    for_provider = _some(struct(spec, "forProvider"), *_OURS)
    if isinstance(tags := for_provider.get("tags"), dict):
        # The provider's own: what it wrote is its to keep.
        ours = {k: v for k, v in tags.items() if not k.startswith("crossplane-")}
        for_provider["tags"] = ours
        if not ours:
            del for_provider["tags"]
    signature = _some(
        struct(struct(spec, "initProvider"), "tags"), ownership.CREATED_BY_TAG
    )
    policies = _some(spec, "managementPolicies")
    return {
        **_some(observed, "apiVersion", "kind"),
        "metadata": {
            **_some(metadata, "name"),
            **({"annotations": annotations} if annotations else {}),
            **({"labels": labels} if labels else {}),
        },
        "spec": {
            **_some(spec, "deletionPolicy"),
            # To the classic provider, anything but the default may be an error.
            **(policies if manages or policies != _DEFAULT_POLICIES else {}),
            "forProvider": for_provider,
            **({"initProvider": {"tags": signature}} if signature else {}),
            "providerConfigRef": _some(
                struct(spec, "providerConfigRef"), "name", "kind"
            ),
        },
    }


def _object(serialized: bytes) -> dict[str, Any]:
    """Return the object of connection details as it is."""
    observed = parse_struct(serialized)
    return {
        **_some(observed, "apiVersion", "kind", "type", "data"),
        "metadata": _some(struct(observed, "metadata"), "name"),
    }


def _some(parent: structpb.Struct, *keys: str) -> dict[str, Any]:
    """Return those of some fields that are there, as plain values."""
    return {
        key: json_format.MessageToDict(parent.fields[key])
        for key in sorted(keys)
        if key in parent.fields
    }


def _report(rsp: fnv1.RunFunctionResponse, composed: Mapping[str, Composed]) -> None:
    if any(each.standing is Standing.TAKEN for each in composed.values()):
        rsp.desired.composite.ready = fnv1.READY_FALSE
    if image := composed.get(IMAGE):
        bundle = composed.get(BUNDLE)
        for key, value in connection_details(
            image.kept.region, image.known, bundle.known if bundle else None
        ).items():
            rsp.desired.composite.connection_details[key] = value
    answer.merge_status(rsp, answer.status(composed))

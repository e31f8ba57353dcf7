"""Whose a repository is.

Only the composite resource whose managed resource created a repository may delete it,
and of several composites that want one repository only one gets it. So nobody's images
are lost. Here is how a creation is proven, and who wins. What the owner may then do is
in provider_rights.py.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import NamedTuple, cast

from function.ecr.repository import ObservedRepository

# Our tag on what Upbound's provider creates: the UID of the composite that asked for
# it. No dots in it: upjet v2.2, filterInitExclusiveDiffs, takes everything before the
# last dot as the field, and would then see a change in every adopted repository.
CREATED_BY_TAG = "function-ecr-repos/created-by"
# Our annotation on the classic provider's managed resources that created their
# repository: the UID of the composite that they did it for. A backup contains it, and a
# restored composite has another UID.
CREATED_BY_ANNOTATION = "ecrrepos.fn.tap.vrabbi.cloud/created-by"
# The largest difference between the cluster's clock and AWS's.
_CLOCK_SKEW = timedelta(minutes=5)


class Ownership(Enum):
    """Whose one repository is, as one composite resource sees it."""

    UNCLAIMED = auto()  # no managed resource asks for it yet
    PENDING = auto()  # this composite asks for it, and it does not exist yet
    CREATED = auto()  # this composite created it
    ADOPTED = auto()  # this composite found it, and nobody else asked for it earlier
    CONFLICT = auto()  # it belongs to another composite


class CreateRecord(NamedTuple):
    """When the managed reconciler last called Create; RFC 3339, empty for never.

    Attributes:
        pending: When an attempt started.
        succeeded: When an attempt was recorded as successful.
        marked_failed: When the attempt started that this function recorded as failed.
    """

    pending: str = ""
    succeeded: str = ""
    marked_failed: str = ""


class ResourceOwner(NamedTuple):
    """Which composite a managed resource belongs to.

    Attributes:
        controller_uid: The UID of its controller; empty if it has none. Then its labels
            say which claim or composite it belonged to.
        claim: Namespace and name of that claim.
        composite: Namespace and name of that composite.
    """

    controller_uid: str
    claim: tuple[str, str]
    composite: tuple[str, str]


class CompositeIdentity(NamedTuple):
    """Which composite resource a request is about.

    Attributes:
        uid: Its UID; empty in a file.
        claim: Namespace and name of its claim, empty if it has none.
        composite: Its namespace (empty if it is cluster-scoped) and its name.
        created_at: When it was created (RFC 3339); empty in a file.
    """

    uid: str
    claim: tuple[str, str]
    composite: tuple[str, str]
    created_at: str = ""


def ownership_of(
    observed: ObservedRepository | None, competitors: Sequence[ObservedRepository]
) -> Ownership:
    """Decide whose repository it is.

    Two managed resources of one repository are live at once if their names differ: in
    two namespaces, or if one is older than this function.

    Args:
        observed: What this composite's managed resource says; None if it has none.
        competitors: What other composites' managed resources of the same repository
            say.
    """
    competitors = [
        each for each in competitors if owns_until_gone(deleting=each.deleting)
    ]
    if observed is None:
        conflict = yields_to_competitors(competitors=bool(competitors))
        return Ownership.CONFLICT if conflict else Ownership.UNCLAIMED
    if observed.created_by_provider:
        return Ownership.CREATED
    creators = sum(competitor.created_by_provider for competitor in competitors)
    if concedes_to_creator(creators=creators):
        return Ownership.CONFLICT
    if not observed.arn:
        return Ownership.PENDING
    # All of them found it. The oldest managed resource gets it.
    if any(is_senior(each.seniority, observed.seniority) for each in competitors):
        return Ownership.CONFLICT
    return Ownership.ADOPTED


def needs_competitors(observed: ObservedRepository, *, complete: bool) -> bool:
    """Whether others' managed resources can change the decision about a repository.

    They decide until this composite asks for all of its repositories, and when it turns
    out that a repository exists but this composite did not create it. In between the
    provider may only observe and create, whoever else asks. To look for others costs
    Crossplane a second call and several lists, at each change of a managed resource.

    Args:
        observed: What this composite's managed resource says.
        complete: Whether this composite has a managed resource of each repository.
    """
    if observed.created_by_provider:
        return False
    return bool(observed.arn) or not complete


def release_started(
    observed: ObservedRepository | None, competitors: Sequence[ObservedRepository]
) -> str:
    """Return when the deletion of those that cause a conflict began (RFC 3339).

    Empty if there is no conflict, or one that does not end by itself. This decides what
    a claim says, and how soon it looks again. It gives no rights.

    Args:
        observed: As for ownership_of.
        competitors: As for ownership_of.
    """
    if not any(each.deleting for each in competitors):
        return ""
    if ownership_of(observed, competitors) is not Ownership.CONFLICT:
        return ""
    lasting = [each for each in competitors if not each.deleting]
    if ownership_of(observed, lasting) is Ownership.CONFLICT:
        return ""
    return max(each.deleting_since for each in competitors)


def created_by_provider(record: CreateRecord, created_at: str) -> bool:
    """Whether the managed reconciler created the repository that exists now.

    It records when its last attempt started and when that attempt succeeded. The
    repository must have been created in between. An older repository existed before,
    for example because the provider now uses another account. A newer one replaced
    ours. In doubt the answer is no: a repository that is kept by mistake can be deleted
    by hand.

    Args:
        record: What the managed reconciler recorded.
        created_at: When the repository was created, by AWS's clock (RFC 3339).
    """
    times = (_time(record.pending), _time(record.succeeded), _time(created_at))
    if not are_known(*times):
        return False
    started, succeeded, created = cast("tuple[datetime, datetime, datetime]", times)
    return (
        attempt_succeeded(started, succeeded)
        and not_older(created, started)
        and not_newer(created, succeeded)
    )


def just_created(record: CreateRecord, resource_created_at: str) -> bool:
    """Whether the managed reconciler created a repository and has not observed it yet.

    Its record alone proves that: ECR refuses to create what exists. When ECR says that
    it was created is known with the next observation, and created_by_provider decides
    from then on.

    Args:
        record: What the managed reconciler recorded.
        resource_created_at: When the managed resource was created (RFC 3339).
    """
    times = (_time(record.pending), _time(record.succeeded), _time(resource_created_at))
    if not are_known(*times):
        return False
    started, succeeded, made = cast("tuple[datetime, datetime, datetime]", times)
    return attempt_succeeded(started, succeeded) and is_own_record(made, started)


def unresolved_creation(record: CreateRecord, *, waits_for_person: bool) -> str:
    """Return when an attempt to create started whose result was never recorded.

    The provider was killed in between. The managed reconciler then waits for a person,
    because a second attempt might create a second external resource. There is only one
    repository of a name. So the function records the attempt as failed. The provider
    looks at ECR again, and adopts what it finds or creates what is missing.

    Args:
        record: What the managed reconciler recorded.
        waits_for_person: Whether the managed reconciler says that it waits.

    Returns:
        An RFC 3339 time; empty if there is no such attempt.
    """
    pending, succeeded, marked_failed = record
    # Stays until there is a newer attempt: the provider goes on only because of it.
    if not waits_for_person and (not pending or marked_failed != pending):
        return ""
    started, ended = _time(pending), _time(succeeded)
    if succeeded and (started is None or ended is None or started <= ended):
        return ""
    return pending


def owned_by_another(resource: ResourceOwner, own: CompositeIdentity) -> bool:
    """Whether a managed resource of a repository belongs to another composite.

    A managed resource without a controller was left behind. It is ours if it belonged
    to the same claim, or to a composite of the same name if there are no claims.
    """
    if resource.controller_uid:
        return is_another_controller(resource.controller_uid, own.uid)
    return not _had_the_name_of(resource, own)


def owned_by_predecessor(resource: ResourceOwner, own: CompositeIdentity) -> bool:
    """Whether a competitor belongs to an earlier composite of the same claim.

    A claim, and a composite without one, is unique by its name. So the earlier one was
    deleted, and the garbage collector deletes its managed resources. It marks them only
    after the new composite may have been reconciled.
    """
    return owned_by_another(resource, own) and _had_the_name_of(resource, own)


def _had_the_name_of(resource: ResourceOwner, own: CompositeIdentity) -> bool:
    namespace, _ = own.composite
    if reads_claim(named=bool(own.claim[1]), namespaced=bool(namespace)):
        return not left_by_another(resource.claim, own.claim)
    return not left_by_another(resource.composite, own.composite)


def _time(text: str) -> datetime | None:
    """Return an RFC 3339 time; None if it is none, or has no zone."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo else None


# The guards: plain values in, a boolean out. `make guards` turns them off one by one.


def owns_until_gone(*, deleting: bool) -> bool:  # noqa: ARG001  # that is the rule
    """Whether a competitor's claim to a repository counts, even while it is deleted.

    Its provider may delete the repository at any moment, with all that was pushed to it
    under the next claim.
    """
    return True


def yields_to_competitors(*, competitors: bool) -> bool:
    """Whether a new claim yields: another composite already asks for the repository."""
    return competitors


def concedes_to_creator(*, creators: int) -> bool:
    """Whether a composite that did not create a repository yields to its creator."""
    return creators > 0


def is_senior(competitor: tuple[str, str], own: tuple[str, str]) -> bool:
    """Whether, of two composites that found a repository, the other one asked first."""
    return competitor < own


def are_known(*times: datetime | None) -> bool:
    """Whether a create record is complete and readable."""
    return None not in times


def attempt_succeeded(started: datetime, succeeded: datetime) -> bool:
    """Whether the last attempt to create succeeded.

    A newer attempt may have failed or may still run; then somebody else may have
    created the repository.
    """
    return started <= succeeded


def not_older(created: datetime, started: datetime) -> bool:
    """Whether a repository is not older than the attempt to create it."""
    return started - created <= _CLOCK_SKEW


def not_newer(created: datetime, succeeded: datetime) -> bool:
    """Whether a repository is not newer than the attempt to create it."""
    return created - succeeded <= _CLOCK_SKEW


def is_unobserved(*, creating: bool, described: bool) -> bool:
    """Whether a repository was not observed since the last attempt to create it.

    Args:
        creating: Whether the provider reports that attempt as its latest news.
        described: Whether its status describes any repository, maybe an earlier one.
    """
    return creating and not described


def is_own_record(resource_created: datetime, started: datetime) -> bool:
    """Whether a create record is about this managed resource.

    One that is restored from a backup is younger than the record that it brings along.
    """
    return resource_created <= started


def created_by(signature: str, composite_uid: str) -> bool:
    """Whether a repository's created-by tag says that this very composite created it.

    `spec.initProvider.tags` reaches ECR only with the creation. Another cluster, a
    restored composite and a re-created one have other UIDs. A repository that a person
    created has no such tag.

    Args:
        signature: The value of the tag as the provider reads it back.
        composite_uid: The UID of the composite whose managed resource it is.
    """
    return bool(signature) and signature == composite_uid


def is_there(arn: str) -> bool:
    """Whether a repository exists, so that its created-by tag proves something."""
    return bool(arn)


def is_not_copied(*, in_spec: bool) -> bool:
    """Whether the created-by tag cannot be one that the provider wrote later."""
    return not in_spec


def recorded_for(recorded_uid: str, composite_uid: str) -> bool:
    """Whether a managed resource's create record may be about this composite.

    A managed resource that is restored from a backup brings its record along. The
    record is then about another composite, which may still exist in another cluster.

    Args:
        recorded_uid: The value of the created-by annotation; empty if the record is
            older than that annotation.
        composite_uid: The UID of the managed resource's composite now.
    """
    return recorded_uid in ("", composite_uid)


def is_another_controller(controller_uid: str, own_uid: str) -> bool:
    """Whether another composite controls a managed resource."""
    return controller_uid != own_uid


def left_by_another(former: tuple[str, str], own: tuple[str, str]) -> bool:
    """Whether a managed resource without a controller belonged to another claim or XR.

    Args:
        former: The namespace and name that it belonged to.
        own: Those of this claim or XR.
    """
    return former != own


def may_be_taken_over(*, labelled: bool, others: bool) -> bool:
    """Whether a composite may take over a managed resource without a controller.

    Args:
        labelled: Whether its labels say which claim or composite it belonged to.
        others: Whether that is another one than ours.
    """
    return not (labelled and others)


def reads_claim(*, named: bool, namespaced: bool) -> bool:
    """Whether an XR's claimRef counts; on a namespaced XR a tenant could write any."""
    return named and not namespaced


def may_compose(*, conflict: bool, live: bool) -> bool:
    """Whether to compose a repository: no new one if another claim owns one of them."""
    return live or not conflict


def is_unready(*, conflict: bool, settles: bool) -> bool:
    """Whether a composite is not ready, whatever it composes.

    Args:
        conflict: Whether a repository belongs to another claim.
        settles: Whether a new claim's repositories are being created. Crossplane would
            otherwise name those that are left, in a condition that changes each time.
    """
    return conflict or settles


def may_disclose(*, conflict: bool) -> bool:
    """Whether a tenant may read what is observed of a repository."""
    return not conflict

"""Whose a repository is: who may have it, and who may delete it.

Nobody's images are lost, because only the claim whose managed resource created a
repository may delete it, and because of several that want one only one gets it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import NamedTuple, cast

from google.protobuf import struct_pb2 as structpb

from function.ecr.options import NO_OPTIONS
from function.ecr.repository import Deletion, Facts, Repository, Rights
from function.structs import boolean, items, struct, text, texts

# crossplane-runtime, pkg/meta.
_SUCCEEDED = "crossplane.io/external-create-succeeded"
_PENDING = "crossplane.io/external-create-pending"
CREATE_FAILED = "crossplane.io/external-create-failed"
# Ours, beside CREATE_FAILED. The provider writes that one too, at each refusal; and its
# controllers take no notice of a change of it (pkg/resource/predicates.go:
# DesiredStateChanged), but do of this one's, and reconcile again.
CREATE_ABANDONED = "ecrrepos.fn.tap.vrabbi.cloud/create-abandoned"
# pkg/reconciler/managed/reconciler.go: what it says while it waits for a person.
_ABANDONED = "cannot determine creation result"
# Ours, on what Upbound's provider creates: the UID of the composite that asked for it.
# No dots in it: upjet v2.2, filterInitExclusiveDiffs, takes what stands before the last
# dot for the field, and would then see a change in every adopted repository.
CREATED_BY_TAG = "function-ecr-repos/created-by"
# Ours, on the classic provider's managed resources that created their repository: the
# UID of the composite that they did it for. A backup contains it, and a restored
# composite has another UID.
CREATED_BY = "ecrrepos.fn.tap.vrabbi.cloud/created-by"
# Between the cluster's clock, which makes the record, and AWS's.
_SKEW = timedelta(minutes=5)


class Attempts(NamedTuple):
    """The record of the managed reconciler's Create calls: the last one of each.

    Attributes:
        pending: When one began.
        succeeded: When one was recorded as successful.
        abandoned: When the one began that the function recorded as failed.
    """

    pending: str = ""
    succeeded: str = ""
    abandoned: str = ""


def attempts(annotations: structpb.Struct) -> Attempts:
    """Read the record in a managed resource's annotations."""
    return Attempts(*texts(annotations, _PENDING, _SUCCEEDED, CREATE_ABANDONED))


class Standing(Enum):
    """How a composite stands to one repository that it wants."""

    FREE = auto()  # no managed resource asks for it yet
    WAITING = auto()  # ours asks for it, and it is not there
    CREATED = auto()  # ours created it
    ADOPTED = auto()  # ours found it there
    TAKEN = auto()  # another composite's has it


def standing(own: Facts | None, rivals: Sequence[Facts]) -> Standing:
    """Say how a composite stands to a repository.

    Args:
        own: What its own managed resource says; None if it has none.
        rivals: What those of others say that ask for the same repository.
    """
    if own is None:
        return Standing.TAKEN if is_asked_for(rivals=bool(rivals)) else Standing.FREE
    # Two are live at once where their names differ: in two namespaces, or where one
    # is from before this function.
    if own.created_it:
        return Standing.CREATED
    if is_anothers_creation(creators=sum(rival.created_it for rival in rivals)):
        return Standing.TAKEN
    if not own.arn:
        return Standing.WAITING
    # All found it there: the first one has it.
    if any(was_earlier(rival.since, own.since) for rival in rivals):
        return Standing.TAKEN
    return Standing.ADOPTED


# The guards: plain values in, a boolean out. `make guards` turns them off one by one.


def is_asked_for(*, rivals: bool) -> bool:
    """Whether a new claim yields: another composite asks for the repository."""
    return rivals


def is_anothers_creation(*, creators: int) -> bool:
    """Whether a composite that did not create a repository yields to who did."""
    return creators > 0


def was_earlier(theirs: tuple[str, str], ours: tuple[str, str]) -> bool:
    """Whether, of those that found a repository there, another one asked first."""
    return theirs < ours


def is_anothers(*, taken: bool) -> bool:
    """Whether another claim owns a repository; then no setting lets us change it."""
    return taken


def earns_rights(*, created: bool, always: bool) -> bool:
    """Whether the right to change is earned: by creating, or given by `Always`."""
    return created or always


def may_be_deleted(*, never: bool) -> bool:
    """Whether a repository that may be changed may be deleted too."""
    return not never


def is_only_observed(*, adopted: bool) -> bool:
    """Whether nothing may be done to a repository, as it was there before."""
    return adopted


def releases_by_force() -> bool:
    """Whether a bundle that is released may be deleted with its images."""
    return False


def is_there(arn: str) -> bool:
    """Whether a repository is there, so that its signature says something."""
    return bool(arn)


def is_not_copied(*, in_spec: bool) -> bool:
    """Whether a signature cannot be one that the provider itself wrote onto it."""
    return not in_spec


def is_another_controller(theirs: str, ours: str) -> bool:
    """Whether a managed resource is controlled by another composite."""
    return theirs != ours


def left_by_another(theirs: tuple[str, str], ours: tuple[str, str]) -> bool:
    """Whether a managed resource without a composite was another claim's, or XR's.

    Args:
        theirs: The namespace and the name that it was for.
        ours: Our own.
    """
    return theirs != ours


def may_be_taken_over(*, says_whose: bool, others: bool) -> bool:
    """Whether a composite may take over a managed resource that nobody controls.

    Args:
        says_whose: Whether its labels say which claim or composite it was for.
        others: Whether that is not our own.
    """
    return not (says_whose and others)


def reads_claim(*, named: bool, namespaced: bool) -> bool:
    """Whether an XR's claimRef is read; on a namespaced XR a tenant could write any."""
    return named and not namespaced


def keeps_name(observed: str) -> bool:
    """Whether a live resource keeps its external name."""
    return bool(observed)


def keeps_region(observed: str) -> bool:
    """Whether a live resource keeps its region."""
    return bool(observed)


def keeps_config(observed: str) -> bool:
    """Whether a live resource keeps its provider config."""
    return bool(observed)


def keeps_config_kind(observed: str) -> bool:
    """Whether a live resource keeps the kind of that."""
    return bool(observed)


def keeps_encryption(*, asked: bool, observed: bool) -> bool:
    """Whether a live repository keeps its encryption."""
    return asked and observed


def bundle_stays(*, live: bool) -> bool:
    """Whether a live bundle stays that is not asked for any more."""
    return live


def may_compose(*, taken: bool, live: bool) -> bool:
    """Whether to compose a repository: none is if another claim owns one of them."""
    return live or not taken


def is_unready(*, taken: bool) -> bool:
    """Whether a composite is not ready whatever is composed."""
    return taken


def may_learn(*, taken: bool) -> bool:
    """Whether a tenant may learn what is observed of a repository."""
    return not taken


def rights(deletion: Deletion, its: Standing) -> Rights:
    """Return what the provider may do to a repository, deleting it when its claim goes.

    The right to change and delete is earned by creating it, and never there before
    that is seen. What was adopted may go under `Always` alone, and what is another's
    never.
    """
    if is_anothers(taken=its is Standing.TAKEN):
        return Rights.OBSERVE
    there = its not in (Standing.FREE, Standing.WAITING)
    if earns_rights(
        created=its is Standing.CREATED,
        always=there and deletion is Deletion.ALWAYS,
    ):
        deleted = may_be_deleted(never=deletion is Deletion.NEVER)
        return Rights.ALL if deleted else Rights.KEEP
    adopted = its in (Standing.ADOPTED, Standing.TAKEN)
    return Rights.OBSERVE if is_only_observed(adopted=adopted) else Rights.CREATE


def bundle_rights(earned: Rights, image: Standing, own: Facts | None) -> Rights:
    """Return a bundle's rights, beside what became of its image.

    Args:
        earned: What it has earned by itself.
        image: How the composite stands to the image.
        own: What the bundle's managed resource says; None if there is none.
    """
    may_earn = bundle_may_earn(
        image_is_ours=image in (Standing.CREATED, Standing.ADOPTED),
        earned_before=own is not None and own.changeable,
    )
    return earned if may_earn or earned is Rights.OBSERVE else Rights.CREATE


def may_send_options(*, earned: bool, creates_only: bool) -> bool:
    """Whether a provider is told what a repository is like.

    Args:
        earned: Whether the right to change the repository is.
        creates_only: Whether the provider says it only as it creates.
    """
    return earned or creates_only


def has_more_than_earned(
    *, may_delete: bool, may_change: bool, earned_delete: bool, earned_change: bool
) -> bool:
    """Whether a managed resource has a right that is not earned, or not any more."""
    return (may_delete and not earned_delete) or (may_change and not earned_change)


def may_have_policy(*, earned: bool) -> bool:
    """Whether a repository may be given a policy: where the right to change it is."""
    return earned


def bundle_may_earn(*, image_is_ours: bool, earned_before: bool) -> bool:
    """Whether a bundle may have more than the right to create it.

    Of two composites that race for two repositories each may create one. So a bundle
    earns nothing before its image was created or adopted by the same composite: what
    has earned nothing can be released.

    Args:
        image_is_ours: Whether its composite created or adopted the image.
        earned_before: Whether the bundle has such rights already, because that was so.
    """
    return image_is_ours or earned_before


def may_be_under_way(*, attempted: bool, problem: bool) -> bool:
    """Whether a repository that is not there may be there in a moment.

    Args:
        attempted: Whether its provider recorded that it tries to create it.
        problem: Whether its provider said that it could not.
    """
    return attempted and not problem


def give_up(repository: Repository, own: Facts, its: Standing) -> Repository | None:
    """Say what becomes of a live bundle whose image is another's; None is to let go.

    Of two composites that race for two repositories, each may get one. Who has the
    image gets the bundle: a name that ends in -bundle is longer than its image's, so
    nobody waits in a circle. What this composite created is deleted if it is empty,
    and else stays in ECR, with its images.

    Args:
        repository: The bundle, as it is wanted.
        own: What its managed resource says.
        its: How the composite stands to it.
    """
    if its is Standing.WAITING:
        under_way = may_be_under_way(attempted=own.attempted, problem=bool(own.problem))
        return repository if under_way else None
    if own.deleting:
        # ECR refuses to delete what is not empty without force: it stays.
        left = repository._replace(options=NO_OPTIONS, rights=Rights.OBSERVE)
        return left if own.problem else None
    if repository.rights is not Rights.ALL:
        # The right to delete it is taken before it is let go.
        return repository if own.deletable else None
    if own.deletable and not own.force_delete:
        return None
    return unforced(repository)


def unforced(repository: Repository) -> Repository:
    """Return a repository that ECR deletes only if it is empty."""
    return repository._replace(
        options=repository.options.model_copy(
            update={"force_delete": releases_by_force()}
        ),
    )


def created_it(recorded: Attempts, created_at: str) -> bool:
    """Whether the managed reconciler created the repository that is there now.

    It records when its last attempt began and when that succeeded; the repository must
    have been created in between. One that is older was there before, as where the
    provider was pointed at another account. One that is newer was put in place of ours.
    Where in doubt, it did not: what is kept by mistake can be deleted by hand.

    Args:
        recorded: What the managed reconciler did.
        created_at: When the repository was created, by AWS's clock (RFC 3339).
    """
    times = (_time(recorded.pending), _time(recorded.succeeded), _time(created_at))
    if not are_known(*times):
        return False
    began, succeeded, created = cast("tuple[datetime, datetime, datetime]", times)
    return (
        attempt_succeeded(began, succeeded)
        and not_older(created, began)
        and not_newer(created, succeeded)
    )


def are_known(*times: datetime | None) -> bool:
    """Whether all times of a record are there, and can be read."""
    return None not in times


def attempt_succeeded(began: datetime, succeeded: datetime) -> bool:
    """Whether the last attempt succeeded: a newer one may have failed, or be under way.

    What stands there then may be someone else's.
    """
    return began <= succeeded


def not_older(created: datetime, began: datetime) -> bool:
    """Whether a repository is not older than the attempt that should have made it."""
    return began - created <= _SKEW


def not_newer(created: datetime, succeeded: datetime) -> bool:
    """Whether a repository is not newer than the attempt that should have made it."""
    return created - succeeded <= _SKEW


def abandoned(recorded: Attempts, problem: str) -> str:
    """Return when an attempt to create began that the provider did not live to record.

    The managed reconciler then waits for a person, because a second attempt might make
    a second thing. Of a repository there is only one of a name: recorded as failed, the
    attempt is followed by a look at ECR, and what that finds was not created, or is
    made now. Empty where there is none.

    Args:
        recorded: What the managed reconciler did.
        problem: Why the provider's last attempt failed, in its words.
    """
    pending, succeeded, before = recorded
    # Said until there is a newer one: the record is all that lets the provider go on.
    if not problem.startswith(_ABANDONED) and (not pending or before != pending):
        return ""
    began, ended = _time(pending), _time(succeeded)
    if succeeded and (began is None or ended is None or began <= ended):
        return ""
    return pending


def _time(said: str) -> datetime | None:
    """Return an RFC 3339 time; None for what is none, or has no zone."""
    try:
        time = datetime.fromisoformat(said)
    except ValueError:
        return None
    return time if time.tzinfo else None


def created_by(signature: str, composite_uid: str) -> bool:
    """Whether a repository's signature says that this very composite created it.

    `spec.initProvider.tags` reaches ECR with the creation alone. Another cluster, a
    restored composite and one that was made again have other UIDs; a person's
    repository has none.

    Args:
        signature: The value of CREATED_BY_TAG that the provider reads back.
        composite_uid: The UID of the composite whose managed resource it is.
    """
    return bool(signature) and signature == composite_uid


def recorded_for(recorded_uid: str, composite_uid: str) -> bool:
    """Whether a managed resource's record of a creation may be this composite's.

    A managed resource that is restored from a backup brings the record along. It is
    another composite's then, which may still be there, in another cluster.

    Args:
        recorded_uid: The value of CREATED_BY; empty where the record is from before it.
        composite_uid: The UID of the composite that has the managed resource now.
    """
    return recorded_uid in ("", composite_uid)


def controller_uid(managed: structpb.Struct) -> str:
    """Return the UID of a managed resource's composite; empty where it has none."""
    for owner in items(struct(managed, "metadata"), "ownerReferences"):
        if boolean(owner, "controller"):
            return text(owner, "uid")
    return ""


def is_rival(managed: structpb.Struct, xr: structpb.Struct) -> bool:
    """Whether a managed resource for a repository is another composite's.

    One without a controller is what a composite left behind, and is ours if that was
    of the same claim, or of the same name where there are no claims.
    """
    ours, theirs = struct(xr, "metadata"), struct(managed, "metadata")
    if controller := controller_uid(managed):
        return is_another_controller(controller, text(ours, "uid"))
    labels, claim = struct(theirs, "labels"), struct(struct(xr, "spec"), "claimRef")
    namespace, name = texts(claim, "namespace", "name")
    if reads_claim(named=bool(name), namespaced=bool(text(ours, "namespace"))):
        of_namespace, of_name = texts(
            labels, "crossplane.io/claim-namespace", "crossplane.io/claim-name"
        )
        return left_by_another((of_namespace, of_name), (namespace, name))
    return left_by_another(
        (text(theirs, "namespace"), text(labels, "crossplane.io/composite")),
        (text(ours, "namespace"), text(ours, "name")),
    )

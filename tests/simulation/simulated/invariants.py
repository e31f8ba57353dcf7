"""What must hold in every simulated world, and the exceptions.

SECURITY.md states every exception in the same words. A test compares them.
"""

from enum import Enum


class Exemption(Enum):
    """Where a guarantee ends. The value is the text in SECURITY.md."""

    REPLACED_UPBOUND = (
        "On Upbound's APIs, a claim cannot detect that someone else deleted and "
        "re-created its repository. It treats the new repository as its own for as "
        "long as the claim lives."
    )
    REPLACED_CLASSIC = (
        "On the classic API, a claim at first treats a repository that someone else "
        "deleted and re-created as its own. It detects the change after the provider "
        "has polled the repository and Crossplane has reconciled the claim. It never "
        "detects a repository that was re-created within five minutes of the creation "
        "of the original. If you delete the claim before it detects the change, the "
        "new repository may be deleted with it. A lifecycle policy that the claim set "
        "may stay."
    )
    ALWAYS = (
        "With `deletion: Always`, deleting a claim also deletes a repository that "
        "existed before the claim."
    )
    ORPHANED = (
        "A managed resource that outlives its composite (`--cascade=orphan`) keeps any "
        "right to change or delete the repository that has its name. It keeps that "
        "right until a composite takes it over or someone deletes the managed "
        "resource."
    )
    TWO_CONFIGS = (
        "Two provider configs for the same AWS account count as two owners. A claim "
        "that uses the second one adopts the repository of a claim that uses the first "
        "one."
    )
    MANAGED = (
        "With `adopt: Manage`, a claim changes repositories that it adopted. That "
        "includes those that a claim in another cluster, or with another provider "
        "config, created."
    )
    TAGGED = (
        "While the provider applies options to an adopted repository, it may remove a "
        "tag that someone else adds at that moment."
    )
    RECIPE = (
        "Until the function first reconciles it, a claim of the patch-and-transform "
        "recipe may delete a repository that it only adopted."
    )
    RECIPE_SHARES = (
        "The recipe let claims share repositories. If someone deletes one of two "
        "shared repositories by hand, each claim may end up with one of the two."
    )
    CLASSIC_ADOPTS = (
        "The classic provider removes the tags of a repository that it adopts. It also "
        "resets the tag mutability and scanning of the repository to the values at the "
        "time of adoption."
    )
    NAMESPACE_FIRST = (
        "On Crossplane v2, a namespace that is deleted before its composites hangs, "
        "and so do their managed resources. Their repositories may or may not be "
        "deleted by then."
    )
    NOT_EMPTY = (
        "A claim releases its other repositories if another claim owns its image "
        "repository. If someone has already pushed to one of them, it is "
        "not deleted. Its managed resource hangs until someone empties the repository."
    )
    UNRECORDED = (
        "A claim hangs if it is deleted while its provider does not know whether it "
        "created a repository (`cannot determine creation result`). To release the "
        "claim, remove the annotation `crossplane.io/external-create-pending` from "
        "that managed resource."
    )
    RELEASED_POLICY = (
        "On the classic API, a lifecycle policy that a claim must remove first gets "
        "the right to be deleted. If someone else deletes and re-creates the "
        "repository at that moment, the provider may set the policy on the new "
        "repository before it deletes it there."
    )
    STALE_LEFTOVER = (
        "On the classic API, a claim mistakes another claim's repository for its own "
        "in this case: the other claim creates it and is deleted with "
        "`--cascade=orphan` before it records the creation, and all of that happens "
        "while Crossplane reconciles the first claim from an older state in its cache."
    )


class Violation(AssertionError):  # noqa: N818  # what a test fails with
    """An invariant does not hold."""


class ImagesLost(Violation):
    """No image is lost except by the deletion of the claim that created its repository.

    Or by a person's hand.
    """


class NotEarned(Violation):
    """No right is held, and none is used, that was not earned.

    A managed resource that may delete images, or change a repository, belongs to a
    composite that created the repository that is there now.
    """


class WaitsForEver(Violation):
    """Nothing waits for ever.

    Once no more happens, every live composite is Ready or has a condition that says
    why not; of several competitors one has both repositories, and no two hold one each;
    deleted composites are gone.
    """

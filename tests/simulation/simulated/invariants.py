"""What must hold in every world, and the exceptions: each has a name and a sentence.

SECURITY.md states every exception in the same words; a test compares them.
"""

from enum import Enum


class Exemption(Enum):
    """Where a guarantee ends. The value is SECURITY.md's sentence."""

    REPLACED_UPBOUND = (
        "On Upbound's APIs, a repository that is deleted and re-created by someone "
        "else under a live claim counts as the claim's, for as long as the claim lives."
    )
    REPLACED_CLASSIC = (
        "On the classic API, a repository that is deleted and re-created by someone "
        "else under a live claim counts as the claim's until the provider has polled "
        "it and Crossplane has reconciled the claim; and for as long as the claim "
        "lives if it was re-created within five minutes of the claim's own creation. "
        "If the claim is deleted meanwhile, the lifecycle policy it had stays."
    )
    ALWAYS = (
        "With `deletion: Always` a repository that existed before its claim is "
        "deleted with the claim."
    )
    ORPHANED = (
        "A managed resource that outlives its composite (`--cascade=orphan`) keeps its "
        "rights on whatever repository is there, until a composite takes it over or "
        "someone deletes it."
    )
    TWO_CONFIGS = (
        "Two provider configs that reach one account are two owners: the second claim "
        "adopts the first one's repository."
    )
    RECIPE = (
        "Until its first reconcile by the function, a claim that was made by the "
        "patch-and-transform recipe may delete a repository that it only adopted."
    )
    RECIPE_SHARES = (
        "Claims that the recipe had let share a repository may each hold one of the "
        "two after someone deleted the other by hand."
    )
    CLASSIC_ADOPTS = (
        "The classic provider removes the tags of a repository it adopts, and sets its "
        "tag mutability and scanning back to what they were when it adopted it."
    )
    NAMESPACE_FIRST = (
        "On Crossplane v2, a namespace that is deleted before its composites hangs, "
        "and so do their managed resources, whether or not their repositories are "
        "deleted by then."
    )
    NOT_EMPTY = (
        "A claim gives its bundle repository up if another claim owns its image "
        "repository. If someone has pushed to that bundle repository already, it is "
        "not deleted: its managed resource hangs until someone empties the repository."
    )
    UNRECORDED = (
        "A claim that is deleted while its provider does not know whether it created "
        "a repository (`cannot determine creation result`) hangs until someone "
        "removes that managed resource's `external-create-pending` annotation."
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

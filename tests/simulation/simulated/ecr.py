"""Amazon ECR, with the ground truth that the function cannot see: who created what."""

import dataclasses
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from tests.simulation.simulated.invariants import Exemption, ImagesLost, NotEarned

Claim = tuple[str, str]  # namespace, name


class Location(NamedTuple):
    """The location of a repository; at most one exists there at a time."""

    account: str
    region: str
    name: str


class Actor(NamedTuple):
    """A managed resource at the time of an action in ECR.

    Attributes:
        cluster: The name of its cluster.
        managed: The UID of the managed resource.
        composite: The UID of the composite that controls it; empty for an orphan.
        claim: Namespace and name of the claim, or of a composite without a claim.
        siblings: The UIDs of all Repository resources of the same composite.
        live: Whether the composite exists.
        exempt: The exemption that allows an action without an earned right, if any.
        manages: Whether Exemption.MANAGED applies: it may change, but not delete, a
            repository that it did not create.
    """

    cluster: str
    managed: str
    composite: str
    claim: Claim
    siblings: tuple[str, ...] = ()
    live: bool = True
    exempt: Exemption | None = None
    manages: bool = False


class EcrError(Exception):
    """ECR refused a call; the text is the name of the exception."""


@dataclasses.dataclass
class Repository:
    """One repository.

    Attributes:
        creator: The managed resource that created it; None for a person.
        mistaken_for: The managed resources that created an earlier repository in this
            location and may mistake this one for it, with the exemption for each.
        polled_by: The classic managed resources whose status describes this repository.
        lifecycle_by: The managed resource that set the lifecycle policy; None for a
            person.
    """

    creator: Actor | None
    created_at: datetime
    images: int = 0
    tags: dict[str, str] = dataclasses.field(default_factory=dict)
    mutability: str = "MUTABLE"
    scan_on_push: bool = False
    lifecycle: str = ""
    lifecycle_by: Actor | None = None
    mistaken_for: dict[str, Exemption] = dataclasses.field(default_factory=dict)
    polled_by: set[str] = dataclasses.field(default_factory=set)

    def earned_by(self, actor: Actor) -> bool:
        """Whether this managed resource or its composite created the repository."""
        creator = self.creator
        return (
            creator is not None
            and (creator.cluster, creator.claim) == (actor.cluster, actor.claim)
            and (
                creator.managed in (actor.managed, *actor.siblings)
                or (creator.composite == actor.composite != "")
            )
        )

    def exempts(self, actor: Actor) -> Exemption | None:
        """Return the exemption under which it may act anyway, or None."""
        uids = (actor.managed, *actor.siblings)
        known = [self.mistaken_for[uid] for uid in uids if uid in self.mistaken_for]
        return actor.exempt or (known[0] if known else None)


class Ecr:
    """All repositories of all accounts."""

    def __init__(self) -> None:
        self.repositories: dict[Location, Repository] = {}
        # All creators of repositories with a name, in any account.
        self.creators: dict[str, list[Actor]] = {}
        # Whether no managed resource may delete an image: `deletion: WhenEmpty`.
        self.keeps_images = False

    def find(self, location: Location) -> Repository | None:
        return self.repositories.get(location)

    def create(
        self,
        location: Location,
        creator: Actor | None,
        at: datetime,
        tags: dict[str, str] | None = None,
        mistaken: Iterable[tuple[str, Exemption]] = (),
    ) -> Repository:
        if location in self.repositories:
            raise EcrError("RepositoryAlreadyExistsException")
        made = Repository(creator, at, tags=dict(tags or {}))
        made.mistaken_for = {
            uid: why
            for uid, why in mistaken
            if creator is None or uid != creator.managed
        }
        if creator:
            self.creators.setdefault(location.name, []).append(creator)
        self.repositories[location] = made
        return made

    def delete(self, location: Location, actor: Actor, *, force: bool) -> None:
        """Delete a repository for a managed resource.

        Raises:
            EcrError: The repository has images and the deletion is not forced.
            ImagesLost: The repository has images and the actor has no right to delete.
        """
        found = self.find(location)
        if found is None:
            return
        if found.images and not force:
            raise EcrError("RepositoryNotEmptyException")
        if found.images and self.keeps_images:
            raise ImagesLost(f"{actor} deleted {location} under WhenEmpty: {found}")
        if found.images and not found.exempts(actor):
            if not found.earned_by(actor):
                raise ImagesLost(f"{actor} deleted {location}: {found}")
            if actor.live:
                raise ImagesLost(f"{actor} deleted {location} under its live claim")
        del self.repositories[location]

    def change(self, location: Location, actor: Actor, **changes: object) -> None:
        """Change a repository for a managed resource.

        Raises:
            EcrError: The repository does not exist.
            NotEarned: The actor has no right to change it, and does not revert its own
                change.
        """
        found = self.find(location)
        if found is None:
            raise EcrError("RepositoryNotFoundException")
        put, takes_back = found.lifecycle_by, changes.get("lifecycle") == ""
        own = takes_back and put is not None and put.managed == actor.managed
        earned = found.earned_by(actor) or actor.manages
        if not (own or earned or found.exempts(actor)):
            raise NotEarned(f"{actor} changed {location} to {changes}: {found}")
        for field, value in changes.items():
            setattr(found, field, value)

"""Amazon ECR. Who made a repository is known here alone: it is the ground truth."""

import dataclasses
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from tests.simulation.simulated.invariants import Exemption, ImagesLost, NotEarned

Claim = tuple[str, str]  # namespace, name


class Place(NamedTuple):
    """Where a repository is: there is one at a time."""

    account: str
    region: str
    name: str


class Actor(NamedTuple):
    """A managed resource, when it acts.

    Attributes:
        cluster: Its cluster's name.
        managed: Its UID.
        composite: The UID of the composite that controls it; empty for an orphan.
        claim: That composite's claim, or namespace and name of one without claims.
        kin: The managed resources of that composite's repositories.
        live: Whether the composite is.
        exempt: Why it may act on what it did not earn, if it may.
    """

    cluster: str
    managed: str
    composite: str
    claim: Claim
    kin: tuple[str, ...] = ()
    live: bool = True
    exempt: Exemption | None = None


class EcrError(Exception):
    """ECR refused; the text is its exception's name."""


@dataclasses.dataclass
class Repository:
    """One repository.

    Attributes:
        maker: Who made it; None for a person.
        mistaken_for: The managed resources that made an earlier one at this place and
            may have to take this one for it, and the exemption for that.
        polled_by: The classic managed resources whose status says what this one is.
        lifecycle_by: Whose resource put the lifecycle policy; None for a person.
    """

    maker: Actor | None
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
        """Whether it was made by this managed resource, or for this composite."""
        maker = self.maker
        return (
            maker is not None
            and (maker.cluster, maker.claim) == (actor.cluster, actor.claim)
            and (
                maker.managed in (actor.managed, *actor.kin)
                or (maker.composite == actor.composite != "")
            )
        )

    def exempts(self, actor: Actor) -> Exemption | None:
        """Why this one may act on it all the same; None if it may not."""
        uids = (actor.managed, *actor.kin)
        known = [self.mistaken_for[uid] for uid in uids if uid in self.mistaken_for]
        return actor.exempt or (known[0] if known else None)


class Ecr:
    """All repositories of all accounts."""

    def __init__(self) -> None:
        self.repositories: dict[Place, Repository] = {}
        # All who ever made one of a name, in whichever account.
        self.makers: dict[str, list[Actor]] = {}

    def find(self, place: Place) -> Repository | None:
        return self.repositories.get(place)

    def create(
        self,
        place: Place,
        maker: Actor | None,
        at: datetime,
        tags: dict[str, str] | None = None,
        mistaken: Iterable[tuple[str, Exemption]] = (),
    ) -> Repository:
        if place in self.repositories:
            raise EcrError("RepositoryAlreadyExistsException")
        made = Repository(maker, at, tags=dict(tags or {}))
        made.mistaken_for = {
            uid: why for uid, why in mistaken if maker is None or uid != maker.managed
        }
        if maker:
            self.makers.setdefault(place.name, []).append(maker)
        self.repositories[place] = made
        return made

    def delete(self, place: Place, actor: Actor, *, force: bool) -> None:
        """Delete a repository for a managed resource.

        Raises:
            EcrError: It is not empty, and the deletion not forced.
            ImagesLost: It has images, and its deletion is nobody's right.
        """
        found = self.find(place)
        if found is None:
            return
        if found.images and not force:
            raise EcrError("RepositoryNotEmptyException")
        if found.images and not found.exempts(actor):
            if not found.earned_by(actor):
                raise ImagesLost(f"{actor} deleted {place}: {found}")
            if actor.live:
                raise ImagesLost(f"{actor} deleted {place} under its live claim")
        del self.repositories[place]

    def change(self, place: Place, actor: Actor, **changes: object) -> None:
        """Change a repository for a managed resource.

        Raises:
            EcrError: It is not there.
            NotEarned: Its change is nobody's right, nor takes back one of its own.
        """
        found = self.find(place)
        if found is None:
            raise EcrError("RepositoryNotFoundException")
        put, takes_back = found.lifecycle_by, changes.get("lifecycle") == ""
        own = takes_back and put is not None and put.managed == actor.managed
        if not (own or found.earned_by(actor) or found.exempts(actor)):
            raise NotEarned(f"{actor} changed {place} to {changes}: {found}")
        for field, value in changes.items():
            setattr(found, field, value)

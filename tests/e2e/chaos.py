"""Random lives of colliding claims while programs are killed: no image may be lost.

Claims that compete for the same repositories are created, edited and deleted, images
are pushed, people create repositories by hand, ECR refuses for a while, and programs
are killed with -9. After every step, an image may be missing only if the claim that
pushed it was deleted and had the right to delete its repository. At the end everything
must settle, and ECR must hold only what was there before, and what no claim had the
right to delete.
"""

import argparse
import dataclasses
import json
import random
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1] / "conformance"))
sys.path.insert(0, str(Path(__file__).parents[2] / "package"))

import claims
from apis import APIS, Api
from control_plane import KubectlError
from processes import NotReadyError
from providers import PROVIDER
from system import FUNCTION, Refusal, System, WithoutKyverno, running, say

if TYPE_CHECKING:
    from collections.abc import Callable

# Workload w-b in c and w in b-c; x in n-bundle and the bundle of x in n.
PLACES = tuple(
    place
    for n in range(3)
    for place in (
        ("c", f"w{n}-b"),
        ("b-c", f"w{n}"),
        ("n-bundle", f"x{n}"),
        ("n", f"x{n}"),
    )
)
VICTIMS = (
    PROVIDER,
    FUNCTION,
    "crossplane",
    "kube-apiserver",
    "kube-controller-manager",
)
# After that everything that a killed provider left half done has been looked at again.
SETTLES_S = 420
SAYS_EVERY_S = 30.0


class LostImageError(Exception):
    """An image is missing that nobody had the right to delete; its text says which."""


@dataclasses.dataclass(frozen=True)
class Image:
    """An image that was pushed.

    Attributes:
        repository: Where.
        digest: What ECR calls it.
        owner: The UID of the claim that pushed it; empty for a person.
    """

    repository: str
    digest: str
    owner: str


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a claim can be: its namespace, and its name, which is its workload's."""

    namespace: str
    name: str

    @property
    def repositories(self) -> set[str]:
        """The repositories that it asks for."""
        return claims.names(self.name, self.namespace)

    def __str__(self) -> str:
        """Name it as kubectl does."""
        return f"{self.namespace}/{self.name}"


class Chaos:
    """Steps at random, and what must hold after each.

    Attributes:
        counted: How often each step was taken.
    """

    def __init__(self, system: System, seed: int) -> None:
        self._system = system
        self._random = random.Random(seed)
        self._images: set[Image] = set()
        # UIDs of claims that were deleted, and the repositories that each may delete.
        self._deleted: set[str] = set()
        self._may_take: dict[str, set[str]] = {}
        self._by_hand: set[str] = set()
        self.counted: Counter[str] = Counter()
        self.pushed = 0

    def prepare(self) -> None:
        """Make the namespaces, and wait until claims are served."""
        for namespace in sorted({namespace for namespace, _ in PLACES}):
            self._system.kubectl("create", "namespace", namespace)

    def step(self) -> None:
        """Take one step, and check."""
        steps: dict[Callable[[], object], int] = {
            self._create: 30,
            self._push: 30,
            self._edit: 12,
            self._delete: 16,
            self._kill: 6,
            self._refuse: 3,
            self._make_by_hand: 3,
        }
        (step,) = self._random.choices([*steps], [*steps.values()])
        try:
            step()
            self.counted[step.__name__.strip("_")] += 1
        except KubectlError as e:
            # The API server may be the one that was killed.
            self.counted["refused by the API server"] += 1
            if "refused" not in str(e) and "NotFound" not in str(e):
                say(f"{step.__name__}: {e}")
        self.check()
        time.sleep(self._random.uniform(0.1, 1.5))

    def _place(self) -> Place:
        return Place(*self._random.choice(PLACES))

    def _live(self) -> list[tuple[Place, dict[str, Any]]]:
        return [
            (Place(c["metadata"]["namespace"], c["metadata"]["name"]), c)
            for c in self._system.kubectl.all("-A", "workloadecrrepos")
            if "deletionTimestamp" not in c["metadata"]
        ]

    def _create(self) -> None:
        place = self._place()
        self._system.kubectl.apply(
            claims.manifest(place.name, place.name, place.namespace)
        )

    def _push(self) -> None:
        usable = [
            (place, claim)
            for place, claim in self._live()
            if claims.condition(claim, "RepositoriesReady").get("status") == "True"
        ]
        if not usable:
            return
        place, claim = self._random.choice(usable)
        self._put(self._random.choice(sorted(place.repositories)), _uid(claim))

    def _put(self, repository: str, owner: str) -> None:
        ecr = self._system.ecr
        image = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": claims.MEDIA,
                "number": self._random.getrandbits(64),
            }
        )
        try:
            made = ecr.put_image(
                repositoryName=repository,
                imageManifest=image,
                imageTag=f"t{self.pushed}",
            )
        except ecr.exceptions.ClientError:
            # It went just now; moto then fails instead of saying RepositoryNotFound.
            if repository in self._system.repositories():
                raise
            return
        self.pushed += 1
        digest = made["image"]["imageId"]["imageDigest"]
        self._images.add(Image(repository, digest, owner))

    def _edit(self) -> None:
        live = self._live()
        if not live:
            return
        place, _ = self._random.choice(live)
        parameters = self._random.choice(
            (
                {"workloadName": place.name, "repoPrefix": claims.PREFIX},
                {"repoPrefix": "another/prefix"},
                {"workloadName": "Not A Name"},
                {"region": "eu-west-1"},
                {"region": "eu-west-2"},
            )
        )
        claims.edit(self._system, place.name, place.namespace, **parameters)

    def _delete(self) -> None:
        live = self._live()
        if live:
            self._remove(self._random.choice(live)[0])

    def _remove(self, place: Place) -> None:
        claim = claims.claim(self._system, place.name, place.namespace)
        if claim is None:
            return
        uid = _uid(claim)
        # Counted as deleted first: it may go while kubectl is still asking.
        self._deleted.add(uid)
        self._may_take[uid] = self._deletable(place)
        claims.delete(self._system, place.name, namespace=place.namespace, wait=False)

    def _deletable(self, place: Place) -> set[str]:
        resources = claims.resources_of(self._system, place.name, place.namespace)
        return {
            claims.external_name(r) for r in resources if self._system.api.may_delete(r)
        }

    def _kill(self) -> None:
        victim = self._random.choice(VICTIMS)
        self.counted[f"kill -9 {victim}"] += 1
        self._system[victim].stop(signal.SIGKILL)
        if self._random.random() < 0.5:
            time.sleep(self._random.uniform(0.5, 4))
        self._system[victim].start()

    def _refuse(self) -> None:
        operation, code = self._random.choice(
            (
                ("CreateRepository", "AccessDeniedException"),
                ("DeleteRepository", "AccessDeniedException"),
                ("DescribeRepositories", "AccessDeniedException"),
            )
        )
        with self._system.refusing(Refusal((operation,), code, "by chaos")):
            time.sleep(self._random.uniform(1, 5))

    def _make_by_hand(self) -> None:
        name = self._random.choice(sorted(self._place().repositories))
        ecr = self._system.ecr
        try:
            ecr.create_repository(repositoryName=name)
        except ecr.exceptions.RepositoryAlreadyExistsException:
            return
        self._by_hand.add(name)
        self._put(name, "")

    def check(self) -> None:
        """Check that every image is there that nobody was to delete.

        Raises:
            LostImageError: One is not.
        """
        present = _digests(self._system)
        for image in sorted(self._images, key=str):
            if image.digest in present.get(image.repository, ()):
                continue
            if image.owner not in self._deleted:
                what = "a living claim's" if image.owner else "a person's"
                raise LostImageError(f"{what} image is gone: {image}")
            self._images.remove(image)
            if image.repository in present and image.repository in self._by_hand:
                raise LostImageError(f"gone from a person's repository: {image}")

    def settle(self) -> None:
        """Wait until every claim has a verdict, delete all, and look at what is left.

        Raises:
            LostImageError: An image is missing, or a repository is left behind.
            NotReadyError: Something hangs.
        """
        system = self._system
        for place, _ in self._live():
            claims.edit(
                system,
                place.name,
                place.namespace,
                workloadName=place.name,
                repoPrefix=claims.PREFIX,
                region="eu-west-2",
            )

        def verdicts() -> dict[str, str]:
            found = {
                str(place): claims.condition(claim, "RepositoriesReady").get(
                    "reason", ""
                )
                for place, claim in self._live()
            }
            wanted = {"Available", "Adopted", "NameTaken"}
            return found if set(found.values()) <= wanted else {}

        if self._live():
            found = system.wait("every claim has a verdict", verdicts, SETTLES_S)
            say(f"verdicts: {dict(Counter(found.values()))}")
        self.check()
        for place, _ in self._live():
            self._remove(place)
        system.wait("every claim is gone", lambda: not self._all(), SETTLES_S)
        system.wait(
            "every managed resource is gone",
            lambda: not claims.managed(system),
            SETTLES_S,
        )
        self.check()
        left = system.repositories() - self._by_hand
        say(
            f"left behind: {len(left)} repositories whose claims were deleted before "
            "they had the right to delete them"
        )
        for name in left & self._last_taken():
            raise LostImageError(
                f"left behind, though its claim could delete it: {name}"
            )

    def _all(self) -> list[dict[str, Any]]:
        return self._system.kubectl.all("-A", "workloadecrrepos")

    def _last_taken(self) -> set[str]:
        """Return the repositories that the last claims could delete."""
        return {
            name
            for names in [*self._may_take.values()][-len(PLACES) :]
            for name in names
        }


def _uid(claim: dict[str, Any]) -> str:
    return str(claim["metadata"]["uid"])


def _digests(system: System) -> dict[str, set[str]]:
    """Return the images of each repository."""
    found = dict[str, set[str]]()
    for name in system.repositories():
        try:
            pages = system.ecr.get_paginator("list_images").paginate(
                repositoryName=name
            )
            found[name] = {i["imageDigest"] for page in pages for i in page["imageIds"]}
        except system.ecr.exceptions.RepositoryNotFoundException:
            continue  # it went between the two calls
    return found


def play(api: Api, minutes: float, seed: int) -> None:
    """Play on one provider API.

    Raises:
        LostImageError: An image was lost.
        NotReadyError: Something hangs.
    """
    system = WithoutKyverno("chaos", lambda s: say(f"{api.name}: {s}"), api=api)
    with running(system, lambda: False):
        chaos = Chaos(system, seed)
        chaos.prepare()
        started = told = time.monotonic()
        while time.monotonic() - started < minutes * 60:
            chaos.step()
            if time.monotonic() - told > SAYS_EVERY_S:
                told = time.monotonic()
                say(
                    f"{api.name}: {(told - started) / 60:.1f} min, "
                    f"{chaos.pushed} images pushed, none lost"
                )
        chaos.settle()
        say(
            f"{api.name}: {chaos.pushed} images pushed, none lost; "
            f"{dict(chaos.counted)}"
        )


def main() -> int:
    """Run it; returns the exit status."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--api", choices=[*APIS, "all"], default="all", help="(all)")
    parser.add_argument("--minutes", type=float, default=10, help="for each API (10)")
    parser.add_argument("--seed", type=int, help="a number, to repeat what was played")
    args = parser.parse_args()
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.default_int_handler)
    seed = args.seed if args.seed is not None else random.SystemRandom().getrandbits(32)
    played = APIS if args.api == "all" else {args.api: APIS[args.api]}
    for name, api in played.items():
        say(f"{name}: seed {seed}")
        try:
            play(api, args.minutes, seed)
        except KeyboardInterrupt:
            return 130
        except (LostImageError, NotReadyError, KubectlError) as e:
            say(f"✘ {name}, seed {seed}: {e}")
            return 1
    say(f"✔ seed {seed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

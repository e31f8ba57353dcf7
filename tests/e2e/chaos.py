"""Act at random on competing claims while programs are killed: no image may be lost.

Claims that compete for the same repositories are created, edited and deleted. Images
are pushed, people create repositories by hand, ECR returns errors for a while, and
programs are killed with SIGKILL. After every step, an image may be missing only if the
claim that pushed it was deleted and had the right to delete the repository. At the end
everything must settle. ECR may then hold only the repositories that people created and
those that no claim had the right to delete.
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

# Pairs whose repository names collide: workload w-b in namespace c with w in b-c, and
# the image of x in n-bundle with the bundle of x in n.
CLAIMS = tuple(
    claim_name
    for n in range(3)
    for claim_name in (
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
# Within this time the provider reconciles everything that it left unfinished when it
# was killed.
SETTLES_S = 420
PROGRESS_EVERY_S = 30.0


class LostImageError(Exception):
    """An image is missing although nobody had the right to delete it."""


@dataclasses.dataclass(frozen=True)
class Image:
    """An image that was pushed.

    Attributes:
        repository: The name of its repository.
        digest: Its digest in ECR.
        owner: The UID of the claim that pushed it; empty for a person.
    """

    repository: str
    digest: str
    owner: str


@dataclasses.dataclass(frozen=True)
class ClaimName:
    """The namespace and name of a claim; its workload has the same name."""

    namespace: str
    name: str

    @property
    def repositories(self) -> set[str]:
        """The names of the repositories that the claim requests."""
        return claims.names(self.name, self.namespace)

    def __str__(self) -> str:
        """Format as namespace/name."""
        return f"{self.namespace}/{self.name}"


class Chaos:
    """Takes random steps and checks after each that no image was lost.

    Attributes:
        counted: The number of times that each step was taken.
        pushed: The number of images that were pushed.
    """

    def __init__(self, system: System, seed: int) -> None:
        self._system = system
        self._random = random.Random(seed)
        self._images: set[Image] = set()
        # UIDs of deleted claims, and the repositories that each could delete.
        self._deleted: set[str] = set()
        self._may_take: dict[str, set[str]] = {}
        self._by_hand: set[str] = set()
        self.counted: Counter[str] = Counter()
        self.pushed = 0

    def prepare(self) -> None:
        """Create the namespaces."""
        for namespace in sorted({namespace for namespace, _ in CLAIMS}):
            self._system.kubectl("create", "namespace", namespace)

    def step(self) -> None:
        """Take one random step, then check that no image was lost."""
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
            # The API server may be down because this run killed it.
            self.counted["refused by the API server"] += 1
            if "refused" not in str(e) and "NotFound" not in str(e):
                say(f"{step.__name__}: {e}")
        self.check()
        time.sleep(self._random.uniform(0.1, 1.5))

    def _any_claim(self) -> ClaimName:
        return ClaimName(*self._random.choice(CLAIMS))

    def _live(self) -> list[tuple[ClaimName, dict[str, Any]]]:
        return [
            (ClaimName(c["metadata"]["namespace"], c["metadata"]["name"]), c)
            for c in self._system.kubectl.all("-A", "workloadecrrepos")
            if "deletionTimestamp" not in c["metadata"]
        ]

    def _create(self) -> None:
        claim_name = self._any_claim()
        self._system.kubectl.apply(
            claims.manifest(claim_name.name, claim_name.name, claim_name.namespace)
        )

    def _push(self) -> None:
        usable = [
            (claim_name, claim)
            for claim_name, claim in self._live()
            if claims.condition(claim, "RepositoriesReady").get("status") == "True"
        ]
        if not usable:
            return
        claim_name, claim = self._random.choice(usable)
        self._put(self._random.choice(sorted(claim_name.repositories)), _uid(claim))

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
            # The repository was deleted meanwhile. moto then fails in another way
            # than with RepositoryNotFoundException.
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
        claim_name, _ = self._random.choice(live)
        parameters = self._random.choice(
            (
                {"workloadName": claim_name.name, "repoPrefix": claims.PREFIX},
                {"repoPrefix": "another/prefix"},
                {"workloadName": "Not A Name"},
                {"region": "eu-west-1"},
                {"region": "eu-west-2"},
            )
        )
        claims.edit(self._system, claim_name.name, claim_name.namespace, **parameters)

    def _delete(self) -> None:
        live = self._live()
        if live:
            self._remove(self._random.choice(live)[0])

    def _remove(self, claim_name: ClaimName) -> None:
        claim = claims.claim(self._system, claim_name.name, claim_name.namespace)
        if claim is None:
            return
        uid = _uid(claim)
        # Record the deletion first: the claim may be gone before kubectl returns.
        self._deleted.add(uid)
        self._may_take[uid] = self._deletable(claim_name)
        claims.delete(
            self._system, claim_name.name, namespace=claim_name.namespace, wait=False
        )

    def _deletable(self, claim_name: ClaimName) -> set[str]:
        resources = claims.resources_of(
            self._system, claim_name.name, claim_name.namespace
        )
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
        name = self._random.choice(sorted(self._any_claim().repositories))
        ecr = self._system.ecr
        try:
            ecr.create_repository(repositoryName=name)
        except ecr.exceptions.RepositoryAlreadyExistsException:
            return
        self._by_hand.add(name)
        self._put(name, "")

    def check(self) -> None:
        """Check that no image is missing that had to be kept.

        Raises:
            LostImageError: An image is missing.
        """
        present = _digests(self._system)
        for image in sorted(self._images, key=str):
            if image.digest in present.get(image.repository, ()):
                continue
            if image.owner not in self._deleted:
                pusher = "a claim that still exists" if image.owner else "a person"
                raise LostImageError(f"an image pushed by {pusher} is gone: {image}")
            self._images.remove(image)
            if image.repository in present and image.repository in self._by_hand:
                raise LostImageError(
                    f"an image is gone from a repository created by hand: {image}"
                )

    def settle(self) -> None:
        """Wait until all claims settle, delete them, and check what is left in ECR.

        Raises:
            LostImageError: An image is missing, or a repository was not deleted.
            NotReadyError: A claim does not settle or is not deleted in time.
        """
        system = self._system
        for claim_name, _ in self._live():
            claims.edit(
                system,
                claim_name.name,
                claim_name.namespace,
                workloadName=claim_name.name,
                repoPrefix=claims.PREFIX,
                region="eu-west-2",
            )

        def reasons() -> dict[str, str]:
            found = {
                str(claim_name): claims.condition(claim, "RepositoriesReady").get(
                    "reason", ""
                )
                for claim_name, claim in self._live()
            }
            final = {"Available", "Adopted", "NameTaken"}
            return found if set(found.values()) <= final else {}

        if self._live():
            found = system.wait("every claim has settled", reasons, SETTLES_S)
            say(f"reasons: {dict(Counter(found.values()))}")
        self.check()
        for claim_name, _ in self._live():
            self._remove(claim_name)
        system.wait("every claim is gone", lambda: not self._all(), SETTLES_S)
        system.wait(
            "every managed resource is gone",
            lambda: not claims.managed(system),
            SETTLES_S,
        )
        self.check()
        left = system.repositories() - self._by_hand
        say(
            f"{len(left)} repositories remain: their claims were deleted before they "
            "had the right to delete them"
        )
        for name in left & self._last_taken():
            raise LostImageError(
                f"{name} remains, although its claim had the right to delete it"
            )

    def _all(self) -> list[dict[str, Any]]:
        return self._system.kubectl.all("-A", "workloadecrrepos")

    def _last_taken(self) -> set[str]:
        """Return the repositories that the most recent claims could delete."""
        return {
            name
            for names in [*self._may_take.values()][-len(CLAIMS) :]
            for name in names
        }


def _uid(claim: dict[str, Any]) -> str:
    return str(claim["metadata"]["uid"])


def _digests(system: System) -> dict[str, set[str]]:
    """Return the image digests by repository."""
    found = dict[str, set[str]]()
    for name in system.repositories():
        try:
            pages = system.ecr.get_paginator("list_images").paginate(
                repositoryName=name
            )
            found[name] = {i["imageDigest"] for page in pages for i in page["imageIds"]}
        except system.ecr.exceptions.RepositoryNotFoundException:
            continue  # it was deleted between the two calls
    return found


def play(api: Api, minutes: float, seed: int) -> None:
    """Take random steps on one provider API for some minutes, then settle.

    Raises:
        LostImageError: An image was lost.
        NotReadyError: A claim does not settle or is not deleted in time.
    """
    system = WithoutKyverno("chaos", lambda s: say(f"{api.name}: {s}"), api=api)
    with running(system, lambda: False):
        chaos = Chaos(system, seed)
        chaos.prepare()
        started = reported = time.monotonic()
        while time.monotonic() - started < minutes * 60:
            chaos.step()
            if time.monotonic() - reported > PROGRESS_EVERY_S:
                reported = time.monotonic()
                say(
                    f"{api.name}: {(reported - started) / 60:.1f} min, "
                    f"{chaos.pushed} images pushed, none lost"
                )
        chaos.settle()
        say(
            f"{api.name}: {chaos.pushed} images pushed, none lost; "
            f"{dict(chaos.counted)}"
        )


def main() -> int:
    """Run the command; return the exit status."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--api", choices=[*APIS, "all"], default="all", help="(all)")
    parser.add_argument("--minutes", type=float, default=10, help="for each API (10)")
    parser.add_argument("--seed", type=int, help="repeat the steps of an earlier run")
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

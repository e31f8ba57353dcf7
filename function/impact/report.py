"""What a deletion takes, repository by repository."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from function.impact.images import ImageCount, Registry
from function.impact.objects import NO_NAME, Claim, Cluster, ManagedRepository
from function.impact.targets import Reached
from function.impact.verdict import Outcome, Verdict, verdict

# Which of several managed resources of one repository decides: the first that there is.
_ORDER = (Outcome.DELETED, Outcome.DELETED_IF_EMPTY, Outcome.LEFT, Outcome.KEPT)

Counter = Callable[[Registry], ImageCount | None]


class Impact(NamedTuple):
    """What happens to one repository.

    Attributes:
        registry: Which repository it is. The account is empty if it is unknown.
        claim: Its claim, as NAMESPACE and NAME; NO_NAME for none.
        managed: Its managed resource; None for none.
        held: What it holds; None if that is unknown.
        verdict: What happens, and why.
        before: What would happen before a change of settings; None without one.
    """

    registry: Registry
    claim: tuple[str, str]
    managed: ManagedRepository | None
    held: ImageCount | None
    verdict: Verdict
    before: Outcome | None = None


def registry_of(managed: ManagedRepository) -> Registry:
    """Return which repository a managed resource is about."""
    repository = managed.repository
    return Registry(
        repository.external_name or repository.resource_name,
        repository.region,
        repository.registry_id,
    )


def impacts(reached: Iterable[Reached], count: Counter) -> list[Impact]:
    """Return what happens to each repository; each repository once.

    Args:
        reached: The managed resources that a deletion reaches.
        count: Returns what a repository holds.
    """
    found = []
    for each in reached:
        registry = registry_of(each.managed)
        held = count(registry)
        decided = verdict(
            each.managed.repository, held, each.obstacle, temporary=each.temporary
        )
        found.append(Impact(registry, each.managed.claim, each.managed, held, decided))
    return merged(found)


def without_managed_resource(
    claims: Iterable[Claim], cluster: Cluster, count: Counter
) -> list[Impact]:
    """Return the repositories that only the status of a claim still names.

    Their provider may be uninstalled. Then nothing can delete them.
    """
    managed = {(m.claim, registry_of(m).name) for m in cluster.repositories}
    return [
        Impact(
            registry := Registry(name, "", ""),
            claim.key,
            None,
            count(registry),
            Verdict(Outcome.KEPT, "it has no managed resource in this cluster"),
        )
        for claim in claims
        for name in sorted(claim.repositories)
        if (claim.key, name) not in managed
    ]


def merged(found: Iterable[Impact]) -> list[Impact]:
    """Return one impact for each repository, sorted: what is deleted comes first.

    Several managed resources can be about one repository. One that deletes it decides.
    """
    found = sorted(found, key=_rank)
    accounts: dict[tuple[str, str], set[str]] = {}
    for each in found:
        known = accounts.setdefault(each.registry[:2], set())
        known |= {each.registry.account} - {""}
    by_repository: dict[Registry, Impact] = {}
    for each in found:
        registry = each.registry
        known = accounts[registry[:2]]
        if not registry.account and len(known) == 1:
            registry = registry._replace(account=next(iter(known)))
        first = by_repository.setdefault(registry, each._replace(registry=registry))
        if each.verdict.deletes_images and not first.verdict.deletes_images:
            decided = first.verdict._replace(deletes_images=True)
            by_repository[registry] = first._replace(verdict=decided)
    return list(by_repository.values())


def _rank(impact: Impact) -> tuple[int, Registry, tuple[str, str]]:
    return _ORDER.index(impact.verdict.outcome), impact.registry, impact.claim


def deletes_images(found: Iterable[Impact]) -> bool:
    """Whether images are deleted, or may be."""
    return any(each.verdict.deletes_images for each in found)


def owner_text(impact: Impact) -> str:
    """Return the claim as NAMESPACE/NAME; empty for none."""
    namespace, name = impact.claim
    if impact.claim == NO_NAME:
        return ""
    return f"{namespace}/{name}" if namespace else name

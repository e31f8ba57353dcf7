"""Repositories that no claim owns: nothing deletes them but a person."""

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from function.api.globs import NAMESPACE_PLACEHOLDER
from function.impact.images import Registry
from function.impact.objects import NO_NAME, Cluster, ManagedRepository
from function.impact.report import Counter, Impact, merged, registry_of
from function.impact.verdict import Outcome, Verdict


def leftovers(
    repositories: Iterable[Registry],
    cluster: Cluster,
    prefixes: Iterable[str],
    count: Counter,
) -> list[Impact]:
    """Return the repositories under the prefixes that no claim owns.

    Args:
        repositories: What is in ECR.
        cluster: The claims and their managed resources.
        prefixes: Prefixes as `repoPrefix` has them, or patterns as
            `allow.repoPrefixes` has them.
        count: Returns what a repository holds.
    """
    patterns = [p.replace(NAMESPACE_PLACEHOLDER, "*").strip("/") for p in prefixes]
    managed = list(cluster.repositories)
    found = []
    for registry in repositories:
        if not any(_is_under(registry.name, pattern) for pattern in patterns):
            continue
        about = list(_about(registry, managed))
        if any(m.controlled for m in about):
            continue
        orphan = about[0] if about else None
        decided = Verdict(Outcome.LEFT, _why(registry, orphan, managed))
        claim = orphan.claim if orphan else NO_NAME
        found.append(Impact(registry, claim, orphan, count(registry), decided))
    return merged(found)


def _is_under(name: str, pattern: str) -> bool:
    return fnmatchcase(name, f"{pattern}/*")


def _about(
    registry: Registry, managed: Iterable[ManagedRepository]
) -> Iterator[ManagedRepository]:
    for each in managed:
        name, region, account = registry_of(each)
        if (name, region) == registry[:2] and account in ("", registry.account):
            yield each


def _why(
    registry: Registry,
    orphan: ManagedRepository | None,
    managed: Iterable[ManagedRepository],
) -> str:
    if orphan:
        return "its managed resource has no owner, so no deletion of a claim reaches it"
    regions = sorted(
        {
            m.repository.region
            for m in managed
            if registry_of(m).name == registry.name and m.controlled
        }
        - {registry.region}
    )
    if regions:
        source = ", ".join(regions)
        return f"a claim owns the one in {source}; as a replica it is never deleted"
    return "no claim in this cluster owns it"

"""Repositories that no claim owns: nothing deletes them but a person."""

from collections.abc import Iterable
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
    by_name: dict[str, list[ManagedRepository]] = {}
    for managed in cluster.repositories:
        by_name.setdefault(registry_of(managed).name, []).append(managed)
    found = []
    for registry in repositories:
        if not any(_is_under(registry.name, pattern) for pattern in patterns):
            continue
        namesakes = by_name.get(registry.name, [])
        about = [managed for managed in namesakes if _is_about(managed, registry)]
        if any(m.controlled for m in about):
            continue
        orphan = about[0] if about else None
        decided = Verdict(Outcome.LEFT, _why(registry, orphan, namesakes))
        claim = orphan.claim if orphan else NO_NAME
        found.append(Impact(registry, claim, orphan, count(registry), decided))
    return merged(found)


def _is_under(name: str, pattern: str) -> bool:
    return fnmatchcase(name, f"{pattern}/*")


def _is_about(managed: ManagedRepository, registry: Registry) -> bool:
    _, region, account = registry_of(managed)
    return region == registry.region and account in ("", registry.account)


def _why(
    registry: Registry,
    orphan: ManagedRepository | None,
    namesakes: Iterable[ManagedRepository],
) -> str:
    if orphan:
        return "its managed resource has no owner, so no deletion of a claim reaches it"
    regions = {m.repository.region for m in namesakes if m.controlled}
    if others := sorted(regions - {registry.region}):
        source = ", ".join(others)
        return f"a claim owns the one in {source}; as a replica it is never deleted"
    return "no claim in this cluster owns it"

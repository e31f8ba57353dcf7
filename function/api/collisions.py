"""Whether the names that settings give are free of collisions. Pure."""

from itertools import product

from function.api.settings import Settings
from function.ecr.name_collisions import (
    AddedRepositories,
    Collision,
    Prefixes,
    Verdict,
    decide,
)
from function.ecr.name_template import NameTemplate, SuffixTemplate


def collision_verdict(settings: Settings) -> Verdict:
    """Return whether two repositories can ever get the same name under settings.

    All workloads in all namespaces are considered, with every prefix and every name
    that `allow` lets claims use.

    Args:
        settings: The settings. Of several `allow`, each applies.
    """
    prefixes = [
        Prefixes.matching(allow.repo_prefixes)
        for allow in settings.allow
        if allow.repo_prefixes is not None
    ]
    added: list[AddedRepositories | None] = [
        AddedRepositories(
            NameTemplate.from_text(settings.name),
            SuffixTemplate.from_text(settings.suffix),
            tuple(allow.repositories),
        )
        for allow in settings.allow
        if allow.repositories is not None
    ]
    verdicts = []
    for prefix, more in product(prefixes or [Prefixes.anything()], added or [None]):
        verdict = decide(settings.repositories, prefix, more)
        # No claim can have what one of the lists rules out.
        if verdict.collision_free:
            return verdict
        verdicts.append(verdict)
    if len(verdicts) == 1:
        return verdicts[0]
    for verdict in verdicts:
        if verdict.collision and _is_allowed(verdict.collision, settings):
            return verdict
    return Verdict(
        collision_free=False,
        reason="Not proven: the Composition's input and the platform settings both "
        "have allow, and no example fits both",
    )


def _is_allowed(collision: Collision, settings: Settings) -> bool:
    """Whether all lists allow the two claims of a collision."""
    keys = {each.key for each in settings.repositories}
    return all(
        (owner.repository in keys or settings.may_add(owner.repository))
        and all(
            Prefixes.matching(allow.repo_prefixes).allow(owner.prefix, owner.namespace)
            for allow in settings.allow
            if allow.repo_prefixes is not None
        )
        for owner in (collision.first, collision.second)
    )

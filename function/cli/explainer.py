"""`explain`: a claim's names, where to push, and which guards act on it, and why."""

import re
from dataclasses import dataclass, field
from typing import Any, Literal

from function.api.globs import matching_glob
from function.api.input import Input, parse_input
from function.api.parameters import Parameters, parse_parameters, read_parameters
from function.cli import rendering
from function.cli.documents import Manifest, to_struct
from function.ecr.naming import RegistryHost, RepositoryName
from function.ecr.provider_rights import Deletion
from function.errors import printable, quote

# "acts": it changes or bounds what comes of the claim. "stops": nothing is made.
Effect = Literal["passes", "acts", "stops"]
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_BUNDLE = "-bundle"
_MOST_RIVALS = 4


@dataclass(frozen=True, slots=True)
class Guard:
    """What one guard does with a claim."""

    name: str
    effect: Effect
    why: str


@dataclass(frozen=True, slots=True)
class Target:
    """A repository, and what to push to; its URI may have a placeholder."""

    role: Literal["image", "bundle"]
    name: str
    uri: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that can be said of a claim without a cluster.

    Attributes:
        about: The claim, in words.
        region: Of the registry.
        registry: Its host; parts that are not known are in angle brackets.
        provider_config: Whose account it is.
        targets: The repositories; none where a guard stops the claim.
        guards: Each guard, in the order in which they look.
    """

    about: str
    region: str = ""
    registry: str = ""
    provider_config: str = ""
    targets: list[Target] = field(default_factory=list)
    guards: list[Guard] = field(default_factory=list)

    @property
    def stopped(self) -> bool:
        """Whether a guard stops the claim."""
        return any(g.effect == "stops" for g in self.guards)


@dataclass(frozen=True, slots=True)
class Claim:
    """Which claim it is, or which XR where there are no claims."""

    kind: str
    namespace: str
    name: str


def claim_of(xr: Manifest) -> Claim:
    """Return the claim of an XR."""
    ref, metadata = xr["spec"].get("claimRef"), xr["metadata"]
    ref = ref if isinstance(ref, dict) else {}
    return Claim(
        str(ref.get("kind") or xr["kind"]),
        str(ref.get("namespace") or metadata.get("namespace") or ""),
        str(ref.get("name") or metadata["name"]),
    )


def explain(xr: Manifest, step_input: Manifest, account: str = "") -> Explanation:
    """Explain a claim's XR under a Composition's input.

    Args:
        xr: The XR, as render makes one of a claim.
        step_input: The Composition's input; {} for none.
        account: The AWS account of the registry, where it is known.

    Raises:
        UnusableError: The XR holds what JSON cannot.
    """
    claim = claim_of(xr)
    about = f"{claim.kind} {printable(claim.name)}"
    about += f" in namespace {printable(claim.namespace)}" if claim.namespace else ""
    if refused := rendering.refusal(xr, step_input):
        reason, message = refused
        return Explanation(about, guards=[Guard(reason, "stops", message)])
    settings = parse_input(to_struct(step_input))
    composite = parse_parameters(read_parameters(to_struct(xr)), settings)
    parameters = xr["spec"].get("parameters") or {}
    given = str(parameters.get("repoPrefix") or settings.defaults.repo_prefix)
    host = _host(given, composite, settings)
    registry = registry_host(composite.region, account, host)
    names = [("image", composite.image_name), ("bundle", composite.bundle_name)]
    return Explanation(
        about,
        composite.region,
        registry,
        composite.provider_config.name,
        [
            Target(role, name, f"{registry}/{name}")  # type: ignore[arg-type]
            for role, name in names[: 2 if settings.bundle else 1]
        ],
        [
            _registry_host(composite, host, settings),
            Guard(
                "ECR's rules", "passes", "ECR takes what the repositories are called"
            ),
            _allow(composite, settings),
            _rivals(composite, parameters["workloadName"], claim.namespace, settings),
            _deletion(settings.deletion),
        ],
    )


def registry_host(region: str, account: str = "", host: str = "") -> str:
    """Return the host of a private registry, with <account> where it is unknown.

    Args:
        region: Of the registry.
        account: Of the registry; empty where it is unknown.
        host: The one that the claim itself names, if it does.
    """
    if host and account in ("", host[:12]):
        return host
    # AWS's partitions: botocore's data/partitions.json. Their isolated ones have hosts
    # of their own, and nobody there reads this to find them.
    if re.match(r"(us|eu)-iso|eusc-", region):
        return f"<the registry of {region}>"
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"{account or '<account>'}.dkr.ecr.{region}.{suffix}"


def rivals(
    name: RepositoryName, workload: str, namespace: str, *, bundle: bool = True
) -> list[tuple[str, str]]:
    """Return which workload in which namespace would ask for the same repositories.

    The name ends in `<workload>-<namespace>`, and either may have hyphens.
    """
    ours = name.rpartition("/")[2]
    contested = [ours]
    if bundle:
        # Another's bundle may be our image, another's image our bundle.
        contested += [ours.removesuffix(_BUNDLE), f"{ours}{_BUNDLE}"]
    found = dict.fromkeys(
        (text[:at], text[at + 1 :])
        for text in dict.fromkeys(contested)
        for at, letter in enumerate(text)
        if letter == "-" and text[:at] and _LABEL.fullmatch(text[at + 1 :])
    )
    found.pop((workload, namespace), None)
    return list(found)


def _host(given: str, composite: Parameters, settings: Input) -> str:
    """Return the registry host that was stripped of the prefix; empty for none."""
    path = given.strip("/")
    stripped = settings.registry_host is RegistryHost.STRIP
    return path.partition("/")[0] if stripped and path != composite.prefix.path else ""


def _registry_host(composite: Parameters, host: str, settings: Input) -> Guard:
    name = "registry host"
    if host:
        return Guard(
            name,
            "acts",
            f"{host} is dropped from repoPrefix: ECR would take it as a part of the "
            "repository's name, and pushes would miss it",
        )
    if composite.prefix.host_like:
        return Guard(
            name,
            "acts",
            f"{composite.prefix.host_like} looks like a registry host but is none, so "
            "it stays a part of the names, and a warning says so. Leave it out unless "
            "that is meant",
        )
    if settings.registry_host is RegistryHost.KEEP:
        return Guard(name, "passes", "Keep: a host in repoPrefix stays a part of names")
    return Guard(name, "passes", "repoPrefix has none")


def _allow(composite: Parameters, settings: Input) -> Guard:
    said, bounded = [], False
    for name, value, globs in (
        ("repoPrefix", composite.prefix.path, settings.allow.repo_prefixes),
        ("region", composite.region, settings.allow.regions),
        ("providerName", composite.provider_config.name, settings.allow.provider_names),
    ):
        if globs is None:
            said.append(f"any {name}")
            continue
        bounded = True
        glob = matching_glob(value, globs)
        said.append(f"{name} {quote(value)} by {quote(glob)}")
    if not bounded:
        return Guard(
            "allow", "passes", "the input has no lists: a claim may ask for anything"
        )
    return Guard("allow", "acts", f"the platform allows {', '.join(said)}")


def _rivals(
    composite: Parameters, workload: str, namespace: str, settings: Input
) -> Guard:
    name = "one claim each"
    found = rivals(composite.image_name, workload, namespace, bundle=settings.bundle)
    if not found:
        return Guard(name, "passes", "no other workload can ask for these names")
    some = [f"workload {w} in {n}" for w, n in found[:_MOST_RIVALS]]
    if more := len(found) - len(some):
        some.append(f"{more} more")
    return Guard(
        name,
        "passes",
        f"{', '.join(some)} would want one of these repositories under this prefix. "
        "Whoever comes first has it; the other's claim says NameTaken",
    )


def _deletion(deletion: Deletion) -> Guard:
    said = {
        Deletion.ONLY_CREATED: "OnlyCreated: repositories that this claim creates go "
        "with it, images included; one that was there before stays",
        Deletion.ALWAYS: "Always: the repositories go with the claim, images included, "
        "even those that were there before",
        Deletion.NEVER: "Never: the repositories stay when the claim goes",
    }
    return Guard("deletion", "acts", said[deletion])


def as_json(explained: Explanation) -> dict[str, Any]:
    """Return an explanation as it is printed by `-o json`."""
    return {
        "about": explained.about,
        "stopped": explained.stopped,
        "region": explained.region,
        "registry": explained.registry,
        "repositories": {
            t.role: {"name": t.name, "uri": t.uri} for t in explained.targets
        },
        "guards": [
            {"name": g.name, "effect": g.effect, "why": g.why} for g in explained.guards
        ],
    }

"""Which claims adopt which existing repositories. Pure.

A repository fits if exactly one workload's claim computes its name. Nothing is guessed:
a name that two workloads could have is reported with its readings. Each claim is
verified with the function's own parser before it counts.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from function.api.parameters import CLAIM_KIND
from function.cli.documents import CLAIM_API_VERSION
from function.cli.inventory import ListedRepository
from function.cli.manifests import Manifest
from function.cli.name_matching import MappingRules, NoMatch, listing, match
from function.ecr.name_readings import Reading
from function.ecr.naming import parse_repository_name
from function.errors import InvalidParameterError, printable, quote

IMAGE, EXISTING = "image", "existing"
# Crossplane writes the names of claims and composites into labels.
_LONGEST_CLAIM_NAME = 63
_CLAIM_NAME = re.compile(
    r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*"
)
# How many places a message contains at most.
_MOST_ORIGINS = 4

Reason = Literal[
    "InvalidName",
    "NotAdoptable",
    "Duplicate",
    "OtherRegion",
    "OtherAccount",
    "NoMatch",
    "NoNamespace",
    "Ambiguous",
    "ImageMissing",
    "NameConflict",
    "Refused",
    "NotListed",
]


class RefusedClaimError(Exception):
    """The function would refuse a claim. The text says why."""


@dataclass(frozen=True, slots=True)
class Unfit:
    """A repository that does not fit.

    Attributes:
        repository: Its name, not trusted.
        reason: Why, as a word for programs.
        message: Why, a sentence without its full stop.
        fix: What to do, a sentence without its full stop.
        origin: Where it is listed.
    """

    repository: str
    reason: Reason
    message: str
    fix: str
    origin: str


@dataclass(frozen=True, slots=True)
class Adoption:
    """A claim, and the repositories that it stands for.

    Attributes:
        claim: The manifest of the claim.
        adopted: The existing repositories by their keys.
        created: The names of those that the claim creates, by their keys.
    """

    claim: Manifest
    adopted: dict[str, ListedRepository]
    created: dict[str, str]

    @property
    def name(self) -> str:
        """The claim's name."""
        return str(self.claim["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """The claim's namespace."""
        return str(self.claim["metadata"]["namespace"])


@dataclass(frozen=True, slots=True)
class AdoptionPlan:
    """The claims, sorted by namespace and name; what does not fit, by repository."""

    adoptions: list[Adoption]
    unfit: list[Unfit]


class _Owner(NamedTuple):
    """A workload with the prefix of its repositories; None for the default."""

    namespace: str
    workload: str
    prefix: str | None


# The names that the function computes for a claim, by the keys of the repositories.
NamesOf = Callable[[Manifest], dict[str, str]]


def plan_adoption(
    repositories: Iterable[ListedRepository], rules: MappingRules, names_of: NamesOf
) -> AdoptionPlan:
    """Return the claims for the repositories that fit, and why others do not.

    Args:
        repositories: The existing repositories.
        rules: How names belong to workloads.
        names_of: What the function computes for a claim. It raises RefusedClaimError.
    """
    planner = _Planner(rules, names_of)
    planner.plan(list(repositories))
    return AdoptionPlan(
        sorted(planner.adoptions, key=lambda a: (a.namespace, a.name)),
        sorted(planner.unfit, key=lambda u: (u.repository, u.reason, u.origin)),
    )


class _Planner:
    def __init__(self, rules: MappingRules, names_of: NamesOf) -> None:
        self._rules, self._names_of = rules, names_of
        self.adoptions: list[Adoption] = []
        self.unfit: list[Unfit] = []
        self._duplicates: set[str] = set()

    def plan(self, repositories: list[ListedRepository]) -> None:
        here = self._in_registry(repositories)
        found = self._owners([r for r in here if not self._refuse_listed(r)])
        listed = {r.name for r in here}
        built = (self._adoption(o, found[o], listed) for o in sorted(found, key=_order))
        self._separate([adoption for adoption in built if adoption])
        for name in sorted(self._rules.mapping.keys() - {r.name for r in repositories}):
            self._report_name(
                name,
                "",
                "NotListed",
                "the mapping names it, but no file lists it",
                "Correct the name in --map, or remove it",
            )

    def _in_registry(
        self, repositories: list[ListedRepository]
    ) -> list[ListedRepository]:
        """Return the repositories of the region and account, each of them once."""
        rules, here = self._rules, dict[str, list[ListedRepository]]()
        for repository in repositories:
            if repository.region not in ("", rules.region):
                self._report(
                    repository,
                    "OtherRegion",
                    f"it is in region {quote(repository.region)}, and the claims are "
                    f"for {quote(rules.region)}",
                    "Run the command again with the other --region",
                )
            elif rules.account and repository.account not in ("", rules.account):
                self._report(
                    repository,
                    "OtherAccount",
                    f"it is in account {quote(repository.account)}, and the claims are "
                    f"for {quote(rules.account)}",
                    "Run the command again with the other --account, and the "
                    "--provider-name of a provider config for it",
                )
            else:
                here.setdefault(repository.name, []).append(repository)
        for same in here.values():
            if len(same) > 1:
                self._report(
                    same[0],
                    "Duplicate",
                    "it is listed more than once: "
                    + ", ".join(r.origin for r in same[:_MOST_ORIGINS]),
                    "List each repository once: the files of one state, or of AWS. If "
                    "two Terraform resources manage it, remove one from its state",
                )
        self._duplicates = {name for name, same in here.items() if len(same) > 1}
        return [same[0] for same in here.values()]

    def _refuse_listed(self, repository: ListedRepository) -> bool:
        """Report a repository that cannot be adopted, whatever its name means."""
        if repository.name in self._duplicates:
            return True
        if repository.obstacle:
            self._report(repository, "NotAdoptable", *repository.obstacle)
            return True
        try:
            parse_repository_name(repository.name)
        except InvalidParameterError:
            self._report(
                repository,
                "InvalidName",
                "ECR has no repository with such a name",
                "List the repositories again",
            )
            return True
        return False

    def _owners(
        self, repositories: list[ListedRepository]
    ) -> dict[_Owner, dict[str, ListedRepository]]:
        """Return the workloads of repositories, and each one's by their keys."""
        existing: dict[tuple[str, str], list[ListedRepository]] = defaultdict(list)
        candidates: list[tuple[ListedRepository, list[Reading]]] = []
        for repository in repositories:
            target = self._rules.mapping.get(repository.name)
            if target and target.existing:
                existing[target.namespace, target.workload].append(repository)
                continue
            matched = match(repository.name, self._rules)
            if isinstance(matched, NoMatch):
                self._report(repository, *matched)
            else:
                candidates.append((repository, matched))
        decided = {_owner(p[0]) for _, p in candidates if len(p) == 1}
        found: dict[_Owner, dict[str, ListedRepository]] = defaultdict(dict)
        for repository, possible in candidates:
            # The claim of a decided workload computes this name. So no other can.
            own = [r for r in possible if _owner(r) in decided] or possible
            if len(own) > 1:
                self._report_ambiguous(repository, own)
            else:
                found[_owner(own[0])][own[0].key] = repository
        self._add_existing(found, existing)
        return found

    def _add_existing(
        self,
        found: dict[_Owner, dict[str, ListedRepository]],
        existing: Mapping[tuple[str, str], list[ListedRepository]],
    ) -> None:
        """Add the repositories that claims name in existingName."""
        for (namespace, workload), of_it in existing.items():
            if len(of_it) > 1:
                for repository in of_it:
                    self._report(
                        repository,
                        "NameConflict",
                        f"the mapping gives {len(of_it)} existing repositories to the "
                        f"workload {workload} in namespace {namespace}, and a claim "
                        "names only one",
                        "Keep one of them in --map",
                    )
                continue
            owners = [o for o in found if o[:2] == (namespace, workload)]
            for owner in owners or [_Owner(namespace, workload, None)]:
                found[owner][EXISTING] = of_it[0]

    def _adoption(
        self, owner: _Owner, adopted: dict[str, ListedRepository], listed: set[str]
    ) -> Adoption | None:
        """Return a workload's claim; report its repositories if there is none."""
        claim = _claim(owner, adopted, self._rules)
        if unnamed := _name_problem(claim):
            self._report_all(adopted, "Refused", *unnamed)
            return None
        try:
            names = self._names_of(claim)
        except RefusedClaimError as e:
            problem = str(e).rstrip(".")
            self._report_all(
                adopted,
                "Refused",
                f"the function refuses the claim of {_about(owner)}: {problem}",
                "Change the settings or the options, or leave the repository",
            )
            return None
        wrong = [k for k, r in adopted.items() if names.get(k) != r.name]
        if wrong:
            shown = ", ".join(f"{k} {quote(names.get(k, ''))}" for k in sorted(wrong))
            self._report_all(
                adopted,
                "Refused",
                f"the claim of {_about(owner)} would use other names: {shown}",
                "Change the settings or the options, or leave the repository",
            )
            return None
        created = {k: n for k, n in names.items() if k not in adopted}
        if taken := sorted(listed & {*created.values()}):
            self._report_all(
                adopted,
                "NameConflict",
                f"the claim of {_about(owner)} would also use {', '.join(taken)}, "
                "which it cannot adopt",
                f"Solve what is reported about {taken[0]}, or leave the repository",
            )
            return None
        if IMAGE in created and not self._is_mapped(adopted):
            self._report_all(
                adopted,
                "ImageMissing",
                f"no file lists {created[IMAGE]}, the image repository of "
                f"{_about(owner)}, so the claim would create it",
                "If that is right, map the repository to "
                f"{owner.namespace}/{owner.workload} in --map",
            )
            return None
        return Adoption(claim, dict(sorted(adopted.items())), created)

    def _is_mapped(self, adopted: Mapping[str, ListedRepository]) -> bool:
        return any(r.name in self._rules.mapping for r in adopted.values())

    def _separate(self, built: list[Adoption]) -> None:
        """Report claims that have one name, or want one repository; keep the others."""
        names = Counter((a.namespace, a.name) for a in built)
        wanted = Counter(name for a in built for name in _all_names(a))
        for adoption in built:
            claim = f"{adoption.namespace}/{adoption.name}"
            shared = sorted(n for n in _all_names(adoption) if wanted[n] > 1)
            if names[adoption.namespace, adoption.name] > 1:
                self._report_all(
                    adoption.adopted,
                    "NameConflict",
                    f"two claims would have the name {claim}, for repositories with "
                    "different prefixes",
                    "Write one of the two claims by hand, with a name of your own",
                )
            elif shared:
                self._report_all(
                    adoption.adopted,
                    "NameConflict",
                    f"the claim {claim} and another one would both use "
                    f"{', '.join(shared)}",
                    "Leave the repositories of one of them",
                )
            else:
                self.adoptions.append(adoption)

    def _report_ambiguous(
        self, repository: ListedRepository, possible: list[Reading]
    ) -> None:
        self._report(
            repository,
            "Ambiguous",
            f"it can be {listing(possible)}",
            "List your namespaces with --namespaces, or map the repository in --map",
        )

    def _report_all(
        self,
        adopted: Mapping[str, ListedRepository],
        reason: Reason,
        message: str,
        fix: str,
    ) -> None:
        for repository in adopted.values():
            self._report(repository, reason, message, fix)

    def _report(
        self, repository: ListedRepository, reason: Reason, message: str, fix: str
    ) -> None:
        self._report_name(repository.name, repository.origin, reason, message, fix)

    def _report_name(
        self, name: str, origin: str, reason: Reason, message: str, fix: str
    ) -> None:
        self.unfit.append(Unfit(name, reason, message, fix, origin))


def _owner(reading: Reading) -> _Owner:
    return _Owner(reading.namespace or "", reading.workload, reading.prefix)


def _order(owner: _Owner) -> tuple[str, str, str]:
    return owner.namespace, owner.workload, owner.prefix or ""


def _about(owner: _Owner) -> str:
    return f"workload {printable(owner.workload)} in namespace {owner.namespace}"


def _claim(
    owner: _Owner, adopted: Mapping[str, ListedRepository], rules: MappingRules
) -> Manifest:
    parameters: dict[str, str] = {"workloadName": owner.workload}
    if owner.prefix is not None:
        parameters["repoPrefix"] = owner.prefix
    parameters |= {"region": rules.region, "providerName": rules.provider_name}
    if EXISTING in adopted:
        parameters["existingName"] = adopted[EXISTING].name
    return {
        "apiVersion": CLAIM_API_VERSION,
        "kind": CLAIM_KIND,
        # As package/kyverno names its claims.
        "metadata": {
            "name": f"{owner.workload}-ecr-repos",
            "namespace": owner.namespace,
        },
        "spec": {"parameters": parameters},
    }


def _name_problem(claim: Manifest) -> tuple[str, str] | None:
    """Return why a claim cannot have its name, and the fix."""
    name = claim["metadata"]["name"]
    fix = "Write this claim by hand, with a name of your own"
    if len(name) > _LONGEST_CLAIM_NAME:
        return (
            f"the claim's name {quote(name)} would have {len(name)} characters, and it "
            f"can have {_LONGEST_CLAIM_NAME}",
            fix,
        )
    if not _CLAIM_NAME.fullmatch(name):
        return f"{quote(name)} cannot be the name of a claim", fix
    return None


def _all_names(adoption: Adoption) -> set[str]:
    adopted = {r.name for r in adoption.adopted.values()}
    return adopted | {*adoption.created.values()}

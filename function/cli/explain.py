"""`function-ecr-repos explain`: a claim's repositories, and the guards that apply."""

import json
import re
import sys
import textwrap
from dataclasses import dataclass, field
from typing import Any, Literal

import click
from crossplane.function import logging

from function.api.globs import matching_glob
from function.api.parameter_errors import parameter_errors
from function.api.parameters import Parameters
from function.api.settings import Settings
from function.cli.command_group import use_color
from function.cli.composites import (
    CompositionStep,
    claim_reference,
    parse_xr,
    refusal,
    step_of,
    step_settings,
    to_xr,
)
from function.cli.documents import echo_warnings
from function.cli.manifests import Manifest, load_manifests, to_struct
from function.cli.options import (
    files_argument,
    namespace_option,
    output_option,
    step_options,
)
from function.ecr.name_readings import readings
from function.ecr.name_template import EXISTING_KEY
from function.ecr.naming import RegistryHost
from function.ecr.provider_rights import Adoption, Deletion
from function.errors import printable, quote

# What a guard does with a claim. "acts": it changes or limits the claim's result.
# "stops": the function creates nothing. "unknown": the Composition decides on it.
Effect = Literal["passes", "acts", "stops", "unknown"]
_COLORS = {"passes": "green", "acts": "yellow", "stops": "red", "unknown": "yellow"}
_LINE_WIDTH, _REASON_COLUMN = 90, 28
_ACCOUNT_DIGITS = 12
_UNKNOWN_ACCOUNT = "<account>"
_MAX_COMPETITORS = 4


@click.command(
    epilog="""\b
Examples:
  function-ecr-repos explain example/claim.yaml
  function-ecr-repos explain claim.yaml --account 123456789012
  function-ecr-repos explain claim.yaml --composition composition.yaml -o json
  kubectl get workloadecrrepos -A -o yaml | function-ecr-repos explain -
"""
)
@files_argument
@step_options
@click.option("--account", default="", help="The AWS account ID of the registry.")
@namespace_option
@output_option
def explain(
    *,
    files: tuple[str, ...],
    step: CompositionStep,
    account: str,
    namespace: str | None,
    output: str,
) -> None:
    """Show a claim's repositories, and which guards apply.

    FILE is a YAML file of claims or XRs, or - for standard input. A guard is a rule
    that can change or stop a claim. The command uses neither a cluster nor
    AWS, so it does not know which repositories exist or belong to other claims.
    Without --composition and --settings, it does not know the platform's values.

    \b
    Exit status:
      0  no guard stops a claim
      1  a guard stops a claim
      2  a file cannot be used, or the command line is wrong
    """
    if account and not (account.isdigit() and len(account) == _ACCOUNT_DIGITS):
        raise click.BadParameter(
            f"an AWS account ID has {_ACCOUNT_DIGITS} digits", param_hint="--account"
        )
    logging.configure(logging.Level.DISABLED)
    step_settings(step)
    manifests = [(file, m) for file in files for m in load_manifests(file)]
    explanations = []
    for file, manifest in manifests:
        own_step = step_of(manifest, step)
        applied = step_settings(own_step)
        xr = to_xr(manifest, file, namespace, namespaced=own_step.namespaced)
        echo_warnings(manifest)
        explanations.append(explain_xr(xr, own_step, applied, account))
    if output == "json":
        click.echo(json.dumps([_as_json(e) for e in explanations], indent=2))
    else:
        color = use_color()
        click.echo("\n".join(_as_text(e, color=color) for e in explanations), nl=False)
    sys.exit(1 if any(e.stopped for e in explanations) else 0)


@dataclass(frozen=True, slots=True)
class Guard:
    """What one guard does with a claim."""

    name: str
    effect: Effect
    why: str


@dataclass(frozen=True, slots=True)
class Target:
    """A repository and its URI. The URI can have a placeholder for the account."""

    key: str
    name: str
    uri: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is known about a claim without a cluster.

    Attributes:
        about: The claim's kind, name and namespace.
        region: The region of the registry.
        registry: The host of the registry; unknown parts are in angle brackets.
        provider_config: The provider config, which decides on the account.
        targets: The repositories; none if a guard stops the claim.
        guards: The guards, in the order in which they run.
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


def explain_xr(
    xr: Manifest, step: CompositionStep, settings: Settings, account: str = ""
) -> Explanation:
    """Return what is known about the XR of a claim.

    Args:
        xr: The XR, from to_xr.
        step: The function's step of the Composition.
        settings: The settings that apply.
        account: The AWS account ID of the registry; empty if unknown.

    Raises:
        InputFileError: The XR has a value that JSON does not have.
    """
    claim = claim_reference(xr)
    about = f"{claim.kind} {printable(claim.name)}"
    about += f" in namespace {printable(claim.namespace)}" if claim.namespace else ""
    if refused := refusal(xr, step):
        errors = parameter_errors(to_struct(xr), settings)
        stops = [Guard(e.reason, "stops", str(e)) for e in errors]
        stops = stops or [Guard(refused.reason, "stops", refused.message)]
        return Explanation(about, guards=[*stops, *_unknown_defaults_guard(step)])
    parameters = parse_xr(xr, settings)
    host = _stripped_host(xr, parameters, settings)
    registry = registry_host(parameters.region, account, host)
    targets = [
        Target(key, name, f"{registry}/{name}")
        for key, name in parameters.names.items()
    ]
    return Explanation(
        about,
        parameters.region,
        registry,
        parameters.provider_config.name,
        targets,
        [
            _registry_host_guard(parameters, host, settings),
            Guard("ECR naming rules", "passes", "ECR accepts the repository names"),
            *_unknown_defaults_guard(step),
            _allow_guard(parameters, step, settings),
            _competitors_guard(parameters, settings),
            *_adoption_guard(parameters, step, settings),
            _deletion_guard(step, settings.deletion),
        ],
    )


def registry_host(region: str, account: str = "", host: str = "") -> str:
    """Return the host of a private registry, with <account> if that is unknown.

    Args:
        region: The region of the registry.
        account: The AWS account ID of the registry; empty if unknown.
        host: The registry host in the claim's repoPrefix; empty if it has none.
    """
    if host and account in ("", host[:_ACCOUNT_DIGITS]):
        return host
    # botocore, data/partitions.json. The isolated partitions have hosts of their own,
    # which are not public.
    if re.match(r"(us|eu)-iso|eusc-", region):
        return f"<the registry of {region}>"
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"{account or _UNKNOWN_ACCOUNT}.dkr.ecr.{region}.{suffix}"


def competitors(parameters: Parameters, settings: Settings) -> list[tuple[str, str]]:
    """Return the other workloads whose repositories would have the same names.

    By default a name ends with `<workload>-<namespace>`. Both parts can have hyphens,
    so workload `a-b` in namespace `c` and workload `a` in namespace `b-c` have the same
    names. The bundle of one workload can also have the name of another one's image.

    Args:
        parameters: The parameters of the claim. Others have the same prefix.
        settings: The settings that apply.

    Returns:
        Workload and namespace of each, without the claim's own. An empty namespace
        stands for any other one.
    """
    found = dict.fromkeys(
        (reading.workload, reading.namespace or "")
        for name in parameters.names.values()
        for each in settings.repositories
        for reading in readings(name, each.template, each.key, each.suffix)
        if reading.prefix in (None, parameters.prefix.path)
    )
    found.pop((parameters.workload_name, parameters.namespace), None)
    return list(found)


def _stripped_host(xr: Manifest, parameters: Parameters, settings: Settings) -> str:
    """Return the registry host that was removed from the prefix; empty for none."""
    default = settings.default_prefix(parameters.namespace)
    prefix = xr["spec"]["parameters"].get("repoPrefix") or default
    path = str(prefix).strip("/")
    strips = settings.registry_host is RegistryHost.STRIP
    return path.partition("/")[0] if strips and path != parameters.prefix.path else ""


def _registry_host_guard(
    parameters: Parameters, host: str, settings: Settings
) -> Guard:
    name = "registry host"
    if host:
        return Guard(
            name,
            "acts",
            f"{host} is removed from repoPrefix: ECR would make it part of the "
            "repository's name, and pushes would not find the repository",
        )
    if parameters.prefix.host_like:
        return Guard(
            name,
            "acts",
            f"{parameters.prefix.host_like} looks like a registry host, but is not one "
            "of ECR's. It stays in the repository names, and the claim gets a warning. "
            "Remove it from repoPrefix, unless that is intended",
        )
    if settings.registry_host is RegistryHost.KEEP:
        return Guard(
            name, "passes", "Keep: a host in repoPrefix stays in the repository names"
        )
    return Guard(name, "passes", "repoPrefix has no registry host")


def _unknown_defaults_guard(step: CompositionStep) -> list[Guard]:
    if step.known:
        return []
    why = (
        "there is neither --composition nor --settings, so the platform's defaults are "
        "unknown, and so are its values for bundles, registry hosts and options"
    )
    return [Guard("defaults", "unknown", why)]


def _allow_guard(
    parameters: Parameters, step: CompositionStep, settings: Settings
) -> Guard:
    if not step.known:
        why = (
            "there is neither --composition nor --settings, so the values that claims "
            "may use are unknown"
        )
        return Guard("allow", "unknown", why)
    namespace = parameters.namespace
    values: list[tuple[str, str, str]] = [
        ("repoPrefix", parameters.prefix.path, "repo_prefixes"),
        ("region", parameters.region, "regions"),
        ("providerName", parameters.provider_config.name, "provider_names"),
    ]
    own = {each.key for each in settings.repositories}
    for key, repository in parameters.names.items():
        if key == EXISTING_KEY:
            values.append(("existingName", repository, "existing_names"))
        elif key not in own:
            values.append(("repositories", key, "repositories"))
    allowed, limited = [], False
    for name, value, list_name in values:
        globs = [
            matching_glob(value, globs, namespace)
            for allow in settings.allow
            if (globs := getattr(allow, list_name)) is not None
        ]
        limited = limited or bool(globs)
        patterns = " and ".join(quote(glob) for glob in dict.fromkeys(globs))
        allowed.append(
            f"{name} {quote(value)} (pattern {patterns})" if globs else f"any {name}"
        )
    if not limited:
        why = "there are no allow lists: any value is allowed"
        return Guard("allow", "passes", why)
    return Guard("allow", "acts", f"the platform allows {', '.join(allowed)}")


def _adoption_guard(
    parameters: Parameters, step: CompositionStep, settings: Settings
) -> list[Guard]:
    """Return what happens to a repository that the claim did not create, if asked."""
    manages = settings.adopt is Adoption.MANAGE
    existing = parameters.names.get(EXISTING_KEY)
    if not step.known or not (manages or existing):
        return []
    name = f"the repository {existing}" if existing else "a repository"
    why = (
        f"Manage: {name} that existed before the claim gets the options. It keeps its "
        "tags and what the options do not set"
        if manages
        else f"Observe: {name} that existed before the claim is not changed"
    )
    if existing:
        why += ". It is never created and never deleted"
    return [Guard("adoption", "acts", why)]


def _competitors_guard(parameters: Parameters, settings: Settings) -> Guard:
    name = "name conflicts"
    found = [
        (workload, other)
        for workload, other in competitors(parameters, settings)
        if not other or _may_use_prefix(other, parameters, settings)
    ]
    if not found:
        return Guard(name, "passes", "no other workload can have these names")
    workloads = [
        f"workload {w} in {n or 'any other namespace'}"
        for w, n in found[:_MAX_COMPETITORS]
    ]
    if more := len(found) - len(workloads):
        workloads.append(f"{more} more")
    return Guard(
        name,
        "passes",
        "with the same prefix, other claims would get one of these names: "
        f"{', '.join(workloads)}. The first claim gets the repository; the others "
        "report NameTaken. The platform team can rule out other namespaces: a prefix "
        "with {namespace} in allow.repoPrefixes and defaults.repoPrefix",
    )


def _may_use_prefix(namespace: str, parameters: Parameters, settings: Settings) -> bool:
    """Whether claims of a namespace may use the prefix of a claim."""
    lists = [allow.repo_prefixes for allow in settings.allow]
    path = parameters.prefix.path
    return all(
        globs is None or matching_glob(path, globs, namespace) is not None
        for globs in lists
    )


def _deletion_guard(step: CompositionStep, deletion: Deletion) -> Guard:
    why = {
        Deletion.ONLY_CREATED: "OnlyCreated: deleting the claim deletes the "
        "repositories that it created, with their images. A repository that existed "
        "before the claim is kept",
        Deletion.WHEN_EMPTY: "WhenEmpty: deleting the claim deletes the repositories "
        "that it created, if they hold no image. A repository with images is kept, and "
        "so is one that existed before the claim",
        Deletion.ALWAYS: "Always: deleting the claim deletes its repositories, with "
        "their images, even if they existed before the claim",
        Deletion.NEVER: "Never: deleting the claim keeps its repositories",
    }
    if not step.known:
        unset = (
            "there is neither --composition nor --settings. By default, "
            f"{why[deletion]}"
        )
        return Guard("deletion", "unknown", unset)
    return Guard("deletion", "acts", why[deletion])


def _as_json(explanation: Explanation) -> dict[str, Any]:
    """Return what `-o json` prints of an explanation."""
    return {
        "about": explanation.about,
        "stopped": explanation.stopped,
        "region": explanation.region,
        "registry": explanation.registry,
        "repositories": {
            t.key: {"name": t.name, "uri": t.uri} for t in explanation.targets
        },
        "guards": [
            {"name": g.name, "effect": g.effect, "why": g.why}
            for g in explanation.guards
        ],
    }


def _as_text(explanation: Explanation, *, color: bool) -> str:
    def style(text: str, **styles: Any) -> str:
        return click.style(text, **styles) if color else text

    region, registry = explanation.region, explanation.registry
    lines = [style(explanation.about, bold=True)]
    if explanation.targets:
        width = max(8, *(len(t.key) + 2 for t in explanation.targets))
        lines += ["", f"Repositories in {region}"]
        lines += [
            f"  {t.key:<{width}}{style(t.name, bold=True)}" for t in explanation.targets
        ]
        lines += [
            "",
            "Push to",
            f"  aws ecr get-login-password --region {region} |",
            f"    docker login --username AWS --password-stdin {registry}",
        ]
        lines += [f"  docker push {t.uri}:<tag>" for t in explanation.targets]
        if _UNKNOWN_ACCOUNT in registry:
            lines += [
                f"  Replace {_UNKNOWN_ACCOUNT} with the account of the ProviderConfig "
                f"{explanation.provider_config}, or use --account"
            ]
    lines += ["", "Guards"]
    for guard in explanation.guards:
        head = f"  {guard.effect:<8}{guard.name:<{_REASON_COLUMN - 10}}"
        why = textwrap.fill(
            guard.why,
            _LINE_WIDTH,
            initial_indent=" " * _REASON_COLUMN,
            subsequent_indent=" " * _REASON_COLUMN,
            break_long_words=False,
            break_on_hyphens=False,
        )[_REASON_COLUMN:]
        lines.append(style(head, fg=_COLORS[guard.effect]) + why)
    return "\n".join(lines) + "\n"

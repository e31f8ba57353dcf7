"""`function-ecr-repos adopt`: claims for the repositories that exist already."""

import json
import re
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import click
import yaml
from crossplane.function import logging

from function.api.globs import matching_glob
from function.api.input import API_VERSION, KIND
from function.api.settings import Settings
from function.cli.adoption import (
    Adoption,
    AdoptionPlan,
    RefusedClaimError,
    Unfit,
    plan_adoption,
)
from function.cli.adoption_files import read_json, read_mapping, read_namespaces
from function.cli.composites import (
    CompositionStep,
    parse_xr,
    refusal,
    step_settings,
    to_xr,
)
from function.cli.documents import unknown_fields
from function.cli.errors import InputFileError
from function.cli.inventory import ListedRepository, listed_repositories
from function.cli.manifests import Manifest
from function.cli.name_matching import MappingRules
from function.cli.options import FILE, files_argument, step_options
from function.ecr.name_readings import is_namespace
from function.ecr.name_template import NameTemplate, Placeholder
from function.ecr.provider_rights import Deletion
from function.errors import InvalidInputError, printable, quote
from function.providers.registry import DEFAULT, PROVIDERS

# Longer than any address in a Terraform state that people have.
_LONGEST_ADDRESS = 4096
_ACCOUNT = re.compile(r"[0-9]{12}")
# Text that no YAML parser takes for anything but a string. PyYAML quotes longer words
# that some take for a boolean.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9./-]+")


@dataclass(frozen=True, slots=True)
class _Options:
    """The options that say which repositories belong to which workloads."""

    provider: str | None
    provider_name: str | None
    region: str | None
    account: str | None
    namespaces_file: str | None
    namespace: str | None
    rule: str | None
    map_file: str | None


@click.command(
    epilog="""\b
Examples:
  terraform show -json | function-ecr-repos adopt - --settings settings.yaml \\
    --namespaces namespaces.txt > claims.yaml
  aws ecr describe-repositories > repositories.json
  function-ecr-repos adopt repositories.json --settings settings.yaml \\
    --namespace shop -o json
"""
)
@files_argument
@step_options
@click.option(
    "--provider",
    type=click.Choice(list(PROVIDERS)),
    help="The provider API, if neither --settings nor --composition says it.",
)
@click.option("--provider-name", metavar="NAME", help="The providerName of the claims.")
@click.option("--region", help="The region of the claims.")
@click.option("--account", help="The AWS account ID of the registry.")
@click.option(
    "--namespaces",
    "namespaces_file",
    type=FILE,
    help="The namespaces that exist: a file from `kubectl get namespaces -o name`.",
)
@click.option("--namespace", help="The namespace, if there is only one.")
@click.option(
    "--rule",
    metavar="TEMPLATE",
    help="How the existing names are written, such as 'tap/{workload}-{namespace}'.",
)
@click.option(
    "--map",
    "map_file",
    type=FILE,
    help="A YAML file with the workloads of single repositories.",
)
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json", "addresses"]),
    default="text",
    show_default=True,
    help="The output: claims as YAML, a report with them, or the addresses in the "
    "Terraform state of what they adopt.",
)
def adopt(
    *, files: tuple[str, ...], step: CompositionStep, output: str, **options: Any
) -> None:
    """Write claims for existing repositories, and report which do not fit.

    FILE is the JSON of `aws ecr describe-repositories`, `terraform show -json` or
    `terraform state pull`, or - for standard input. OpenTofu's is the same. Claims go
    to standard output. What does not fit goes to standard error.

    A repository fits if a workload's claim computes exactly its name, with the name
    template and the prefixes of the platform. The command never guesses: it reports a
    name that two workloads could have. --namespaces, --namespace, --rule and --map say
    which one is right.

    \b
    Exit status:
      0  all repositories fit
      1  a repository does not fit
      2  a file cannot be used, or the command line is wrong
    """
    logging.configure(logging.Level.DISABLED)
    chosen = _Options(**options)
    _check_options(files, chosen)
    step = _with_provider(step, chosen.provider)
    settings = step_settings(step)
    repositories = listed_repositories(read_json(files))
    if not repositories:
        raise InputFileError(", ".join(files), "there is no ECR repository in it")
    rules = _mapping_rules(chosen, settings, repositories)
    plan = plan_adoption(
        repositories, rules, lambda claim: names_of(claim, step, settings)
    )
    notes = [*_assumptions(step), *_consequences(plan, settings)]
    if output == "json":
        click.echo(json.dumps(_as_json(plan, notes), indent=2))
    else:
        for adoption in plan.adoptions:
            if output == "addresses":
                _print_addresses(adoption)
            else:
                click.echo(to_yaml(adoption.claim), nl=False)
        _print_report(plan, len(repositories), notes)
    sys.exit(1 if plan.unfit else 0)


def _mapping_rules(
    options: _Options, settings: Settings, repositories: list[ListedRepository]
) -> MappingRules:
    defaults = settings.defaults
    region = options.region or defaults.region
    provider_name = options.provider_name or defaults.provider_name
    if not provider_name:
        raise click.UsageError(
            "the settings have no default of providerName. Use --provider-name"
        )
    return MappingRules(
        roles=settings.repositories,
        region=region or _only(repositories, "region"),
        account=options.account or _only(repositories, "account"),
        provider_name=provider_name,
        namespaces=_namespaces(options),
        rule=_parse_rule(options.rule) if options.rule else None,
        mapping=read_mapping(options.map_file) if options.map_file else {},
        allows=lambda prefix, namespace: _allows(settings, prefix, namespace),
    )


def names_of(
    claim: Manifest, step: CompositionStep, settings: Settings
) -> dict[str, str]:
    """Return the names that the function computes for a claim, by their keys.

    Raises:
        RefusedClaimError: The API server would drop a field, or the function refuses
            the claim.
    """
    for problem in unknown_fields(claim):
        raise RefusedClaimError(problem.message)
    xr = to_xr(claim, "", None, namespaced=step.namespaced)
    if refused := refusal(xr, step):
        raise RefusedClaimError(refused.message)
    names = parse_xr(xr, settings).names
    return {key: str(name) for key, name in names.items()}


def _check_options(files: Iterable[str], options: _Options) -> None:
    if [*files, options.namespaces_file, options.map_file].count("-") > 1:
        raise click.UsageError("only one file can be standard input")
    namespace = options.namespace
    if options.namespaces_file and namespace is not None:
        raise click.UsageError("use either --namespaces or --namespace")
    if namespace is not None and not is_namespace(namespace):
        raise click.BadParameter(
            f"{quote(namespace)} cannot be the name of a namespace",
            param_hint="--namespace",
        )
    if options.account and not _ACCOUNT.fullmatch(options.account):
        raise click.BadParameter(
            "an AWS account ID has 12 digits", param_hint="--account"
        )


def _with_provider(step: CompositionStep, provider: str | None) -> CompositionStep:
    """Return the step with a provider from the command line.

    Without a Composition, the provider decides whether claims are namespaced XRs.

    Raises:
        UsageError: The files say the provider.
        InputFileError: See step_settings.
    """
    if provider and step.known:
        raise click.UsageError(
            "use either --provider, or the provider of --settings and --composition"
        )
    if provider:
        step_input = {"apiVersion": API_VERSION, "kind": KIND, "provider": provider}
        step = replace(step, input=step_input)
    if step.file:
        return step
    used = PROVIDERS[step_settings(step).provider]
    return replace(step, namespaced=used.namespaced)


def _parse_rule(text: str) -> NameTemplate:
    """Return the rule; one that does not tell repositories apart ends with a suffix."""
    try:
        rule = NameTemplate.parse(text, "--rule")
        if {Placeholder.SUFFIX, Placeholder.REPOSITORY} & {*rule.parts}:
            return rule
        return NameTemplate.parse(f"{text}{{suffix}}", "--rule")
    except InvalidInputError as e:
        raise click.UsageError(str(e)) from e


def _allows(settings: Settings, prefix: str, namespace: str) -> bool:
    """Whether the platform allows a prefix in a namespace."""
    lists = [allow.repo_prefixes for allow in settings.allow]
    return all(
        globs is None or matching_glob(prefix, globs, namespace) is not None
        for globs in lists
    )


def _only(
    repositories: Iterable[ListedRepository], name: Literal["region", "account"]
) -> str:
    """Return the region or account of all repositories; no account if none is known.

    Raises:
        UsageError: They have several.
    """
    found = sorted({getattr(r, name) for r in repositories} - {""})
    if len(found) == 1 or (not found and name == "account"):
        return found[0] if found else ""
    shown = f"repositories of {', '.join(map(quote, found[:3]))}" if found else "none"
    raise click.UsageError(f"which {name}? The files have {shown}. Use --{name}")


def _namespaces(options: _Options) -> frozenset[str] | None:
    """Return the namespaces that exist; None if they are unknown."""
    if options.namespace is not None:
        return frozenset({options.namespace})
    file = options.namespaces_file
    return read_namespaces(file) if file else None


def _assumptions(step: CompositionStep) -> list[str]:
    if step.known:
        return []
    return [
        "Note: there is neither --composition nor --settings, so the platform's "
        "prefixes are unknown, and any prefix fits"
    ]


def _consequences(plan: AdoptionPlan, settings: Settings) -> list[str]:
    """Return what the user must know before the claims are applied."""
    if not plan.adoptions:
        return []
    always = settings.deletion is Deletion.ALWAYS
    notes = [
        "Warning: the settings say deletion: Always. Deleting one of these claims "
        "deletes its repositories with all their images, also those that it adopted. "
        "Set deletion: OnlyCreated first"
        if always
        else "Note: adopted repositories are never deleted with their claims"
    ]
    provider = PROVIDERS[settings.provider]
    if provider is DEFAULT:
        notes.append(
            "Warning: the classic provider removes the tags of the repositories that "
            "it adopts. Upbound's provider keeps them"
        )
    elif not settings.honours_management_policies(provider):
        notes.append(
            "Warning: without management policies, the provider may change the "
            "repositories that it adopts, and their tags"
        )
    for adoption in plan.adoptions:
        if not adoption.created:
            continue
        lost = settings.deletion is not Deletion.NEVER
        created = ", ".join(sorted(adoption.created.values()))
        notes.append(
            f"Note: the claim {adoption.namespace}/{adoption.name} creates {created}"
            + (", and deleting the claim deletes it with its images" if lost else "")
        )
    return notes


def to_yaml(claim: Manifest) -> str:
    """Return a claim as a YAML document that kubectl reads as the same values."""
    return "---\n" + yaml.dump(claim, Dumper=_Dumper, sort_keys=False, width=10_000)


class _Dumper(yaml.SafeDumper):
    """Writes YAML that PyYAML and kubectl read as the same values."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # kubectl takes `y` for a boolean and 1e3 for a number; PyYAML does not.
    style = None if _PLAIN.fullmatch(text) else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)


def _as_json(plan: AdoptionPlan, notes: list[str]) -> dict[str, Any]:
    """Return what `-o json` prints."""
    return {
        "claims": [a.claim for a in plan.adoptions],
        "adopted": [
            {**_position(a, key, r.name), "addresses": list(r.addresses)}
            for a in plan.adoptions
            for key, r in a.adopted.items()
        ],
        "created": [
            _position(a, key, name)
            for a in plan.adoptions
            for key, name in a.created.items()
        ],
        "unfit": [asdict(u) for u in plan.unfit],
        "notes": notes,
    }


def _position(adoption: Adoption, key: str, name: str) -> dict[str, Any]:
    return {
        "repository": name,
        "key": key,
        "namespace": adoption.namespace,
        "claim": adoption.name,
    }


def _print_addresses(adoption: Adoption) -> None:
    for repository in adoption.adopted.values():
        for address in repository.addresses:
            click.echo(printable(address, _LONGEST_ADDRESS))


def _print_report(plan: AdoptionPlan, listed: int, notes: list[str]) -> None:
    for unfit in plan.unfit:
        click.echo(_line(unfit), err=True)
    for note in notes:
        click.echo(note, err=True)
    adopted = sum(len(a.adopted) for a in plan.adoptions)
    click.echo(
        f"listed: {listed}, adopted: {adopted}, claims: {len(plan.adoptions)}, "
        f"problems: {len(plan.unfit)}",
        err=True,
    )


def _line(unfit: Unfit) -> str:
    return f"{printable(unfit.repository)}: {unfit.message}. {unfit.fix}."

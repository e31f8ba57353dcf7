"""`function-ecr-repos impact`: what a deletion takes, before you delete."""

import collections
import json
import sys
from collections.abc import Iterable, Iterator
from typing import NamedTuple, cast

import click
from click.shell_completion import CompletionItem
from crossplane.function import logging

from function.cli import cluster as kubernetes
from function.cli import ecr
from function.cli.composites import CompositionStep, is_platform_settings
from function.cli.errors import InputFileError
from function.cli.impact_output import document, summary, table
from function.cli.impact_settings import changes, setting_impacts
from function.cli.impact_sources import load_images, load_objects, load_repositories
from function.cli.manifests import Manifest
from function.cli.options import FILE, output_option, step_options
from function.errors import printable
from function.impact.images import ImageCount, Registry
from function.impact.leftovers import leftovers
from function.impact.objects import Claim, Cluster, ManagedRepository, read_cluster
from function.impact.report import (
    Counter,
    Impact,
    deletes_images,
    impacts,
    registry_of,
    without_managed_resource,
)
from function.impact.targets import (
    OUR_DEFINITIONS,
    PROVIDER_DEFINITIONS,
    Target,
    TargetKind,
    UnknownTargetError,
    deleted_claims,
    reach,
)

# The exit status if images would be deleted, or may be.
DELETES_IMAGES_STATUS = 3
_SETTINGS = "settings"
_NO_NAME = ("configuration", _SETTINGS)
# How kubectl calls a type besides the name here.
_ALIASES = {
    **dict.fromkeys(("namespaces", "ns"), "namespace"),
    **dict.fromkeys(("claims", "xr", "workloadecrrepo", "workloadecrrepos"), "claim"),
    **dict.fromkeys(("crds", "customresourcedefinition"), "crd"),
    **dict.fromkeys(("customresourcedefinitions", "xrd", "xrds"), "crd"),
    **dict.fromkeys(("configurations",), "configuration"),
}
_TYPES = ("namespace", "workload", "claim", "crd", "configuration", _SETTINGS)


def _complete_type(
    _: click.Context, __: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    return [CompletionItem(each) for each in _TYPES if each.startswith(incomplete)]


class Options(NamedTuple):
    """The options of the command that say where to read.

    Attributes:
        files: Files with Kubernetes objects; none for the cluster.
        kubeconfig: The kubeconfig.
        context: The context in it.
        namespace: The namespace of a claim or a trigger.
        images: Files with images.
        repositories: Files with the repositories in ECR.
        aws: Whether to ask ECR.
        prefixes: The prefixes of leftovers.
        regions: The regions of leftovers.
        step: The Composition and the platform settings.
    """

    files: tuple[str, ...]
    kubeconfig: str | None
    context: str | None
    namespace: str | None
    images: tuple[str, ...]
    repositories: tuple[str, ...]
    aws: bool
    prefixes: tuple[str, ...]
    regions: tuple[str, ...]
    step: CompositionStep


@click.command(
    epilog="""\b
Examples:
  function-ecr-repos impact namespace my-team
  function-ecr-repos impact workload shop -n my-team --aws
  function-ecr-repos impact claim shop-ecr-repos -n my-team --images images.json
  function-ecr-repos impact crd workloads.carto.run
  function-ecr-repos impact configuration -o json
  function-ecr-repos impact settings --settings settings.yaml
  function-ecr-repos impact --leftovers --aws --prefix tap/workloads
  kubectl get repositories.ecr.aws.upbound.io,xworkloadecrrepos,workloadecrrepos \\
    -A -o json | function-ecr-repos impact namespace my-team -f -
"""
)
@click.argument("type_", metavar="[TYPE]", default="", shell_complete=_complete_type)
@click.argument("name", metavar="[NAME]", default="")
@click.option(
    "-n",
    "--namespace",
    help="The namespace of a claim or a workload. [default: the "
    "context's, or default with -f]",
)
@click.option(
    "-f",
    "--file",
    "files",
    multiple=True,
    type=FILE,
    help="Read the objects from a file that kubectl get -o json wrote, not from a "
    "cluster; - is standard input. Can be repeated.",
)
@click.option("--kubeconfig", type=FILE, help="The kubeconfig. [default: as kubectl's]")
@click.option("--context", help="The context in the kubeconfig.")
@click.option(
    "--images",
    multiple=True,
    type=FILE,
    metavar="[REPOSITORY=]FILE",
    help="Count the images in a file that aws ecr describe-images wrote. REPOSITORY= "
    "says whose they are, even if there is none. Can be repeated.",
)
@click.option(
    "--aws",
    is_flag=True,
    help="Count the images in ECR, with the AWS credentials of this shell.",
)
@click.option(
    "--leftovers",
    is_flag=True,
    help="List the repositories that no claim owns, replicas in other regions "
    "included. Needs --aws or --repositories.",
)
@click.option(
    "--repositories",
    multiple=True,
    type=FILE,
    help="For --leftovers: a file that aws ecr describe-repositories wrote, one for "
    "each region. Can be repeated.",
)
@click.option(
    "--prefix",
    "prefixes",
    multiple=True,
    help="For --leftovers: list only the repositories under this prefix. Can be "
    "repeated. [default: the prefixes in the platform settings]",
)
@click.option(
    "--region",
    "regions",
    multiple=True,
    help="For --leftovers with --aws: look in this region. Can be repeated. [default: "
    "the regions of the claims, and those that their registries replicate to]",
)
@step_options
@output_option
def impact(  # noqa: PLR0913  # its options
    *,
    type_: str,
    name: str,
    namespace: str | None,
    files: tuple[str, ...],
    kubeconfig: str | None,
    context: str | None,
    images: tuple[str, ...],
    aws: bool,
    leftovers: bool,  # the option
    repositories: tuple[str, ...],
    prefixes: tuple[str, ...],
    regions: tuple[str, ...],
    step: CompositionStep,
    output: str,
) -> None:
    """Show which repositories a deletion would take, and how many images they hold.

    Nothing is changed or deleted: the command only reads.

    TYPE is namespace, claim, crd (of the workloads, the claims or the provider),
    configuration, or the kind of a workload that owns claims, such as workload. The
    type settings shows what new platform settings (--settings) change for live claims.
    TYPE/NAME works too.

    \b
    What happens to a repository:
      deleted           ECR deletes it, with all images that it holds
      deleted if empty  ECR deletes it if it is empty; nobody counted its images
      left behind       it stays in ECR until something else changes: see the reason
      kept              it stays in ECR; its managed resource goes

    Without --images and --aws, the command does not know what a repository holds. It
    then expects that it holds images, so that the exit status is on the safe side.

    \b
    Exit status:
      0  no image would be deleted
      2  a file cannot be used, the cluster or ECR cannot be read, the target does not
         exist, or the command line is wrong
      3  images would be deleted, or may be: their number is unknown
    """
    logging.configure(logging.Level.DISABLED)
    options = Options(
        files,
        kubeconfig,
        context,
        namespace,
        images,
        repositories,
        aws,
        prefixes,
        regions,
        step,
    )
    if "/" in type_ and not name:
        type_, _, name = type_.partition("/")
    kind = _ALIASES.get(type_.lower(), type_.lower())
    _check_usage(kind, name, options, leftovers=leftovers)
    if leftovers:
        target, found = {"kind": "leftovers"}, _leftovers(options)
    elif kind == _SETTINGS:
        target, found = {"kind": _SETTINGS}, _settings(options)
    else:
        target, found = _deletion(kind, name, options)
    if output == "json":
        click.echo(json.dumps(document(target, found), indent=2))
    else:
        for line in table(found):
            click.echo(line)
        click.echo(summary(found), err=True)
    sys.exit(DELETES_IMAGES_STATUS if deletes_images(found) else 0)


def _check_usage(kind: str, name: str, options: Options, *, leftovers: bool) -> None:
    """Refuse arguments that do not go together.

    Raises:
        click.UsageError: They do not.
    """
    rules = (
        _leftovers_usage(kind, options) if leftovers else _usage(kind, name, options)
    )
    if options.files and (options.kubeconfig or options.context):
        raise click.UsageError("use either -f, or --kubeconfig and --context")
    for broken, message in rules:
        if broken:
            raise click.UsageError(message)


def _leftovers_usage(kind: str, options: Options) -> Iterator[tuple[bool, str]]:
    """Yield whether a rule is broken, and its message."""
    yield bool(kind), "--leftovers has no TYPE and no NAME"
    sources = bool(options.repositories) + options.aws
    yield sources != 1, "--leftovers needs either --aws or --repositories"
    yield bool(options.regions) and not options.aws, "--region needs --aws"


def _usage(kind: str, name: str, options: Options) -> Iterator[tuple[bool, str]]:
    """Yield whether a rule is broken, and its message."""
    only = options.repositories or options.prefixes or options.regions
    yield bool(only), "--repositories, --prefix and --region need --leftovers"
    types = f"{', '.join(_TYPES)} (or another kind that owns claims)"
    yield not kind, f"missing argument TYPE: {types}. Or use --leftovers"
    named = kind not in _NO_NAME
    yield named and not name, f"missing argument NAME: which {kind}?"
    yield not named and bool(name), f"{kind} has no NAME"
    is_settings, step = kind == _SETTINGS, options.step
    yield (
        is_settings and not step.settings_file,
        "settings needs --settings: the new platform settings",
    )
    yield (
        not is_settings and step.known,
        "--settings and --composition need the type settings",
    )


def _deletion(
    kind: str, name: str, options: Options
) -> tuple[dict[str, str], list[Impact]]:
    """Return the target as `-o json` prints it, and what its deletion takes."""
    known = kind in ("namespace", "claim", "crd", "configuration")
    wanted = kubernetes.Wanted(
        name
        if kind == "crd" and name not in (*OUR_DEFINITIONS, *PROVIDER_DEFINITIONS)
        else "",
        name if kind == "namespace" else "",
    )
    objects, default_namespace = _objects(options, wanted)
    cluster = read_cluster(objects)
    of_namespace = kind not in ("namespace", "crd", "configuration")
    target = Target(
        cast("TargetKind", kind) if known else "owner",
        name,
        (options.namespace or default_namespace) if of_namespace else "",
        "" if known else kind,
    )
    try:
        reached = list(reach(cluster, target))
        claims = list(deleted_claims(cluster, target).values())
    except UnknownTargetError as e:
        raise InputFileError(", ".join(options.files), printable(str(e), 500)) from e
    if options.files:
        _check_complete(options.files, claims, cluster)
    count = _counter(options, [registry_of(r.managed) for r in reached])
    found = impacts(reached, count)
    found += without_managed_resource(claims, cluster, count)
    _advise(target, [r.managed for r in reached])
    shown = {
        "kind": kind,
        "name": name,
        **({"namespace": target.namespace} if of_namespace else {}),
    }
    return {k: v for k, v in shown.items() if v}, found


def _check_complete(
    files: tuple[str, ...], claims: Iterable[Claim], cluster: Cluster
) -> None:
    """Refuse files that lack managed resources of a claim that has some.

    Otherwise the result would be that nothing is deleted.

    Raises:
        InputFileError: They do.
    """
    managed = {(m.claim, registry_of(m).name) for m in cluster.repositories}
    for claim in claims:
        for name in sorted(claim.repositories):
            if (claim.key, name) not in managed:
                raise InputFileError(
                    ", ".join(files),
                    f"there is no managed resource of the repository "
                    f"{printable(name)} of the claim {printable(str(claim))}. Add what "
                    "kubectl get repositories.ecr.aws.upbound.io -A -o json prints, or "
                    "what your provider calls them: see docs/impact.md",
                )


def _settings(options: Options) -> list[Impact]:
    """Return what new settings change for live claims."""
    wanted = kubernetes.Wanted(revisions=not options.step.file)
    objects, _ = _objects(options, wanted)
    cluster = read_cluster(objects)
    found = []
    for change in changes(cluster, options.step):
        if change.refusal:
            name = change.composite["metadata"]["name"]
            click.echo(
                f"Note: these settings refuse {printable(name)}, so its repositories "
                f"stay as they are: {change.refusal}",
                err=True,
            )
        found.append(change)
    if not all(change.composition_known for change in found):
        _warn(
            "Note: the Composition of some claims is unknown, so its Input is taken as "
            "empty. Add --composition, or what kubectl get compositionrevisions -o "
            "json prints"
        )
    managed = [m for each in found for m, _ in each.repositories]
    return setting_impacts(found, _counter(options, map(registry_of, managed)))


def _leftovers(options: Options) -> list[Impact]:
    """Return the repositories that no claim owns."""
    wanted = kubernetes.Wanted(settings=not options.prefixes)
    objects, _ = _objects(options, wanted)
    cluster = read_cluster(objects)
    prefixes = options.prefixes or _prefixes(options, objects)
    if options.aws:
        regions = options.regions or sorted(
            {m.repository.region for m in cluster.repositories}
        )
        if not regions:
            raise click.UsageError("no claim has a region. Add --region")
        _say(f"Listing the repositories in {', '.join(regions)}")
        registries = ecr.connect(_warn).repositories(regions)
    else:
        registries = load_repositories(options.repositories)
    under = leftovers(registries, cluster, prefixes, lambda _: None)
    count = _counter(options, [each.registry for each in under])
    return leftovers(registries, cluster, prefixes, count)


def _prefixes(options: Options, objects: Iterable[Manifest]) -> tuple[str, ...]:
    """Return the prefixes in the platform settings.

    Raises:
        click.UsageError: There are no settings, or they name none.
    """
    settings = options.step.settings or next(
        (m for m in objects if is_platform_settings(m)), {}
    )
    data = settings.get("data")
    data = data if isinstance(data, dict) else {}
    allow, defaults = data.get("allow"), data.get("defaults")
    prefixes = list(allow.get("repoPrefixes") or ()) if isinstance(allow, dict) else []
    if isinstance(defaults, dict) and defaults.get("repoPrefix"):
        prefixes.append(defaults["repoPrefix"])
    if not prefixes:
        raise click.UsageError("the platform settings have no repoPrefix. Add --prefix")
    return tuple(map(str, prefixes))


def _objects(options: Options, wanted: kubernetes.Wanted) -> tuple[list[Manifest], str]:
    """Return the objects, and the namespace that is the default."""
    if options.files:
        return load_objects(options.files), "default"
    read = kubernetes.read(options.kubeconfig, options.context, wanted, _say)
    return read.objects, read.namespace


def _counter(options: Options, registries: Iterable[Registry]) -> Counter:
    """Return what counts images, after it has counted them all."""
    needed = list(dict.fromkeys(registries))
    images = load_images(options.images)
    live = _ask_ecr(needed) if options.aws else {}
    named = collections.Counter(registry.name for registry in needed)

    def count(registry: Registry) -> ImageCount | None:
        unique = named[registry.name] <= 1
        return live.get(registry) or images.count(
            registry.name, registry.account, unique=unique
        )

    return count


def _ask_ecr(registries: list[Registry]) -> dict[Registry, ImageCount]:
    registries = [each for each in registries if each.region]
    counted = ecr.connect(_warn).counts(registries)
    with click.progressbar(
        counted,
        length=len(registries),
        label="Counting images",
        file=sys.stderr,
        hidden=not sys.stderr.isatty(),
    ) as progress:
        return {r: count for r, count in progress if count is not None}


def _advise(target: Target, managed: list[ManagedRepository]) -> None:
    """Print what is surprising about a deletion, to standard error."""
    if target.kind == "namespace" and any(m.namespace for m in managed):
        _warn(
            "Note: delete the XRs first, then the namespace. Otherwise it hangs, and "
            "repositories may stay: see docs/deletion.md"
        )
    if target.kind == "configuration" and managed:
        _warn(
            "Note: the repositories go now, or when the package is installed again: "
            "see docs/deletion.md"
        )


def _warn(text: str) -> None:
    click.echo(text, err=True)


def _say(text: str) -> None:
    """Print progress, for people only."""
    if sys.stderr.isatty():
        click.echo(text, err=True)

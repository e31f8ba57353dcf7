"""`function-ecr-repos release`: let go of repositories that ECR does not delete.

Crossplane calls the function for no deleted claim. So with `deletion: WhenEmpty`, the
provider tries for ever to delete a repository that holds images. This command takes the
right to delete it away from the managed resource. The provider then removes its
finalizer, and the repository stays in ECR with all its images.
"""

import json
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import click

from function.cli.managed_resources import ClusterError, Kind, ManagedResources
from function.cli.manifests import to_struct
from function.cli.options import output_option
from function.ecr.repository import ProviderRights, holds_images
from function.errors import printable
from function.providers import crossplane_runtime as runtime
from function.providers.registry import PROVIDERS
from function.structs import struct, text

Manifest = dict[str, Any]

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_LONGEST_PROBLEM = 300
# Crossplane's name for a composed resource, on each: ours, of a repository's policies.
_COMPOSED_AS = "crossplane.io/composition-resource-name"
_COMPOSITE = "crossplane.io/composite"
_POLICY_KINDS = {
    "LifecyclePolicy": "lifecyclepolicies",
    "RepositoryPolicy": "repositorypolicies",
}
_POLICY = re.compile(r"[a-z0-9-]+repo-(lifecycle|policy)")
# Kubernetes, about a namespace that is being deleted. The provider then deletes nothing
# any more: it cannot create its ProviderConfigUsage (crossplane-runtime issue 1150).
_NAMESPACE_ENDS = "because it is being terminated"


class Waiting(NamedTuple):
    """A managed resource that is deleted only after its right to delete is taken.

    Attributes:
        managed: The managed resource.
        repository: The name of its repository.
        why: Why the provider does not delete it: images, or namespace.
        patch: The fields of its spec that take the right away.
    """

    managed: Manifest
    repository: str
    why: str
    patch: Manifest

    @property
    def name(self) -> str:
        """Its kind, namespace and name."""
        metadata = self.managed["metadata"]
        parts = (metadata.get("namespace"), metadata["name"])
        return f"{self.managed['kind']} {'/'.join(filter(None, parts))}"


class _Duration(click.ParamType["timedelta"]):
    name = "duration"

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> timedelta:
        if isinstance(value, timedelta):
            return value
        match = re.fullmatch(r"([0-9]{1,6})([smhd])", value)
        if not match:
            self.fail(
                f"{value!r} is no duration such as 30s, 5m, 12h or 7d", param, ctx
            )
        return timedelta(**{_UNITS[match[2]]: int(match[1])})


@click.command(
    epilog="""\b
Examples:
  function-ecr-repos release                         in a Pod, as package/release does
  kubectl proxy &
  function-ecr-repos release --server http://127.0.0.1:8001 --dry-run
"""
)
@click.option(
    "--server",
    metavar="URL",
    help="The URL of `kubectl proxy`. Default: the Pod's cluster.",
)
@click.option("--dry-run", is_flag=True, help="Only list them.")
@click.option(
    "--older-than",
    type=_Duration(),
    default="0s",
    show_default=True,
    help="Only those whose deletion began this long ago, such as 30s, 5m or 12h.",
)
@output_option
def release(
    *, server: str | None, dry_run: bool, older_than: timedelta, output: str
) -> None:
    """Let go of repositories that are kept because they hold images.

    With `deletion: WhenEmpty`, or `forceDelete: false`, ECR refuses to delete a
    repository that holds images, and its managed resource waits. This command takes
    the right to delete from it. The managed resource is then gone within seconds. THE
    REPOSITORY STAYS IN ECR WITH ALL ITS IMAGES, and the next claim with its name adopts
    it.

    It does the same in a namespace that is being deleted, where the provider cannot
    delete anything any more.

    It changes only what this function composed, and only what is being deleted.
    package/release runs it every minute.

    Exit status: 0 on success, 1 if the cluster cannot be read or changed.
    """
    found = []
    try:
        cluster = ManagedResources(server)
        for kind, label in kinds():
            for managed in cluster.labelled(kind, label):
                waiting = waiting_deletion(managed)
                if waiting is None or not is_due(
                    managed, older_than, datetime.now(UTC)
                ):
                    continue
                released = not dry_run and cluster.patch(kind, managed, waiting.patch)
                if released or dry_run:
                    found.append(_as_json(waiting, released=released))
                    if output == "text":
                        click.echo(_as_text(waiting, dry_run=dry_run))
    except ClusterError as e:
        raise click.ClickException(str(e)) from e
    if output == "json":
        json.dump(found, sys.stdout, indent=2)
        click.echo()
    elif not found:
        click.echo("Nothing waits")


def kinds() -> Iterator[tuple[Kind, str]]:
    """Yield the kinds to look at, and the label that ours have.

    Policies wait only in a namespace that is being deleted.
    """
    for api, provider in PROVIDERS.items():
        namespaced = provider.namespaced
        yield (
            Kind(api, provider.kind, "repositories", namespaced),
            runtime.REPOSITORY_ID,
        )
        if namespaced:
            policies = f"{api.partition('/')[0]}/v1beta1"
            for kind, plural in _POLICY_KINDS.items():
                yield Kind(policies, kind, plural, namespaced), _COMPOSITE


def waiting_deletion(managed: Manifest) -> Waiting | None:
    """Return why a managed resource is not deleted, and what ends that; None if it is.

    Args:
        managed: The managed resource, with the label of this function's repositories or
            of Crossplane's composed resources.
    """
    observed = to_struct(managed)
    metadata, spec = struct(observed, "metadata"), struct(observed, "spec")
    annotations = struct(metadata, "annotations")
    is_repository = runtime.REPOSITORY_ID in struct(metadata, "labels").fields
    if not (is_repository or _POLICY.fullmatch(text(annotations, _COMPOSED_AS))):
        return None
    _, problem = runtime.conditions(struct(observed, "status"))
    may_delete, _ = runtime.observed_rights(spec)
    why = reason(
        problem,
        deleting=bool(text(metadata, "deletionTimestamp")),
        may_delete=may_delete,
    )
    if not why:
        return None
    repository = text(struct(spec, "forProvider"), "repository") or text(
        annotations, runtime.EXTERNAL_NAME
    )
    return Waiting(managed, repository, why, without_right_to_delete(managed["spec"]))


def reason(problem: str, *, deleting: bool, may_delete: bool) -> str:
    """Return why a managed resource waits for ever; empty if it does not.

    Args:
        problem: What its provider reports.
        deleting: Whether it is being deleted.
        may_delete: Whether its provider deletes the external resource with it.
    """
    if not (deleting and may_delete):
        return ""
    if holds_images(problem):
        return "images"
    return "namespace" if _NAMESPACE_ENDS in problem else ""


def without_right_to_delete(spec: Manifest) -> Manifest:
    """Return the fields of a spec that take the right to delete away.

    With the default of managementPolicies, deletionPolicy decides, whether the provider
    honours management policies or not. Any other value is only legal if it does, and a
    Delete in it wins (crossplane-runtime, policies.go, ShouldDelete).
    """
    rights = ProviderRights.OBSERVE_ONLY
    patch: Manifest = {}
    if "deletionPolicy" in spec:
        patch |= runtime.deletion_policy(rights)
    if not patch or spec.get("managementPolicies", ["*"]) != ["*"]:
        patch |= runtime.management_policies(rights)
    return patch


def is_due(managed: Manifest, older_than: timedelta, now: datetime) -> bool:
    """Whether the deletion of a managed resource began long enough ago."""
    began = datetime.fromisoformat(managed["metadata"]["deletionTimestamp"])
    return now - began >= older_than


def _as_text(waiting: Waiting, *, dry_run: bool) -> str:
    verb = "Would release" if dry_run else "Released"
    stays = {
        "images": "holds images, and stays in ECR with them",
        "namespace": "stays in ECR if it still exists: the provider cannot delete "
        "anything in a namespace that is being deleted",
    }
    return (
        f"{verb} {printable(waiting.name)}: {printable(waiting.repository)} "
        f"{stays[waiting.why]}"
    )


def _as_json(waiting: Waiting, *, released: bool) -> Manifest:
    metadata, spec = waiting.managed["metadata"], waiting.managed["spec"]
    return {
        "apiVersion": waiting.managed["apiVersion"],
        "kind": waiting.managed["kind"],
        "namespace": metadata.get("namespace", ""),
        "name": metadata["name"],
        "repository": waiting.repository,
        "region": spec["forProvider"].get("region", ""),
        "providerConfig": spec.get("providerConfigRef", {}).get("name", ""),
        "deletionTimestamp": metadata["deletionTimestamp"],
        "reason": waiting.why,
        "released": released,
    }

"""Restore the claims of a lost cluster into a new cluster on the same AWS account.

Follows docs/backup-and-restore.md, with the provider running and with it stopped.
"""

import contextlib
import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import claims
import pytest
import yaml
from apis import CLASSIC, UPBOUND
from control_plane import KubectlError
from system import ROOT, System, running, say

PAGE = ROOT / "docs/backup-and-restore.md"
PROVIDER = "provider-aws"
# One claim per scenario; all scenarios share the two clusters.
RUNNING, STOPPED = "back-running", "back-stopped"
MANAGED, SAVED, LOST = "back-managed", "back-saved", "back-lost"
# Kyverno generates the claim of this one.
WORKLOAD = "back-workload"
OF_WORKLOAD = f"{WORKLOAD}-ecr-repos"
# Upbound's managed resources have two versions, which the provider converts.
NO_WEBHOOK = "conversion webhook for ecr.aws.upbound.io/v1beta2"
CLASSIC_RIGHTS = '{"spec": {"deletionPolicy": "Orphan"}}'
UPBOUND_RIGHTS = '{"spec": {"managementPolicies": ["Observe"]}}'
CLAIMS = (RUNNING, STOPPED, MANAGED, SAVED, LOST)


class Second(System):
    """Another cluster on the same account, with everything installed but no claims."""

    def __init__(self, first: System) -> None:
        """Prepare a cluster that uses the ECR endpoint of the first one."""
        super().__init__(
            "e2e-second", lambda s: say(f"{first.api.name}: second: {s}"), api=first.api
        )
        self._first = first

    def start(self) -> None:
        """Start and install everything."""
        super().start()
        self.install_policy()
        self.scan_every("15s")

    def _ecr(self) -> None:
        self.endpoint, self.ecr = self._first.endpoint, self._first.ecr


class Backup:
    """The saved objects of a lost cluster, and the cluster to restore them into.

    Attributes:
        system: The new cluster.
    """

    def __init__(
        self,
        system: System,
        before: claims.Contents,
        saved: dict[str, list[dict[str, Any]]],
    ) -> None:
        """Keep the saved objects by kind, and the repository contents at that time."""
        self.system = system
        self._before, self._saved = before, saved

    def claim(self, name: str) -> dict[str, Any]:
        """Return a saved claim."""
        (found,) = (
            saved
            for saved in self._saved["workloadecrrepos"]
            if saved["metadata"]["name"] == name
        )
        return copy.deepcopy(found)

    def settings(self) -> dict[str, Any]:
        """Return the saved platform settings."""
        (saved,) = self._saved["environmentconfigs"]
        return saved

    def managed(self, name: str, *, owned: bool) -> list[dict[str, Any]]:
        """Return the saved managed resources of a claim.

        Args:
            name: The name of the claim.
            owned: Whether to keep owner references, as kubectl does. Velero removes
                them (pkg/restore/restore.go, resetMetadata).
        """
        found = [
            copy.deepcopy(saved)
            for saved in self._saved[self.system.api.repositories]
            if claims.external_name(saved) in claims.names(name)
        ]
        assert len(found) == len(claims.names(name))
        if not owned:
            for resource in found:
                del resource["metadata"]["ownerReferences"]
        return found

    def kept(self, name: str) -> bool:
        """Whether the repositories and images of a claim are unchanged."""
        names = claims.names(name)
        now = claims.contents(self.system, names)
        return now == {repository: self._before[repository] for repository in names}

    def wait_released(self, name: str) -> None:
        """Wait until the resources of a deleted claim are gone; check its images."""
        names = claims.names(name)
        claims.wait_gone(self.system, *names, but=frozenset(names))
        assert self.kept(name)


@pytest.fixture(scope="module")
def backup(
    system: System,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[Backup]:
    """The backup of a cluster whose provider is stopped, and a second cluster."""
    system.kubectl.apply(claims.workload(WORKLOAD))
    claims.apply(system, *CLAIMS)
    claims.wait_ready(system, *CLAIMS, OF_WORKLOAD)
    repositories = set[str]().union(*map(claims.names, (*CLAIMS, WORKLOAD)))
    system.wait(
        "they have the right to delete their repositories",
        lambda: not repositories & claims.not_deletable(system),
    )
    claims.push(system, *repositories)
    before = claims.contents(system, repositories)
    assert claims.images(before) == len(repositories)

    folder = tmp_path_factory.mktemp("backup")
    files = {name: str(folder / name) for name in ("settings.yaml", "claims.yaml")}
    system.install(PAGE, "Back up", files)
    saved = {
        "environmentconfigs": [yaml.safe_load((folder / "settings.yaml").read_text())],
        "workloadecrrepos": yaml.safe_load((folder / "claims.yaml").read_text())[
            "items"
        ],
        system.api.repositories: system.kubectl.all("-A", system.api.repositories),
    }
    system[PROVIDER].stop()
    second = Second(system)
    try:
        with running(second, lambda: bool(request.session.testsfailed)):
            yield Backup(second, before, saved)
    finally:
        system.kubectl("delete", "workload", WORKLOAD)
        claims.delete(system, *CLAIMS, wait=False)
        system[PROVIDER].start()
    claims.wait_gone(system, *repositories)


@contextlib.contextmanager
def stopped_provider(system: System) -> Iterator[None]:
    """Stop the provider inside a `with` block."""
    system[PROVIDER].stop()
    try:
        yield
    finally:
        system[PROVIDER].start()


def wants_webhook(system: System) -> bool:
    """Whether a composite reports that its resources need the provider's webhook."""
    return any(
        NO_WEBHOOK in claims.condition(composite, "Synced").get("message", "")
        for composite in system.kubectl.all("-A", system.api.composite)
    )


def test_claims_are_restored_with_the_provider_running(
    backup: Backup, tmp_path: Path
) -> None:
    backup.system.kubectl("delete", "environmentconfig", "ecr-repos")
    saved = {"settings.yaml": backup.settings(), "claims.yaml": backup.claim(RUNNING)}
    for name, manifest in saved.items():
        (tmp_path / name).write_text(json.dumps(manifest))
    backup.system.install(
        PAGE, "Restore", {name: str(tmp_path / name) for name in saved}
    )
    claims.wait_for_reason(backup.system, RUNNING, "Adopted")
    claims.wait_ready(backup.system, RUNNING)
    assert backup.kept(RUNNING)
    assert claims.names(RUNNING) <= claims.not_deletable(backup.system)


def test_claims_are_restored_before_the_provider_starts(backup: Backup) -> None:
    system = backup.system
    with stopped_provider(system):
        system.kubectl.create(backup.claim(STOPPED))
        if system.api is UPBOUND:
            system.wait(
                "a composite reports the missing webhook",
                lambda: wants_webhook(system),
            )
            with pytest.raises(KubectlError, match=NO_WEBHOOK):
                system.kubectl.create(*backup.managed(SAVED, owned=True))
        else:
            claims.wait_for_reason(system, STOPPED, "Creating")
    claims.wait_for_reason(system, STOPPED, "Adopted")
    claims.wait_ready(system, STOPPED)
    assert backup.kept(STOPPED)
    claims.delete(system, STOPPED)
    backup.wait_released(STOPPED)


def test_a_restored_workload_gets_its_claim_again(backup: Backup) -> None:
    """The claim in the backup has an owner that no longer exists."""
    system = backup.system
    restored = backup.claim(OF_WORKLOAD)
    (owner,) = restored["metadata"]["ownerReferences"]
    assert owner["kind"] == "Workload"
    system.kubectl.create(restored)
    system.wait(
        "Kubernetes deletes the claim",
        lambda: claims.of_workload(system, WORKLOAD) is None,
    )
    system.kubectl.create(claims.workload(WORKLOAD))
    claims.wait_for_reason(system, OF_WORKLOAD, "Adopted")
    claims.wait_ready(system, OF_WORKLOAD)
    assert backup.kept(WORKLOAD)
    system.kubectl("delete", "workload", WORKLOAD)
    backup.wait_released(WORKLOAD)


def test_managed_resources_without_owners_give_a_claim_no_rights(
    backup: Backup,
) -> None:
    """As Velero restores them: in alphabetical order of the kinds.

    Their annotations say that another composite created the repository.
    """
    system = backup.system
    system.kubectl.create(*backup.managed(MANAGED, owned=False))
    system.kubectl.create(backup.claim(MANAGED))
    claims.wait_for_reason(system, MANAGED, "Adopted")
    claims.wait_ready(system, MANAGED)
    system.wait(
        "no right from the backup is left",
        lambda: claims.names(MANAGED) <= claims.not_deletable(system),
    )
    claims.delete(system, MANAGED)
    backup.wait_released(MANAGED)


def test_restored_managed_resources_can_be_made_harmless(
    backup: Backup,
) -> None:
    """The provider has not started, but Kubernetes has already deleted them."""
    system = backup.system
    with stopped_provider(system):
        system.kubectl.create(*backup.managed(SAVED, owned=True))
        system.kubectl.create(backup.claim(SAVED))

        def deleted() -> bool:
            return all(
                "deletionTimestamp" in r["metadata"]
                for name, r in claims.managed(system).items()
                if name in claims.names(SAVED)
            )

        system.wait("Kubernetes deletes them", deleted)
        claims.wait_for_reason(system, SAVED, "PreviousDeleting")
        own = {"ecr.aws.crossplane.io": system.api.group}
        if system.api is not CLASSIC:
            own[CLASSIC_RIGHTS] = UPBOUND_RIGHTS
        system.install(PAGE, "Managed resources were restored", own)
    claims.wait_for_reason(system, SAVED, "Adopted")
    claims.wait_ready(system, SAVED)
    assert backup.kept(SAVED)


def test_managed_resources_with_owners_delete_their_repositories(
    backup: Backup,
) -> None:
    """The reason for the warning on the page; our function is not involved."""
    backup.system.kubectl.create(*backup.managed(LOST, owned=True))
    backup.system.wait(
        "the provider deletes the repositories of deleted resources",
        lambda: not claims.names(LOST) & backup.system.repositories(),
    )


def test_a_restored_claim_gets_its_rights_back(backup: Backup) -> None:
    """The claim was restored with the provider running."""
    system, names = backup.system, claims.names(RUNNING)
    if system.api is CLASSIC:
        system.install(
            PAGE,
            "Let a claim delete its repositories again",
            {"my-team": "default", "my-claim": RUNNING},
        )
    else:
        for resource in claims.resources_of(system, RUNNING):
            (owner,) = resource["metadata"]["ownerReferences"]
            system.ecr.tag_resource(
                resourceArn=resource["status"]["atProvider"]["arn"],
                tags=[{"Key": "function-ecr-repos/created-by", "Value": owner["uid"]}],
            )
    claims.wait_for_reason(system, RUNNING, "Available")
    system.wait(
        "the claim may delete them again",
        lambda: not names & claims.not_deletable(system),
    )
    assert backup.kept(RUNNING)
    claims.delete(system, RUNNING)
    claims.wait_gone(system, *names)

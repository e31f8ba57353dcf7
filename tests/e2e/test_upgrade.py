"""Upgrade to this commit and back while claims are created.

Ready claims stay Ready and Synced, and managed resources do not change. During a switch
Crossplane briefly has no active revision. RepositoriesReady is then Unknown on the XRs
that it reconciles, until the next reconcile. No other change is allowed.

The package manager and its Deployment runtime are the real ones of Crossplane. nodes.py
replaces nodes and DNS. The older version is the newest release in the history of this
repository, or this commit itself if there is none. PREVIOUS selects another commit.
"""

import dataclasses
import datetime
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import claims
import pytest
import xpkg
import yaml
from build import classic_crds, provider_crds
from control_plane import KubectlError
from nodes import Nodes, Watch, watch
from provider_package import run_provider
from system import FUNCTION, ROOT, System

ORGANISATION = "releases"
NAME = f"{ORGANISATION}-{FUNCTION}"
CONFIGURATION = "ecr-repos-released"
OLD, NEW = "v0.1.0", "v0.2.0"
FUNCTIONS, REVISIONS, CONFIGURATIONS, PROVIDERS = (
    f"{kind}.pkg.crossplane.io"
    for kind in ("functions", "functionrevisions", "configurations", "providers")
)
CLAIMS = "workloadecrrepos.tap.vrabbi.cloud"
REPOSITORIES = "repositories.ecr.aws.crossplane.io"
EXISTING = 10


def previous() -> str:
    """Return the commit of the older version."""
    if given := os.environ.get("PREVIOUS"):
        return given
    tags = _git("tag", "--merged", "HEAD~", "--sort=-version:refname", "v*").split()
    return tags[0] if tags else "HEAD"


def _git(*command: str) -> str:
    return subprocess.run(
        ["git", *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@dataclasses.dataclass(frozen=True)
class Releases:
    """Both releases: pushed packages, their programs, the function's repository."""

    system: System
    nodes: Nodes
    repository: str
    configurations: dict[str, str]

    def function(self, version: str) -> None:
        """Switch the Function to a release, by the tag of its package."""
        patch = f'{{"spec": {{"package": "{self.repository}:{version}"}}}}'
        self.system.kubectl("patch", FUNCTIONS, NAME, "--type=merge", "-p", patch)
        self.system.wait(f"the function is {version}", lambda: self._is(version))

    def configuration(self, version: str) -> None:
        """Switch the Configuration to a release."""
        self.system.kubectl.apply(
            {
                "apiVersion": "pkg.crossplane.io/v1",
                "kind": "Configuration",
                "metadata": {"name": CONFIGURATION},
                "spec": {"package": self.configurations[version]},
            }
        )
        self.system.wait(
            f"the Configuration is {version}",
            lambda: self._healthy(CONFIGURATIONS, CONFIGURATION, version),
        )

    def _healthy(self, kind: str, name: str, version: str) -> bool:
        found = self.system.kubectl.get(kind, name) or {}
        current = found.get("status", {}).get("currentIdentifier", "")
        return current.endswith(f":{version}") and all(
            claims.condition(found, each).get("status") == "True"
            for each in ("Installed", "Healthy")
        )

    def _is(self, version: str) -> bool:
        """Whether a release is the only active revision and the only one that runs."""
        if self.nodes.failed:
            raise self.nodes.failed[0]
        revisions = self.system.kubectl.all(
            REVISIONS, "-l", f"pkg.crossplane.io/package={NAME}"
        )
        active = [r for r in revisions if r["spec"].get("desiredState") == "Active"]
        return (
            [r["spec"]["image"] for r in active] == [f"{self.repository}:{version}"]
            and claims.condition(active[0], "RuntimeHealthy").get("status") == "True"
            and len(self.nodes.pods) == 1
            and self._healthy(FUNCTIONS, NAME, version)
        )


@pytest.fixture(scope="module")
def releases(
    bare: System, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Releases]:
    """The older release, installed by its Configuration, on the production runtime."""
    kubectl, directory = bare.kubectl, tmp_path_factory.mktemp("releases")
    for kind in (CONFIGURATIONS, FUNCTIONS):
        kubectl("delete", kind, "--all", "--timeout=60s")
    if FUNCTION in bare.programs.started:
        bare[FUNCTION].stop()
    # The provider's own package without its image and the CRDs of other services.
    package = directory / "provider"
    (package / "crds").mkdir(parents=True)
    shutil.copy(provider_crds().parent / "crossplane.yaml", package)
    for crd in classic_crds():
        shutil.copy(crd, package / "crds")
    provider = bare.push_package(
        "provider-aws",
        package,
        organisation=ORGANISATION,
        version="v0.58.0",
    ).rpartition(":")[0]
    sources = {OLD: directory / "old", NEW: ROOT}
    checkout(previous(), sources[OLD])

    def publish(version: str) -> tuple[str, str]:
        where = {"organisation": ORGANISATION, "version": version}
        package = packaged(sources[version], directory / f"function-{version}", version)
        repository = bare.push_package(FUNCTION, package, **where).rpartition(":")[0]
        root = directory / f"configuration-{version}"
        root.mkdir()
        xpkg.configuration(
            root, repository, provider, version=version.removeprefix("v")
        )
        return repository, bare.push_package("configuration-ecr-repos", root, **where)

    repository, older = publish(OLD)

    def command(tag: str) -> tuple[tuple[object, ...], dict[str, str]]:
        program = (sys.executable, "-m", "function.main", "serve")
        return program, {"PYTHONPATH": str(sources[tag])}

    kubectl("apply", "-k", ROOT / "package/runtime")
    kubectl.apply(bare.platform_settings())
    kubectl.apply(
        {
            "apiVersion": "pkg.crossplane.io/v1beta1",
            "kind": "ImageConfig",
            "metadata": {"name": FUNCTION},
            "spec": {
                "matchImages": [{"type": "Prefix", "prefix": repository}],
                "runtime": {"configRef": {"name": FUNCTION}},
            },
        }
    )
    with Nodes(bare, command) as nodes:
        crossplane = bare["crossplane"]
        crossplane.stop()
        crossplane.start(
            PACKAGE_RUNTIME="Function=Deployment;Provider=External",
            HTTPS_PROXY=nodes.proxy,
        )
        configurations = {OLD: older}
        installed = Releases(bare, nodes, repository, configurations)
        installed.configuration(OLD)
        bare.established(CLAIMS)
        run_provider(bare, f"{ORGANISATION}-provider-aws")
        # Push it later, because a Configuration installs the newest function.
        configurations[NEW] = publish(NEW)[1]
        yield installed
        crossplane.stop()
        crossplane.start(PACKAGE_RUNTIME="External", HTTPS_PROXY="")


def checkout(commit: str, directory: Path) -> None:
    """Write the function and the package of a commit to a directory."""
    directory.mkdir()
    archive = subprocess.run(
        ["git", "archive", commit, "function", "package/function"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    subprocess.run(
        ["tar", "-x", "-C", directory],
        input=archive.stdout,
        check=True,
    )


def packaged(source: Path, directory: Path, version: str) -> Path:
    """Write a package directory that is different for each version."""
    shutil.copytree(source / "package/function", directory)
    meta = yaml.safe_load((directory / "crossplane.yaml").read_text())
    meta["metadata"]["annotations"]["example.org/version"] = version
    (directory / "crossplane.yaml").write_text(yaml.safe_dump(meta))
    return directory


class Users:
    """Creates claims, touches existing XRs, and records all watch events of both."""

    def __init__(self, system: System, prefix: str, existing: list[str]) -> None:
        self.system = system
        self.made: list[str] = []
        self.touched = 0
        self.seen: list[dict[str, Any]] = []
        self.errors: list[BaseException] = []
        self._prefix = prefix
        self._existing = existing
        self._done = threading.Event()
        self._watches: list[Watch] = []
        self._threads = [threading.Thread(target=self._work, daemon=True)]
        for kind in (f"{CLAIMS}", REPOSITORIES, "events"):
            following = watch(system, kind, "-A")
            self._watches.append(following)
            self._threads.append(
                threading.Thread(target=self._follow, args=(following,), daemon=True)
            )

    def __enter__(self) -> "Users":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        for following in self._watches:
            following.close()
        for thread in self._threads:
            thread.join(30)

    def stop(self) -> None:
        """Stop creating claims."""
        self._done.set()
        self._threads[0].join(60)

    def _work(self) -> None:
        try:
            while not self._done.is_set():
                name = f"{self._prefix}-{len(self.made)}"
                self.system.kubectl.apply(claims.manifest(name, name))
                self.made.append(name)
                # This makes Crossplane reconcile the XR and call the function.
                touched = self._existing[self.touched % len(self._existing)]
                self.system.kubectl(
                    *("annotate", "xworkloadecrrepos", "--overwrite", "-l"),
                    f"crossplane.io/claim-name={touched}",
                    f"example.org/touched={self.touched}",
                )
                self.touched += 1
        except (KubectlError, subprocess.SubprocessError) as e:
            self.errors.append(e)

    def _follow(self, following: Watch) -> None:
        try:
            self.seen.extend(following.events())
        except Exception as e:  # noqa: BLE001  # the test checks `errors`
            self.errors.append(e)

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Return the watch events of a kind in order."""
        return [e for e in list(self.seen) if e["object"]["kind"] == kind]


def unexpected_conditions(users: Users, existing: list[str]) -> list[str]:
    """Return the conditions that claims must not have had.

    A new claim is Creating until the provider has settled. It may be Creating again
    after it was Ready, even without an upgrade. interrupted() counts the conditions
    that Crossplane sets while it has no active revision.
    """
    found = []
    for event in users.of("WorkloadECRRepo"):
        of = event["object"]
        name = of["metadata"]["name"]
        for c in of.get("status", {}).get("conditions", []):
            settled = c["type"] == "Synced" or name in existing
            if settled and c["status"] != "True" and not unknown(c):
                found.append(f"{name} has: {c}")
    return found


def unknown(c: dict[str, Any]) -> bool:
    """Whether Crossplane set this condition because it could not call the function."""
    said = (c["type"], c["status"], c["reason"])
    return said == ("RepositoriesReady", "Unknown", "FatalError")


def interrupted(users: Users, existing: list[str]) -> set[str]:
    """Return the claims whose RepositoriesReady was temporarily Unknown."""
    return {
        event["object"]["metadata"]["name"]
        for event in users.of("WorkloadECRRepo")
        for c in event["object"].get("status", {}).get("conditions", [])
        if unknown(c) and event["object"]["metadata"]["name"] in existing
    }


def says_available(system: System, name: str) -> bool:
    said = claims.ready_condition(system, name)
    return said.get("status") == "True" and claims.is_ready(system, name)


def warnings(users: Users, kind: str, since: float) -> list[str]:
    """Return the Warning events of objects of a kind."""
    return sorted(
        {
            f"{e['involvedObject']['name']}: {e['message']}"
            for event in users.of("Event")
            for e in [event["object"]]
            if e["type"] == "Warning"
            and e["involvedObject"]["kind"] == kind
            and _seconds(e) >= since
        }
    )


def _seconds(event: dict[str, Any]) -> float:
    said = event.get("lastTimestamp") or event["metadata"]["creationTimestamp"]
    return datetime.datetime.fromisoformat(said).timestamp()


def managed_states(system: System, of: set[str]) -> dict[str, Any]:
    """Return the fields of each managed resource that must not change."""
    return {
        name: (r["metadata"]["uid"], r["metadata"]["generation"], r["spec"])
        for r in system.kubectl.all(REPOSITORIES)
        for name in [r["metadata"]["annotations"]["crossplane.io/external-name"]]
        if name in of
    }


def test_the_configuration_installs_function_and_provider(releases: Releases) -> None:
    """Only as its dependencies: the fixture applied nothing else of ours."""
    for kind, name in ((FUNCTIONS, NAME), (PROVIDERS, f"{ORGANISATION}-provider-aws")):
        assert [p["metadata"]["name"] for p in releases.system.kubectl.all(kind)] == [
            name
        ]
    crd = releases.system.kubectl.get("crd", REPOSITORIES) or {}
    owners = {owner["kind"] for owner in crd["metadata"]["ownerReferences"]}
    assert "ProviderRevision" in owners


def test_crossplane_creates_the_production_deployment(releases: Releases) -> None:
    (deployment,) = releases.system.kubectl.all(
        "deployments", "-n", "crossplane-system"
    )
    spec = deployment["spec"]
    pod = spec["template"]
    (container,) = pod["spec"]["containers"]
    assert spec["replicas"] == 2
    assert pod["metadata"]["labels"].items() >= spec["selector"]["matchLabels"].items()
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert {p["name"]: p["containerPort"] for p in container["ports"]} == {
        "grpc": 9443,
        "metrics": 8080,
    }
    for manifest in ("disruption", "network"):
        text = (ROOT / f"package/runtime/{manifest}.yaml").read_text()
        selector = yaml.safe_load(text)["spec"]
        selected = selector.get("selector") or selector["podSelector"]
        assert pod["metadata"]["labels"].items() >= selected["matchLabels"].items()


@pytest.mark.parametrize(
    ("prefix", "switch"),
    [
        ("up", lambda r: (r.function(NEW), r.configuration(NEW))),
        ("back", lambda r: (r.configuration(OLD), r.function(OLD))),
    ],
    ids=["upgrade", "rollback"],
)
def test_an_upgrade_changes_no_claim_and_no_resource(
    releases: Releases, prefix: str, switch: Callable[[Releases], object]
) -> None:
    system = releases.system
    existing = [f"{prefix}-existing-{n}" for n in range(EXISTING)]
    system.kubectl.apply(*(claims.manifest(name, name) for name in existing))
    system.wait(
        "the first claims are Ready",
        lambda: all(claims.is_ready(system, name) for name in existing),
        240,
    )
    expected = {each for name in existing for each in claims.names(name)}
    before = managed_states(system, expected)
    assert set(before) == expected
    started = time.time()
    with Users(system, prefix, existing) as users:
        system.wait("claims come", lambda: len(users.made) >= 3 or users.errors)
        switch(releases)
        took = time.time() - started
        system.wait("more claims exist", lambda: users.touched >= 10 or users.errors)
        users.stop()
        made = list(users.made)
        system.wait(
            "every claim is Ready and Available",
            lambda: all(says_available(system, name) for name in (*existing, *made)),
            300,
        )
    assert not users.errors
    composites = warnings(users, "XWorkloadECRRepo", started)
    briefly_unknown = interrupted(users, existing)
    print(
        f"{prefix} from {previous()}: {took:.1f} s, {len(made)} new claims, "
        f"XRs touched {users.touched} times; {len(briefly_unknown)} of {EXISTING} "
        f"claims were temporarily Unknown; warnings on XRs: {len(composites)}",
        *composites[:5],
        sep="\n",
    )
    assert not unexpected_conditions(users, existing)
    assert not warnings(users, "WorkloadECRRepo", started)
    assert managed_states(system, expected) == before
    system.kubectl("delete", CLAIMS, "--wait=false", *existing, *made)

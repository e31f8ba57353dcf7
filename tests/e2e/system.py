"""Run everything between a Workload and ECR as real programs on one machine."""

import base64
import contextlib
import dataclasses
import datetime
import functools
import ipaddress
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import providers
import xpkg
import yaml
from apis import CLASSIC, Api
from build import build, core_crds, module_dir
from control_plane import KYVERNO, ControlPlane, Kubectl, KubectlError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from processes import NotReadyError, Program, Programs, T, answers, free_port

ROOT = Path(__file__).parents[2]
MANIFESTS = Path(__file__).parent / "manifests"
SETTINGS = ROOT / "package/platform/settings.yaml"
REGION = "eu-west-2"
FUNCTION = "function-ecr-repos"
OURS = (sys.executable, "-m", "function.main", "serve")
SYSTEM = "crossplane-system"
# How long a scenario waits. Crossplane drops the events of a composite that had too
# many of them, and reconciles it again within two minutes.
TIMEOUT_S = 180
# Whether to run load and race tests at full size, as `make e2e-full` does.
FULL = bool(os.environ.get("E2E_FULL"))
KYVERNO_MODULE = "github.com/kyverno/kyverno"


def say(what: str) -> None:
    """Print a progress message."""
    print(what, file=sys.stderr, flush=True)


def _record(resource: dict[str, Any]) -> str:
    """Return what decides whether a claim created a repository."""
    annotations = resource["metadata"].get("annotations") or {}
    found = {k: v for k, v in annotations.items() if "create" in k}
    observed = (resource.get("status") or {}).get("atProvider") or {}
    return f"{found}, createdAt {observed.get('createdAt')}"


@dataclasses.dataclass(frozen=True)
class Refusal:
    """An error that the ECR endpoint returns in the format of ECR."""

    operations: tuple[str, ...]
    code: str
    message: str
    status: int = 400
    # Part of the names of the repositories that it applies to.
    repository: str = ""


class System:
    """The running system; its programs can be stopped and started by name.

    Crossplane has only the permissions that its chart and its RBAC manager grant.

    Attributes:
        api: The provider API that it uses.
        programs: The running programs.
        directory: The temporary directory of the run; deleted with it.
        endpoint: The URL of the ECR endpoint.
        crossplane_metrics: The port of Crossplane's metrics.
    """

    namespace = SYSTEM
    crossplane_flags: tuple[str, ...] = ()
    provider_flags: tuple[str, ...] = ()
    # How often the provider looks at each repository.
    poll = "1m"
    function_program: tuple[object, ...] = OURS
    audits_writes = False

    def __init__(
        self,
        name: str,
        step: Callable[[str], None] = say,
        *,
        api: Api = CLASSIC,
        core: str = "crossplane-core",
    ) -> None:
        """Prepare a run.

        Args:
            name: Part of the name of the run's directory.
            step: Called with a message when a part is running.
            api: The provider API to use.
            core: The version of Crossplane: a folder of tests/conformance/tools.
        """
        self.api = api
        self.programs = Programs(f"{name}-{api.name}")
        self.directory = self.programs.directory
        self.endpoint = ""
        self._say = step
        self._core = core
        self._metrics = ""
        self.crossplane_metrics = free_port()
        self.plane: ControlPlane
        self.kubectl: Kubectl
        self.ecr: Any

    def __getitem__(self, name: str) -> Program:
        return self.programs.started[name]

    def wait(
        self, what: str, probe: Callable[[], T | None], seconds: float = TIMEOUT_S
    ) -> T:
        """Wait as Programs.wait does; a failure also lists what is not Ready."""
        try:
            return self.programs.wait(what, probe, seconds)
        except NotReadyError as e:
            raise NotReadyError(f"{e}\n--- not Ready\n{self.unready()}") from e

    def unready(self) -> str:
        """Return what is not Ready, and what the provider may not delete."""
        lines = []
        for kind in self.api.kinds if hasattr(self, "kubectl") else ():
            try:
                found = self.kubectl.all("-A", kind)
            except (KubectlError, subprocess.TimeoutExpired) as e:
                lines.append(f"{kind}: {e}")
                continue
            lines.append(f"{len(found)} {kind}")
            for resource in found:
                name = f"{resource['kind']} {resource['metadata']['name']}"
                conditions = (resource.get("status") or {}).get("conditions") or []
                if not conditions:
                    lines.append(f"{name}: no condition")
                if kind == self.api.repositories and not self.api.may_delete(resource):
                    lines.append(f"{name}: no right to delete; {_record(resource)}")
                lines += [
                    f"{name}: {c['type']} is {c['status']} ({c['reason']}) since "
                    f"{c['lastTransitionTime']}: {c.get('message', '')}"
                    for c in conditions
                    if c["status"] != "True"
                ]
        return "\n".join(lines[:50])

    def start(self) -> None:
        """Start and install everything except the Configuration and the policy.

        Raises:
            NotReadyError: A program does not start.
        """
        providers.check_port(self.api)
        started = time.monotonic()
        self.plane = ControlPlane(self.programs, audits_writes=self.audits_writes)
        self.kubectl = self.plane.start()
        self._ecr()
        self._step("control plane and ECR endpoint", started)
        self._crossplane()
        self._step("Crossplane", started)
        self._provider()
        self._step(f"the provider of {self.api.group}", started)
        self._kyverno()
        self._step("Kyverno", started)
        self._packages()
        self._step("the function, as a package", started)

    def close(self) -> None:
        """Stop every program."""
        self.programs.close()

    def repositories(self) -> set[str]:
        """Return the names of all repositories in ECR."""
        pages = self.ecr.get_paginator("describe_repositories").paginate()
        return {r["repositoryName"] for page in pages for r in page["repositories"]}

    def scan_every(self, interval: str) -> None:
        """Set the interval of Kyverno's background scan; the default is an hour."""
        controller = self["kyverno-background"]
        controller.stop()
        controller.start(BACKGROUND_SCAN_INTERVAL=interval)

    def calls(self) -> int:
        """Return the number of calls of our function since its program started."""
        counted = "function_ecr_repos_request_duration_seconds_count"
        with urllib.request.urlopen(f"http://{self._metrics}/metrics") as answer:
            found = re.search(rf"^{counted} (\S+)$", answer.read().decode(), re.M)
        assert found, f"no {counted}"
        return int(float(found[1]))

    @contextlib.contextmanager
    def refusing(self, *refusals: Refusal) -> Iterator[None]:
        """Make ECR return these errors inside a `with` block."""
        errors = [dataclasses.asdict(refusal) for refusal in refusals]
        self._refuse("PUT", json.dumps(errors).encode())
        try:
            yield
        finally:
            self._refuse("DELETE", None)

    def _refuse(self, method: str, body: bytes | None) -> None:
        request = urllib.request.Request(
            f"{self.endpoint}/refusals",
            body,
            {"Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request):
            pass

    def install_packages(self, directory: Path) -> None:
        """Install the Configuration package, which depends on the function package.

        Args:
            directory: Where to write the Configuration package.
        """
        self.kubectl.apply(self.platform_settings())
        name = self.api.configuration.name
        function = self.push_package(FUNCTION, ROOT / "package/function")
        repository = function.rpartition(":")[0]
        xpkg.configuration(directory, repository, "", name)
        self.kubectl.apply(
            {
                "apiVersion": "pkg.crossplane.io/v1",
                "kind": "Configuration",
                "metadata": {"name": "ecr-repos"},
                "spec": {"package": self.push_package(name, directory)},
            }
        )
        self.run_function("dependency", xpkg.dependency_name(repository), *OURS)

        def healthy() -> bool:
            found = (
                self.kubectl.get("configurations.pkg.crossplane.io", "ecr-repos") or {}
            )
            conditions = found.get("status", {}).get("conditions", [])
            return {"Installed", "Healthy"} <= {
                c["type"] for c in conditions if c["status"] == "True"
            }

        self.wait("the Configuration is installed and healthy", healthy)
        self.established("workloadecrrepos.tap.vrabbi.cloud")

    def platform_settings(self, **data: Any) -> dict[str, Any]:
        """Return the shipped platform settings, with this API's provider.

        Args:
            data: More fields. Without `allow`, claims may use any values.
        """
        settings: dict[str, Any] = yaml.safe_load(SETTINGS.read_text())
        settings["data"] = {
            "defaults": settings["data"]["defaults"],
            "provider": self.api.api_version,
            **data,
        }
        return settings

    @contextlib.contextmanager
    def with_settings(self, **data: Any) -> Iterator[None]:
        """Add fields to the platform settings inside a `with` block."""
        self.kubectl.replace(self.platform_settings(**data))
        try:
            yield
        finally:
            self.kubectl.replace(self.platform_settings())

    @property
    def composition(self) -> Path:
        """The path of the packaged Composition."""
        return self.api.configuration / "composition.yaml"

    def composed_with(self, **options: Any) -> dict[str, Any]:
        """Return the packaged Composition with additional input fields."""
        composition: dict[str, Any] = yaml.safe_load(self.composition.read_text())
        (step,) = composition["spec"]["pipeline"]
        step["input"] |= options
        return composition

    @contextlib.contextmanager
    def configured(self, **options: Any) -> Iterator[None]:
        """Add fields to the input in the Composition inside a `with` block."""
        self.kubectl.replace(self.composed_with(**options))
        try:
            yield
        finally:
            self.kubectl.replace(self.composed_with())

    def install_configuration(self) -> None:
        """Apply the XRD and the Composition, without the package manager."""
        self.kubectl.apply(self.platform_settings())
        self.kubectl("apply", "-f", self.api.configuration / "definition.yaml")
        self.kubectl.apply(self.composed_with())

    def install_policy(self) -> None:
        """Install the Configuration and the policy with the documented commands."""
        self.kubectl.apply(self.platform_settings())
        page = ROOT / "package/kyverno/README.md"
        if self.api.namespaced:
            page = ROOT / "docs/crossplane-v2.md"
        self.install(page, "Install")

    def install(
        self, readme: Path, heading: str, instead: Mapping[str, str] | None = None
    ) -> None:
        """Run the commands under a heading of a page.

        Args:
            readme: The page.
            heading: A heading of the second level.
            instead: Replacements for the placeholders in the commands.
        """
        section = (
            readme.read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
        )
        for block in re.findall(r"```console\n(.*?)```", section, re.DOTALL):
            script = re.sub(r"^[$>] ", "", block, flags=re.MULTILINE)
            for given, own in (instead or {}).items():
                assert given in script, f"{readme} has no {given}"
                script = script.replace(given, own)
            self.run(script)

    def run(self, script: str) -> str:
        """Return the output of a script in a user's shell."""
        return _run("bash", "-euc", script, env=self.environment())

    def environment(self) -> dict[str, str]:
        """Return the environment of a user's shell: PATH with the CLIs, KUBECONFIG."""
        tools = (self.kubectl.program.parent, build("crossplane-cli").parent)
        return {
            "KUBECONFIG": str(self.kubectl.kubeconfig),
            "PATH": ":".join((*map(str, tools), os.environ["PATH"])),
        }

    def _provider(self) -> None:
        providers.install(self)

    def _step(self, what: str, started: float) -> None:
        self._say(f"{time.monotonic() - started:5.1f} s  {what}")

    def _ecr(self) -> None:
        port = free_port()
        self.endpoint = f"http://127.0.0.1:{port}"
        self.programs.start(
            "ecr", sys.executable, Path(__file__).parent / "ecr.py", port
        )
        self.wait("the ECR endpoint responds", lambda: answers(self.endpoint))
        self.ecr = boto3.client(
            "ecr",
            region_name=REGION,
            endpoint_url=self.endpoint,
            aws_access_key_id="none",
            aws_secret_access_key="none",  # noqa: S106
        )

    def _namespace(self, name: str) -> None:
        self.kubectl.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        )

    def _crossplane(self) -> None:
        self._namespace(SYSTEM)
        self.kubectl.apply(*self._chart(), *map(self._rbac_managers, self._groups()))
        account = {"name": "crossplane", "namespace": SYSTEM}
        self.kubectl.apply(
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account}
        )
        core = build(self._core, "crossplane")
        cache, tls = self.directory / "xpkg", self.directory / "tls-client"
        for made in (cache, tls):
            made.mkdir()
        env = {
            "KUBECONFIG": str(self.plane.kubeconfig("crossplane")),
            "ENABLE_WEBHOOKS": "false",
            "CRDS_PATH": str(core_crds(self._core)),
            "TLS_CA_SECRET_NAME": "crossplane-root-ca",
            "TLS_CLIENT_SECRET_NAME": "crossplane-tls-client",
            "TLS_CLIENT_CERTS_DIR": str(tls),
            "XPKG_CACHE_DIR": str(cache),
            "PACKAGE_RUNTIME": "External",
            "METRICS_PORT": str(self.crossplane_metrics),
            "HEALTH_PROBE_PORT": str(free_port()),
        }

        def initialised() -> bool:
            # In the first run its own CRDs may not be served yet.
            done = subprocess.run(
                [core, "core", "init"], env=env, capture_output=True, check=False
            )
            return done.returncode == 0

        if "v1" in self._core:
            self._initialise_v1(core, env)
        else:
            self.wait("Crossplane's init has run", initialised)
        for name, content in self.secret("crossplane-tls-client").items():
            (tls / name).write_bytes(content)
        self.programs.start(
            "crossplane",
            *(core, "core", "start", *self.crossplane_flags),
            env=env,
            restart=True,
        )

    def _initialise_v1(self, core: Path, env: dict[str, str]) -> None:
        """Do the work of `core init` of Crossplane v1, which reads CRDs from /crds.

        crossplane v1.20.13, cmd/crossplane/core/init.go: the first step creates the
        certificates, the second fails here, and the last ones create these two objects.
        """
        self.kubectl("create", "-f", core_crds(self._core))
        self.established("locks.pkg.crossplane.io")
        self.established("deploymentruntimeconfigs.pkg.crossplane.io")
        without_webhooks = {**env, "WEBHOOK_ENABLED": "false"}
        subprocess.run(
            [core, "core", "init"],
            env=without_webhooks,
            capture_output=True,
            check=False,
        )
        for kind, name in (("Lock", "lock"), ("DeploymentRuntimeConfig", "default")):
            self.kubectl.apply(
                {
                    "apiVersion": "pkg.crossplane.io/v1beta1",
                    "kind": kind,
                    "metadata": {"name": name},
                }
            )

    def secret(self, name: str) -> dict[str, bytes]:
        """Return the content of a Secret in Crossplane's namespace.

        Raises:
            LookupError: The Secret does not exist.
        """
        found = self.kubectl.get("secret", "-n", SYSTEM, name)
        if found is None:
            raise LookupError(f"no Secret {name}")
        return {k: base64.b64decode(v) for k, v in found["data"].items()}

    def _chart(self) -> list[dict[str, Any]]:
        """Return the roles in Crossplane's chart."""
        chart = self.directory / "crossplane-chart"
        source = core_crds(self._core).parent / "charts/crossplane"
        shutil.copytree(source, chart, copy_function=shutil.copyfile)
        rendered = _run(
            build("helm"), "template", "crossplane", chart, "--namespace", SYSTEM
        )
        kept = {"ServiceAccount", "ClusterRole", "ClusterRoleBinding"}
        return [d for d in yaml.safe_load_all(rendered) if d and d["kind"] in kept]

    def _groups(self) -> dict[str, tuple[str, ...]]:
        """Return the kinds that Crossplane's RBAC manager manages, by API group."""
        ours = tuple(dict.fromkeys(("workloadecrrepos", self.api.composite)))
        return {
            "tap.vrabbi.cloud": ours,
            self.api.group: (
                "repositories",
                "lifecyclepolicies",
                "repositorypolicies",
            ),
        }

    def _rbac_managers(self, group: str) -> dict[str, Any]:
        """Return the role that Crossplane's RBAC manager creates for an API group.

        crossplane v2.4.2, internal/controller/rbac: definition/roles.go for an XRD,
        provider/roles/roles.go for a provider. The RBAC manager itself does not run
        here, because it needs the same port as provider-aws.
        """
        kinds = self._groups()[group]
        resources = [f"{kind}{end}" for kind in kinds for end in ("", "/status")]
        finalizers = [f"{kind}/finalizers" for kind in kinds]
        return {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {
                "name": f"crossplane:e2e:{group}",
                "labels": {"rbac.crossplane.io/aggregate-to-crossplane": "true"},
            },
            "rules": [
                {"apiGroups": [group], "resources": resources, "verbs": ["*"]},
                {"apiGroups": [group], "resources": finalizers, "verbs": ["update"]},
            ],
        }

    def certificates(self) -> Path:
        """Return a directory with a server certificate signed by Crossplane's CA."""
        directory = self.directory / "tls-server"
        if not directory.exists():
            _sign(self.secret("crossplane-root-ca"), directory)
        return directory

    def established(self, *crds: str) -> None:
        """Wait until CRDs are served; `kubectl wait` fails if conditions are null."""

        def established(crd: str) -> bool:
            found = self.kubectl.get("crd", crd) or {}
            return any(
                c["type"] == "Established" and c["status"] == "True"
                for c in found.get("status", {}).get("conditions") or []
            )

        for crd in crds:
            self.wait(
                f"{crd} is established",
                functools.partial(established, crd),
            )

    def _packages(self) -> None:
        """Start a registry, and install the function from it."""
        self._serve_packages()
        self.install_function(
            FUNCTION, ROOT / "package/function", *self.function_program
        )

    def _serve_packages(self) -> None:
        self._registry = f"127.0.0.1:{free_port()}"
        self.programs.start(
            *("registry", build("crane"), "registry", "serve"),
            f"--address={self._registry}",
        )
        answered = f"http://{self._registry}/v2/"
        self.wait("the registry responds", lambda: answers(answered))
        self.wait("Crossplane serves its packages", self._packages_are_served)

    def install_function(self, name: str, package: Path, *program: object) -> None:
        """Install a function as a package, and run its program with mutual TLS.

        Args:
            name: The name of the Function.
            package: The directory of its crossplane.yaml.
            program: The command; it must support --address and TLS_SERVER_CERTS_DIR.
        """
        self.kubectl.apply(
            {
                "apiVersion": "pkg.crossplane.io/v1",
                "kind": "Function",
                "metadata": {"name": name},
                "spec": {"package": self.push_package(name, package)},
            }
        )
        self.run_function(name, name, *program)

    def push_package(
        self,
        name: str,
        package: Path,
        *,
        organisation: str = "e2e",
        version: str = "v0.1.0",
    ) -> str:
        """Build a package without a runtime image, push it, return its reference."""
        built = self.directory / f"{name}.xpkg"
        built.unlink(missing_ok=True)
        image = f"{self._registry}/{organisation}/{name}:{version}"
        cli = build("crossplane-cli")
        for command in (
            (
                *("build", "--package-root", package),
                *("--examples-root", ROOT / "example", "-o", built),
            ),
            ("push", "-f", built, image),
        ):
            _run(cli, "xpkg", *command)
        return image

    def run_function(self, program_name: str, name: str, *program: object) -> None:
        """Run the program of an installed function in place of its image."""
        port = free_port()
        certificates = self.certificates()
        metrics = f"127.0.0.1:{free_port()}"
        if program == self.function_program:
            self._metrics = metrics
        self.programs.start(
            program_name,
            *(*program, f"--address=127.0.0.1:{port}"),
            env={
                "TLS_SERVER_CERTS_DIR": str(certificates),
                "METRICS_ADDRESS": metrics,
            },
        )
        revision = self.wait(
            "the function has a revision",
            lambda: self.kubectl.all(
                *("functionrevisions.pkg.crossplane.io", "-l"),
                f"pkg.crossplane.io/package={name}",
            ),
        )[0]
        secret = f"{name}-function-server"
        # Crossplane v1 uses another name for the Secret.
        self.kubectl.apply(
            *(
                {
                    "apiVersion": "v1",
                    "kind": "Secret",
                    "metadata": {"name": called, "namespace": SYSTEM},
                    "stringData": {
                        f.name: f.read_text() for f in certificates.iterdir()
                    },
                }
                for called in (secret, f"{name}-tls-server")
            )
        )
        # Without a kubelet, this code must publish the endpoint of the program.
        status = {
            "endpoint": f"127.0.0.1:{port}",
            "tlsServerSecretName": secret,
        }
        self.kubectl(
            *("patch", "functionrevisions.pkg.crossplane.io"),
            *(revision["metadata"]["name"], "--subresource=status", "--type=merge"),
            *("-p", json.dumps({"status": status})),
        )

        def healthy() -> bool:
            found = self.kubectl.get(
                "functionrevisions.pkg.crossplane.io", revision["metadata"]["name"]
            )
            conditions = (found or {}).get("status", {}).get("conditions", [])
            return any(
                # Crossplane v1 has a single condition for package and runtime.
                c["type"] in ("RevisionHealthy", "Healthy") and c["status"] == "True"
                for c in conditions
            )

        self.wait("the function's revision is healthy", healthy)

    def _packages_are_served(self) -> bool:
        return bool(self.kubectl.get("crd", "functions.pkg.crossplane.io"))

    def _kyverno(self) -> None:
        # Before Kyverno, whose background controller learns the kinds at its start.
        self.kubectl("create", "-f", MANIFESTS / "workloads.yaml")
        self.established("workloads.carto.run")
        module = module_dir("kyverno", KYVERNO_MODULE)
        for folder in ("kyverno", "policies.kyverno.io", "policyreport", "reports"):
            self.kubectl("create", "-f", module / "config/crds" / folder)
        self._namespace("kyverno")
        self.kubectl.apply(*_kyverno_chart(module, self.directory / "chart"))
        self.established(
            "updaterequests.kyverno.io", "generatingpolicies.policies.kyverno.io"
        )
        webhook = free_port()
        for name, program, *flags in (
            (
                "admission",
                "kyverno",
                f"--serverIP=127.0.0.1:{webhook}",
                "--webhookServerHost=127.0.0.1",
                f"--webhookServerPort={webhook}",
                "--caSecretName=kyverno-svc.kyverno.svc.kyverno-tls-ca",
                "--tlsSecretName=kyverno-svc.kyverno.svc.kyverno-tls-pair",
                f"--backgroundServiceAccountName={KYVERNO.format('background')}",
                f"--reportsServiceAccountName={KYVERNO.format('reports')}",
            ),
            ("background", "background-controller"),
        ):
            controller = f"kyverno-{name}-controller"
            self.programs.start(
                f"kyverno-{name}",
                build("kyverno", program),
                f"--kubeconfig={self.plane.kubeconfig(f'kyverno-{name}')}",
                *flags,
                "--disableMetrics=true",
                f"--metricsPort={free_port()}",
                "--controllerRuntimeMetricsAddress=0",
                "--disableLogColor",
                restart=True,
                env={
                    "KYVERNO_NAMESPACE": "kyverno",
                    "KYVERNO_SERVICEACCOUNT_NAME": controller,
                    "KYVERNO_DEPLOYMENT": controller,
                    "KYVERNO_POD_NAME": f"{controller}-0",
                    "KYVERNO_ROLE_NAME": f"kyverno:{name}-controller",
                    "KYVERNO_SVC": "kyverno-svc",
                    "INIT_CONFIG": "kyverno",
                    "METRICS_CONFIG": "kyverno-metrics",
                },
            )
        self._kyverno_probe = f"https://127.0.0.1:{webhook}/health/readiness"
        self.wait("Kyverno is ready", self.kyverno_is_ready)

    def kyverno_is_ready(self) -> bool:
        """Whether the readiness probe of its admission controller succeeds."""
        return answers(self._kyverno_probe)


class WithoutKyverno(System):
    """The system with the CRDs of claims, but without Kyverno and its policy."""

    def start(self) -> None:
        """Start and install everything."""
        super().start()
        self.install_configuration()
        self.established("workloadecrrepos.tap.vrabbi.cloud")

    def _kyverno(self) -> None:
        """Do not start Kyverno."""


@contextlib.contextmanager
def running(system: System, failed: Callable[[], bool]) -> Iterator[None]:
    """Run a system inside a `with` block; keep its logs if something failed."""
    try:
        system.start()
        yield
    finally:
        if failed() or sys.exc_info()[0] not in (None, KeyboardInterrupt):
            kept = Path(tempfile.mkdtemp(prefix="function-ecr-repos-e2e-logs-"))
            for log in system.directory.glob("*.log"):
                shutil.copy(log, kept)
            say(f"logs are in {kept}")
        system.close()


def _run(*command: object, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        [str(c) for c in command],
        env={**os.environ, **(env or {})},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{command}: {done.stdout}{done.stderr}")
    return done.stdout


def _kyverno_chart(module: Path, copy: Path) -> list[dict[str, Any]]:
    """Return the chart's accounts, roles and ConfigMaps; no workloads."""
    shutil.copytree(module / "charts/kyverno", copy, copy_function=shutil.copyfile)
    (copy / "Chart.lock").unlink(missing_ok=True)
    shutil.rmtree(copy / "charts", ignore_errors=True)
    chart = yaml.safe_load((copy / "Chart.yaml").read_text())
    del chart["dependencies"]  # the charts for Grafana and the CRDs are not vendored
    (copy / "Chart.yaml").write_text(yaml.safe_dump(chart))
    rendered = _run(
        *(build("helm"), "template", "kyverno", copy, "--namespace", "kyverno"),
        *("--kube-version", "1.34.0", "--no-hooks"),
    )
    kept = {"ServiceAccount", "ConfigMap", "ClusterRole", "ClusterRoleBinding"}
    kept |= {"Role", "RoleBinding"}
    return [d for d in yaml.safe_load_all(rendered) if d and d["kind"] in kept]


def _sign(authority: dict[str, bytes], directory: Path) -> None:
    """Write a server certificate for 127.0.0.1, signed by Crossplane's own CA."""
    ca = x509.load_pem_x509_certificate(authority["tls.crt"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the country of Crossplane's CA is Earth
        issuer = ca.subject
    ca_key = serialization.load_pem_private_key(authority["tls.key"], None)
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, FUNCTION)]))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            ),
            critical=False,
        )
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
        )
        .sign(ca_key, hashes.SHA256())  # type: ignore[arg-type]
    )
    directory.mkdir()
    (directory / "ca.crt").write_bytes(authority["tls.crt"])
    (directory / "tls.crt").write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
    )
    (directory / "tls.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )

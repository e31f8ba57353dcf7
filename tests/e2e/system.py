"""Everything between a Workload and ECR, as real programs on one machine."""

import base64
import contextlib
import dataclasses
import datetime
import ipaddress
import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import yaml
from build import build, core_crds, module_dir, provider_crds
from control_plane import KYVERNO, ControlPlane, Kubectl, KubectlError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from processes import NotReadyError, Program, Programs, T, answers, free_port, is_free

ROOT = Path(__file__).parents[2]
MANIFESTS = Path(__file__).parent / "manifests"
REGION = "eu-west-2"
FUNCTION = "function-ecr-repos"
OURS = (sys.executable, "-m", "function.main", "serve")
SYSTEM = "crossplane-system"
PROVIDERS_PORT = 8080
KYVERNO_MODULE = "github.com/kyverno/kyverno"


def say(what: str) -> None:
    """Tell what is going on."""
    print(what, file=sys.stderr, flush=True)


@dataclasses.dataclass(frozen=True)
class Refusal:
    """An error that the ECR endpoint answers with, as ECR itself would."""

    operations: tuple[str, ...]
    code: str
    message: str
    status: int = 400


class System:
    """The running system; its programs can be stopped and started by name."""

    # Whose rights Crossplane has.
    crossplane_user = "admin"
    crossplane_flags: tuple[str, ...] = ()
    function_program: tuple[object, ...] = OURS
    # The kinds of a Workload's chain.
    composed: tuple[str, ...] = (
        "workloadecrrepos",
        "xworkloadecrrepos",
        "repositories.ecr.aws.crossplane.io",
    )

    def __init__(self, name: str, step: Callable[[str], None] = say) -> None:
        self.programs = Programs(name)
        self.directory = self.programs.directory
        self.endpoint = ""
        self._say = step
        self._metrics = ""
        self.plane: ControlPlane
        self.kubectl: Kubectl
        self.ecr: Any

    def __getitem__(self, name: str) -> Program:
        return self.programs.started[name]

    def wait(self, what: str, probe: Callable[[], T | None], seconds: float = 60) -> T:
        """Wait for a true answer, as Programs.wait does; tell what is not Ready."""
        try:
            return self.programs.wait(what, probe, seconds)
        except NotReadyError as e:
            raise NotReadyError(f"{e}\n--- not Ready\n{self._unready()}") from e

    def _unready(self) -> str:
        """Return how many there are of each kind, and what of them is not True."""
        lines = []
        for kind in self.composed if hasattr(self, "kubectl") else ():
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
                lines += [
                    f"{name}: {c['type']} is {c['status']} ({c['reason']}) since "
                    f"{c['lastTransitionTime']}: {c.get('message', '')}"
                    for c in conditions
                    if c["status"] != "True"
                ]
        return "\n".join(lines[:50])

    def start(self) -> None:
        """Start and install everything but the policy.

        Raises:
            NotReadyError: A program cannot be had or does not start.
        """
        if not is_free(PROVIDERS_PORT):
            raise NotReadyError(
                f"provider-aws listens on port {PROVIDERS_PORT}, and something else "
                "does: another run of this? End it first"
            )
        started = time.monotonic()
        self.plane = ControlPlane(self.programs)
        self.kubectl = self.plane.start()
        self._ecr()
        self._step("control plane and ECR endpoint", started)
        self._crossplane()
        self._step("Crossplane", started)
        self._provider()
        self._step("provider-aws", started)
        self._kyverno()
        self._step("Kyverno", started)
        self._function()
        self._step("the function, as a package", started)

    def close(self) -> None:
        """End every program."""
        self.programs.close()

    def repositories(self) -> set[str]:
        """Return the names of the repositories that ECR has."""
        pages = self.ecr.get_paginator("describe_repositories").paginate()
        return {r["repositoryName"] for page in pages for r in page["repositories"]}

    def scan_every(self, interval: str) -> None:
        """Have Kyverno's background scan run more often than each hour."""
        controller = self["kyverno-background"]
        controller.stop()
        controller.start(BACKGROUND_SCAN_INTERVAL=interval)

    def calls(self) -> int:
        """Return how often our function was called since its program started."""
        counted = "function_ecr_repos_request_duration_seconds_count"
        with urllib.request.urlopen(f"http://{self._metrics}/metrics") as answer:
            found = re.search(rf"^{counted} (\S+)$", answer.read().decode(), re.M)
        assert found, f"no {counted}"
        return int(float(found[1]))

    @contextlib.contextmanager
    def refusing(self, refusal: Refusal) -> Iterator[None]:
        """Have ECR refuse for a while."""
        self._refuse("PUT", json.dumps(dataclasses.asdict(refusal)).encode())
        try:
            yield
        finally:
            self._refuse("DELETE", None)

    def _refuse(self, method: str, body: bytes | None) -> None:
        request = urllib.request.Request(  # noqa: S310
            f"{self.endpoint}/refusals",
            body,
            {"Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request):  # noqa: S310
            pass

    def install(self, readme: Path, heading: str) -> None:
        """Run the commands under a heading of a README, as they stand there."""
        section = (
            readme.read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
        )
        for block in re.findall(r"```console\n(.*?)```", section, re.DOTALL):
            script = re.sub(r"^[$>] ", "", block, flags=re.MULTILINE)
            _run("bash", "-euc", script, env=self.environment())

    def environment(self) -> dict[str, str]:
        """Return what a user's shell needs: the CLIs, and kubectl's KUBECONFIG."""
        tools = (self.kubectl.program.parent, build("crossplane-cli").parent)
        return {
            "KUBECONFIG": str(self.kubectl.kubeconfig),
            "PATH": ":".join((*map(str, tools), os.environ["PATH"])),
        }

    def _step(self, what: str, started: float) -> None:
        self._say(f"{time.monotonic() - started:5.1f} s  {what}")

    def _ecr(self) -> None:
        port = free_port()
        self.endpoint = f"http://127.0.0.1:{port}"
        self.programs.start(
            "ecr", sys.executable, Path(__file__).parent / "ecr.py", port
        )
        self.wait("the ECR endpoint answers", lambda: answers(self.endpoint))
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
        account = {"name": "crossplane", "namespace": SYSTEM}
        self.kubectl.apply(
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account}
        )
        core = build("crossplane-core")
        cache, tls = self.directory / "xpkg", self.directory / "tls-client"
        for made in (cache, tls):
            made.mkdir()
        env = {
            "KUBECONFIG": str(self.plane.kubeconfig(self.crossplane_user)),
            "ENABLE_WEBHOOKS": "false",
            "CRDS_PATH": str(core_crds()),
            "TLS_CA_SECRET_NAME": "crossplane-root-ca",
            "TLS_CLIENT_SECRET_NAME": "crossplane-tls-client",
            "TLS_CLIENT_CERTS_DIR": str(tls),
            "XPKG_CACHE_DIR": str(cache),
            "PACKAGE_RUNTIME": "External",
            "METRICS_PORT": str(free_port()),
            "HEALTH_PROBE_PORT": str(free_port()),
        }

        def initialised() -> bool:
            # The first run may find its own CRDs not served yet.
            done = subprocess.run(  # noqa: S603
                [core, "core", "init"], env=env, capture_output=True, check=False
            )
            return done.returncode == 0

        self.wait("Crossplane's init has run", initialised, 120)
        for name, content in self.secret("crossplane-tls-client").items():
            (tls / name).write_bytes(content)
        self.programs.start(
            *("crossplane", core, "core", "start", *self.crossplane_flags),
            env=env,
            restart=True,
        )

    def secret(self, name: str) -> dict[str, bytes]:
        """Return a secret's content, of Crossplane's namespace.

        Raises:
            LookupError: There is none.
        """
        found = self.kubectl.get("secret", "-n", SYSTEM, name)
        if found is None:
            raise LookupError(f"no secret {name}")
        return {k: base64.b64decode(v) for k, v in found["data"].items()}

    def _provider(self) -> None:
        self.kubectl("create", "-f", provider_crds())
        self.established("repositories.ecr.aws.crossplane.io")
        self.programs.start(
            "provider-aws",
            build("provider-aws"),
            *("--poll=1m", "--max-reconcile-rate=100"),
            restart=True,
            env={"KUBECONFIG": str(self.kubectl.kubeconfig)},
        )
        secret = {"name": "aws", "namespace": SYSTEM}
        keys = "[default]\naws_access_key_id = none\naws_secret_access_key = none\n"
        self.kubectl.apply(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": secret,
                "stringData": {"creds": keys},
            },
            {
                "apiVersion": "aws.crossplane.io/v1beta1",
                "kind": "ProviderConfig",
                "metadata": {"name": "aws-provider"},
                "spec": {
                    "credentials": {
                        "source": "Secret",
                        "secretRef": {**secret, "key": "creds"},
                    },
                    "endpoint": {
                        "hostnameImmutable": True,
                        "url": {"type": "Static", "static": self.endpoint},
                    },
                },
            },
        )

    def established(self, *crds: str) -> None:
        """Wait until kinds are served; `kubectl wait` stumbles over a new null."""

        def conditions(crd: str) -> list[dict[str, Any]]:
            found = self.kubectl.get("crd", crd) or {}
            return found.get("status", {}).get("conditions") or []

        for crd in crds:
            self.wait(
                f"{crd} is established",
                lambda crd=crd: any(
                    c["type"] == "Established" and c["status"] == "True"
                    for c in conditions(crd)
                ),
            )

    def _function(self) -> None:
        self._registry = f"127.0.0.1:{free_port()}"
        self.programs.start(
            *("registry", build("crane"), "registry", "serve"),
            f"--address={self._registry}",
        )
        answered = f"http://{self._registry}/v2/"
        self.wait("the registry answers", lambda: answers(answered))
        self.wait("Crossplane serves its packages", self._packages_are_served)
        package = ROOT / "package/function"
        self.install_function(FUNCTION, package, *self.function_program)

    def install_function(self, name: str, package: Path, *program: object) -> None:
        """Install a function as a package, and run it over mutual TLS under its name.

        Args:
            name: The Function's.
            package: The directory of its crossplane.yaml.
            program: What to run; it takes --address, and TLS_SERVER_CERTS_DIR.
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
        """Build a package without a runtime image, push it, and return where it is."""
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
        """Run an installed function, as what runs a package's image would."""
        port = free_port()
        certificates = self.directory / "tls-function"
        if not certificates.exists():
            _sign(self.secret("crossplane-root-ca"), certificates)
        metrics = f"127.0.0.1:{free_port()}"
        if name == FUNCTION:
            self._metrics = metrics
        self.programs.start(
            *(program_name, *program, f"--address=127.0.0.1:{port}"),
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
        self.kubectl.apply(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": secret, "namespace": SYSTEM},
                "stringData": {f.name: f.read_text() for f in certificates.iterdir()},
            }
        )
        # What runs a package where there is no kubelet says where it is.
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
                c["type"] == "RevisionHealthy" and c["status"] == "True"
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
        # The probe of its Deployment, where there is one.
        ready = f"https://127.0.0.1:{webhook}/health/readiness"
        self.wait("Kyverno is ready", lambda: answers(ready))


def _run(*command: object, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(  # noqa: S603
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
    """Return the chart's accounts, roles and ConfigMaps: all but what needs nodes."""
    shutil.copytree(module / "charts/kyverno", copy, copy_function=shutil.copyfile)
    (copy / "Chart.lock").unlink(missing_ok=True)
    shutil.rmtree(copy / "charts", ignore_errors=True)
    chart = yaml.safe_load((copy / "Chart.yaml").read_text())
    del chart["dependencies"]  # Grafana's and the CRDs': their files are no part of it
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

"""Everything between a Workload and ECR, as real programs on one machine."""

import base64
import datetime
import ipaddress
import json
import shutil
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import yaml
from build import build, core_crds, module_dir, provider_crds
from control_plane import KYVERNO, ControlPlane, Kubectl
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from processes import Program, Programs, T, answers, free_port

ROOT = Path(__file__).parents[2]
MANIFESTS = Path(__file__).parent / "manifests"
REGION = "eu-west-2"
FUNCTION = "function-ecr-repos"
SYSTEM = "crossplane-system"
KYVERNO_MODULE = "github.com/kyverno/kyverno"
SCAN_INTERVAL = "15s"


def say(what: str) -> None:
    """Tell what is going on."""
    print(what, file=sys.stderr, flush=True)


class System:
    """The running system; its programs can be stopped and started by name."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.programs = Programs(directory)
        self._endpoint = ""
        self.kubectl: Kubectl
        self.ecr: Any

    def __getitem__(self, name: str) -> Program:
        return self.programs.started[name]

    def wait(self, what: str, probe: Callable[[], T | None], seconds: float = 60) -> T:
        """Wait for a true answer, as Programs.wait does."""
        return self.programs.wait(what, probe, seconds)

    def start(self) -> None:
        """Start and install everything but the policy."""
        started = time.monotonic()
        self._plane = ControlPlane(self.programs)
        self.kubectl = self._plane.start()
        self._ecr()
        self._step("control plane and ECR endpoint", started)
        self._crossplane()
        self._step("Crossplane", started)
        self._provider()
        self._step("provider-aws", started)
        self._function()
        self._step("the function, as a package", started)
        self._kyverno()
        self._step("Kyverno", started)

    def close(self) -> None:
        """End every program."""
        self.programs.close()

    def repositories(self) -> set[str]:
        """Return the names of the repositories that ECR has."""
        pages = self.ecr.get_paginator("describe_repositories").paginate()
        return {r["repositoryName"] for page in pages for r in page["repositories"]}

    def _step(self, what: str, started: float) -> None:
        say(f"{time.monotonic() - started:5.1f} s  {what}")

    def _ecr(self) -> None:
        port = free_port()
        self._endpoint = f"http://127.0.0.1:{port}"
        self.programs.start(
            "ecr", Path(sys.executable).parent / "moto_server", "-p", port
        )
        self.wait("the ECR endpoint answers", lambda: answers(self._endpoint))
        self.ecr = boto3.client(
            "ecr",
            region_name=REGION,
            endpoint_url=self._endpoint,
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
            "KUBECONFIG": str(self.kubectl.kubeconfig),
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
        for name, content in self._secret("crossplane-tls-client").items():
            (tls / name).write_bytes(content)
        self.programs.start("crossplane", core, "core", "start", env=env)

    def _secret(self, name: str) -> dict[str, bytes]:
        found = self.kubectl.get("secret", "-n", SYSTEM, name)
        if found is None:
            raise LookupError(f"no secret {name}")
        return {k: base64.b64decode(v) for k, v in found["data"].items()}

    def _provider(self) -> None:
        self.kubectl("create", "-f", provider_crds())
        self._established("repositories.ecr.aws.crossplane.io")
        self.programs.start(
            "provider-aws",
            build("provider-aws"),
            *("--poll=10s", "--max-reconcile-rate=100"),
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
                        "url": {"type": "Static", "static": self._endpoint},
                    },
                },
            },
        )

    def _established(self, *crds: str) -> None:
        names = [f"crd/{name}" for name in crds]
        self.kubectl("wait", "--for=condition=Established", "--timeout=60s", *names)

    def _function(self) -> None:
        registry = f"127.0.0.1:{free_port()}"
        self.programs.start(
            "registry", build("crane"), "registry", "serve", f"--address={registry}"
        )
        self.wait("the registry answers", lambda: answers(f"http://{registry}/v2/"))
        package = self.directory / "function.xpkg"
        image = f"{registry}/e2e/{FUNCTION}:v0.1.0"
        cli = build("crossplane-cli")
        for command in (
            (
                *("build", "--package-root", ROOT / "package/function"),
                *("--examples-root", ROOT / "example", "-o", package),
            ),
            ("push", "-f", package, image),
        ):
            _run(cli, "xpkg", *command)
        port = free_port()
        certificates = self.directory / "tls-function"
        _sign(self._secret("crossplane-root-ca"), certificates)
        self.programs.start(
            "function",
            *(sys.executable, "-m", "function.main", "serve"),
            f"--address=127.0.0.1:{port}",
            f"--tls-certs-dir={certificates}",
        )
        self.wait("Crossplane serves its packages", self._packages_are_served)
        self.kubectl.apply(
            {
                "apiVersion": "pkg.crossplane.io/v1",
                "kind": "Function",
                "metadata": {"name": FUNCTION},
                "spec": {"package": image},
            }
        )
        revision = self.wait(
            "the function has a revision",
            lambda: self.kubectl.all("functionrevisions.pkg.crossplane.io"),
        )[0]["metadata"]["name"]
        # What runs a package where there is no kubelet says where it is.
        status = json.dumps({"status": {"endpoint": f"127.0.0.1:{port}"}})
        self.kubectl(
            *("patch", "functionrevisions.pkg.crossplane.io", revision),
            *("--subresource=status", "--type=merge", "-p", status),
        )
        for file in ("definition", "composition"):
            self.kubectl("apply", "-f", ROOT / f"package/configuration/{file}.yaml")
        self.wait(
            "the claim's API is there",
            lambda: self.kubectl.get("crd", "workloadecrrepos.tap.vrabbi.cloud"),
        )
        self._established("workloadecrrepos.tap.vrabbi.cloud")

    def _packages_are_served(self) -> bool:
        return bool(self.kubectl.get("crd", "functions.pkg.crossplane.io"))

    def _kyverno(self) -> None:
        self.kubectl("create", "-f", MANIFESTS / "workloads.yaml")
        module = module_dir("kyverno", KYVERNO_MODULE)
        for folder in ("kyverno", "policies.kyverno.io", "policyreport", "reports"):
            self.kubectl("create", "-f", module / "config/crds" / folder)
        self._namespace("kyverno")
        self.kubectl.apply(*_kyverno_chart(module, self.directory / "chart"))
        self._established(
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
                f"--kubeconfig={self._plane.kubeconfig(f'kyverno-{name}')}",
                *flags,
                "--disableMetrics=true",
                f"--metricsPort={free_port()}",
                "--controllerRuntimeMetricsAddress=0",
                "--disableLogColor",
                env={
                    "KYVERNO_NAMESPACE": "kyverno",
                    "KYVERNO_SERVICEACCOUNT_NAME": controller,
                    "KYVERNO_DEPLOYMENT": controller,
                    "KYVERNO_POD_NAME": f"{controller}-0",
                    "KYVERNO_ROLE_NAME": f"kyverno:{name}-controller",
                    "KYVERNO_SVC": "kyverno-svc",
                    "INIT_CONFIG": "kyverno",
                    "METRICS_CONFIG": "kyverno-metrics",
                    "BACKGROUND_SCAN_INTERVAL": SCAN_INTERVAL,
                },
            )
        # The probe of its Deployment, where there is one.
        ready = f"https://127.0.0.1:{webhook}/health/readiness"
        self.wait("Kyverno is ready", lambda: answers(ready))


def _run(*command: object) -> str:
    done = subprocess.run(  # noqa: S603
        [str(c) for c in command], capture_output=True, text=True, check=False
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

"""A Kubernetes control plane without nodes: etcd, API server, controller manager."""

import json
import secrets
import subprocess
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

from build import build
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from processes import Programs, answers, free_port

CONTROLLERS = (
    "garbage-collector-controller",
    "namespace-controller",
    "clusterrole-aggregation-controller",
)
WRITES = ("create", "update", "patch", "delete", "deletecollection")
# The users that get a token, besides the administrator.
KYVERNO = "system:serviceaccount:kyverno:kyverno-{}-controller"


class KubectlError(Exception):
    """kubectl failed; the text is the command and its stderr."""


class Kubectl:
    """Runs the real kubectl as one user."""

    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig
        self.program = build("kubernetes", "kubectl")

    def __call__(self, *args: object, stdin: str | None = None) -> str:
        """Run kubectl; return its stdout.

        Raises:
            KubectlError: kubectl failed.
        """
        return self._run(args, stdin).stdout

    def _run(
        self, args: tuple[object, ...], stdin: str | None
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [self.program, f"--kubeconfig={self.kubeconfig}", *map(str, args)],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        if done.returncode:
            raise KubectlError(f"kubectl {' '.join(map(str, args))}: {done.stderr}")
        return done

    def warnings(self, manifest: dict[str, Any]) -> str:
        """Return the warnings of the API server for a dry-run create."""
        command = ("create", "--dry-run=server", "-f", "-")
        return self._run(command, json.dumps(manifest)).stderr

    def may(self, verb: str, resource: str, user: str) -> bool:
        """Whether the API server's authorizer currently allows a user to do this."""
        try:
            self("auth", "can-i", verb, resource, f"--as={user}")
        except KubectlError:
            return False
        return True

    def apply(self, *manifests: dict[str, Any]) -> None:
        """Apply manifests."""
        self._send("apply", manifests)

    def create(self, *manifests: dict[str, Any]) -> None:
        """Create manifests, including those that are too large to apply."""
        self._send("create", manifests)

    def replace(self, *manifests: dict[str, Any]) -> None:
        """Replace objects; fields that the manifests omit are removed."""
        self._send("replace", manifests)

    def _send(self, verb: str, manifests: tuple[dict[str, Any], ...]) -> None:
        listed = {"apiVersion": "v1", "kind": "List", "items": manifests}
        self(verb, "-f", "-", stdin=json.dumps(listed))

    def get(self, *args: object) -> dict[str, Any] | None:
        """Return the result of `get -o json`, or None if the object does not exist."""
        out = self("get", "--ignore-not-found", "-o", "json", *args)
        return json.loads(out) if out else None

    def all(self, *args: object) -> list[dict[str, Any]]:
        """Return the items of a list."""
        found = self.get(*args)
        return list(found["items"]) if found else []


def whole_lines(log: Path) -> list[str]:
    """Return the complete lines of a log that is still being written."""
    return log.read_text().rpartition("\n")[0].splitlines() if log.exists() else []


class ControlPlane:
    """Starts etcd, API server and controller manager; gives each user a kubeconfig."""

    def __init__(self, programs: Programs, *, audits_writes: bool = False) -> None:
        """Prepare a control plane.

        Args:
            programs: The run's programs.
            audits_writes: Whether the audit log has every write of everybody.
        """
        self.directory = programs.directory
        self._audits_writes = audits_writes
        self.programs = programs
        self._tokens = {"admin": ("admin", "system:masters")}
        for controller in ("admission", "background", "reports"):
            self._tokens[f"kyverno-{controller}"] = (
                KYVERNO.format(controller),
                "system:serviceaccounts,system:serviceaccounts:kyverno",
            )
        self._tokens["crossplane"] = (
            "system:serviceaccount:crossplane-system:crossplane",
            "system:serviceaccounts,system:serviceaccounts:crossplane-system",
        )
        self._secrets = {user: secrets.token_hex(16) for user in self._tokens}
        self.port = free_port()
        self.audit_log = self.directory / "audit.jsonl"

    def start(self) -> Kubectl:
        """Start all three; return the administrator's kubectl once they are ready."""
        etcd, peers = free_port(), free_port()
        self.programs.start(
            "etcd",
            build("etcd"),
            f"--data-dir={self.directory / 'etcd'}",
            f"--listen-client-urls=http://127.0.0.1:{etcd}",
            f"--advertise-client-urls=http://127.0.0.1:{etcd}",
            f"--listen-peer-urls=http://127.0.0.1:{peers}",
            # Durability is not needed: the data is deleted after the run.
            "--unsafe-no-fsync",
        )
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        key_file = self.directory / "service-account.key"
        key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.TraditionalOpenSSL,
                serialization.NoEncryption(),
            )
        )
        tokens = self.directory / "tokens.csv"
        tokens.write_text(
            "".join(
                f'{self._secrets[user]},{name},{user},"{groups}"\n'
                for user, (name, groups) in self._tokens.items()
            )
        )
        self.programs.start(
            "kube-apiserver",
            build("kubernetes", "kube-apiserver"),
            f"--etcd-servers=http://127.0.0.1:{etcd}",
            "--bind-address=127.0.0.1",
            # Without this it needs a default route, which an offline machine lacks.
            "--advertise-address=127.0.0.1",
            f"--secure-port={self.port}",
            f"--cert-dir={self.directory / 'apiserver'}",
            f"--token-auth-file={tokens}",
            "--authorization-mode=RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={key_file}",
            f"--service-account-signing-key-file={key_file}",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--endpoint-reconciler-type=none",
            f"--audit-policy-file={self._audit_policy()}",
            f"--audit-log-path={self.audit_log}",
            # In MB; by default it is rotated at 100, and who reads it loses its place.
            "--audit-log-maxsize=100000",
        )
        ready = f"https://127.0.0.1:{self.port}/readyz"
        self.programs.wait("the API server is ready", lambda: answers(ready))
        admin = self.kubeconfig("admin")
        self.programs.start(
            "kube-controller-manager",
            build("kubernetes", "kube-controller-manager"),
            f"--kubeconfig={admin}",
            f"--controllers={','.join(CONTROLLERS)}",
            "--leader-elect=false",
            f"--secure-port={free_port()}",
            f"--cert-dir={self.directory / 'controller-manager'}",
        )
        return Kubectl(admin)

    def _audit_policy(self) -> Path:
        """Write a policy that logs each request of Kyverno's background controller."""
        path = self.directory / "audit-policy.json"
        logged: dict[str, Any] = {
            "level": "Metadata",
            "users": [KYVERNO.format("background")],
        }
        if self._audits_writes:
            logged = {"level": "Metadata", "verbs": list(WRITES)}
        policy = {
            "apiVersion": "audit.k8s.io/v1",
            "kind": "Policy",
            "omitStages": ["RequestReceived", "ResponseStarted"],
            "rules": [logged, {"level": "None"}],
        }
        path.write_text(json.dumps(policy))
        return path

    def refused(self, verb: str, resource: str) -> int:
        """Return how many requests of the background controller were forbidden.

        A create by server-side apply is logged as a patch, as it is sent.
        """
        return sum(
            (did, to) == (verb, resource) and code == HTTPStatus.FORBIDDEN
            for did, to, code in self._audited()
        )

    def used_by_kyverno(self) -> set[tuple[str, str]]:
        """Return the permissions that the background controller used: verb, resource.

        A patch that creates an object also needs the permission to create.
        """
        used = set[tuple[str, str]]()
        for verb, resource, code in self._audited():
            if code < HTTPStatus.BAD_REQUEST:
                used.add((verb, resource))
            if (verb, code) == ("patch", HTTPStatus.CREATED):
                used.add(("create", resource))
        return used

    def _audited(self) -> Iterator[tuple[str, str, int]]:
        """Yield requests of Kyverno's background controller: verb, resource, status."""
        for event in map(json.loads, whole_lines(self.audit_log)):
            of = event.get("objectRef", {})  # absent for requests to /apis
            code = event.get("responseStatus", {}).get("code", 0)
            yield event["verb"], of.get("resource", ""), code

    def kubeconfig(self, user: str) -> Path:
        """Return the kubeconfig file of a user."""
        path = self.directory / f"{user}.kubeconfig"
        cluster = {
            "server": f"https://127.0.0.1:{self.port}",
            "insecure-skip-tls-verify": True,
        }
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "e2e", "cluster": cluster}],
            "users": [{"name": user, "user": {"token": self._secrets[user]}}],
            "contexts": [{"name": "e2e", "context": {"cluster": "e2e", "user": user}}],
            "current-context": "e2e",
        }
        path.write_text(json.dumps(config))
        return path

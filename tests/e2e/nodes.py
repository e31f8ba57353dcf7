"""A replacement for cluster nodes and DNS, which run and resolve functions.

Crossplane's own Deployment runtime creates a Service and a Deployment for each active
function revision. Here each Deployment is one program. It starts when the Deployment
is created, becomes Available when its readiness probe succeeds, and gets SIGTERM when
the Deployment is deleted. A Service routes to the ready programs that its selector
matches. Crossplane connects through an HTTP proxy, to which gRPC sends host names that
no DNS server resolves.
"""

import contextlib
import json
import select
import socket
import socketserver
import subprocess
import threading
from collections.abc import Callable, Iterator
from typing import IO, Any

from guard import Guard
from processes import Program, answers, free_port
from system import SYSTEM, System

_GRPC, _METRICS = 9443, 8080


class Pod:
    """One program in place of all replicas of a Deployment."""

    def __init__(self, program: Program, labels: dict[str, str], port: int) -> None:
        self.program = program
        self.labels = labels
        self.port = port
        self.ready = False


class Nodes:
    """Context manager that runs the Deployments in the namespace of Crossplane.

    Args:
        system: The system whose Deployments to run.
        command: Returns the command and environment for the tag of a package.
    """

    def __init__(
        self,
        system: System,
        command: Callable[[str], tuple[tuple[object, ...], dict[str, str]]],
    ) -> None:
        self.pods: dict[str, Pod] = {}
        self.failed: list[BaseException] = []
        self._system = system
        self._command = command
        self._proxy = _Proxy(self)
        self.proxy = f"http://127.0.0.1:{self._proxy.server_address[1]}"
        self._watch = watch(system, "deployments.apps", "-n", SYSTEM)
        self._threads = [
            threading.Thread(target=self._proxy.serve_forever, daemon=True),
            threading.Thread(target=self._follow, daemon=True),
        ]

    def __enter__(self) -> "Nodes":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._watch.close()
        self._proxy.shutdown()
        self._proxy.server_close()
        for thread in self._threads:
            thread.join(60)
        for pod in self.pods.values():
            pod.program.stop()

    def resolve(self, host: str) -> int | None:
        """Return the port of a ready program behind a Service's host name."""
        name, _, namespace = host.partition(".")
        service = self._system.kubectl.get("service", "-n", namespace, name)
        selector = (service or {}).get("spec", {}).get("selector") or {}
        for pod in list(self.pods.values()):
            if pod.ready and selector and selector.items() <= pod.labels.items():
                return pod.port
        return None

    def _follow(self) -> None:
        try:
            for event in self._watch.events():
                deployment = event["object"]
                uid = deployment["metadata"]["uid"]
                if event["type"] == "DELETED":
                    # Remove it from the endpoints first, as for a terminating pod.
                    pod = self.pods.pop(uid, None)
                    if pod:
                        pod.program.stop()
                elif uid not in self.pods:
                    self._run(deployment)
        except Exception as e:  # noqa: BLE001  # the test checks `failed`
            self.failed.append(e)

    def _run(self, deployment: dict[str, Any]) -> None:
        metadata, template = deployment["metadata"], deployment["spec"]["template"]
        revision = template["metadata"]["labels"]["pkg.crossplane.io/revision"]
        found = self._system.kubectl.get(
            "functionrevisions.pkg.crossplane.io", revision
        )
        if not found:
            return
        tag = found["spec"]["image"].rpartition(":")[2]
        command, environment = self._command(tag)
        (container,) = template["spec"]["containers"]
        port, metrics = free_port(), free_port()
        program = self._system.programs.start(
            f"{metadata['name']}-{metadata['uid'][:4]}",
            *command,
            *container.get("args", ()),
            f"--address=127.0.0.1:{port}",
            env={
                **environment,
                "TLS_SERVER_CERTS_DIR": self._certificates(template["spec"]),
                "METRICS_ADDRESS": f"127.0.0.1:{metrics}",
            },
        )
        pod = Pod(program, template["metadata"]["labels"], port)
        self.pods[metadata["uid"]] = pod
        probe = container["readinessProbe"]["httpGet"]
        named = {p["name"]: p["containerPort"] for p in container["ports"]}
        if (named["grpc"], named[probe["port"]]) != (_GRPC, _METRICS):
            raise ValueError(f"the Deployment has other ports: {named}")
        url = f"http://127.0.0.1:{metrics}{probe['path']}"
        self._system.wait("its readiness probe succeeds", lambda: answers(url))
        pod.ready = True
        replicas = deployment["spec"]["replicas"]
        available = {
            "type": "Available",
            "status": "True",
            "reason": "MinimumReplicasAvailable",
            "message": "Deployment has minimum availability.",
        }
        status = {
            "conditions": [available],
            "observedGeneration": metadata["generation"],
            **dict.fromkeys(
                ("replicas", "readyReplicas", "availableReplicas", "updatedReplicas"),
                replicas,
            ),
        }
        self._system.kubectl(
            *("patch", "deployment", "-n", SYSTEM, metadata["name"], "--type=merge"),
            *("--subresource=status", "-p", json.dumps({"status": status})),
        )

    def _certificates(self, pod: dict[str, Any]) -> str:
        """Write the secret that the pod mounts to a directory; return its path."""
        (volume,) = (v for v in pod["volumes"] if v["name"] == "tls-server-certs")
        secret = volume["secret"]["secretName"]
        directory = self._system.directory / f"secret-{secret}"
        directory.mkdir(exist_ok=True)
        for name, content in self._system.secret(secret).items():
            (directory / name).write_bytes(content)
        return str(directory)


class Watch:
    """A running `kubectl get --watch`."""

    def __init__(self, process: "subprocess.Popen[str]", guard: Guard) -> None:
        self._process = process
        self._guard = guard

    def events(self) -> Iterator[dict[str, Any]]:
        """Yield events for existing objects, then for changes, until it is closed."""
        yield from map(json.loads, self._stdout)

    @property
    def _stdout(self) -> IO[str]:
        if self._process.stdout is None:
            raise ValueError("a watch without output")
        return self._process.stdout

    def close(self) -> None:
        """Stop the watch."""
        self._process.terminate()
        self._process.wait()
        self._guard.ended(self._process.pid)
        self._stdout.close()


def watch(system: System, *what: str) -> Watch:
    """Start to watch the objects that these kubectl arguments select."""
    kubectl = system.kubectl
    return Watch(
        subprocess.Popen(
            [
                *(str(kubectl.program), f"--kubeconfig={kubectl.kubeconfig}"),
                *("get", *what),
                *("--watch", "--output-watch-events", "-o", "json"),
            ],
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=system.programs.guard.register,
            start_new_session=True,
        ),
        system.programs.guard,
    )


class _Proxy(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, nodes: Nodes) -> None:
        self.nodes = nodes
        super().__init__(("127.0.0.1", 0), _Connect)


class _Connect(socketserver.StreamRequestHandler):
    """Handles HTTP CONNECT; gRPC retries after a 503."""

    server: _Proxy

    def handle(self) -> None:
        method, target, _ = self.rfile.readline().decode().split()
        while self.rfile.readline().strip():
            pass
        host, _, port = target.rpartition(":")
        local = None
        if (method, port) == ("CONNECT", str(_GRPC)):
            local = self.server.nodes.resolve(host)
        if local is None:
            self.wfile.write(b"HTTP/1.1 503 No endpoints\r\n\r\n")
            return
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", local)) as there,
        ):
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            both = {self.connection: there, there: self.connection}
            while True:
                for one in select.select(list(both), [], [])[0]:
                    content = one.recv(65536)
                    if not content:
                        return
                    both[one].sendall(content)

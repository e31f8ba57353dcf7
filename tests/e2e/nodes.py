"""What a cluster's nodes and its DNS do for functions, where there are none.

Crossplane's own Deployment runtime makes a Service and a Deployment of each active
revision. Each Deployment here is one program: started when it comes, Available once
its readiness probe answers, ended by SIGTERM when it goes. A Service leads to the
ready programs that its selector takes. Crossplane reaches it through an HTTP proxy,
which gRPC asks for a name that no DNS knows.
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
    """One program, which stands for all replicas of a Deployment."""

    def __init__(self, program: Program, labels: dict[str, str], port: int) -> None:
        self.program = program
        self.labels = labels
        self.port = port
        self.ready = False


class Nodes:
    """Runs the Deployments of Crossplane's namespace while it is open.

    Args:
        system: Where they are.
        command: What to run for a package's tag, and with which environment.
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

    def lead(self, host: str) -> int | None:
        """Return the port of a ready program behind a Service, as its name says it."""
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
                    # Off the endpoints first, as a pod that is terminating.
                    pod = self.pods.pop(uid, None)
                    if pod:
                        pod.program.stop()
                elif uid not in self.pods:
                    self._run(deployment)
        except Exception as e:  # noqa: BLE001  # the test looks
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
            raise ValueError(f"not the function's own ports: {named}")
        url = f"http://127.0.0.1:{metrics}{probe['path']}"
        self._system.wait("its readiness probe answers", lambda: answers(url))
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
        """Return a directory of the secret that the function's volume names."""
        (volume,) = (v for v in pod["volumes"] if v["name"] == "tls-server-certs")
        secret = volume["secret"]["secretName"]
        directory = self._system.directory / f"secret-{secret}"
        directory.mkdir(exist_ok=True)
        for name, content in self._system.secret(secret).items():
            (directory / name).write_bytes(content)
        return str(directory)


class Watch:
    """A `kubectl get --watch` under way."""

    def __init__(self, process: "subprocess.Popen[str]", guard: Guard) -> None:
        self._process = process
        self._guard = guard

    def events(self) -> Iterator[dict[str, Any]]:
        """Yield each event, from what there is to what comes, until it is closed."""
        yield from map(json.loads, self._stdout)

    @property
    def _stdout(self) -> IO[str]:
        if self._process.stdout is None:
            raise ValueError("a watch without output")
        return self._process.stdout

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait()
        self._guard.ended(self._process.pid)
        self._stdout.close()


def watch(system: System, *what: str) -> Watch:
    """Watch a kind."""
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
    """HTTP's CONNECT: what it answers 503 gRPC tries again."""

    server: _Proxy

    def handle(self) -> None:
        method, target, _ = self.rfile.readline().decode().split()
        while self.rfile.readline().strip():
            pass
        host, _, port = target.rpartition(":")
        leads = None
        if (method, port) == ("CONNECT", str(_GRPC)):
            leads = self.server.nodes.lead(host)
        if leads is None:
            self.wfile.write(b"HTTP/1.1 503 No endpoints\r\n\r\n")
            return
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", leads)) as there,
        ):
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            both = {self.connection: there, there: self.connection}
            while True:
                for one in select.select(list(both), [], [])[0]:
                    content = one.recv(65536)
                    if not content:
                        return
                    both[one].sendall(content)

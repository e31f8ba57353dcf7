"""Prometheus metrics and HTTP probes."""

import functools
import importlib.metadata
import threading
from collections.abc import Callable, Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import prometheus_client
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from function.composition.observed import key_of
from function.composition.required_settings import read_settings
from function.ecr.name_template import RESERVED_KEYS
from function.errors import InvalidRequestError
from function.structs import text

OTHER_KEY = "other"
_PREFIX = "function_ecr_repos"
_BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1.0)
# A client that takes longer to send its request is disconnected.
_CLIENT_TIMEOUT_SECONDS = 5

# Otherwise each metric has a second one, NAME_created: the time of its first use.
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """The function's metrics since the process started."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register the metrics, still without values."""
        self._duration = Histogram(
            f"{_PREFIX}_request_duration_seconds",
            "How long a RunFunction call took.",
            buckets=_BUCKETS,
            registry=registry,
        )
        results = Counter(
            f"{_PREFIX}_results",
            "Results by severity.",
            ["severity"],
            registry=registry,
        )
        conditions = Counter(
            f"{_PREFIX}_conditions",
            "Responses by the reason of the condition RepositoriesReady. The reasons "
            "NameTaken, Adopted and NotAllowed come from guards.",
            ["reason"],
            registry=registry,
        )
        unready = Counter(
            f"{_PREFIX}_unready_repositories",
            "Responses in which a repository is not ready, by its key in the settings. "
            "Keys that claims choose count as `other`.",
            ["repository"],
            registry=registry,
        )
        Gauge(
            f"{_PREFIX}_build_info", "Always 1.", ["version"], registry=registry
        ).labels(importlib.metadata.version("function-ecr-repos")).set(1)
        # Cached, because labels() takes longer than inc(). There are few labels.
        self._condition = functools.cache(conditions.labels)
        self._unready = functools.cache(unready.labels)
        self._result = functools.cache(
            lambda severity: results.labels(
                fnv1.Severity.Name(severity).removeprefix("SEVERITY_").lower()
            )
        )

    def record(
        self,
        rsp: fnv1.RunFunctionResponse,
        seconds: float,
        unready: Iterable[str] = (),
    ) -> None:
        """Count a response.

        Args:
            rsp: The response.
            seconds: How long RunFunction took.
            unready: What unready_repositories returns for it.
        """
        self._duration.observe(seconds)
        for result in rsp.results:
            self._result(result.severity).inc()
        for condition in rsp.conditions:
            self._condition(condition.reason).inc()
        for key in unready:
            self._unready(key).inc()


def unready_repositories(
    req: fnv1.RunFunctionRequest, rsp: fnv1.RunFunctionResponse
) -> Iterator[str]:
    """Yield the key of each repository of a response that is not ready.

    A key that is not in the settings becomes OTHER_KEY. Claims choose such keys, and
    the number of a label's values must not depend on them.
    """
    if all(c.status == fnv1.STATUS_CONDITION_TRUE for c in rsp.conditions):
        return
    try:
        settings = read_settings(req)
    except InvalidRequestError:
        return
    known = {*RESERVED_KEYS, *(each.key for each in settings.repositories)}
    for name, composed in rsp.desired.resources.items():
        is_repository = text(composed.resource, "kind") == "Repository"
        if is_repository and composed.ready != fnv1.READY_TRUE:
            key = key_of(name)
            yield key if key in known else OTHER_KEY


METRICS = Metrics(REGISTRY)


def serve(address: str, ready: Callable[[], bool]) -> ThreadingHTTPServer:
    """Serve /metrics, /livez and /readyz over HTTP, without TLS.

    The kubelet cannot probe the gRPC port, because it has no client certificate.

    Args:
        address: HOST:PORT; port 0 uses a free port.
        ready: Returns whether the server responds to RunFunction calls.

    Returns:
        The HTTP server, which runs in a thread; `shutdown()` stops it.

    Raises:
        OSError: The server cannot listen on the address.
        ValueError: The address is not HOST:PORT.
    """

    class Handler(BaseHTTPRequestHandler):
        timeout = _CLIENT_TIMEOUT_SECONDS

        def do_GET(self) -> None:  # http.server's name
            if self.path == "/metrics":
                page = prometheus_client.generate_latest()
                self._respond(200, prometheus_client.CONTENT_TYPE_LATEST, page)
            elif self.path == "/livez" or (self.path == "/readyz" and ready()):
                self._respond(200, "text/plain", b"ok\n")
            elif self.path == "/readyz":
                self._respond(503, "text/plain", b"not serving\n")
            else:
                self._respond(404, "text/plain", b"/metrics, /livez, /readyz\n")

        def _respond(self, status: int, content_type: str, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Log nothing: probes come every few seconds."""

    host, _, port = address.rpartition(":")
    if not port.isdigit():
        raise ValueError(f"{address} is not HOST:PORT")
    server = ThreadingHTTPServer((host.strip("[]"), int(port)), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server

"""What the function did, in numbers; and whether it serves.

Counted in plain numbers, for the hot path; told in Prometheus' words when asked. What
tells it is imported by then only, for it takes longer to import than the rest to start.
"""

import bisect
import importlib.metadata
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from crossplane.function.proto.v1 import run_function_pb2 as fnv1

if TYPE_CHECKING:
    from prometheus_client.core import Metric

_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1.0)
_PREFIX = "function_ecr_repos"
_SLOWEST_CLIENT_SECONDS = 5


class Counts:
    """All since the start."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self._buckets = [0] * (len(_SECONDS) + 1)
        self._seconds = 0.0
        self._results: Counter[int] = Counter()
        self._reasons: Counter[str] = Counter()

    def add(self, rsp: fnv1.RunFunctionResponse, seconds: float) -> None:
        """Count an answer and how long it took."""
        self._buckets[bisect.bisect_left(_SECONDS, seconds)] += 1
        self._seconds += seconds
        for result in rsp.results:
            self._results[result.severity] += 1
        for condition in rsp.conditions:
            self._reasons[condition.reason] += 1

    def collect(self) -> "Iterator[Metric]":
        """Yield what there is: prometheus_client's Collector."""
        from prometheus_client.core import (  # noqa: PLC0415  # see the module's text
            CounterMetricFamily,
            GaugeMetricFamily,
            HistogramMetricFamily,
        )

        duration = HistogramMetricFamily(
            f"{_PREFIX}_request_duration_seconds", "How long an answer took."
        )
        so_far, buckets = 0, []
        for bound, count in zip(
            [*map(str, _SECONDS), "+Inf"], self._buckets, strict=True
        ):
            so_far += count
            buckets.append((bound, float(so_far)))
        duration.add_metric([], buckets, self._seconds)
        yield duration

        results = CounterMetricFamily(
            f"{_PREFIX}_results", "Results by severity.", labels=["severity"]
        )
        for severity, count in sorted(self._results.items()):
            word = fnv1.Severity.Name(severity).removeprefix("SEVERITY_").lower()
            results.add_metric([word], count)
        yield results

        reasons = CounterMetricFamily(
            f"{_PREFIX}_conditions",
            "Answers by the reason of RepositoriesReady; the guards' are NameTaken, "
            "Adopted and NotAllowed.",
            labels=["reason"],
        )
        for reason, count in sorted(self._reasons.items()):
            reasons.add_metric([reason], count)
        yield reasons

        build = GaugeMetricFamily(
            f"{_PREFIX}_build_info", "Always 1.", labels=["version"]
        )
        build.add_metric([importlib.metadata.version("function-ecr-repos")], 1)
        yield build


COUNTS = Counts()


def _exposition() -> tuple[str, bytes]:
    """Return the content type and the text of all metrics: the process's, and ours."""
    from prometheus_client import exposition  # noqa: PLC0415  # see the module's text
    from prometheus_client.core import REGISTRY, CollectorRegistry  # noqa: PLC0415

    ours = CollectorRegistry()
    ours.register(COUNTS)
    text = exposition.generate_latest(REGISTRY) + exposition.generate_latest(ours)
    return exposition.CONTENT_TYPE_LATEST, text


def serve(address: str, ready: Callable[[], bool]) -> ThreadingHTTPServer:
    """Serve /metrics, /livez and /readyz in the clear, beside gRPC.

    A kubelet's own gRPC probe has no client certificate, so it cannot ask the port that
    Crossplane asks.

    Args:
        address: HOST:PORT; port 0 takes a free one.
        ready: Whether RunFunction is answered.

    Returns:
        What serves, in a thread of its own; `shutdown()` ends it.

    Raises:
        OSError: The address cannot be listened on.
        ValueError: It is none.
    """

    class Handler(BaseHTTPRequestHandler):
        timeout = _SLOWEST_CLIENT_SECONDS

        def do_GET(self) -> None:  # http.server's name
            if self.path == "/metrics":
                self._answer(200, *_exposition())
            elif self.path in ("/livez", "/readyz"):
                well = self.path == "/livez" or ready()
                word = b"ok\n" if well else b"not serving\n"
                self._answer(200 if well else 503, "text/plain", word)
            else:
                self._answer(404, "text/plain", b"/metrics, /livez, /readyz\n")

        def _answer(self, status: int, kind: str, text: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Log nothing: a probe comes every few seconds."""

    host, _, port = address.rpartition(":")
    if not port.isdigit():
        raise ValueError(f"{address} is not HOST:PORT")
    server = ThreadingHTTPServer((host.strip("[]"), int(port)), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server

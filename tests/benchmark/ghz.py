"""The load generator: ghz, with one HTTP/2 connection like Crossplane."""

import json
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from build import build
from google.protobuf.internal.encoder import (  # type: ignore[attr-defined]
    _VarintBytes as varint,
)
from guard import Guard

CALL = "apiextensions.fn.proto.v1.FunctionRunnerService/RunFunction"
DEADLINE, CANCELED = "DeadlineExceeded", "Canceled"
# The server does so when it sees a call's deadline before the client does.
CANCELED_BY_SERVER = "rpc error: code = Canceled desc = CANCELLED"
# The generator sends bytes and does not parse responses. To encode and parse costs the
# caller, and would hide what the function costs.
PROTO = """\
syntax = "proto3";
package apiextensions.fn.proto.v1;
message Opaque {}
service FunctionRunnerService {
  rpc RunFunction(Opaque) returns (Opaque);
}
"""


class LoadError(Exception):
    """The generator failed, or calls failed that must not; the text says how."""


@dataclass(frozen=True)
class Report:
    """What a run of the generator measured.

    Attributes:
        count: How many calls ended.
        seconds: How long it took.
        p50: The median time of OK responses, in milliseconds.
        p95: The 95th percentile of that time.
        p99: The 99th percentile of that time.
        statuses: How many calls ended with each gRPC status.
    """

    count: int
    seconds: float
    p50: float
    p95: float
    p99: float
    statuses: Mapping[str, int]

    @classmethod
    def parse(cls, said: str) -> Self:
        """Parse the output of ghz with `--format json`.

        A call that the server cancels counts as a call that met its deadline.

        Raises:
            LoadError: The output is not a report, or has no calls.
        """
        try:
            report: dict[str, Any] = json.loads(said)
            latencies = {
                entry["percentage"]: entry["latency"] / 1e6
                for entry in report["latencyDistribution"] or []
            }
            count, seconds = report["count"], report["total"] / 1e9
            statuses = dict(report["statusCodeDistribution"])
            expired = (report["errorDistribution"] or {}).get(CANCELED_BY_SERVER, 0)
        except (ValueError, KeyError, TypeError) as e:
            raise LoadError(f"ghz printed no report: {said[:200]!r}") from e
        if not count or seconds <= 0:
            raise LoadError("ghz made no calls")
        if expired:
            statuses[CANCELED] -= expired
            statuses[DEADLINE] = statuses.get(DEADLINE, 0) + expired
        nothing = float("nan")
        p50, p95, p99 = (latencies.get(p, nothing) for p in (50, 95, 99))
        return cls(count, seconds, p50, p95, p99, statuses)

    @property
    def rate(self) -> float:
        """Return calls per second."""
        return self.count / self.seconds

    def other_than(self, *allowed: str) -> dict[str, int]:
        """Return the calls that ended with another status."""
        return {s: n for s, n in self.statuses.items() if n and s not in allowed}


class Generator:
    """ghz, and the files that it reads."""

    def __init__(self, guard: Guard, directory: Path) -> None:
        self._guard, self._directory = guard, directory
        self._program = build("ghz")
        self._proto = directory / "opaque.proto"
        self._proto.write_text(PROTO)
        self._counts: dict[Path, int] = {}

    def messages(self, messages: Iterable[bytes]) -> Path:
        """Write requests to a file: each run begins with the first one."""
        file = self._directory / f"requests-{len(self._counts)}"
        count = 0
        with file.open("wb") as out:
            for message in messages:
                out.write(varint(len(message)) + message)
                count += 1
        self._counts[file] = count
        return file

    def run(
        self,
        address: str,
        messages: Path,
        *,
        clients: int = 1,
        seconds: float = 0,
        rate: int = 0,
        timeout_s: float = 20,
        failures: Iterable[str] | None = (),
    ) -> Report:
        """Call a server: with each request of a file once, or for some time.

        Args:
            address: The server's HOST:PORT.
            messages: The requests.
            clients: How many call at once.
            seconds: For how long; after the last request comes the first one again.
            rate: How many requests begin in a second, even while earlier ones wait;
                without, as many as the clients manage.
            timeout_s: Each call's deadline.
            failures: The statuses other than OK that calls may end with; None for any.

        Raises:
            LoadError: ghz failed, or a call ended in a way that it may not.
        """
        count = ["-n", f"{self._counts[messages]}"]
        end = ["-z", f"{seconds * 1000:.0f}ms"] if seconds else count
        if rate:
            end += ["--async", "--rps", f"{rate}"]
        command = [
            *(self._program, "--insecure", "--call", CALL, "-O", "json"),
            *("--proto", self._proto, "-i", self._directory, "-B", messages),
            *("--disable-template-data", "--disable-template-functions"),
            *("-c", f"{clients}", "--connections", "1"),
            *("-t", f"{timeout_s}s", "--duration-stop", "wait", *end, address),
        ]
        with subprocess.Popen(
            [str(part) for part in command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=self._guard.register,
        ) as process:
            said, complaint = process.communicate()
        self._guard.ended(process.pid)
        if process.returncode and not said:
            raise LoadError(f"ghz ended with {process.returncode}: {complaint[-500:]}")
        report = Report.parse(said)
        if failures is not None and (bad := report.other_than("OK", *failures)):
            raise LoadError(f"calls to {address} failed: {bad}")
        return report

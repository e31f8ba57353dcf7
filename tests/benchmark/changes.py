"""What a claim costs the cluster: writes, changes, events, open circuit breakers.

The API server's audit log has every write request, a watch has every change that came
of them, and Crossplane's metrics have what its circuit breakers counted.
"""

import json
import re
import ssl
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

Manifest = dict[str, Any]
# No claim needs these: clients elect leaders with them, and load Crossplane's metrics.
_NOT_OF_CLAIMS = frozenset({"leases"})


@dataclass(frozen=True)
class Change:
    """One event of a watch.

    Attributes:
        at: When it arrived, by time.monotonic().
        type: ADDED, MODIFIED or DELETED.
        resource: The object, as it is then.
    """

    at: float
    type: str
    resource: Manifest

    @property
    def kind(self) -> str:
        """The object's kind."""
        return str(self.resource["kind"])

    @property
    def name(self) -> str:
        """The object's name."""
        return str(self.resource["metadata"]["name"])

    @property
    def uid(self) -> str:
        """The object's UID."""
        return str(self.resource["metadata"]["uid"])

    def is_true(self, condition: str) -> bool:
        """Whether a condition of the object is True."""
        return any(
            each["type"] == condition and each["status"] == "True"
            for each in (self.resource.get("status") or {}).get("conditions") or ()
        )


class Watch(threading.Thread):
    """Watches all objects of one kind, from the moment it is created.

    Attributes:
        changes: What has changed so far, in order.
    """

    def __init__(self, kubeconfig: Path, path: str) -> None:
        """Begin to watch.

        Args:
            kubeconfig: Whose credentials to use.
            path: The path of the resources, such as /apis/GROUP/VERSION/PLURAL.
        """
        super().__init__(daemon=True)
        self.changes: list[Change] = []
        config = json.loads(kubeconfig.read_text())
        self._server = config["clusters"][0]["cluster"]["server"]
        self._token = config["users"][0]["user"]["token"]
        self._path = path
        version = self._open("?limit=1")
        with version:
            since = json.loads(version.read())["metadata"]["resourceVersion"]
        self._stream = self._open(f"?watch=1&resourceVersion={since}")
        self.start()

    def _open(self, query: str) -> Any:
        unverified = ssl.create_default_context()
        unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
        request = urllib.request.Request(
            f"{self._server}{self._path}{query}",
            headers={"Authorization": f"Bearer {self._token}"},
        )
        return urllib.request.urlopen(request, context=unverified)

    def run(self) -> None:
        """Read the stream until the API server closes it."""
        for line in self._stream:
            event = json.loads(line)
            self.changes.append(
                Change(time.monotonic(), event["type"], event["object"])
            )


class Write(NamedTuple):
    """One write request in the audit log.

    Attributes:
        who: The program that sent it.
        verb: create, update, patch or delete.
        resource: The plural name, with the subresource.
        name: The object's name.
        code: The status of the response.
    """

    who: str
    verb: str
    resource: str
    name: str
    code: int


def writes(lines: Iterable[str]) -> Iterator[Write]:
    """Yield the writes of an audit log that can belong to a claim."""
    for event in map(json.loads, lines):
        of = event.get("objectRef") or {}
        if of.get("resource", "") in _NOT_OF_CLAIMS:
            continue
        resource = "/".join(filter(None, (of.get("resource"), of.get("subresource"))))
        yield Write(
            event.get("userAgent", "").partition("/")[0],
            event["verb"],
            resource,
            of.get("name", ""),
            event.get("responseStatus", {}).get("code", 0),
        )


class Log:
    """Reads what was added to a file of lines since the last time."""

    def __init__(self, file: Path) -> None:
        """Begin at the end of the file."""
        self._file = file
        self._offset = file.stat().st_size if file.exists() else 0

    def new_lines(self) -> list[str]:
        """Return the complete lines that were added."""
        with self._file.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        return whole.decode().splitlines()


class Breaker(NamedTuple):
    """What the circuit breakers of one kind of XR have counted.

    Attributes:
        opens: How often one opened.
        events: How many events they counted; Crossplane counts an update twice.
    """

    opens: int
    events: int

    def since(self, before: "Breaker") -> "Breaker":
        """Return what was counted since then."""
        return Breaker(self.opens - before.opens, self.events - before.events)


def breaker(metrics: str, controller: str) -> Breaker:
    """Read the circuit breakers of one controller from Crossplane's metrics."""

    def total(metric: str) -> int:
        return sum(
            int(float(value))
            for labels, value in re.findall(
                rf"^circuit_breaker_{metric}_total\{{(.*)\}} (\S+)$", metrics, re.M
            )
            if f'controller="{controller}"' in labels
        )

    return Breaker(total("opens"), total("events"))


def scrape(port: int) -> str:
    """Return the metrics that a program serves on a port."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        return str(answer.read().decode())


def belongs(name: str, prefix: str, uids: frozenset[str]) -> bool:
    """Whether a name is that of something that belongs to a claim.

    Args:
        name: The name of what was written.
        prefix: What the names of its objects begin with.
        uids: The UIDs of its objects. Secrets and usages are named after them.
    """
    return (
        name == prefix
        or name.startswith((f"{prefix}-", f"{prefix}."))
        or any(uid in name for uid in uids)
    )


def count(found: Iterable[Write]) -> Counter[str]:
    """Count writes by program, verb and resource."""
    return Counter(f"{each.who} {each.verb} {each.resource}" for each in found)


def settled(
    changes: Callable[[], Iterable[Change]], quiet_s: float
) -> Callable[[], bool]:
    """Return a probe: whether nothing has changed for this long."""

    def probe() -> bool:
        last = max((change.at for change in changes()), default=0.0)
        return time.monotonic() - last > quiet_s

    return probe

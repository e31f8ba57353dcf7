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
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self

Manifest = dict[str, Any]
CLAIM = "WorkloadECRRepo"
# No claim needs these: clients elect leaders with them, and load Crossplane's metrics.
_NOT_OF_CLAIMS = frozenset({"leases"})
_UID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


@dataclass(frozen=True)
class Change:
    """One event of a watch.

    Attributes:
        at: When it arrived, by time.monotonic().
        type: ADDED, MODIFIED or DELETED.
        kind: The object's kind.
        name: The object's name.
        uid: The object's UID.
        true: Which of the object's conditions are True.
        deleting: Whether the object has a deletion timestamp.
    """

    at: float
    type: str
    kind: str
    name: str
    uid: str
    true: frozenset[str] = frozenset()
    deleting: bool = False

    @classmethod
    def parse(cls, at: float, event: Manifest) -> Self:
        """Return the change that an event of the API server tells."""
        resource = event["object"]
        metadata = resource["metadata"]
        conditions = (resource.get("status") or {}).get("conditions") or ()
        return cls(
            at,
            event["type"],
            resource["kind"],
            metadata["name"],
            metadata["uid"],
            frozenset(c["type"] for c in conditions if c["status"] == "True"),
            "deletionTimestamp" in metadata,
        )


class Watch(threading.Thread):
    """Watches all objects of one kind, from the moment it is created.

    Attributes:
        changes: What has changed so far, in order.
        failure: Why it no longer watches; None while it does.
    """

    def __init__(self, kubeconfig: Path, path: str) -> None:
        """Begin to watch.

        Args:
            kubeconfig: Whose credentials to use.
            path: The path of the resources, such as /apis/GROUP/VERSION/PLURAL.
        """
        super().__init__(daemon=True)
        self.changes: list[Change] = []
        self.failure: Exception | None = None
        config = json.loads(kubeconfig.read_text())
        self._server = config["clusters"][0]["cluster"]["server"]
        self._token = config["users"][0]["user"]["token"]
        self._path = path
        with self._open("?limit=1") as listed:
            self._since = json.loads(listed.read())["metadata"]["resourceVersion"]
        self._stream = self._watch()
        self.start()

    def _watch(self) -> Any:
        return self._open(f"?watch=1&resourceVersion={self._since}")

    def _open(self, query: str) -> Any:
        unverified = ssl.create_default_context()
        unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
        request = urllib.request.Request(
            f"{self._server}{self._path}{query}",
            headers={"Authorization": f"Bearer {self._token}"},
        )
        return urllib.request.urlopen(request, context=unverified)

    def run(self) -> None:
        """Read the stream; the API server ends each one after half an hour or later."""
        try:
            while True:
                for line in self._stream:
                    event = json.loads(line)
                    self.changes.append(Change.parse(time.monotonic(), event))
                    self._since = event["object"]["metadata"]["resourceVersion"]
                self._stream = self._watch()
        except Exception as e:  # noqa: BLE001 - whoever waits for changes raises it
            self.failure = e


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
        """Return the complete lines that were added.

        Raises:
            RuntimeError: The file was replaced by a shorter one.
        """
        with self._file.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        if self._file.stat().st_size < self._offset:
            raise RuntimeError(f"{self._file} was rotated: its lines are lost")
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


def claim_of(name: str, prefix: str) -> str | None:
    """Return the claim that the name of an object belongs to.

    Args:
        name: The object's name: the claim's, or one that begins with the claim's.
        prefix: What the claims' names begin with, before -0, -1 and so on.
    """
    found = re.match(rf"{re.escape(prefix)}-\d+(?=[-.]|$)", name)
    return found[0] if found else None


def belongs(name: str, prefix: str, uids: frozenset[str]) -> bool:
    """Whether a name is that of something that belongs to one of several claims.

    Args:
        name: The name of what was written.
        prefix: What the claims' names begin with, before -0, -1 and so on.
        uids: The UIDs of their objects. Secrets and usages are named after them.
    """
    if claim_of(name, prefix):
        return True
    return any(uid in uids for uid in re.findall(_UID, name))


def count(found: Iterable[Write]) -> Counter[str]:
    """Count writes by program, verb and resource."""
    return Counter(f"{each.who} {each.verb} {each.resource}" for each in found)


def ready_s(changes: Iterable[Change], names: Iterable[str]) -> dict[str, float]:
    """Return how long each of these claims took to be Ready; not those that are not."""
    added, ready = dict[str, float](), dict[str, float]()
    for change in changes:
        if change.kind == CLAIM:
            added.setdefault(change.name, change.at)
            if "Ready" in change.true:
                ready.setdefault(change.name, change.at)
    return {name: ready[name] - added[name] for name in names if name in ready}


def gone_s(
    changes: Iterable[Change], names: Iterable[str], objects: int
) -> dict[str, float]:
    """Return how long the deletion of each of these claims took.

    Args:
        changes: What has changed since before the deletion.
        names: The names of the claims.
        objects: How many objects a claim has, with itself. Only a claim whose objects
            are all gone is in the result.
    """
    wanted = [*names]
    prefixes = {name.rpartition("-")[0] for name in wanted}
    began, last = dict[str, float](), dict[str, float]()
    gone = Counter[str]()
    for change in changes:
        if change.kind == CLAIM and (change.deleting or change.type == "DELETED"):
            began.setdefault(change.name, change.at)
        if change.type == "DELETED":
            for claim in filter(None, (claim_of(change.name, p) for p in prefixes)):
                gone[claim] += 1
                last[claim] = change.at
    return {
        name: last[name] - began[name]
        for name in wanted
        if gone[name] >= objects and name in began
    }


def quiet_for(changes: Iterable[Change]) -> float:
    """Return for how many seconds nothing has changed."""
    return time.monotonic() - max((change.at for change in changes), default=0.0)

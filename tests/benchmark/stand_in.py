"""Stand in for the provider: report that each repository was created, and no more.

    stand_in.py KUBECONFIG /apis/ecr.aws.crossplane.io/v1beta1/repositories

With the real provider, a claim costs twice as much. This program writes what the
provider writes last: the record of the creation, and a Ready status. It talks to no
ECR, never polls, and reads each managed resource once and writes it twice.
"""

import argparse
import datetime
import http.client
import json
import ssl
import sys
import time
import urllib.parse
from pathlib import Path
from typing import Any

from changes import Manifest, Watch

_POLL_S = 0.02
_ACCOUNT = "000000000000"
_CREATE = "crossplane.io/external-create-"
_EXTERNAL_NAME = "crossplane.io/external-name"
# Crossplane and the providers do not reconcile what has this annotation.
PAUSED = "crossplane.io/paused"
_TYPES = {"PATCH": "application/merge-patch+json", "POST": "application/json"}


def is_done(repository: Manifest) -> bool:
    """Whether this program has nothing more to write for a managed resource."""
    annotations = repository.get("metadata", {}).get("annotations", {})
    return annotations.get(PAUSED) == "true" or bool(
        (repository.get("status") or {}).get("atProvider")
    )


def created(name: str, region: str, now: str) -> tuple[Manifest, Manifest]:
    """Return the metadata and the status of a repository that was created now.

    Args:
        name: The repository's name.
        region: The AWS region.
        now: The time (RFC 3339).
    """
    conditions = [
        {"type": kind, "status": "True", "reason": reason, "lastTransitionTime": now}
        for kind, reason in (("Ready", "Available"), ("Synced", "ReconcileSuccess"))
    ]
    host = f"{_ACCOUNT}.dkr.ecr.{region}.amazonaws.com"
    at_provider = {
        "repositoryArn": f"arn:aws:ecr:{region}:{_ACCOUNT}:repository/{name}",
        "repositoryName": name,
        "repositoryUri": f"{host}/{name}",
        "registryId": _ACCOUNT,
        "createdAt": now,
    }
    annotations = {f"{_CREATE}pending": now, f"{_CREATE}succeeded": now}
    return (
        {"metadata": {"annotations": annotations}},
        {"status": {"atProvider": at_provider, "conditions": conditions}},
    )


class StandIn:
    """Writes to the API server over one connection."""

    def __init__(self, kubeconfig: Path, path: str) -> None:
        config = json.loads(kubeconfig.read_text())
        server = urllib.parse.urlsplit(config["clusters"][0]["cluster"]["server"])
        unverified = ssl.create_default_context()
        unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
        self._connection = http.client.HTTPSConnection(
            server.netloc, context=unverified
        )
        self._token = config["users"][0]["user"]["token"]
        self._path = path

    def listed(self) -> list[Manifest]:
        """Return all managed resources."""
        return list(self.send("GET", self._path)["items"])

    def read(self, name: str) -> Manifest:
        """Return a managed resource; {} if it is gone."""
        return dict(self.send("GET", f"{self._path}/{name}"))

    def create(self, repository: Manifest) -> None:
        """Report that a managed resource's repository was created."""
        if not repository or is_done(repository):
            return
        metadata = repository["metadata"]
        name = metadata.get("annotations", {}).get(_EXTERNAL_NAME)
        if not name:
            return
        region = repository["spec"]["forProvider"]["region"]
        now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        at = f"{self._path}/{metadata['name']}"
        record, status = created(name, region, now)
        self.send("PATCH", at, record)
        self.send("PATCH", f"{at}/status", status)

    def send(self, method: str, path: str, body: Manifest | None = None) -> Any:
        """Return the response to a request; {} if there is no such object.

        Raises:
            RuntimeError: The API server refuses it.
        """
        headers = {"Authorization": f"Bearer {self._token}"}
        if body:
            headers["Content-Type"] = _TYPES[method]
        text = json.dumps(body) if body else None
        try:
            self._connection.request(method, path, text, headers)
            response = self._connection.getresponse()
        except OSError:
            # The API server closes idle connections; the next one is opened by itself.
            self._connection.close()
            self._connection.request(method, path, text, headers)
            response = self._connection.getresponse()
        found = response.read()
        if response.status == http.client.NOT_FOUND:
            return {}
        if response.status >= http.client.BAD_REQUEST:
            raise RuntimeError(f"{method} {path}: {response.status} {found!r}")
        return json.loads(found)


def main() -> int:
    """Run until the watch ends; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kubeconfig", type=Path)
    parser.add_argument("path")
    given = parser.parse_args()
    watch = Watch(given.kubeconfig, given.path)
    stand_in = StandIn(given.kubeconfig, given.path)
    for repository in stand_in.listed():
        stand_in.create(repository)
    done = set[str]()
    while watch.is_alive():
        while watch.changes:
            change = watch.changes.pop(0)
            if change.type != "DELETED" and change.uid not in done:
                stand_in.create(stand_in.read(change.name))
                done.add(change.uid)
        time.sleep(_POLL_S)
    return 1


if __name__ == "__main__":
    sys.exit(main())

"""Lists and changes managed resources over the API server's REST API.

It needs two verbs, in a Pod. No client library is worth its size in the image: see
docs/design-decisions.md. So this does what the Kubernetes documentation calls "Directly
accessing the REST API".
"""

import http.client
import json
import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

Manifest = dict[str, Any]

# "Accessing the Kubernetes API from a Pod": the kubelet renews the token in the file.
_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_CHUNK = 500
_TIMEOUT_S = 30
# The resource is gone, or another one has its name now.
_REPLACED = (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)


class ClusterError(Exception):
    """The API server cannot be reached or refuses; the text is one line.

    Attributes:
        status: The HTTP status; 0 if there is none.
    """

    def __init__(self, text: str, status: int = 0) -> None:
        """Create the error; see the attributes of the class."""
        super().__init__(" ".join(text.split()))
        self.status = status


class Kind(NamedTuple):
    """A kind of managed resources.

    Attributes:
        api_version: Its group and version.
        kind: Its name.
        plural: Its name in the API server's paths.
        namespaced: Whether its resources are in namespaces.
    """

    api_version: str
    kind: str
    plural: str
    namespaced: bool


class ManagedResources:
    """The managed resources of a cluster."""

    def __init__(self, server: str | None) -> None:
        """Connect to nothing yet.

        Args:
            server: The URL of `kubectl proxy`; None for the cluster of this Pod.

        Raises:
            ClusterError: This is not a Pod.
        """
        self._headers = {
            "Accept": "application/json",
            "User-Agent": "function-ecr-repos",
        }
        # No proxy of the environment is between a Pod and its API server.
        handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
        if server is None:
            server = self._in_pod(handlers)
        self._server = server.rstrip("/")
        self._opener = urllib.request.build_opener(*handlers)

    def _in_pod(self, handlers: list[urllib.request.BaseHandler]) -> str:
        host = os.environ.get("KUBERNETES_SERVICE_HOST", "")
        port = os.environ.get("KUBERNETES_SERVICE_PORT", "443")
        try:
            token = (_ACCOUNT / "token").read_text(encoding="utf-8").strip()
            context = ssl.create_default_context(cafile=_ACCOUNT / "ca.crt")
        except OSError as e:
            raise ClusterError(
                f"this is not a Pod with a ServiceAccount ({e}). Elsewhere, run "
                "`kubectl proxy`, and use --server http://127.0.0.1:8001"
            ) from e
        handlers.append(urllib.request.HTTPSHandler(context=context))
        self._headers["Authorization"] = f"Bearer {token}"
        return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"

    def labelled(self, kind: Kind, label: str) -> Iterator[Manifest]:
        """Yield those with a label, in all namespaces; none if it is not served.

        Raises:
            ClusterError: They cannot be listed.
        """
        query: dict[str, Any] = {"labelSelector": label, "limit": _CHUNK}
        while True:
            path = f"/apis/{kind.api_version}/{kind.plural}?{urlencode(query)}"
            try:
                page = self._request("GET", path)
            except ClusterError as e:
                if e.status == HTTPStatus.NOT_FOUND:
                    return
                raise
            for item in page["items"]:
                # The items of a list of custom resources have both; older API servers
                # leave them out.
                yield {"apiVersion": kind.api_version, "kind": kind.kind, **item}
            query["continue"] = page.get("metadata", {}).get("continue")
            if not query["continue"]:
                return

    def patch(self, kind: Kind, managed: Manifest, spec: Manifest) -> bool:
        """Change fields of its spec; return False if it is gone or replaced.

        Raises:
            ClusterError: It cannot be changed.
        """
        metadata = managed["metadata"]
        within = f"/namespaces/{metadata['namespace']}" if kind.namespaced else ""
        name = quote(metadata["name"], safe="")
        try:
            self._request(
                "PATCH",
                f"/apis/{kind.api_version}{within}/{kind.plural}/{name}",
                # The API server refuses to change one with another UID.
                {"metadata": {"uid": metadata["uid"]}, "spec": spec},
            )
        except ClusterError as e:
            if e.status in _REPLACED:
                return False
            raise
        return True

    def _request(self, method: str, path: str, body: Manifest | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = self._headers | {"Content-Type": "application/merge-patch+json"}
        try:
            request = urllib.request.Request(  # noqa: S310  # the user's own server
                self._server + path, data, headers, method=method
            )
            with self._opener.open(request, timeout=_TIMEOUT_S) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as e:
            with e:
                said = _message(e.read())
            raise ClusterError(
                f"cannot {method} {path.partition('?')[0]}: {said or e.reason}", e.code
            ) from e
        # An unreachable server, one that speaks no HTTP, or a wrong URL or answer.
        except (OSError, http.client.HTTPException, ValueError) as e:
            raise ClusterError(f"{self._server} does not answer: {e}") from e


def _message(answer: bytes) -> str:
    """Return the message of a Status; empty if it is none."""
    try:
        return str(json.loads(answer)["message"])
    except (ValueError, LookupError, TypeError):
        return ""

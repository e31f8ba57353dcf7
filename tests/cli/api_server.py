"""An API server that serves managed resources, for the commands that need a cluster."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Manifest = dict[str, Any]
_PLURALS = {
    "Repository": "repositories",
    "LifecyclePolicy": "lifecyclepolicies",
    "RepositoryPolicy": "repositorypolicies",
}


class ApiServer:
    """The managed resources that it serves, and the changes that it received.

    Attributes:
        resources: The resources.
        refuses: The status that it answers instead, by HTTP method.
        patches: The path and the body of each change.
        queries: The query of each list.
        chunk: The most resources that it returns at once.
        tokens: The Authorization header of each request.
        url: Its URL.
    """

    def __init__(self) -> None:
        self.resources: list[Manifest] = []
        self.refuses: dict[str, int] = {}
        self.patches: list[tuple[str, Manifest]] = []
        self.queries: list[dict[str, list[str]]] = []
        self.chunk = 500
        self.tokens: list[str] = []
        self.url = ""

    def answer(self, method: str, path: str, body: Manifest) -> tuple[int, Manifest]:
        """Answer a request."""
        if status := self.refuses.get(method):
            return status, _status(f"{method} is refused", status)
        url = urlsplit(path)
        if method == "GET":
            self.queries.append(parse_qs(url.query))
            found = [each for each in self.resources if _list_path(each) == url.path]
            if not found:
                return 404, _status("the server could not find it", 404)
            first = int(self.queries[-1].get("continue", ["0"])[0])
            rest = found[first:]
            more = str(first + self.chunk) if len(rest) > self.chunk else ""
            return 200, {"metadata": {"continue": more}, "items": rest[: self.chunk]}
        for each in self.resources:
            if _path(each) == url.path:
                if body["metadata"]["uid"] != each["metadata"]["uid"]:
                    return 409, _status("Precondition failed: UID", 409)
                self.patches.append((url.path, body))
                return 200, each
        return 404, _status("not found", 404)


def _list_path(managed: Manifest) -> str:
    return f"/apis/{managed['apiVersion']}/{_PLURALS[managed['kind']]}"


def _path(managed: Manifest) -> str:
    metadata = managed["metadata"]
    namespace = metadata.get("namespace")
    base, _, plural = _list_path(managed).rpartition("/")
    within = f"/namespaces/{namespace}" if namespace else ""
    return f"{base}{within}/{plural}/{metadata['name']}"


def _status(message: str, code: int) -> Manifest:
    return {"kind": "Status", "apiVersion": "v1", "message": message, "code": code}


@contextmanager
def serving(server: ApiServer, tls: ssl.SSLContext | None = None) -> Iterator[None]:
    """Serve inside a `with` block."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            server.tokens.append(self.headers.get("Authorization") or "")
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else {}
            status, answer = server.answer(self.command, self.path, body)
            text = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_PATCH = _answer  # noqa: N815  # the names that http.server calls

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls:
        http.socket = tls.wrap_socket(http.socket, server_side=True)
    thread = threading.Thread(target=http.serve_forever)
    thread.start()
    server.url = f"{'https' if tls else 'http'}://127.0.0.1:{http.server_port}"
    try:
        yield
    finally:
        http.shutdown()
        thread.join()
        http.server_close()

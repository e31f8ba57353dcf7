"""Reading a cluster: a stand-in for the API server answers over HTTP."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from function.cli import cluster
from function.cli.cluster import Read, Wanted, read
from function.cli.errors import InputFileError
from tests.builders import APIS, CLASSIC, CLUSTER, Json
from tests.cli.invocations import SCRIPT
from tests.clusters import DEFINITION, managed, tenants

NOTHING_ELSE = Wanted()


class ApiServer:
    """Answers lists and gets, and records the requests.

    Attributes:
        objects: The items of each list, and single objects, by path.
        refusals: Statuses, by path.
        requests: What was requested: method and path with its query.
    """

    def __init__(self, file: Path) -> None:
        self.objects: dict[str, list[Json] | Json] = {}
        self.refusals: dict[str, int] = {}
        self.requests: list[str] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # http.server's
                server.requests.append(f"{self.command} {self.path}")
                url = urlsplit(self.path)
                status, answer = server.answer(url.path, parse_qs(url.query))
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Log nothing."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self.kubeconfig = file
        file.write_text(
            yaml.safe_dump(
                {
                    "clusters": [{"name": "c", "cluster": {"server": self.url}}],
                    "users": [{"name": "u", "user": {"token": "secret"}}],
                    "contexts": [
                        {"name": "one", "context": {"cluster": "c", "user": "u"}},
                        {
                            "name": "two",
                            "context": {
                                "cluster": "c",
                                "user": "u",
                                "namespace": "team",
                            },
                        },
                    ],
                    "current-context": "one",
                }
            )
        )

    def answer(self, path: str, query: dict[str, list[str]]) -> tuple[int, Json]:
        if path == "/version/":
            return 200, {"gitVersion": "v1.34.0"}
        if status := self.refusals.get(path):
            return status, {"kind": "Status", "message": "no\x1b[31m way"}
        known = self.objects.get(path)
        if known is None and path.count("/") == 2:  # the versions of a group
            prefix = f"{path}/"
            versions = {
                each.removeprefix(prefix).partition("/")[0]
                for each in self.objects
                if each.startswith(prefix)
            }
            listed = [{"version": each} for each in sorted(versions)]
            return (200, {"versions": listed}) if versions else (404, {})
        if known is None:
            return 404, {"message": "not found"}
        if isinstance(known, dict):
            return 200, known
        limit = int(query["limit"][0])
        start = int(query.get("continue", ["0"])[0])
        more = str(start + limit) if start + limit < len(known) else ""
        page = known[start : start + limit]
        return 200, {"metadata": {"continue": more}, "items": page}

    def serve(self, *objects: Json) -> None:
        for item in objects:
            plural = {"Repository": "repositories"}.get(
                item["kind"], f"{item['kind'].lower()}s"
            )
            path = f"/apis/{item['apiVersion']}/{plural}"
            items = self.objects.setdefault(path, [])
            assert isinstance(items, list)
            items.append(item)

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ApiServer]:
    running = ApiServer(tmp_path / "kubeconfig")
    yield running
    running.close()


def quietly(_: str) -> None:
    """Say nothing."""


def read_from(
    server: ApiServer, wanted: Wanted = NOTHING_ELSE, context: str | None = None
) -> Read:
    return read(str(server.kubeconfig), context, wanted, quietly)


@pytest.mark.parametrize("provider", APIS)
def test_all_that_matters_is_read_and_only_read(
    server: ApiServer, provider: str
) -> None:
    objects = [managed(provider, "tap/shop"), *tenants(provider)[::-1]]
    server.serve(*objects)
    server.serve({"apiVersion": "v1", "kind": "Secret"})
    assert read_from(server).objects == objects
    assert {request.partition(" ")[0] for request in server.requests} == {"GET"}


def test_long_lists_are_read_in_parts(
    server: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "_LIMIT", 2)
    objects = [managed(CLASSIC, f"tap/{n}") for n in range(5)]
    server.serve(*objects)
    said: list[str] = []
    found = read(str(server.kubeconfig), None, Wanted(), said.append)
    assert found.objects == objects
    lists = [r for r in server.requests if "limit=2" in r]
    assert [("continue=" in r) for r in lists] == [False, True, True]
    name = "repositories.ecr.aws.crossplane.io"
    assert said[:3] == [f"Reading {name}", f"Reading {name}: 2", f"Reading {name}: 4"]


def test_a_version_that_is_not_served_is_replaced_by_one_that_is(
    server: ApiServer,
) -> None:
    older = managed(CLUSTER, "tap/shop") | {"apiVersion": "ecr.aws.upbound.io/v1beta1"}
    server.serve(older)
    assert read_from(server).objects == [older]


def test_items_get_the_kind_of_their_list(server: ApiServer) -> None:
    bare = managed(CLASSIC, "tap/shop")
    server.serve(bare)
    path = f"/apis/{CLASSIC}/repositories"
    server.objects[path] = [{k: bare[k] for k in ("metadata", "spec", "status")}]
    assert read_from(server).objects == [bare]


def test_what_is_wanted_by_name(server: ApiServer) -> None:
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    settings = "/apis/apiextensions.crossplane.io/v1beta1/environmentconfigs/ecr-repos"
    server.objects = {
        f"{definitions}/workloads.carto.run": DEFINITION,
        "/api/v1/namespaces/team": {"kind": "Namespace"},
        settings: {"kind": "EnvironmentConfig"},
    }
    wanted = Wanted("workloads.carto.run", "team", settings=True)
    kinds = [m["kind"] for m in read_from(server, wanted).objects]
    assert kinds == ["CustomResourceDefinition", "EnvironmentConfig"]
    assert read_from(server, Wanted("nope.carto.run")).objects == []
    with pytest.raises(InputFileError, match="there is no namespace other"):
        read_from(server, Wanted(namespace="other"))


@pytest.mark.parametrize(("context", "namespace"), [(None, "default"), ("two", "team")])
def test_the_context_has_a_namespace(
    server: ApiServer, context: str | None, namespace: str
) -> None:
    assert read_from(server, context=context).namespace == namespace


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (403, "does not let you read repositories: .*Grant the ClusterRole in docs"),
        (401, "does not let you read repositories"),
        (410, "expired while it was read. Run the command again"),
        (500, "cannot list repositories: status 500"),
    ],
)
def test_a_refusal_is_one_line(server: ApiServer, status: int, message: str) -> None:
    server.serve(managed(CLASSIC, "tap/shop"))
    server.refusals[f"/apis/{CLASSIC}/repositories"] = status
    with pytest.raises(InputFileError, match=message) as caught:
        read_from(server)
    assert "\x1b" not in str(caught.value)


def test_a_cluster_that_does_not_answer_is_one_line(server: ApiServer) -> None:
    server.close()
    with pytest.raises(
        InputFileError, match=r"cannot read the cluster: .*Check --kube"
    ):
        read_from(server)


def test_a_context_or_a_file_that_does_not_exist_is_one_line(
    server: ApiServer, tmp_path: Path
) -> None:
    with pytest.raises(InputFileError, match="No such context nope"):
        read_from(server, context="nope")
    with pytest.raises(InputFileError, match="cannot read the cluster"):
        read(str(tmp_path / "nope"), None, Wanted(), quietly)


def test_no_file_with_a_key_is_left(
    server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """kr8s writes the certificates of a kubeconfig to files, and leaves them."""
    config = yaml.safe_load(server.kubeconfig.read_text())
    config["clusters"][0]["cluster"]["certificate-authority-data"] = "LS0t"
    server.kubeconfig.write_text(yaml.safe_dump(config))
    own = tmp_path / "tmp"
    own.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(own))
    with pytest.raises(InputFileError, match="cannot read the cluster"):
        read_from(server)
    assert list(own.iterdir()) == []


def test_without_kr8s_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "kr8s.asyncio", None)
    with pytest.raises(InputFileError) as caught:
        read(None, None, Wanted(), quietly)
    assert "pip install 'function-ecr-repos[cluster]'" in str(caught.value)
    assert "-f -" in str(caught.value)


def test_ctrl_c_ends_the_program_while_it_reads(
    server: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs, ends = threading.Event(), threading.Event()

    def answer(_: str, __: dict[str, list[str]]) -> tuple[int, Json]:
        hangs.set()
        ends.wait(30)
        return 500, {}

    monkeypatch.setattr(server, "answer", answer)
    # A shell's background jobs ignore the signal, and so would what they start.
    ignored = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(
            [SCRIPT, "impact", "crd", "x", "--kubeconfig", str(server.kubeconfig)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    finally:
        signal.signal(signal.SIGINT, ignored)
    with process:
        try:
            assert hangs.wait(30)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=30)
        finally:
            ends.set()
            process.kill()
    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in err

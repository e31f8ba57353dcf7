"""What `release` says to the API server, and what it makes of the answers."""

import datetime
import ipaddress
import ssl
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from function.cli import managed_resources
from function.cli.managed_resources import ClusterError, Kind, ManagedResources
from tests.cli.api_server import ApiServer, serving

CLASSIC = Kind(
    "ecr.aws.crossplane.io/v1beta1", "Repository", "repositories", namespaced=False
)
NAMESPACED = Kind(
    "ecr.aws.m.upbound.io/v1beta1", "Repository", "repositories", namespaced=True
)
LABEL = "example.org/label"


def managed(kind: Kind, **metadata: str) -> dict[str, Any]:
    return {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": {"name": "a", "uid": "u", **metadata},
        "spec": {},
    }


CLUSTER_SCOPED = managed(CLASSIC)
IN_NAMESPACE = managed(NAMESPACED, namespace="team")


@pytest.mark.parametrize(
    ("kind", "resource"), [(CLASSIC, CLUSTER_SCOPED), (NAMESPACED, IN_NAMESPACE)]
)
def test_it_lists_everywhere_by_label(
    api_server: ApiServer, kind: Kind, resource: dict[str, Any]
) -> None:
    api_server.resources = [CLUSTER_SCOPED, IN_NAMESPACE]
    assert [*ManagedResources(api_server.url).labelled(kind, LABEL)] == [resource]
    assert api_server.queries == [{"labelSelector": [LABEL], "limit": ["500"]}]


def test_it_reads_long_lists_in_parts(api_server: ApiServer) -> None:
    api_server.resources = [managed(CLASSIC, name=f"a{n}") for n in range(5)]
    api_server.chunk = 2
    found = ManagedResources(api_server.url).labelled(CLASSIC, LABEL)
    assert [*found] == api_server.resources
    assert [each.get("continue") for each in api_server.queries] == [None, ["2"], ["4"]]


def test_an_api_that_is_not_served_has_none(api_server: ApiServer) -> None:
    assert not [*ManagedResources(api_server.url).labelled(CLASSIC, LABEL)]


@pytest.mark.parametrize(
    ("kind", "resource", "path"),
    [
        (
            CLASSIC,
            CLUSTER_SCOPED,
            "/apis/ecr.aws.crossplane.io/v1beta1/repositories/a",
        ),
        (
            NAMESPACED,
            IN_NAMESPACE,
            "/apis/ecr.aws.m.upbound.io/v1beta1/namespaces/team/repositories/a",
        ),
    ],
)
def test_it_changes_only_the_resource_that_it_has_seen(
    api_server: ApiServer, kind: Kind, resource: dict[str, Any], path: str
) -> None:
    api_server.resources = [resource]
    cluster = ManagedResources(api_server.url)
    assert cluster.patch(kind, resource, {"x": "y"})
    sent = {"metadata": {"uid": "u"}, "spec": {"x": "y"}}
    assert api_server.patches == [(path, sent)]
    other = {**resource, "metadata": {**resource["metadata"], "uid": "other"}}
    assert not cluster.patch(kind, other, {"x": "y"}), "the name has a new owner"
    api_server.resources = []
    assert not cluster.patch(kind, resource, {"x": "y"}), "it is gone"


def test_what_the_api_server_refuses_is_an_error(api_server: ApiServer) -> None:
    api_server.refuses = {"GET": 403, "PATCH": 403}
    cluster = ManagedResources(api_server.url)
    path = "/apis/ecr.aws.crossplane.io/v1beta1/repositories"
    with pytest.raises(ClusterError) as listed:
        [*cluster.labelled(CLASSIC, LABEL)]
    assert str(listed.value) == f"cannot GET {path}: GET is refused"
    with pytest.raises(ClusterError) as changed:
        cluster.patch(CLASSIC, CLUSTER_SCOPED, {})
    assert str(changed.value) == f"cannot PATCH {path}/a: PATCH is refused"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1", "nonsense", "http://[", "ftp://x"]
)
def test_a_server_that_does_not_answer_is_an_error(url: str) -> None:
    with pytest.raises(ClusterError, match="does not answer: "):
        [*ManagedResources(url).labelled(CLASSIC, LABEL)]


def test_outside_of_a_pod_it_needs_a_server(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(managed_resources, "_ACCOUNT", tmp_path)
    with pytest.raises(ClusterError, match="run `kubectl proxy`"):
        ManagedResources(None)


def test_in_a_pod_it_is_the_service_account(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    certificate, key = tmp_path / "ca.crt", tmp_path / "key"
    _sign(certificate, key)
    (tmp_path / "token").write_text("secret\n")
    monkeypatch.setattr(managed_resources, "_ACCOUNT", tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    server = ApiServer()
    server.resources = [CLUSTER_SCOPED]
    with serving(server, tls):
        port = server.url.rpartition(":")[2]
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", port)
        monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
        found = ManagedResources(None).labelled(CLASSIC, LABEL)
        assert [*found] == [CLUSTER_SCOPED]
        assert server.tokens == ["Bearer secret"]
        _sign(certificate, key)
        with pytest.raises(ClusterError, match="certificate verify failed"):
            [*ManagedResources(None).labelled(CLASSIC, LABEL)]


def _sign(certificate: Path, key: Path) -> None:
    """Write a new self-signed certificate for 127.0.0.1."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    host = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([host]), critical=False)
        .sign(private, hashes.SHA256())
    )
    certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )

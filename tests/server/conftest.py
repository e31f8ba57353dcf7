"""A certificate authority, and the certificates that Crossplane mounts."""

import datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Authority:
    """A certificate authority that signs certificates for localhost."""

    def __init__(self) -> None:
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ca")])
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.crt = self._sign(self.name, self.key.public_key(), days=1, is_ca=True)

    def pair(self, *, days: int = 1) -> tuple[bytes, bytes]:
        """Return a private key and its certificate, which expires in some days."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        key = ec.generate_private_key(ec.SECP256R1())
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return pem, self._sign(name, key.public_key(), days=days, is_ca=False)

    def _sign(
        self,
        name: x509.Name,
        public: ec.EllipticCurvePublicKey,
        *,
        days: int,
        is_ca: bool,
    ) -> bytes:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self.name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=2))
            .not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.BasicConstraints(is_ca, None), critical=True)
            .add_extension(
                x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False
            )
            .sign(self.key, hashes.SHA256())
            .public_bytes(serialization.Encoding.PEM)
        )


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="session")
def other_authority() -> Authority:
    return Authority()


@pytest.fixture
def certs(authority: Authority, tmp_path: Path) -> Path:
    """Return a directory like the one that Crossplane mounts."""
    key, crt = authority.pair()
    (tmp_path / "ca.crt").write_bytes(authority.crt)
    (tmp_path / "tls.crt").write_bytes(crt)
    (tmp_path / "tls.key").write_bytes(key)
    return tmp_path

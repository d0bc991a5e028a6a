"""An authority of a test's own, and what it vouches for on the loopback address."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files in a folder: `ca.pem`; `server.pem`, the server's key and its certificate after it."""

    folder: Path

    @classmethod
    def made_in(cls, folder: Path, *, valid_for: timedelta = timedelta(days=1)) -> Certificates:
        """Make an authority and a server's certificate; what is valid for less than no time has expired by then."""
        folder.mkdir(parents=True, exist_ok=True)
        authority, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        issuer = _name("an authority of tests")
        root = (
            _begun(issuer, issuer, authority)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(authority, hashes.SHA256())
        )
        address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1")), x509.DNSName("localhost")])
        server = _begun(_name("127.0.0.1"), issuer, key, valid_for).add_extension(address, critical=False)
        signed = server.sign(authority, hashes.SHA256())
        (folder / "ca.pem").write_bytes(root.public_bytes(Encoding.PEM))
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / "server.pem").write_bytes(private + signed.public_bytes(Encoding.PEM))
        return cls(folder)

    @property
    def ca(self) -> Path:
        """Return the file with the authority's own certificate."""
        return self.folder / "ca.pem"

    @property
    def server(self) -> Path:
        """Return the file with the server's key and certificate."""
        return self.folder / "server.pem"


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, valid_for: timedelta = timedelta(days=1)
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now + valid_for)
    )

"""An authority of our own, for servers that clients reach over TLS."""

import datetime as dt
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True, slots=True)
class Certified:
    """Files of PEM: what clients trust, and what the server shows and keeps."""

    ca: Path
    certificate: Path
    key: Path


def certify(folder: Path, *names: str) -> Certified:
    """A server certificate for *names*, host names and addresses, by an authority that nobody has heard of."""
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = x509.BasicConstraints(ca=True, path_length=None)
    ca = _signed("Test authority", ca_key.public_key(), by=ca_key, extension=authority)
    alternatives = x509.SubjectAlternativeName([_alternative(name) for name in names])
    leaf = _signed("Test server", key.public_key(), by=ca_key, extension=alternatives)
    files = Certified(folder / "ca.crt", folder / "server.crt", folder / "server.key")
    files.ca.write_bytes(_pem(ca))
    files.certificate.write_bytes(_pem(leaf) + _pem(ca))
    files.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


def _signed(
    subject: str,
    public: ec.EllipticCurvePublicKey,
    *,
    by: ec.EllipticCurvePrivateKey,
    extension: x509.ExtensionType,
) -> x509.Certificate:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name("Test authority"))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        .sign(by, hashes.SHA256())
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)

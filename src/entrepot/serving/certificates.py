"""What a certificate tells: by which name to call a server that has it, and whether clients need it."""

from pathlib import Path

from cryptography import x509


def load(path: Path) -> list[x509.Certificate]:
    """The chain in a file of PEM, the server's own first. Raises: ValueError, where there is none."""
    return x509.load_pem_x509_certificates(path.read_bytes())


def is_whole(chain: list[x509.Certificate]) -> bool:
    """Whether the chain goes up to its root: then it is what to trust. A public authority's stops below."""
    return chain[-1].issuer == chain[-1].subject


def name_in(certificate: x509.Certificate) -> str | None:
    """The name by which to call a server with this certificate from here; None where it has none."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None
    hosts = [name for name in names.get_values_for_type(x509.DNSName) if "*" not in name]
    addresses = [str(address) for address in names.get_values_for_type(x509.IPAddress)]
    if "localhost" in hosts:
        return "localhost"
    return next(iter(hosts + addresses), None)

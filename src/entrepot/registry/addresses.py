"""
Names of hosts, both ways: where a registry says that it is, and which registry a Host header means. Pure.

    localhost:5000                                    the deployment's own account and region
    123456789012.dkr.ecr.eu-west-1.localhost:5000     that account and region
    123456789012.dkr.ecr.eu-west-1.amazonaws.com      the same, for clients that know only AWS's names
    api.ecr.eu-west-1.amazonaws.com                   the API of that region; the account is the caller's
    public.ecr.localhost:5000, public.ecr.aws         the public registry

The setting `hostname` replaces the first two in what we say, and is understood besides all. With it there is another
name of the public registry: ``public.`` before what follows the last placeholder in it.
"""

import functools
import ipaddress
import re

from entrepot.names import Registry
from entrepot.settings import Settings

_REGION = r"(?P<region>[a-z]{2,}(?:-[a-z]+)+-\d{1,2})"
_SUFFIX = r"(?:amazonaws\.com|amazonaws\.com\.cn|amazonaws\.eu|localhost)"
_DUAL_STACK = r"(?:on\.aws|on\.amazonwebservices\.com\.cn)"

# The public registry is nobody's. Source: Amazon ECR Public user guide; docker-credential-ecr-login knows both names.
PUBLIC = Registry("public", "us-east-1")
_PUBLIC_HOSTS = frozenset({"public.ecr.aws", "ecr-public.aws.com", "public.ecr.localhost"})

# Source: docker-credential-ecr-login and the AWS SDKs, which accept exactly these.
_REGISTRY_HOST = re.compile(
    rf"(?P<account>\d{{12}})\.dkr(?:\.ecr(?:-fips)?\.{_REGION}\.{_SUFFIX}|-ecr(?:-fips)?\.(?P<dual>[a-z0-9-]+)\.{_DUAL_STACK})"
)
_API_HOST = re.compile(
    rf"(?:api\.ecr|ecr-fips|sts|sts-fips)\.{_REGION}\.{_SUFFIX}"
    r"|(?:ecr|ecr-fips|sts|sts-fips)\.(?P<dual>[a-z0-9-]+)\.api\.aws|(?P<world>sts\.amazonaws\.com)"
    r"|api\.ecr-public\.us-east-1\.amazonaws\.com|ecr-public\.us-east-1\.api\.aws"
)
_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+?)\.?(?::\d{1,5})?")


def repository_uri(registry: Registry, name: str, settings: Settings) -> str:
    """What ``docker push`` takes: host, port where one is needed, and the repository's name."""
    return f"{registry_host(registry, settings)}/{name}"


def proxy_endpoint(registry: Registry, settings: Settings) -> str:
    """The address to log in at. Source: Amazon ECR API reference, AuthorizationData."""
    secure = settings.hostname is not None or settings.tls_cert is not None
    return f"{'https' if secure else 'http'}://{registry_host(registry, settings)}"


def registry_host(registry: Registry, settings: Settings) -> str:
    """The host name of a registry, with its port where that is not the scheme's own."""
    if settings.hostname is not None:
        return settings.hostname.replace("{account}", registry.account).replace("{region}", registry.region)
    port = _listener(settings)[1]
    if registry == default_registry(settings):
        return f"localhost:{port}"
    return f"{registry.account}.dkr.ecr.{registry.region}.localhost:{port}"


def default_registry(settings: Settings) -> Registry:
    """The one that a bare host name means."""
    return Registry(settings.account, settings.region)


def registry_of_host(host: str, settings: Settings) -> Registry | None:
    """
    The registry that a Host header means; None where it names no host or no region of ours.

    A header decides what clients are told to trust (realm, Location), so only names that are set up
    count. Any port does: a forwarded port is none that we know.
    """
    match = _HOST.fullmatch(host.lower()) if len(host) <= 300 else None
    if match is None:
        return None
    name = match["name"].strip("[]")
    if name in _PUBLIC_HOSTS or name == _own_public_host(settings.hostname):
        return PUBLIC
    named = _by_template(name, settings) or _by_shape(name, settings)
    if named is None:
        return default_registry(settings) if _is_own(name, settings) else None
    return named if named.region in settings.served_regions else None


def _own_public_host(hostname: str | None) -> str | None:
    """What the public registry is called beside the private ones of *hostname*; None where that leaves no domain."""
    if hostname is None:
        return None
    _, placeholder, rest = hostname.lower().rsplit(":", 1)[0].rpartition("}")
    domain = rest.partition(".")[2] if placeholder else rest
    return f"public.{domain}" if domain else None


def _by_template(name: str, settings: Settings) -> Registry | None:
    if settings.hostname is None:
        return None
    match = _template(settings.hostname).fullmatch(name)
    if match is None:
        return None
    found = match.groupdict()
    return Registry(found.get("account", settings.account), found.get("region", settings.region))


@functools.lru_cache(maxsize=8)
def _template(hostname: str) -> re.Pattern[str]:
    text = re.escape(hostname.lower().rsplit(":", 1)[0])
    for part, expression in (("account", r"\d{12}"), ("region", r"[a-z0-9-]+")):
        field = re.escape("{" + part + "}")
        text = text.replace(field, f"(?P<{part}>{expression})", 1).replace(field, f"(?P={part})")
    return re.compile(text)


def _by_shape(name: str, settings: Settings) -> Registry | None:
    match = _REGISTRY_HOST.fullmatch(name)
    if match is not None:
        return Registry(match["account"], match["region"] or match["dual"])
    match = _API_HOST.fullmatch(name)
    if match is not None:
        return Registry(settings.account, match["region"] or match["dual"] or settings.region)
    return None


def _is_own(name: str, settings: Settings) -> bool:
    listen = _listener(settings)[0]
    if name in ("localhost", listen):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    # Who listens on all addresses cannot know them; a name can be made to point at us by anybody who
    # wants a browser to talk to us (DNS rebinding), a bare address cannot.
    return address.is_loopback or listen in ("0.0.0.0", "::", "")  # noqa: S104  # a comparison, not a binding


def _listener(settings: Settings) -> tuple[str, str]:
    host, _, port = settings.listen.rpartition(":")
    return host.strip("[]").lower(), port

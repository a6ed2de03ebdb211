"""Values that conditions compare: numbers, dates, addresses, booleans, bytes. What cannot be read is None."""

import base64
import binascii
import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

# A family (4 or 6), the address as a number, and the bits of it that are compared.
Network = tuple[int, int, int]

_NUMBER = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{1,40})?")
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_MOST_SECONDS = 2**63 - 1
_DATE = re.compile(
    r"(?P<year>[0-9]{4})-(?P<month>[0-9]{1,2})-(?P<day>[0-9]{1,2})"
    r"(?:[Tt](?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]{1,9}))?)?"
    r"(?P<zone>[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?))?"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BOOLEANS = {"true": True, "false": False}
_MAPPED = 0xFFFF << 32  # ::ffff:0:0, before the 32 bits of an IPv4 address


def number(text: str) -> Decimal | None:
    """A decimal number."""
    return Decimal(text) if _NUMBER.fullmatch(text) else None


@lru_cache(maxsize=1024)
def date(text: str) -> Decimal | None:
    """
    Seconds since 1970: of an ISO 8601 date, of one with a time and its zone, or of the seconds themselves.

    Source: IAM user guide, "Date condition operators"; epoch numbers are seconds.
    """
    if _INTEGER.fullmatch(text):
        seconds = int(text)
        return Decimal(seconds) if abs(seconds) <= _MOST_SECONDS else None
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    given = {name: int(value or 0) for name, value in match.groupdict().items() if name not in ("fraction", "zone")}
    try:
        moment = datetime(**given, tzinfo=_zone(match["zone"] or "Z"))
        whole = (moment - _EPOCH) // timedelta(seconds=1)
    except (ValueError, OverflowError):
        return None
    return Decimal(whole) + Decimal(f"0.{match['fraction'] or 0}")


def _zone(text: str) -> timezone:
    """Raises: ValueError, where it is a day or more, or has more than 59 minutes."""
    if text in "Zz":
        return UTC
    minutes = int(text[3:].lstrip(":") or 0)
    if minutes > 59:
        raise ValueError(text)
    ahead = timedelta(hours=int(text[1:3]), minutes=minutes)
    return timezone(-ahead if text[0] == "-" else ahead)


def boolean(text: str) -> bool | None:
    """``true`` or ``false``, in any case."""
    return _BOOLEANS.get(text.lower())


def binary(text: str) -> bytes | None:
    """The bytes of a base64 text."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


@lru_cache(maxsize=4096)
def address(text: str) -> tuple[int, int] | None:
    """The family of an IP address and its number; an IPv4 address inside an IPv6 one is that IPv4 address."""
    try:
        parsed: IPv4Address | IPv6Address = ip_address(text)
    except ValueError:
        return None
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return parsed.version, int(parsed)


@lru_cache(maxsize=4096)
def network(text: str) -> Network | None:
    """A network in CIDR form; without a prefix, of that one host. Bits behind the prefix do not count."""
    try:
        parsed: IPv4Network | IPv6Network = ip_network(text, strict=False)
    except ValueError:
        return None
    base, mask = int(parsed.network_address), int(parsed.netmask)
    if parsed.version == 6 and parsed.prefixlen >= 96 and base >> 32 << 32 == _MAPPED:
        return 4, base & 0xFFFFFFFF, mask & 0xFFFFFFFF
    return parsed.version, base, mask

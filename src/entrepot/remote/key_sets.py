"""
The key sets of OpenID Connect providers, fetched when they are needed and kept for a while.

    fresh, 1 h      used as it is; an unknown key has it fetched again, at most once a minute
    up to 24 h      used if the provider does not answer
    older, none     nobody can prove anything by this provider

Each process has its own. Source: OpenID Connect Discovery 1.0; security-design 3.3.
"""

import json
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from entrepot import clock
from entrepot.remote.guarded import Allowed, Unreachable, fetch

LARGEST = 256 << 10  # bytes of a key set. Source: ours, security-design 3.3
_LARGEST_CONFIGURATION = 64 << 10
_FRESH, _KEPT, _PAUSE = 3600.0, 86_400.0, 60.0  # seconds
_MOST_KEPT = 1000

Fetch = Callable[[str, int], bytes]


@dataclass(slots=True)
class _Kept:
    document: str | None = None
    fetched_at: float = 0.0
    tried_at: float = float("-inf")
    busy: threading.Lock = field(default_factory=threading.Lock)


class KeySets:
    """The key sets that one process has fetched; of all its threads."""

    def __init__(self, fetch_from: Fetch | None = None) -> None:
        """*fetch_from* gives the body at an address, of so many bytes at most; without it none are fetched."""
        self._fetch = fetch_from
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, issuer: str, *, is_enough: Callable[[str], bool]) -> str | None:
        """
        The key set of *issuer*, a JSON document; None where it cannot be had.

        *is_enough* says whether one has what is looked for. It may block for twenty seconds, but only one thread
        for each issuer and only once a minute: the others go on with what there is.
        """
        kept = self._of(issuer)
        now = clock.ticks()
        document = kept.document if now - kept.fetched_at < _KEPT else None
        fresh = document is not None and now - kept.fetched_at < _FRESH and is_enough(document)
        if fresh or self._fetch is None or now - kept.tried_at < _PAUSE or not kept.busy.acquire(blocking=False):
            return document
        try:
            kept.tried_at = now
            kept.document, kept.fetched_at = self._fetched(self._fetch, issuer), now
        except Unreachable:
            return document
        finally:
            kept.busy.release()
        return kept.document

    def _of(self, issuer: str) -> _Kept:
        with self._lock:
            kept = self._kept.setdefault(issuer, _Kept())
            self._kept.move_to_end(issuer)
            if len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
            return kept

    @staticmethod
    def _fetched(get: Fetch, issuer: str) -> str:
        """Raises: Unreachable, also where what comes is not what was asked for."""
        try:
            address = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
            configuration: Any = json.loads(get(address, _LARGEST_CONFIGURATION))
            if configuration["issuer"] != issuer or not isinstance(configuration["jwks_uri"], str):
                raise Unreachable
            return get(configuration["jwks_uri"], LARGEST).decode()
        except (ValueError, KeyError, TypeError, RecursionError):
            raise Unreachable from None


def public_key_sets(allowed: Allowed) -> KeySets:
    """Key sets that are fetched from the internet, and from what is *allowed* beside it."""
    return KeySets(lambda url, limit: fetch(url, limit=limit, allowed=allowed))

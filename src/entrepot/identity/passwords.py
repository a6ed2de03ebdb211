"""
Passwords: what is kept of them, and the rules that an account has for them. Pure.

    scrypt 14 8 5 <salt> <newest> <older> … <oldest>        each in base64

One user's passwords share a salt, so that one computation (some 0.2 s) tells whether a new one equals any
of the old ones. It must not run on the writer's thread.
"""

import base64
import hashlib
import hmac
import secrets
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Self

import orjson

from entrepot.identity.faults import PasswordRefused

# Source: OWASP Password Storage Cheat Sheet, scrypt: N = 2^14 (16 MiB), r = 8, p = 5. Its variant of 128 MiB would
# not fit a worker.
_LOG_N, _R, _P = 14, 8, 5
_MEMORY = 48 << 20
_SALT = 16
# As many as a rule on reuse can ask for. Source: IAM API reference, UpdateAccountPasswordPolicy.
_MOST_REMEMBERED = 24
# 16 MiB each: more at a time would not fit a worker's memory.
_at_once = threading.BoundedSemaphore(2)

_KINDS = {
    "symbol": frozenset("!@#$%^&*()_+-=[]{}|'"),
    "number": frozenset("0123456789"),
    "uppercase letter": frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    "lowercase letter": frozenset("abcdefghijklmnopqrstuvwxyz"),
}
# Of the four kinds, where an account has no rules of its own. Source: IAM user guide, "Default password policy".
_LEAST_KINDS = 3


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one account, members as UpdateAccountPasswordPolicy names and defaults them; ages are in days."""

    minimum_password_length: int = 6
    require_symbols: bool = False
    require_numbers: bool = False
    require_uppercase_characters: bool = False
    require_lowercase_characters: bool = False
    allow_users_to_change_password: bool = False
    max_password_age: int | None = None
    password_reuse_prevention: int | None = None
    hard_expiry: bool | None = None

    def as_json(self) -> str:
        """What the account's row keeps."""
        return orjson.dumps(asdict(self)).decode()

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The rules of a row."""
        return cls(**orjson.loads(text))

    def required(self) -> list[str]:
        """The kinds of characters that a password must have."""
        wanted = (
            self.require_symbols,
            self.require_numbers,
            self.require_uppercase_characters,
            self.require_lowercase_characters,
        )
        return [kind for kind, is_wanted in zip(_KINDS, wanted, strict=True) if is_wanted]


def check(password: str, rules: Rules | None, *, unlike: Iterable[str]) -> None:
    """
    Refuse a password that breaks the account's *rules*, or where it has none, AWS's usual ones.

    *unlike* are texts that it may not be. Raises: PasswordRefused.
    """
    least = 8 if rules is None else rules.minimum_password_length
    if len(password) < least:
        raise PasswordRefused(reason=f"Password should have a minimum length of {least}")
    characters = set(password)
    if rules is None:
        if sum(bool(characters & of) for of in _KINDS.values()) < _LEAST_KINDS:
            raise PasswordRefused(
                reason="Password should have at least three of: uppercase letters, lowercase letters, numbers, symbols"
            )
        if password in unlike:
            raise PasswordRefused(reason="Password should not be identical to the account name")
        return
    for kind in rules.required():
        if not characters & _KINDS[kind]:
            raise PasswordRefused(reason=f"Password should have at least one {kind}")


def keep(password: str, *, before: str | None = None, unlike_last: int = 0) -> str:
    """
    What is kept of a new password, together with what was kept *before* it. Takes some 0.2 s.

    Raises: PasswordRefused, where it is one of the *unlike_last* passwords.
    """
    salt, old = _read(before) if before else (secrets.token_bytes(_SALT), [])
    new = _derive(password, salt)
    if any(hmac.compare_digest(new, each) for each in old[:unlike_last]):
        raise PasswordRefused(
            reason="Policy constraint violation with password reuse prevention during password change"
        )
    kept = [new, *old][: _MOST_REMEMBERED + 1]
    return " ".join(
        ("scrypt", str(_LOG_N), str(_R), str(_P), *(base64.b64encode(part).decode() for part in (salt, *kept)))
    )


def is_current(password: str, kept: str) -> bool:
    """Whether *password* is the newest of what is *kept*. Takes some 0.2 s."""
    salt, old = _read(kept)
    return hmac.compare_digest(_derive(password, salt), old[0])


def _read(kept: str) -> tuple[bytes, list[bytes]]:
    name, log_n, r, p, salt, *old = kept.split(" ")
    if (name, log_n, r, p) != ("scrypt", str(_LOG_N), str(_R), str(_P)):
        raise ValueError("a password was kept in a way that this version does not know")
    return base64.b64decode(salt), [base64.b64decode(each) for each in old]


def _derive(password: str, salt: bytes) -> bytes:
    with _at_once:
        return hashlib.scrypt(password.encode(), salt=salt, n=1 << _LOG_N, r=_R, p=_P, maxmem=_MEMORY, dklen=32)

"""
Data keys of one process, for services that seal what is a customer's: made, opened, and remembered for a while.

What is remembered is forgotten after five minutes, and at once when anybody's rights or keys have changed. Whether the
service may use a key for this customer is not asked here (``keys.usage``), only whether the key works.
"""

import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping

from entrepot import clock
from entrepot.database import Database, Transaction
from entrepot.errors import Fault
from entrepot.identity.rows import generation_of
from entrepot.keys import keys, material
from entrepot.keys.faults import CiphertextInvalid, KmsUnavailable
from entrepot.names import Arn
from entrepot.rootkey import RootKey
from entrepot.sealing.envelope import SealBroken

_SIZE = 32
# Source: security-design 5.3.
_MOST, _LIFETIME = 10_000, 300.0

_Question = tuple[str, bytes, frozenset[tuple[str, str]]]


class DataKeys:
    """Of all threads of a process."""

    def __init__(self, database: Database, root_key: RootKey) -> None:
        self._database, self._root_key = database, root_key
        self._seen = self._generation = -1
        self._opened: OrderedDict[_Question, tuple[bytes, float]] = OrderedDict()
        self._lock = threading.Lock()

    def new(self, arn: str, context: Mapping[str, str]) -> tuple[bytes, bytes]:
        """A data key of the key *arn*, in clear and wrapped. Raises: KmsUnavailable."""
        with self._database.reading() as tx:
            key_id = _usable(tx, arn)
            plain = secrets.token_bytes(_SIZE)
            wrapped, _ = material.seal(tx, key_id, plain, context=context, root_key=self._root_key)
        return plain, wrapped

    def open(self, arn: str, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """A data key in clear. Raises: KmsUnavailable; SealBroken, where it is another key's or another context's."""
        question = (arn, wrapped, frozenset(context.items()))
        generation = self._forget()
        with self._lock:
            plain, until = self._opened.get(question, (b"", 0.0))
            if until > clock.ticks():
                self._opened.move_to_end(question)
                return plain
        plain = self._open(arn, wrapped, context)
        with self._lock:
            if generation == self._generation:
                self._opened[question] = plain, clock.ticks() + _LIFETIME
                self._opened.move_to_end(question)
                while len(self._opened) > _MOST:
                    self._opened.popitem(last=False)
        return plain

    def _open(self, arn: str, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        sealed = material.parse(wrapped)
        parts = Arn.find(arn)
        if sealed is None or parts is None or parts.resource != f"key/{sealed.key_id}":
            raise SealBroken("the data key is damaged, or another key's")
        with self._database.reading() as tx:
            _usable(tx, arn)
            try:
                return material.open_(tx, sealed, context=context, root_key=self._root_key).plain
            except CiphertextInvalid:
                raise SealBroken("the data key is damaged, or another's") from None

    def _forget(self) -> int:
        """Forget everything where rights or keys have changed; the generation that is current."""
        version = self._database.rights_version()
        if version != self._seen:
            current = generation_of(self._database.look)
            with self._lock:
                if current != self._generation:
                    self._opened.clear()
                self._seen, self._generation = version, current
        return self._generation


def _usable(tx: Transaction, arn: str) -> str:
    """The id of the key *arn*, which works. Raises: KmsUnavailable."""
    try:
        return keys.usable(keys.get(tx, arn)).id
    except Fault as fault:
        raise KmsUnavailable(kms_error=fault.aws, reason=str(fault)) from None

"""The deployment's own facts: its id, and the proof that a root key is the right one."""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import bindparam, insert, select

from entrepot import clock
from entrepot.database import Database, Statement, Transaction
from entrepot.identity.derivation import derive
from entrepot.identity.rootkey import RootKeyRefused
from entrepot.identity.tables import deployment

_FIND = Statement(select(deployment.c.value).where(deployment.c.name == bindparam("fact")))
_PUT = Statement(insert(deployment).values(name=bindparam("name"), value=bindparam("value")))

# Nothing else is ever encrypted under the key of this label, so one fixed nonce is used once.
_LABEL, _NONCE = "deployment-check", bytes(12)


def find_id(database: Database) -> str | None:
    """The id of the deployment that keeps its rows here; None before the first start."""
    row = database.look(_FIND, fact="id")
    return None if row is None else str(row[0])


def establish(database: Database, root_key: bytes) -> str:
    """
    The deployment's id. The first call makes it and binds the data to *root_key*.

    Raises: RootKeyRefused, when the data is bound to another key.
    """
    return database.write(lambda tx: _establish(tx, root_key))


def _establish(tx: Transaction, root_key: bytes) -> str:
    row, check = tx.one(_FIND, fact="id"), tx.one(_FIND, fact="check")
    cipher = AESGCM(derive(root_key, _LABEL))
    if row is None or check is None:
        identity = clock.new_uuid()
        tx.run(_PUT, name="id", value=identity)
        tx.run(_PUT, name="check", value=cipher.encrypt(_NONCE, b"", identity.encode()).hex())
        return identity
    identity = str(row[0])
    try:
        cipher.decrypt(_NONCE, bytes.fromhex(check[0]), identity.encode())
    except InvalidTag:
        raise RootKeyRefused(
            "The root key is not the one that this data was made with: bring back the folder of keys that belongs to it"
        ) from None
    return identity

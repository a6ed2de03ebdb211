"""The deployment's own facts: its id, the proof that each version of the root key is right, its last restore."""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects.sqlite import insert

from entrepot import clock
from entrepot.database import Database, Statement, Transaction
from entrepot.identity.tables import deployment
from entrepot.rootkey import RootKey, RootKeyRefused

_FIND = Statement(select(deployment.c.value).where(deployment.c.name == bindparam("fact")))
_ALL = Statement(select(deployment.c.name, deployment.c.value))
_PUT = Statement(
    insert(deployment)
    .values(name=bindparam("name"), value=bindparam("value"))
    .on_conflict_do_update(index_elements=[deployment.c.name], set_={"value": bindparam("value")})
)
_REMOVE = Statement(delete(deployment).where(deployment.c.name == bindparam("fact")))

# Nothing else is ever encrypted under the key of this label, so one fixed nonce is used once.
_LABEL, _NONCE = b"deployment-check", bytes(12)
# Behind them stands the version, but for version 1, which there was before there were others.
_CHECK, _SINCE = "check", "since"


def find_id(database: Database) -> str | None:
    """The id of the deployment that keeps its rows here; None before the first start."""
    row = database.look(_FIND, fact="id")
    return None if row is None else str(row[0])


def restored_at(database: Database) -> float | None:
    """When it was last made from a backup, in seconds since the epoch; None where it never was."""
    row = database.look(_FIND, fact="restored_at")
    return None if row is None else float(row[0])


def stamp_restored(tx: Transaction, at: float) -> None:
    """Make void whatever was signed or sealed before this restore: logins, sessions, signed addresses, page tokens."""
    tx.run(_PUT, name="restored_at", value=repr(at))


def establish(database: Database, root_key: RootKey) -> str:
    """
    The deployment's id. The first call makes it and binds the data to *root_key*; each lets that seal as the data says.

    Raises: RootKeyRefused, when the data is bound to another key, or to a version of it that is not here.
    """

    def work(tx: Transaction) -> str:
        return follow(tx, root_key) or _begin(tx, root_key)

    return database.write(work)


def follow(tx: Transaction, root_key: RootKey) -> str | None:
    """
    Let *root_key* seal under the version that the data says; the deployment's id, None before the first start.

    Raises: RootKeyRefused, as ``establish`` does.
    """
    facts = _facts(tx)
    versions = _versions(facts)
    if "id" not in facts or not versions:
        return None
    if any(version not in root_key for version in versions):
        root_key.look_again()
    for version in versions:
        if version not in root_key:
            raise RootKeyRefused(
                f"Version {version} of the root key is not here, and data is sealed under it: "
                "bring it to where the others are (entrepot key versions)"
            )
        try:
            _cipher(root_key, version).decrypt(
                _NONCE, bytes.fromhex(facts[_name(_CHECK, version)]), facts["id"].encode()
            )
        except InvalidTag:
            raise RootKeyRefused(
                "The root key is not the one that this data was made with"
                f"{f' (version {version})' if version > 1 else ''}: bring back the folder of keys that belongs to it"
            ) from None
    root_key.seals = max(versions)
    return facts["id"]


def versions_in_use(tx: Transaction) -> dict[int, float]:
    """Since when each version of the root key has sealed, in seconds since the epoch; the last of them does."""
    facts = _facts(tx)
    return {version: float(facts.get(_name(_SINCE, version), "0")) for version in _versions(facts)}


def take_into_use(tx: Transaction, root_key: RootKey, version: int) -> None:
    """From now on a version of the root key seals, in every process that looks."""
    facts = _facts(tx)
    if version not in _versions(facts):
        _put(tx, facts["id"], root_key, version=version)
    root_key.seals = version


def take_out_of_use(tx: Transaction, version: int) -> None:
    """Need a version of the root key no longer."""
    for fact in (_CHECK, _SINCE):
        tx.run(_REMOVE, fact=_name(fact, version))


def _begin(tx: Transaction, root_key: RootKey) -> str:
    identity = clock.new_uuid()
    tx.run(_PUT, name="id", value=identity)
    root_key.seals = root_key.newest
    _put(tx, identity, root_key, version=root_key.seals)
    return identity


def _put(tx: Transaction, identity: str, root_key: RootKey, *, version: int) -> None:
    check = _cipher(root_key, version).encrypt(_NONCE, b"", identity.encode())
    tx.run(_PUT, name=_name(_CHECK, version), value=check.hex())
    tx.run(_PUT, name=_name(_SINCE, version), value=repr(clock.now()))


def _cipher(root_key: RootKey, version: int) -> AESGCM:
    return AESGCM(root_key.derive(_LABEL, version))


def _facts(tx: Transaction) -> dict[str, str]:
    return {row["name"]: row["value"] for row in tx.all(_ALL)}


def _versions(facts: dict[str, str]) -> list[int]:
    numbers = (name.removeprefix(_CHECK).removeprefix("/") for name in facts if name.startswith(_CHECK))
    return sorted(int(number or 1) for number in numbers)


def _name(fact: str, version: int) -> str:
    return fact if version == 1 else f"{fact}/{version}"

"""Repositories: create, find, change, delete. Lists of them are in ``listings``."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import orjson
from sqlalchemy import bindparam, func, insert, select
from sqlalchemy import delete as delete_from
from sqlalchemy import update as update_of

from entrepot import clock
from entrepot.database import Row, Statement, Transaction
from entrepot.errors import LimitExceeded
from entrepot.identity.rows import raise_generation
from entrepot.names import Registry
from entrepot.registry import resource_tags
from entrepot.registry.faults import RepositoryAlreadyExists, RepositoryNotEmpty, RepositoryNotFound
from entrepot.registry.mutability import Mutability
from entrepot.registry.tables import manifests, repositories, repository_policies
from entrepot.sealing.customers import Customer


@dataclass(frozen=True, slots=True)
class Encryption:
    """How a repository's content is kept: *key* is the ARN of a customer's, *grants* what lets us use it."""

    kind: Literal["AES256", "KMS", "KMS_DSSE"] = "AES256"
    key: str | None = None
    grants: tuple[str, ...] = ()


PLAIN = Encryption()


@dataclass(frozen=True, slots=True)
class Repository:
    """One repository as it was when it was read. *created_at* is in seconds since the epoch."""

    id: int
    registry: Registry
    name: str
    created_at: float
    mutability: Mutability
    scan_on_push: bool
    encryption: Encryption = PLAIN

    @property
    def account(self) -> str:
        """The account that owns it."""
        return self.registry.account

    @property
    def arn(self) -> str:
        """Its Amazon Resource Name."""
        return self.registry.repository_arn(self.name)

    @property
    def customer(self) -> Customer | None:
        """Under whose key its content is sealed; None where that is not a customer's."""
        key = self.encryption.key
        return None if key is None else Customer(key, self.arn, twice=self.encryption.kind == "KMS_DSSE")


_IN_REGISTRY = (repositories.c.account == bindparam("account"), repositories.c.region == bindparam("region"))
_THIS = repositories.c.id == bindparam("this")

FIND = Statement(select(repositories).where(*_IN_REGISTRY, repositories.c.name == bindparam("name")))
BY_ID = Statement(select(repositories).where(_THIS))
_COUNT = Statement(select(func.count().label("n")).select_from(repositories).where(*_IN_REGISTRY))
_CREATE = Statement(
    insert(repositories)
    .values({c.name: bindparam(c.name) for c in repositories.c if c.name != "id"})
    .returning(repositories.c.id)
)
_UPDATE = Statement(
    update_of(repositories)
    .where(_THIS)
    .values({name: bindparam(f"new_{name}") for name in ("mutability", "exclusions", "scan_on_push")})
)
_DELETE = Statement(delete_from(repositories).where(_THIS))
_DELETE_POLICY = Statement(
    delete_from(repository_policies).where(repository_policies.c.repository_id == bindparam("repository"))
)
_HAS_MANIFEST = Statement(select(manifests.c.id).where(manifests.c.repository_id == bindparam("this")).limit(1))


def find(tx: Transaction, registry: Registry, name: str) -> Repository | None:
    """The repository of that name, or None."""
    known: Repository | None = tx.remembered.get((registry, name))
    if known is not None:
        return known
    row = tx.one(FIND, account=registry.account, region=registry.region, name=name)
    if row is None:
        return None
    found = tx.remembered[registry, name] = of_row(row)
    return found


def find_by_id(tx: Transaction, repository_id: int) -> Repository | None:
    """The repository of that id, while it exists."""
    row = tx.one(BY_ID, this=repository_id)
    return of_row(row) if row else None


def get(tx: Transaction, registry: Registry, name: str) -> Repository:
    """The repository of that name. Raises: RepositoryNotFound."""
    repository = find(tx, registry, name)
    if repository is None:
        raise RepositoryNotFound(name=name, account=registry.account)
    return repository


def create(
    tx: Transaction,
    registry: Registry,
    *,
    name: str,
    mutability: Mutability,
    scan_on_push: bool,
    tags: Mapping[str, str],
    quota: int,
    encryption: Encryption = PLAIN,
) -> Repository:
    """
    A new repository with its resource tags; *quota* is how many the registry may have.

    Raises: RepositoryAlreadyExists, LimitExceeded, InvalidTagParameter, TooManyTags.
    """
    if find(tx, registry, name):
        raise RepositoryAlreadyExists(name=name, account=registry.account)
    count = tx.one(_COUNT, account=registry.account, region=registry.region)
    if count and count["n"] >= quota:
        raise LimitExceeded(
            reason=f"The registry with id '{registry.account}' already has the maximum of {quota} repositories"
        )
    now = round(clock.now(), 3)
    made = tx.one(
        _CREATE,
        account=registry.account,
        region=registry.region,
        name=name,
        created_at=now,
        encryption=encryption.kind,
        kms_key=encryption.key,
        kms_grants=orjson.dumps(encryption.grants).decode() if encryption.key else None,
        **_columns(mutability, scan_on_push),
    )
    assert made is not None  # RETURNING gives the row that was inserted
    resource_tags.put(tx, made["id"], tags)
    if tags:
        raise_generation(tx)
    return Repository(made["id"], registry, name, now, mutability, scan_on_push, encryption)


def update(
    tx: Transaction,
    repository: Repository,
    *,
    mutability: Mutability | None = None,
    scan_on_push: bool | None = None,
) -> Repository:
    """The repository with what is given changed and the rest as it was."""
    changed = replace(
        repository,
        mutability=repository.mutability if mutability is None else mutability,
        scan_on_push=repository.scan_on_push if scan_on_push is None else scan_on_push,
    )
    columns = _columns(changed.mutability, changed.scan_on_push)
    tx.remembered.pop((repository.registry, repository.name), None)
    tx.run(_UPDATE, this=repository.id, **{f"new_{name}": value for name, value in columns.items()})
    return changed


def delete(tx: Transaction, repository: Repository, *, force: bool) -> None:
    """
    Remove a repository, with *force* also one that holds images. Nothing in it can be found from now on.

    Raises: RepositoryNotEmpty.
    """
    if not force and tx.one(_HAS_MANIFEST, this=repository.id):
        raise RepositoryNotEmpty(name=repository.name, account=repository.account)
    tx.remembered.pop((repository.registry, repository.name), None)
    tx.run(_DELETE, this=repository.id)
    resource_tags.remove_all(tx, repository.id)
    tx.run(_DELETE_POLICY, repository=repository.id)
    raise_generation(tx)


def of_row(row: Row) -> Repository:
    """The repository that a row of the table describes."""
    return Repository(
        row["id"],
        Registry(row["account"], row["region"]),
        row["name"],
        row["created_at"],
        Mutability(row["mutability"], tuple(orjson.loads(row["exclusions"]))),
        bool(row["scan_on_push"]),
        Encryption(row["encryption"], row["kms_key"], tuple(orjson.loads(row["kms_grants"] or "[]"))),
    )


def _columns(mutability: Mutability, scan_on_push: bool) -> dict[str, str | int]:
    return {
        "mutability": mutability.setting,
        "exclusions": orjson.dumps(mutability.exclusions).decode(),
        "scan_on_push": int(scan_on_push),
    }

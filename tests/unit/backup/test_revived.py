"""What a restore brings back although it was taken away since."""

import pytest
from sqlalchemy import insert

from entrepot.backup import revived
from entrepot.database import Statement
from entrepot.identity import accounts, attachments, credentials, tables, users
from entrepot.identity.credentials import Vault
from entrepot.identity.standing import standing as of_identity
from entrepot.keys.standing import standing as of_keys
from entrepot.keys.tables import kms_grants, kms_keys
from tests.support.identities import dismiss
from tests.support.rootkey import root_key
from tests.unit.backup.conftest import World

ACCOUNT = "123456789012"
READ_ONLY = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"


@pytest.fixture
def alice(world):
    """The id of an access key, whose user has a policy."""
    vault = Vault(root_key())

    def work(tx):
        accounts.create(tx, account=ACCOUNT)
        user = users.create(tx, ACCOUNT, name="alice")
        attachments.attach(tx, user.id, READ_ONLY, kind="User", account=ACCOUNT)
        return credentials.create(tx, user.principal, vault=vault).id

    return world.runtime.database.write(work)


def since(world: World, name: str) -> tuple[str, list[str]]:
    return revived.since_backup(world.backups, name, scratch=world.folder / "scratch.sqlite")


def test_a_later_backup_knows_what_was_taken_away(world, alice):
    first = world.backup().name
    world.runtime.database.write(lambda tx: credentials.switch(tx, alice, active=False))
    later = world.backup().name

    assert since(world, first) == (later, [f"access key {alice} of alice of account {ACCOUNT}"])
    assert since(world, later) == (later, [])
    assert not (world.folder / "scratch.sqlite").exists()


def test_what_was_added_since_is_not_told(world, alice):
    world.runtime.database.write(lambda tx: credentials.switch(tx, alice, active=False))
    first = world.backup().name
    world.runtime.database.write(lambda tx: credentials.switch(tx, alice, active=True))
    later = world.backup().name

    assert since(world, first) == (later, [])


def test_the_lost_database_knows_what_no_backup_does(world, alice):
    first = world.backup().name
    world.runtime.database.write(lambda tx: dismiss(tx, users.get(tx, ACCOUNT, name="alice")))

    told = revived.since_database(world.backups, first, world.runtime.database, scratch=world.folder / "scratch.sqlite")

    assert since(world, first) == (first, [])
    assert told == [
        f"access key {alice} of alice of account {ACCOUNT}",
        f"user alice of account {ACCOUNT}",
        f"policy {READ_ONLY} of alice of account {ACCOUNT}",
    ]


def test_a_later_backup_that_is_damaged_is_passed_over(world, alice):
    first = world.backup().name
    world.runtime.database.write(lambda tx: credentials.remove(tx, alice))
    second, third = world.backup().name, world.backup().name
    (world.backups / third / "rows.sqlite").write_bytes(b"")

    assert since(world, first) == (second, [f"access key {alice} of alice of account {ACCOUNT}"])


def _put(world, table, **columns):
    world.runtime.database.write(lambda tx: tx.run(Statement(insert(table).values(**columns))))


def test_everything_by_which_somebody_has_rights_is_compared(world):
    empty = {"account": ACCOUNT, "path": "/", "created_at": 0.0}
    _put(world, tables.users, id="AIDA1", name="bob", **empty)
    _put(world, tables.groups, id="AGPA1", name="devs", **empty)
    _put(world, tables.memberships, group_id="AGPA1", user_id="AIDA1")
    role = {"description": "", "trust": "{}", "max_session": 3600, "valid_after": 0.0}
    _put(world, tables.roles, id="AROA1", name="ci", **empty, **role)
    _put(world, tables.inline_policies, owner_id="AROA1", name="push", document="{}")
    _put(world, tables.attachments, owner_id="AGPA1", policy_arn=READ_ONLY, attached_at=0.0)
    key = {"account": ACCOUNT, "region": "us-east-1", "description": "", "policy": "{}", "created_at": 0.0}
    _put(world, kms_keys, id="k1", enabled=1, **key)
    _put(world, kms_keys, id="k2", enabled=0, **key)
    grant = {"grantee": "AIDA1", "operations": "[]", "constraints": "{}", "name": "", "issuer": "", "created_at": 0.0}
    _put(world, kms_grants, id="g1", key_id="k1", **grant)

    with world.runtime.database.reading() as tx:
        standing = {*of_identity(tx), *of_keys(tx)}

    assert standing == {
        f"user bob of account {ACCOUNT}",
        f"role ci of account {ACCOUNT}",
        f"user bob of account {ACCOUNT} in the group devs",
        f"inline policy push of ci of account {ACCOUNT}",
        f"policy {READ_ONLY} of devs of account {ACCOUNT}",
        f"customer key k1 of account {ACCOUNT}",
        "grant g1 of the customer key k1",
    }

"""Secrets of access keys in their rows: which version of the root key has sealed them."""

import pytest
from cryptography.exceptions import InvalidTag

from entrepot.identity import accounts, credentials
from entrepot.identity.credentials import Vault
from entrepot.identity.principals import root_of
from entrepot.rootkey import RootKey, VersionMissing
from tests.support.rootkey import root_key

TWO = bytes(range(32, 64))


@pytest.fixture
def made(database):
    """An account's two access keys, sealed under version 1."""
    account = database.write(lambda tx: accounts.create(tx, account=None)).id
    vault = Vault(root_key())
    return [database.write(lambda tx: credentials.create(tx, root_of(account), vault=vault)) for _ in range(2)]


def _sealed(database, key_id):
    row = database.look(credentials._FIND, id=key_id)
    return bytes(row["secret"])


def test_secrets_of_an_older_version_are_sealed_anew(database, made):
    both = root_key(v2=TWO)
    both.seals = 2
    vault = Vault(both)
    with database.reading() as tx:
        assert credentials.versions(tx) == {1: 2}

    assert database.write(lambda tx: credentials.rewrap(tx, vault)) == 2
    assert database.write(lambda tx: credentials.rewrap(tx, vault)) == 0

    with database.reading() as tx:
        assert credentials.versions(tx) == {2: 2}
    alone = Vault(RootKey({2: TWO}))
    assert [alone.open(key.id, _sealed(database, key.id)) for key in made] == [key.secret for key in made]
    with pytest.raises(VersionMissing):
        Vault(root_key()).open(made[0].id, _sealed(database, made[0].id))


def test_abuse_61_a_secret_opens_in_its_own_row_and_under_its_own_version_alone(database, made):
    vault, sealed = Vault(root_key(v2=TWO)), _sealed(database, made[0].id)

    with pytest.raises(InvalidTag):
        vault.open(made[1].id, sealed)
    with pytest.raises(InvalidTag):
        vault.open(made[0].id, b"\x02" + sealed[1:])

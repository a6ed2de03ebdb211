"""Accounts, users and access keys: what may be made, and what is refused."""

import pytest

from entrepot.identity import accounts, credentials, users
from entrepot.identity.faults import (
    EntityAlreadyExists,
    EntityNotFound,
    ExampleKey,
    KeyNotFound,
    NameRefused,
    TooManyKeys,
)
from entrepot.identity.new_keys import NewKey
from entrepot.identity.principals import root_of

ACCOUNT = "123456789012"


def test_an_account_gets_twelve_random_digits_when_none_are_given(world):
    made = [world.database.write(accounts.create) for _ in range(3)]

    assert len({account.id for account in made}) == 3
    assert all(len(account.id) == 12 and account.id.isdecimal() for account in made)


@pytest.mark.parametrize(
    "account", ["1", "12345678901", "1234567890123", "12345678901a", "١٢٣٤٥٦٧٨٩٠١٢", "123456789012\n"]
)
def test_an_account_id_is_twelve_digits(world, account):
    with pytest.raises(NameRefused):
        world.database.write(lambda tx: accounts.create(tx, account=account))


def test_no_two_accounts_have_one_id_or_one_name(world):
    world.database.write(lambda tx: accounts.create(tx, account="000000000001", name="lab"))

    with pytest.raises(EntityAlreadyExists):
        world.database.write(lambda tx: accounts.create(tx, account="000000000001"))
    with pytest.raises(EntityAlreadyExists):
        world.database.write(lambda tx: accounts.create(tx, name="lab"))


def test_accounts_are_listed_by_id(world):
    world.database.write(lambda tx: accounts.create(tx, account="000000000001"))

    with world.database.reading() as tx:
        assert [account.id for account in accounts.page(tx, limit=9)] == ["000000000001", ACCOUNT]
        assert [account.id for account in accounts.page(tx, limit=1)] == ["000000000001"]
        assert [account.id for account in accounts.page(tx, after="000000000001", limit=9)] == [ACCOUNT]


def test_a_user_has_an_arn_with_its_path(world):
    made = world.database.write(lambda tx: users.create(tx, ACCOUNT, name="ann", path="/ci/"))

    assert made.arn == "arn:aws:iam::123456789012:user/ci/ann"
    assert made.id.startswith("AIDA")
    assert len(made.id) == 21


@pytest.mark.parametrize("name", ["", "a" * 65, "a b", "a/b", "ann\n", "änn", "a:b"])
def test_a_user_name_outside_the_grammar_is_refused(world, name):
    with pytest.raises(NameRefused):
        world.user(name)


@pytest.mark.parametrize("path", ["", "x", "/x", "x/", "//", "/a b/", "/" + "x" * 511 + "/"])
def test_a_path_must_begin_and_end_with_a_slash(world, path):
    with pytest.raises(NameRefused):
        world.database.write(lambda tx: users.create(tx, ACCOUNT, name="ann", path=path))


def test_names_that_differ_in_case_only_are_one_name(world):
    world.user("ann")

    with pytest.raises(EntityAlreadyExists, match=r"^User with name Ann already exists\.$"):
        world.user("Ann")


def test_a_user_needs_an_account(world):
    with pytest.raises(EntityNotFound):
        world.user("ann", "999999999999")


@pytest.mark.parametrize("who", ["user", "root"])
def test_nobody_has_more_than_two_access_keys(world, who):
    owner = world.user("ann") if who == "user" else root_of(ACCOUNT)
    made = [world.key(owner), world.key(owner)]

    with pytest.raises(TooManyKeys, match="Cannot exceed quota for AccessKeysPerUser: 2"):
        world.key(owner)

    with world.database.reading() as tx:
        assert {key.id for key in credentials.page(tx, owner)} == {key.id for key in made}


def test_keys_of_root_and_of_users_are_counted_apart(world):
    ann = world.user("ann")

    made = [world.key(owner).id for owner in (ann, ann, root_of(ACCOUNT), root_of(ACCOUNT))]

    assert len(set(made)) == 4


@pytest.mark.parametrize("key_id", ["AKIAIOSFODNN7EXAMPLE", "AKIAI44QH8DHBEXAMPLE", "AKIDEXAMPLE"])
def test_abuse_75_example_keys_are_refused(world, key_id):
    with pytest.raises(ExampleKey):
        world.database.write(
            lambda tx: credentials.create(tx, root_of(ACCOUNT), vault=world.vault, key=NewKey(key_id, "x" * 40))
        )


def test_a_key_from_elsewhere_is_taken_over_once(world):
    def take(tx):
        return credentials.create(tx, root_of(ACCOUNT), vault=world.vault, key=NewKey("FOOBARKEY", "FOOBARSECRET"))

    world.database.write(take)

    found = world.directory().credential("FOOBARKEY")
    assert found is not None
    assert found.secret == "FOOBARSECRET"
    with pytest.raises(EntityAlreadyExists):
        world.database.write(take)


def test_a_key_that_is_not_there_can_be_neither_switched_nor_deleted(world):
    with pytest.raises(KeyNotFound):
        world.database.write(lambda tx: credentials.switch(tx, "AKIAAAAAAAAAAAAAAAAA", active=False))
    with pytest.raises(KeyNotFound):
        world.database.write(lambda tx: credentials.remove(tx, "AKIAAAAAAAAAAAAAAAAA"))


def test_a_secret_is_not_in_the_database_as_it_is(world, tmp_path):
    key = world.key(world.user("ann"))

    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir())

    assert key.id.encode() in stored
    assert key.secret.encode() not in stored

"""What a process knows of identities, and how soon it learns of changes."""

import threading

import pytest
from cryptography.exceptions import InvalidTag

from entrepot.database import Database
from entrepot.identity import accounts, credentials, users
from tests.support.identities import dismiss

ACCOUNT = "123456789012"


def test_an_access_key_is_found_with_its_secret_and_its_owner(world):
    ann = world.user("ann")
    key = world.key(ann)

    found = world.directory().credential(key.id)

    assert found is not None
    assert (found.secret, found.active, found.principal) == (key.secret, True, ann)


def test_a_root_key_belongs_to_the_root_user_of_its_account(world):
    directory = world.directory()
    root = directory.principal(ACCOUNT)
    assert root is not None
    key = world.key(root)

    found = directory.credential(key.id)

    assert found is not None
    assert found.principal.arn == "arn:aws:iam::123456789012:root"
    assert found.principal.kind == "root"


def test_nobody_is_found_by_an_unknown_id(world):
    directory = world.directory()

    assert directory.credential("AKIAAAAAAAAAAAAAAAAA") is None
    assert directory.principal("AIDAAAAAAAAAAAAAAAAAA") is None
    assert directory.principal("999999999999") is None


def test_what_another_process_changes_is_seen_at_the_next_question(world, tmp_path):
    directory = world.directory()
    ann = world.user("ann")
    key = world.key(ann)
    assert directory.credential(key.id) is not None
    elsewhere = Database(tmp_path / "entrepot.sqlite")

    elsewhere.write(lambda tx: credentials.switch(tx, key.id, active=False))
    switched = directory.credential(key.id)
    elsewhere.write(lambda tx: dismiss(tx, users.get(tx, ACCOUNT, name="ann")))
    elsewhere.close()

    assert switched is not None
    assert not switched.active
    assert directory.credential(key.id) is None
    assert directory.principal(ann.id) is None


def test_every_thread_sees_a_change(world):
    directory = world.directory()
    key = world.key(world.user("ann"))
    seen = []
    before, after = threading.Barrier(2), threading.Barrier(2)

    def watch():
        seen.append(directory.credential(key.id))
        before.wait()
        after.wait()
        seen.append(directory.credential(key.id))

    thread = threading.Thread(target=watch)
    thread.start()
    before.wait()
    world.database.write(lambda tx: credentials.remove(tx, key.id))
    assert directory.credential(key.id) is None
    after.wait()
    thread.join()

    assert seen[0] is not None
    assert seen[1] is None


def test_a_commit_that_changes_no_identity_leaves_the_generation_alone(world):
    directory = world.directory()
    before = directory.generation()

    world.database.write(lambda tx: tx.run(accounts._PUT, id="000000000001", name="past the door", created_at=0.0))

    assert directory.generation() == before


def test_every_change_of_identities_raises_the_generation(world):
    directory = world.directory()
    generations = [directory.generation()]
    vault = world.vault

    def step(work):
        result = world.database.write(work)
        generations.append(directory.generation())
        return result

    step(accounts.create)
    ann = step(lambda tx: users.create(tx, ACCOUNT, name="ann").principal)
    key = step(lambda tx: credentials.create(tx, ann, vault=vault))
    step(lambda tx: credentials.switch(tx, key.id, active=False))
    step(lambda tx: credentials.remove(tx, key.id))
    step(lambda tx: dismiss(tx, users.get(tx, ACCOUNT, name="ann")))

    assert generations == sorted(set(generations))


def test_a_secret_moved_to_another_row_does_not_open(world):
    """Rows cannot be swapped, because the seal covers the access key's id."""
    sealed = world.vault.seal("AKIAONE000000000", "secret")

    assert world.vault.open("AKIAONE000000000", sealed) == "secret"
    with pytest.raises(InvalidTag):
        world.vault.open("AKIATWO000000000", sealed)

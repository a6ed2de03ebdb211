"""Which documents decide about a principal."""

import json

import pytest
from sqlalchemy import update

from entrepot.database import Statement
from entrepot.identity import attachments, boundaries, groups, inline_policies, managed, policies, roles, users
from entrepot.identity.tables import roles as role_rows
from tests.unit.identity.conftest import ACCOUNT

TRUST = '{"Version":"2012-10-17","Statement":[]}'
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


def allowing(action):
    statement = {"Effect": "Allow", "Action": action, "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def tx(world):
    """Runs a function in a transaction of its own."""
    return world.database.write


def documents(world, principal_id):
    with world.database.reading() as tx:
        return policies.documents_of(tx, principal_id)


def test_a_user_has_its_own_documents_and_those_of_its_groups(world, tx):
    def make(tx):
        user = users.create(tx, ACCOUNT, name="ann")
        group = groups.create(tx, ACCOUNT, name="people")
        other = groups.create(tx, ACCOUNT, name="others")
        groups.join(tx, group, user)
        policy = policies.create(tx, ACCOUNT, name="managed", document=allowing("s3:A"))
        inline_policies.put(tx, user.id, "own", document=allowing("s3:B"), kind="user", owner="ann")
        inline_policies.put(tx, group.id, "ours", document=allowing("s3:C"), kind="group", owner="people")
        inline_policies.put(tx, other.id, "theirs", document=allowing("s3:D"), kind="group", owner="others")
        attachments.attach(tx, user.id, policy.arn, kind="User", account=ACCOUNT)
        attachments.attach(tx, group.id, READ_ONLY, kind="Group", account=ACCOUNT)
        return user, policy

    user, policy = tx(make)
    found, read_only = documents(world, user.id), managed.find(READ_ONLY)

    assert read_only is not None
    assert {(grant.name, grant.arn, grant.text) for grant in found.identity} == {
        ("own", "", allowing("s3:B")),
        ("ours", "", allowing("s3:C")),
        ("managed", policy.arn, allowing("s3:A")),
        ("ReadOnlyAccess", READ_ONLY, read_only.document),
    }
    assert found.boundary is None


def test_the_version_in_force_is_what_counts(world, tx):
    def make(tx):
        role = roles.create(tx, ACCOUNT, name="node", trust=TRUST)
        policy = policies.create(tx, ACCOUNT, name="managed", document=allowing("s3:A"))
        attachments.attach(tx, role.id, policy.arn, kind="Role", account=ACCOUNT)
        boundaries.put(tx, role, policy.arn)
        policies.add_version(tx, policy, allowing("s3:B"), is_default=False)
        return role, policy

    role, policy = tx(make)
    before = documents(world, role.id)
    tx(lambda tx: policies.set_default(tx, policy, "v2"))
    after = documents(world, role.id)

    assert [grant.text for grant in (*before.identity, before.boundary)] == [allowing("s3:A")] * 2
    assert [grant.text for grant in (*after.identity, after.boundary)] == [allowing("s3:B")] * 2


def test_a_boundary_that_cannot_be_read_allows_nothing(world, tx):
    """It cannot be deleted while it is one; but nobody should be freed by a row that is lost."""
    role = tx(lambda tx: roles.create(tx, ACCOUNT, name="node", trust=TRUST, boundary=READ_ONLY))

    tx(lambda tx: tx.run(Statement(update(role_rows).values(boundary="arn:aws:iam::aws:policy/Lost"))))
    boundary = documents(world, role.id).boundary

    assert json.loads(boundary.text)["Statement"] == [{"Effect": "Deny", "Action": "*", "Resource": "*"}]


def test_somebody_unknown_has_no_documents(world):
    assert documents(world, "AIDANOBODY") == ((), None)


CHANGES = {
    "attach": lambda tx, user, policy: attachments.attach(tx, user.id, policy.arn, kind="User", account=ACCOUNT),
    "put": lambda tx, user, policy: inline_policies.put(
        tx, user.id, "own", document=allowing("s3:B"), kind="user", owner="ann"
    ),
    "bound": lambda tx, user, policy: boundaries.put(tx, user, policy.arn),
    "version": lambda tx, user, policy: policies.add_version(tx, policy, allowing("s3:B"), is_default=True),
    "remove": lambda tx, user, policy: policies.remove(tx, policy),
    "role": lambda tx, user, policy: roles.create(tx, ACCOUNT, name="node", trust=TRUST),
}


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_makes_all_forget_what_they_knew(world, tx, change):
    user = tx(lambda tx: users.create(tx, ACCOUNT, name="ann"))
    policy = tx(lambda tx: policies.create(tx, ACCOUNT, name="managed", document=allowing("s3:A")))
    directory = world.directory()
    before = directory.generation()

    tx(lambda tx: CHANGES[change](tx, user, policy))

    assert directory.generation() != before

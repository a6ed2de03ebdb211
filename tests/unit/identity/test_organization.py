"""The organization's tree, and what the policies along it leave to an account."""

import pytest
from sqlalchemy import insert

from entrepot.database import Statement
from entrepot.identity import accounts, organization
from entrepot.identity.organization import RCP, SCP, Limits
from entrepot.identity.organization_faults import (
    AlreadyInOrganization,
    Constraint,
    NotInOrganization,
    NotManagement,
    OrganizationNotEmpty,
)
from entrepot.identity.tables import organization_units

ACCOUNT = "123456789012"
MEMBER = "210987654321"

_UNIT = Statement(insert(organization_units))
FULL, RCP_FULL = (organization.FULL[kind][1] for kind in (SCP, RCP))


@pytest.fixture
def write(world):
    return world.database.write


@pytest.fixture
def made(write):
    return write(lambda tx: organization.create(tx, ACCOUNT, default_account=ACCOUNT))


@pytest.fixture
def member(write, made):
    def work(tx):
        accounts.create(tx, account=MEMBER)
        organization.join(tx, made, MEMBER, email="a@example.com", by="CREATED")

    write(work)
    return MEMBER


def test_an_account_outside_is_not_limited(write, made):
    assert write(lambda tx: organization.limits_of(tx, MEMBER)) == Limits()


def test_a_new_organization_enables_no_policies(write, made, member):
    limits = write(lambda tx: organization.limits_of(tx, member))

    assert limits == Limits(made.id, f"{made.id}/{made.root_id}/")


def test_the_management_account_is_never_limited(write, made):
    write(lambda tx: organization.put_types(tx, (SCP, RCP)))

    limits = write(lambda tx: organization.limits_of(tx, ACCOUNT))

    assert limits == Limits(made.id, f"{made.id}/{made.root_id}/", management=True)


def test_each_level_from_the_root_down_has_its_policies(write, made, member):
    def work(tx):
        organization.put_types(tx, (SCP, RCP))
        enabled = organization.of(tx, ACCOUNT)
        tx.run(_UNIT, id="ou-1", parent_id=made.root_id, name="a", created_at=0.0)
        organization.allow_all(tx, enabled, made.root_id)
        organization.allow_all(tx, enabled, "ou-1")
        accounts.create(tx, account="000000000001")
        organization.join(tx, enabled, "000000000001", email="b@example.com", by="CREATED")
        tx.run(organization._LEAVE, account="000000000001")
        row = {"account": "000000000001", "parent_id": "ou-1", "email": "b@example.com", "joined_at": 0.0}
        tx.run(organization._JOIN, **row, joined_by="CREATED", status="ACTIVE")
        return organization.limits_of(tx, "000000000001")

    limits = write(work)

    assert limits.path == f"{made.id}/{made.root_id}/ou-1/"
    assert limits.scps == ((FULL,), (FULL,), (FULL,))
    assert limits.rcps == ((RCP_FULL,), (RCP_FULL,), (RCP_FULL,))


def test_a_level_without_policies_is_there_and_empty(write, made, member):
    """It denies everything below: security-design 1.3, step 4."""

    def work(tx):
        organization.put_types(tx, (SCP,))
        return organization.limits_of(tx, member)

    limits = write(work)

    assert (limits.scps, limits.rcps) == (((), ()), ())


def test_there_is_one_organization_and_an_account_is_in_it_once(write, made, member):
    with pytest.raises(AlreadyInOrganization):
        write(lambda tx: organization.create(tx, ACCOUNT, default_account=ACCOUNT))
    with pytest.raises(AlreadyInOrganization):
        write(lambda tx: organization.join(tx, made, member, email="c@example.com", by="INVITED"))
    with pytest.raises(Constraint):
        write(lambda tx: organization.create(tx, "000000000009", default_account="000000000009"))


def test_an_organization_is_managed_by_the_default_account(write):
    with pytest.raises(Constraint, match="is managed by its default account"):
        write(lambda tx: organization.create(tx, "000000000009", default_account=ACCOUNT))

    assert write(organization.find) is None


def test_only_the_management_account_manages(write, made, member):
    assert write(lambda tx: organization.managed_by(tx, ACCOUNT)) == made
    with pytest.raises(NotManagement):
        write(lambda tx: organization.managed_by(tx, member))
    with pytest.raises(NotInOrganization):
        write(lambda tx: organization.managed_by(tx, "000000000009"))


def test_an_organization_ends_when_nobody_else_is_in_it(write, made, member):
    with pytest.raises(OrganizationNotEmpty):
        write(lambda tx: organization.remove(tx, made))
    write(lambda tx: organization.leave(tx, made, member))

    write(lambda tx: organization.remove(tx, made))

    with pytest.raises(NotInOrganization):
        write(lambda tx: organization.of(tx, ACCOUNT))

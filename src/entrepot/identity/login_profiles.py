"""Passwords of users, row by row, and the rules that each account has for them."""

from dataclasses import dataclass, field

from sqlalchemy import bindparam, delete, insert, select, update

from entrepot import clock
from entrepot.database import Statement, Transaction
from entrepot.identity import accounts
from entrepot.identity.faults import (
    AlreadyModified,
    LoginProfileExists,
    LoginProfileNotFound,
    PasswordPolicyNotFound,
    PasswordPolicyNotFoundToDelete,
)
from entrepot.identity.passwords import Rules
from entrepot.identity.rows import raise_generation
from entrepot.identity.tables import login_profiles, password_policies
from entrepot.identity.users import User

_FIND = Statement(select(login_profiles).where(login_profiles.c.user_id == bindparam("user")))
_PUT = Statement(insert(login_profiles))
_CHANGE = Statement(
    update(login_profiles)
    .where(login_profiles.c.user_id == bindparam("user"))
    .values(hash=bindparam("new_hash"), reset_required=bindparam("reset"), changed_at=bindparam("at"))
)
_DELETE = Statement(delete(login_profiles).where(login_profiles.c.user_id == bindparam("user")))

_RULES = Statement(select(password_policies.c.rules).where(password_policies.c.account == bindparam("account")))
_PUT_RULES = Statement(insert(password_policies).values(account=bindparam("account"), rules=bindparam("rules")))
_DELETE_RULES = Statement(delete(password_policies).where(password_policies.c.account == bindparam("account")))


@dataclass(frozen=True, slots=True)
class LoginProfile:
    """That a user has a password. *created_at* and *changed_at* are in seconds since the epoch."""

    user_id: str
    kept: str = field(repr=False)
    reset_required: bool
    created_at: float
    changed_at: float


def find(tx: Transaction, user: User) -> LoginProfile | None:
    """A user's login profile, or None."""
    row = tx.one(_FIND, user=user.id)
    if row is None:
        return None
    return LoginProfile(user.id, row["hash"], bool(row["reset_required"]), row["created_at"], row["changed_at"])


def get(tx: Transaction, user: User) -> LoginProfile:
    """A user's login profile. Raises: LoginProfileNotFound."""
    found = find(tx, user)
    if found is None:
        raise LoginProfileNotFound(name=user.name)
    return found


def create(tx: Transaction, user: User, *, kept: str, reset_required: bool) -> LoginProfile:
    """Give a user a password, of which only *kept* is kept. Raises: LoginProfileExists."""
    if find(tx, user):
        raise LoginProfileExists(name=user.name)
    made = LoginProfile(user.id, kept, reset_required, clock.now(), clock.now())
    tx.run(
        _PUT,
        user_id=user.id,
        hash=kept,
        reset_required=int(reset_required),
        created_at=made.created_at,
        changed_at=made.changed_at,
    )
    raise_generation(tx)
    return made


def change(tx: Transaction, user: User, *, seen: LoginProfile, kept: str | None, reset_required: bool | None) -> None:
    """
    Give a user another password, or none of its own choice. *seen* is what *kept* was made from.

    Raises: LoginProfileNotFound; AlreadyModified, when it has changed since.
    """
    profile = get(tx, user)
    if profile.kept != seen.kept:
        raise AlreadyModified
    tx.run(
        _CHANGE,
        user=user.id,
        new_hash=kept or profile.kept,
        reset=int(profile.reset_required if reset_required is None else reset_required),
        at=clock.now() if kept else profile.changed_at,
    )
    raise_generation(tx)


def remove(tx: Transaction, user: User) -> None:
    """Take a user's password away. Raises: LoginProfileNotFound."""
    if not tx.run(_DELETE, user=user.id):
        raise LoginProfileNotFound(name=user.name)
    raise_generation(tx)


def rules_of(tx: Transaction, account: str) -> Rules | None:
    """The account's own rules for passwords, or None."""
    row = tx.one(_RULES, account=account)
    return None if row is None else Rules.from_json(row["rules"])


def get_rules(tx: Transaction, account: str) -> Rules:
    """The account's own rules for passwords. Raises: PasswordPolicyNotFound."""
    rules = rules_of(tx, account)
    if rules is None:
        raise PasswordPolicyNotFound(account=account)
    return rules


def put_rules(tx: Transaction, account: str, rules: Rules) -> None:
    """Set the account's rules for passwords that are set from now on."""
    tx.run(_DELETE_RULES, account=account)
    tx.run(_PUT_RULES, account=account, rules=rules.as_json())
    raise_generation(tx)


def remove_rules(tx: Transaction, account: str) -> None:
    """Go back to AWS's usual rules. Raises: PasswordPolicyNotFoundToDelete."""
    if not tx.run(_DELETE_RULES, account=account):
        raise PasswordPolicyNotFoundToDelete
    raise_generation(tx)


def names_of_account(tx: Transaction, account: str) -> tuple[str, ...]:
    """What no password may be under AWS's usual rules."""
    found = accounts.find(tx, account)
    return (account, found.name) if found else (account,)

"""
The report of an account's credentials: one line of CSV for its root user and for each user.

Source: IAM user guide, "Generate credential reports for your AWS account".
"""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson
from sqlalchemy import bindparam, delete, insert, select

from entrepot import clock
from entrepot.database import Row, Statement, Transaction
from entrepot.identity import accounts, login_profiles, users
from entrepot.identity.accounts import Account
from entrepot.identity.faults import ReportExpired, ReportNotPresent
from entrepot.identity.login_profiles import LoginProfile
from entrepot.identity.passwords import Rules
from entrepot.identity.principals import root_of
from entrepot.identity.tables import access_keys, deployment
from entrepot.identity.users import User

_LIFETIME = 4 * 3600
_KEY = ("active", "last_rotated", "last_used_date", "last_used_region", "last_used_service")
_COLUMNS = (
    *("user", "arn", "user_creation_time", "password_enabled", "password_last_used", "password_last_changed"),
    *("password_next_rotation", "mfa_active"),
    *(f"access_key_{number}_{name}" for number in (1, 2) for name in _KEY),
    *("cert_1_active", "cert_1_last_rotated", "cert_2_active", "cert_2_last_rotated"),
)
_NONE = "N/A"
_KEYS_SHOWN = 2

_KEYS = Statement(
    select(access_keys)
    .where(access_keys.c.account == bindparam("account"), access_keys.c.user_id.is_not_distinct_from(bindparam("user")))
    .order_by(access_keys.c.created_at, access_keys.c.id)
    .limit(_KEYS_SHOWN)
)
_FIND = Statement(select(deployment.c.value).where(deployment.c.name == bindparam("this")))
_DELETE = Statement(delete(deployment).where(deployment.c.name == bindparam("this")))
_PUT = Statement(insert(deployment).values(name=bindparam("this"), value=bindparam("report")))


@dataclass(frozen=True, slots=True)
class Report:
    """A report and when it was made, in seconds since the epoch."""

    content: str
    made_at: float

    @property
    def is_fresh(self) -> bool:
        """Whether it may still be had, so that no new one is made."""
        return clock.now() - self.made_at < _LIFETIME


def find(tx: Transaction, account: str) -> Report | None:
    """The account's last report, or None."""
    row = tx.one(_FIND, this=_name(account))
    return None if row is None else Report(**orjson.loads(row["value"]))


def get(tx: Transaction, account: str) -> Report:
    """The account's report of the last four hours. Raises: ReportNotPresent, ReportExpired."""
    report = find(tx, account)
    if report is None:
        raise ReportNotPresent
    if not report.is_fresh:
        raise ReportExpired
    return report


def make(tx: Transaction, account: str) -> Report:
    """A report of this moment. Takes a statement or two for each user: not for the writer's thread."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows(_lines(tx, accounts.get(tx, account)))
    return Report(out.getvalue().rstrip("\n"), clock.now())


def put(tx: Transaction, account: str, report: Report) -> None:
    """Keep a report in place of the last one."""
    text = orjson.dumps({"content": report.content, "made_at": report.made_at}).decode()
    tx.run(_DELETE, this=_name(account))
    tx.run(_PUT, this=_name(account), report=text)


def _lines(tx: Transaction, account: Account) -> Iterator[list[str]]:
    keys = tx.all(_KEYS, account=account.id, user=None)
    root = root_of(account.id)
    # A root user here has keys and no password.
    yield ["<root_account>", root.arn, _time(account.created_at), "false", _NONE, _NONE, _NONE, "false", *_keys(keys)]
    rules = login_profiles.rules_of(tx, account.id)
    for user in _users(tx, account.id):
        profile = login_profiles.find(tx, user)
        keys = tx.all(_KEYS, account=account.id, user=user.id)
        yield [user.name, user.arn, _time(user.created_at), *_password(profile, rules), "false", *_keys(keys)]


def _users(tx: Transaction, account: str) -> Iterator[User]:
    after = ""
    while found := users.page(tx, account, after=after):
        yield from found
        after = found[-1].name


def _password(profile: LoginProfile | None, rules: Rules | None) -> list[str]:
    if profile is None:
        return ["false", _NONE, _NONE, _NONE]
    age = rules.max_password_age if rules else None
    next_rotation = _time(profile.changed_at + age * 86400) if age else _NONE
    return ["true", "no_information", _time(profile.changed_at), next_rotation]


def _keys(rows: Iterable[Row]) -> list[str]:
    """Ten columns for two keys, and four for certificates, which nobody has."""
    cells = [cell for row in rows for cell in _key(row)]
    absent = ["false", _NONE, _NONE, _NONE, _NONE]
    while len(cells) < _KEYS_SHOWN * len(absent):
        cells += absent
    return [*cells, "false", _NONE, "false", _NONE]


def _key(row: Row) -> list[str]:
    used = row["last_used_at"]
    return [
        "true" if row["active"] else "false",
        _time(row["created_at"]),
        _time(used) if used else _NONE,
        row["last_used_region"] or _NONE,
        row["last_used_service"] or _NONE,
    ]


def _time(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")


def _name(account: str) -> str:
    return f"credential-report/{account}"

"""
How many bytes accounts store, and how many they may.

    stored = the size of each blob of the account, once in every domain
           + what is counted for each of its uploads: bytes that are here, and such as a request is about to bring

A row says so for each account that has a quota, or had one: it is summed up once, when there is a first reason to.
From then on it is changed in the transaction that changes what it sums up, so nobody scans anything to know it, and
after a crash it is right. Where there is no row, nothing is counted, and pushes learn that from the statements that
they run anyway. Under a quota, the bytes of an upload are counted before they are written: many uploads at a time
cannot get beyond it together.

What a program of the release before writes beside this one is not counted. ``mend`` makes up for that, with each
garbage collection. Source: ours; Amazon ECR has no such quota, and bills the same bytes.
"""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import bindparam, cast, func, insert, literal_column, select, union_all, update

from entrepot.database import Database, Integer, Row, Statement, Transaction
from entrepot.errors import LimitExceeded
from entrepot.registry.faults import UploadBusy
from entrepot.registry.tables import blobs, quotas, uploads

# How far bytes that come are counted ahead, so that not every piece of them costs a transaction.
_AHEAD = 16 << 20
# Where nobody says how many come, no more than this part of the room is taken ahead: others would lack it.
_SHARE = 64
_DIGITS = 12  # of an account

_PAGE = 1000
_SAID = (quotas.c.stored, quotas.c.quota)

_THIS = quotas.c.account == bindparam("account")

#: What a statement about an account may return besides: whether it has a row, which spares most pushes a look at it.
IS_COUNTED = select(quotas.c.mended).where(_THIS).scalar_subquery().label("is_counted")

_FIND = Statement(select(*_SAID).where(_THIS))
_LIST = Statement(
    select(quotas.c.account, quotas.c.stored, quotas.c.quota)
    .where(quotas.c.account > bindparam("after"))
    .order_by(quotas.c.account)
    .limit(_PAGE)
)
_ADD = Statement(update(quotas).where(_THIS).values(stored=quotas.c.stored + bindparam("more")).returning(*_SAID))
_BEGIN = Statement(insert(quotas).values(account=bindparam("account"), stored=bindparam("sum"), mended=0))
_SET = Statement(update(quotas).where(_THIS).values(quota=bindparam("own")))
# What is behind an account and before a slash is all its domains.
_SUM = Statement(
    select(
        cast(
            select(func.coalesce(func.sum(blobs.c.size), 0))
            .where(blobs.c.domain >= bindparam("account"), blobs.c.domain < bindparam("end"))
            .scalar_subquery()
            + select(func.coalesce(func.sum(uploads.c.counted), 0))
            .where(uploads.c.account == bindparam("account"))
            .scalar_subquery(),
            Integer,
        )
    )
)
_HOLD = Statement(
    update(uploads)
    .where(uploads.c.id == bindparam("upload"), uploads.c.writer == bindparam("by"))
    .values(counted=bindparam("until"), account=bindparam("of"))
)


class Standing(NamedTuple):
    """What an account stores, in bytes, and its *own* quota: None: the deployment's, 0: none."""

    account: str
    stored: int
    own: int | None


def add(tx: Transaction, account: str, more: int, *, default: int | None = None) -> None:
    """
    Count *more* bytes, fewer than none where some have gone.

    *default* is the quota of accounts that have none of their own, 0 being none; None: what comes has been checked.
    Raises: LimitExceeded, when these are too many.
    """
    if more == 0:
        return
    row = tx.one(_ADD, account=account, more=more)
    if row is None and default:
        begin(tx, account)  # *more* is in the sum
        row = tx.one(_FIND, account=account)
    left = None if row is None or default is None or more < 0 else _left(row, default)
    if left is not None and left < 0:
        raise _reached(account, left + more)


def add_where(tx: Transaction, account: str, more: int, *, returned: Row, default: int | None) -> None:
    """``add`` after a statement that has *returned* ``IS_COUNTED``."""
    if returned["is_counted"] is not None or default:
        add(tx, account, more, default=default)


def give_back(tx: Transaction, gone: Iterable[tuple[str, int]]) -> None:
    """Count less, for each account and a number of bytes that it has no more."""
    fewer: Counter[str] = Counter()
    for account, size in gone:
        fewer[account] += size
    for account, size in sorted(fewer.items()):
        add(tx, account, -size)


def begin(tx: Transaction, account: str) -> None:
    """Count for an account from now on, if nobody does yet. It looks at all its blobs."""
    if tx.one(_FIND, account=account) is None:
        tx.run(_BEGIN, account=account, sum=_sum(tx, account))


def demand_room(tx: Transaction, account: str, *, returned: Row, default: int) -> None:
    """After a statement that has *returned* ``IS_COUNTED``. Raises: LimitExceeded, when nothing more may be stored."""
    row = None if returned["is_counted"] is None else tx.one(_FIND, account=account)
    left = None if row is None else _left(row, default)
    if left is not None and left <= 0:
        raise _reached(account, left)


def limits(tx: Transaction, account: str, default: int) -> bool:
    """Whether an account has a quota."""
    row = tx.one(_FIND, account=account)
    return bool(default if row is None or row["quota"] is None else row["quota"])


def hold(
    tx: Transaction, account: str, upload: str, *, by: str, counted: int, now: int, total: int | None, default: int
) -> int:
    """
    Count what an upload is about to get, at least *now* bytes altogether of what may become *total*, under a quota.

    What is counted for it from then on, of which *counted* was before. *by* holds the claim to it.
    Raises: LimitExceeded; UploadBusy, when the claim was lost.
    """
    begin(tx, account)
    row = tx.one(_FIND, account=account)
    left = None if row is None else _left(row, default)
    if left is None:  # it has just been taken away
        return counted
    most = counted + left
    if max(now, total or 0) > most:
        raise _reached(account, left)
    ahead = min(_AHEAD, (most - now) // _SHARE) if total is None else min(_AHEAD, max(0, total - now))
    if not tx.run(_HOLD, upload=upload, by=by, until=now + ahead, of=account):
        raise UploadBusy(upload=upload)
    add(tx, account, now + ahead - counted)
    return now + ahead


def account_of(domain: str) -> str:
    """The account to which a domain of blobs belongs."""
    return domain[:_DIGITS]


def set_own(tx: Transaction, account: str, own: int | None) -> None:
    """Give an account a quota of its own; None: it has the deployment's, 0: it has none."""
    begin(tx, account)
    tx.run(_SET, account=account, own=own)


def standing(tx: Transaction, account: str) -> Standing:
    """What one account stores and may. It looks at all its blobs."""
    row = tx.one(_FIND, account=account)
    return Standing(account, _sum(tx, account), row["quota"] if row else None)


def page(tx: Transaction, *, after: str = "") -> list[Standing]:
    """At most 1,000 accounts behind *after* for which is counted, by id."""
    return [Standing(*row) for row in tx.all(_LIST, after=after)]


def _sum(tx: Transaction, account: str) -> int:
    row = tx.one(_SUM, account=account, end=f"{account}/")
    return 0 if row is None else int(row[0])


def _left(row: Row, default: int) -> int | None:
    """How many bytes more may be stored, below 0 where there are too many; None: as many as anybody likes."""
    quota: int = default if row["quota"] is None else row["quota"]
    return quota - row["stored"] if quota else None


def _reached(account: str, left: int) -> LimitExceeded:
    return LimitExceeded(
        reason=f"The registry with id '{account}' has {max(left, 0)} bytes left of its quota of stored layers: "
        "delete images, and wait until garbage collection has removed their layers"
    )


# What is counted wrongly, and that it is right again.


class Wrong(NamedTuple):
    """An account for which *stored* is said, which is *missing* bytes too few; *mended*: how often it has been."""

    account: str
    stored: int
    missing: int
    mended: int


_NONE, _ONE = literal_column("0", Integer), literal_column("1", Integer)
_OF_DOMAIN = func.substr(blobs.c.domain, 1, _DIGITS)
_TOLD = union_all(
    select(
        _OF_DOMAIN.label("account"),
        func.sum(blobs.c.size).label("found"),
        *(_NONE.label(name) for name in ("stored", "mended", "rows")),
    ).group_by(_OF_DOMAIN),
    select(uploads.c.account, uploads.c.counted, _NONE, _NONE, _NONE).where(uploads.c.account.is_not(None)),
    select(quotas.c.account, _NONE, quotas.c.stored, quotas.c.mended, _ONE),
).subquery()
_MISSING = func.sum(_TOLD.c.found) - func.sum(_TOLD.c.stored)
# One statement, so that both sides are of one moment.
_WRONG = Statement(
    select(
        _TOLD.c.account,
        cast(func.sum(_TOLD.c.stored), Integer).label("stored"),
        cast(_MISSING, Integer).label("missing"),
        cast(func.sum(_TOLD.c.mended), Integer).label("mended"),
    )
    .group_by(_TOLD.c.account)
    .having(func.sum(_TOLD.c.rows) > 0, _MISSING != 0)
    .order_by(_TOLD.c.account)
)
_MEND = Statement(
    update(quotas)
    .where(_THIS, quotas.c.mended == bindparam("seen"))
    .values(stored=quotas.c.stored + bindparam("missing"), mended=quotas.c.mended + 1)
)


def wrong(tx: Transaction) -> list[Wrong]:
    """Accounts that have a row whose number is not what they store. It looks at every blob, where there is a row."""
    if not page(tx):
        return []
    return [Wrong(*row) for row in tx.all(_WRONG)]


def mend(database: Database) -> None:
    """
    Bring every account's number to what it stores, while pushes go on.

    What is missing stays the same whatever is pushed and counted between the look and the correction; and who has
    looked at the same time corrects nothing twice.
    """
    with database.reading() as tx:
        found = wrong(tx)
    if found:
        database.write(lambda tx: _correct(tx, found))


def count_anew(tx: Transaction) -> None:
    """The same in one transaction, for those that keep all others away."""
    _correct(tx, wrong(tx))


def _correct(tx: Transaction, found: list[Wrong]) -> None:
    for each in found:
        tx.run(_MEND, account=each.account, missing=each.missing, seen=each.mended)

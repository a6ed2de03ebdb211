"""
Re-encryption: stored bytes brought to how they shall lie now, while pushes, pulls and collections go on.

A blob is read, verified, and written anew as a push would: under a new key of the store, with a secret of its own. Then
its row is made to name the new object, if it still names the old one, which stays for pulls that have begun until
``garbage`` removes it. So an envelope is never changed in place, and nothing is ever sealed twice under one secret.

What is not as it shall be is looked for, so a run may begin anew or go on where another one came to. One that was cut
short leaves an upload or an object that nobody names, as a push does. Source: ours; docs/decisions/0001.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from sqlalchemy import LargeBinary, bindparam, cast, func, insert, select, update

from entrepot import clock
from entrepot.database import Integer, Row, Statement, Transaction
from entrepot.errors import NoSpace
from entrepot.keys.faults import KmsUnavailable
from entrepot.registry.blobs import CONTENT, opened
from entrepot.registry.tables import blobs, manifests, replaced, uploads
from entrepot.runtime import Runtime
from entrepot.sealing.at_rest import ROW_HEAD, row_version, sealed_size_of
from entrepot.sealing.envelope import SealBroken
from entrepot.storage.digesting import digest_of

_PAGE = 500
_ROWS_AT_ONCE = 50  # of up to `inline_limit` bytes each: some milliseconds, in which pushes wait
_SERVICE = "service"

# How many of them are told each by a sentence: verification names all.
_NAMED_AT_MOST = 100

Progress = Callable[[int, int], None]

_ALL = Statement(
    select(
        cast(func.coalesce(func.sum(blobs.c.size), 0), Integer).label("size"),
        func.coalesce(func.max(blobs.c.id), 0).label("last"),
    )
)
_BLOBS = Statement(
    select(
        *(blobs.c.id, blobs.c.domain, blobs.c.digest, blobs.c.size, blobs.c.key, blobs.c.sealing),
        func.substr(blobs.c.content, 1, ROW_HEAD, type_=LargeBinary).label("head"),
    )
    .where(blobs.c.id > bindparam("after"), blobs.c.id <= bindparam("last"))
    .order_by(blobs.c.id)
    .limit(_PAGE)
)
_UPLOADS = Statement(
    select(
        uploads.c.id,
        uploads.c.sealed_size,
        func.substr(uploads.c.content, 1, ROW_HEAD, type_=LargeBinary).label("head"),
    )
    .where(uploads.c.id > bindparam("after"), uploads.c.sealed_size.is_not(None))
    .order_by(uploads.c.id)
    .limit(_PAGE)
)
# Those of repositories whose bytes are sealed twice.
_MANIFESTS = Statement(
    select(
        *(manifests.c.id, manifests.c.digest),
        func.substr(manifests.c.content, 1, ROW_HEAD, type_=LargeBinary).label("head"),
    )
    .where(manifests.c.id > bindparam("after"), manifests.c.sealed_of.is_not(None))
    .order_by(manifests.c.id)
    .limit(_PAGE)
)
_TEXT = Statement(select(manifests.c.content).where(manifests.c.id == bindparam("manifest")))
_SWAP_TEXT = Statement(
    update(manifests).where(manifests.c.id == bindparam("manifest")).values(content=bindparam("new_content"))
)
_SWAP_OBJECT = Statement(
    update(blobs)
    .where(blobs.c.id == bindparam("blob"), blobs.c.key == bindparam("old"))
    .values(key=bindparam("new"), sealing=bindparam("new_sealing"))
)
_SWAP_CONTENT = Statement(
    update(blobs)
    .where(blobs.c.id == bindparam("blob"), blobs.c.key.is_(None))
    .values(content=bindparam("new_content"), sealing=bindparam("new_sealing"))
)
_NAMED = Statement(select(blobs.c.key).where(blobs.c.id == bindparam("blob")))
_REPLACED = Statement(insert(replaced).values(key=bindparam("old"), replaced_at=bindparam("at")))


@dataclass(slots=True)
class Course:
    """
    How far a run came: up to the blob with the id *after*, *seen* of *total* bytes.

    *blobs* were written anew, of so many bytes (*size*); *damaged* ones could not be, with a sentence for each of the
    first hundred.
    """

    after: int = 0
    seen: int = 0
    total: int = 0
    blobs: int = 0
    size: int = 0
    damaged: int = 0
    damage: tuple[str, ...] = ()


def reencrypt(
    runtime: Runtime, watch: Callable[[Course], None], *, seal: bool | None, course: Course | None = None
) -> Course:
    """
    Write every blob anew that is not sealed under the newest service key, or is not as *seal* says.

    *seal* is whether blobs shall be sealed; None: each stays sealed or plain. Those under a customer's key stay under
    it, and are written anew where they are sealed by us as well. *course* is that of a run to go on with. *watch* is
    told of it some times in a second, and ends it by raising. Doing it twice, or stopping anywhere, does no harm.
    Raises: NoSpace, StoreUnavailable.
    """
    course = course or Course()
    run = _Run(runtime, course, watch, seal=seal)
    all_ = runtime.database.look(_ALL)
    assert all_ is not None  # it counts
    for page in _pages(runtime, _BLOBS, after=course.after, last=all_["last"]):
        run.renew_contents([row for row in page if row["key"] is None])
        for row in page:
            if row["key"] is not None:
                run.renew_object(row)
            course.after, course.seen = row["id"], course.seen + row["size"]
            course.total = max(course.seen, all_["size"])
            watch(course)
    run.renew_manifests()
    return course


def versions(runtime: Runtime, progress: Progress) -> dict[int, int]:
    """How many blobs, manifests and uploads are sealed under each version of the root key. It looks at each of them."""
    found: Counter[int] = Counter()
    all_ = runtime.database.look(_ALL)
    assert all_ is not None  # it counts
    seen = 0
    for page in _pages(runtime, _BLOBS, after=0, last=all_["last"]):
        found.update(version for row in page if (version := _version(runtime, row)) is not None)
        seen += sum(row["size"] for row in page)
        progress(seen, max(seen, all_["size"]))
    for page in _pages(runtime, _MANIFESTS, after=0):
        found.update(version for row in page if (version := row_version(row["head"])) is not None)
    for page in _pages(runtime, _UPLOADS, after=""):
        found.update(version for row in page if (version := _upload_version(runtime, row)) is not None)
    return found


class _Run:
    """One pass over all blobs, which tells its course."""

    def __init__(self, runtime: Runtime, course: Course, watch: Callable[[Course], None], *, seal: bool | None) -> None:
        self._runtime, self._seal = runtime, seal
        self._course, self._watch = course, partial(watch, course)

    def renew_contents(self, rows: list[Row]) -> None:
        """Seal the bytes in these rows anew, as far as they need it."""
        wrong = [row for row in rows if not self._is_right(row)]
        for begin in range(0, len(wrong), _ROWS_AT_ONCE):
            batch = wrong[begin : begin + _ROWS_AT_ONCE]
            done, failed = self._runtime.database.write(partial(self._renew_batch, rows=batch))
            for row in done:
                self._count(row)
            for row, error in failed:
                self._report(row, error)
            self._watch()

    def renew_object(self, row: Row) -> None:
        """Write an object anew, if it needs that. Raises: NoSpace, StoreUnavailable."""
        runtime, sealing = self._runtime, self._wanted(row)
        try:
            if self._is_right(row):
                return
            _demand_space(runtime, row["size"])
            new = _written(runtime, row, sealing=sealing, watch=self._watch)
        except (OSError, KmsUnavailable) as error:
            self._report(row, error)
            return
        if runtime.database.write(partial(_swap, row=row, new=new, sealing=sealing)):
            self._count(row)
        else:
            runtime.store.delete(new)

    def renew_manifests(self) -> None:
        """Seal the texts anew that are sealed under an older key of ours, around that of a customer."""
        for page in _pages(self._runtime, _MANIFESTS, after=0):
            for row in page:
                if row_version(row["head"]) not in (None, self._runtime.root_key.seals):
                    self._runtime.database.write(partial(_renew_text, runtime=self._runtime, row=row))
                    self._watch()

    def _renew_batch(self, tx: Transaction, rows: list[Row]) -> tuple[list[Row], list[tuple[Row, OSError]]]:
        done, failed = [], []
        for row in rows:
            try:
                if _renew_content(tx, self._runtime, row, sealing=self._wanted(row)):
                    done.append(row)
            except OSError as error:
                failed.append((row, error))
        return done, failed

    def _wanted(self, row: Row) -> str | None:
        """How the blob shall be sealed, as its row says it."""
        sealing: str | None = row["sealing"]
        if self._seal is None or sealing not in (None, _SERVICE):
            return sealing
        return _SERVICE if self._seal else None

    def _is_right(self, row: Row) -> bool:
        if row["sealing"] != self._wanted(row):
            return False
        return _version(self._runtime, row) in (None, self._runtime.root_key.seals)

    def _count(self, row: Row) -> None:
        self._course.blobs, self._course.size = self._course.blobs + 1, self._course.size + row["size"]

    def _report(self, row: Row, error: OSError | KmsUnavailable) -> None:
        found, course = self._runtime.database.look(_NAMED, blob=row["id"]), self._course
        if found is None or found["key"] != row["key"]:
            return  # it is gone, or has been replaced meanwhile
        sentence = f"blob {row['digest']} of {row['domain']} is left as it is: {error}"
        if sentence not in course.damage:  # else a run that was cut short has seen it too
            course.damaged += 1
            course.damage = (*course.damage, sentence)[:_NAMED_AT_MOST]


def _version(runtime: Runtime, row: Row) -> int | None:
    """The version a blob needs; None for one that is plain, empty, lost, or a customer's alone. Raises: OSError."""
    if row["sealing"] is None:
        return None
    if row["key"] is None:
        return row_version(row["head"]) if row["head"] else None
    try:
        return runtime.at_rest.version_of(row["key"])
    except (FileNotFoundError, SealBroken):
        return None


def _upload_version(runtime: Runtime, row: Row) -> int | None:
    if row["head"]:
        return row_version(row["head"])
    try:
        return runtime.at_rest.version_of_upload(row["id"]) if row["sealed_size"] else None
    except (FileNotFoundError, SealBroken):
        return None


def _renew_content(tx: Transaction, runtime: Runtime, row: Row, *, sealing: str | None) -> bool:
    """Whether the row still had bytes to seal. Raises: SealBroken."""
    found = tx.one(CONTENT, blob=row["id"])
    if found is None or found["content"] is None:
        return False
    if found["sealing"] not in (None, _SERVICE):
        content = runtime.at_rest.renewed_row(bytes(found["content"]), row["digest"])
    else:
        plain = opened(runtime.at_rest, found, row["digest"])
        content = runtime.at_rest.into_row(plain, row["digest"], sealed=sealing is not None)
    return tx.run(_SWAP_CONTENT, blob=row["id"], new_content=content, new_sealing=sealing) > 0


def _renew_text(tx: Transaction, runtime: Runtime, row: Row) -> None:
    found = tx.one(_TEXT, manifest=row["id"])
    if found is not None:
        content = runtime.at_rest.renewed_row(bytes(found["content"]), row["digest"])
        tx.run(_SWAP_TEXT, manifest=row["id"], new_content=content)


def _written(runtime: Runtime, row: Row, *, sealing: str | None, watch: Callable[[], None]) -> str:
    """The key of a new object with the blob's bytes, whose digest is right. Raises: OSError, KmsUnavailable."""
    at_rest, upload = runtime.at_rest, clock.new_uuid()
    customer = None if sealing in (None, _SERVICE) else at_rest.customer_of(row["key"])
    try:
        with at_rest.append(upload, 0, None if sealing is None else 0, customer=customer) as appending:

            def pieces() -> Iterator[bytes]:
                for piece in at_rest.read(row["key"], sealed=row["sealing"] is not None):
                    appending.write(piece)
                    yield piece
                    watch()

            digest = digest_of(pieces(), row["digest"].partition(":")[0])
            appending.commit()
        if digest != row["digest"]:
            raise OSError(f"its bytes have the digest {digest}")
        size = sealed_size_of(appending)
        return at_rest.finish(upload, row["domain"], digest, sealed_size=size, customer=customer)
    except BaseException:
        runtime.store.abandon(upload)
        raise


def _swap(tx: Transaction, row: Row, new: str, *, sealing: str | None) -> bool:
    if not tx.run(_SWAP_OBJECT, blob=row["id"], old=row["key"], new=new, new_sealing=sealing):
        return False
    tx.run(_REPLACED, old=row["key"], at=clock.now())
    return True


def _demand_space(runtime: Runtime, size: int) -> None:
    """Raises: NoSpace."""
    free, least = runtime.store.free(), runtime.settings.least_free
    if free is not None and free - size < least:
        raise NoSpace(free=free, least=least)


def _pages(runtime: Runtime, statement: Statement, *, after: int | str, **others: int) -> Iterator[list[Row]]:
    """What is there now; what is pushed meanwhile is as pushes are."""
    while True:
        with runtime.database.reading() as tx:
            rows = tx.all(statement, after=after, **others)
        if not rows:
            return
        yield rows
        after = rows[-1]["id"]

"""What was asked to be re-encrypted: what is wanted in the end, who is at it, and where the next one goes on."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from entrepot import clock
from entrepot.database import Database
from entrepot.registry import reencryption_request as requests
from entrepot.registry.reencryption_request import Request, Superseded
from tests.support.database import database_in


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with database_in(tmp_path) as database:
        yield database


@pytest.fixture(autouse=True)
def _time() -> Iterator[None]:
    """Who travels comes back."""
    before = clock.now() - clock.ticks()
    yield
    clock.travel(before - (clock.now() - clock.ticks()))


def ask(database: Database, seal: bool | None = None, version: int = 1) -> Request:
    database.write(partial(requests.ask, seal=seal, version=version))
    return last(database)


def last(database: Database) -> Request:
    request = requests.last(database)
    assert request is not None
    return request


def test_nobody_has_asked_at_first(database: Database) -> None:
    assert requests.last(database) is None
    assert not database.write(requests.stop)


def test_one_takes_it_and_no_other_while_that_one_is_heard_of(database: Database) -> None:
    request = ask(database)

    assert requests.take(database, request, "one")
    assert not requests.take(database, request, "two")
    assert not last(database).is_free_for("two")
    clock.travel(30)
    requests.keep(database, request, "one")
    clock.travel(30)
    assert not requests.take(database, request, "two")
    clock.travel(30)
    assert last(database).is_free_for("two")
    assert requests.take(database, last(database), "two")
    with pytest.raises(Superseded):
        requests.keep(database, request, "one")


def test_who_comes_next_goes_on_where_the_last_one_came_to(database: Database) -> None:
    request = ask(database, seal=True)
    requests.take(database, request, "one")
    course = request.course
    course.after, course.seen, course.total, course.blobs, course.size = 7, 70, 100, 3, 30
    course.damaged, course.damage = 1, ("a sentence",)
    requests.keep(database, request, "one")
    course.after = 8  # of this nobody hears any more

    assert requests.take(database, last(database), "one")
    requests.leave(database, "one")
    assert requests.take(database, last(database), "two")
    found = last(database)
    assert (found.course.after, found.course.seen, found.course.total) == (7, 70, 100)
    assert (found.course.blobs, found.course.size) == (3, 30)
    assert (found.course.damaged, found.course.damage) == (1, ("a sentence",))

    requests.end(database, found, "two")
    assert last(database).ended_at is not None
    assert not requests.take(database, last(database), "three")


def test_who_asks_for_the_same_again_disturbs_nobody(database: Database) -> None:
    request = ask(database, seal=True, version=2)
    requests.take(database, request, "one")

    for seal in (True, None):
        assert ask(database, seal=seal, version=2).number == request.number
    requests.keep(database, request, "one")


def test_who_asks_for_something_else_has_it_begun_anew_by_whoever_is_at_it(database: Database) -> None:
    request = ask(database, seal=True, version=1)
    requests.take(database, request, "one")
    request.course.after = 7
    requests.keep(database, request, "one")

    other = ask(database, version=2)

    assert (other.seal, other.version, other.course.after) == (True, 2, 0)
    assert not requests.take(database, other, "two")
    with pytest.raises(Superseded):
        requests.keep(database, request, "one")
    requests.leave(database, "one")
    assert requests.take(database, other, "two")
    assert ask(database, seal=False, version=2).seal is False


def test_after_a_failure_it_is_tried_again_later_or_when_somebody_asks(database: Database) -> None:
    request = ask(database)
    requests.take(database, request, "one")
    requests.fail(database, request, "one", "no space")

    assert last(database).failure == "no space"
    assert not last(database).goes_on
    assert not last(database).is_free_for("one")
    clock.travel(61)
    assert requests.take(database, last(database), "two")
    assert last(database).goes_on
    requests.fail(database, request, "two", "no space")
    assert ask(database).goes_on
    assert requests.take(database, last(database), "one")


def test_what_is_stopped_nobody_goes_on_with_and_the_next_wish_begins_anew(database: Database) -> None:
    request = ask(database, seal=True)
    requests.take(database, request, "one")

    assert database.write(requests.stop)

    with pytest.raises(Superseded):
        requests.keep(database, request, "one")
    with pytest.raises(Superseded):
        requests.end(database, request, "one")
    assert last(database).failure == "it was stopped"
    again = ask(database)
    assert (again.seal, again.number) == (None, 2)
    assert not requests.take(database, again, "two")  # the other one is yet to hear of it
    requests.leave(database, "one")
    assert requests.take(database, again, "two")

"""Statements: what a driver gets of SQLAlchemy's constructs."""

import sqlite3

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, Text, bindparam, func, insert, select

from entrepot.database import Statement

things = Table(
    "things", MetaData(), Column("id", Integer, primary_key=True), Column("name", Text), Column("n", Integer)
)


@pytest.fixture
def connection():
    with sqlite3.connect(":memory:") as opened:
        opened.execute("CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT, n INTEGER)")
        yield opened
    opened.close()


def _run(connection, statement, **params):
    return connection.execute(*statement.bind(params)).fetchall()


def test_parameters_are_bound_by_name(connection):
    add = Statement(insert(things).values(name=bindparam("called"), n=bindparam("number")))
    _run(connection, add, called="'; DROP TABLE things; --", number=1)

    found = _run(
        connection, Statement(select(things.c.n).where(things.c.name == bindparam("x"))), x="'; DROP TABLE things; --"
    )

    assert found == [(1,)]


@pytest.mark.parametrize("value", [None, 0, "", "text", 7])
def test_literals_keep_their_values(connection, value):
    column = things.c.n if isinstance(value, int) else things.c.name
    _run(connection, Statement(insert(things).values({column.name: value, "id": bindparam("this")})), this=1)

    assert _run(connection, Statement(select(column))) == [(value,)]


def test_a_given_parameter_wins_over_a_literal_of_its_name(connection):
    statement = Statement(select(bindparam("a", 1), bindparam("b", 2)))

    assert _run(connection, statement, b=3) == [(1, 3)]


def test_a_missing_parameter_is_an_error(connection):
    statement = Statement(select(things.c.id).where(things.c.name == bindparam("name")))

    with pytest.raises(sqlite3.ProgrammingError):
        _run(connection, statement)


def test_a_statement_can_be_bound_again_and_again(connection):
    statement = Statement(select(func.upper(bindparam("text"))))

    assert [_run(connection, statement, text=text) for text in ("a", "b", "a")] == [[("A",)], [("B",)], [("A",)]]


def test_parameters_of_one_call_do_not_stay_for_the_next(connection):
    statement = Statement(select(bindparam("text", "default")))

    assert _run(connection, statement, text="given") == [("given",)]
    assert _run(connection, statement) == [("default",)]

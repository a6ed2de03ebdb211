"""
Statements: written in SQLAlchemy Core, compiled once, run on the driver's own connection.

Core's execution costs more than the rest of a pull, its compilation more still; its language is what
lets SQLite and PostgreSQL share every statement. So columns hold only what drivers give back as it is:
int, float (seconds since the epoch), str and bytes.

An INSERT with ON CONFLICT is SQLite's of SQLAlchemy, and lists come as JSON for ``json_each``:
``entrepot.postgresql.dialect`` says both in the other's words.
"""

from typing import Any

import sqlalchemy
from sqlalchemy import MetaData
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import CompilerElement

metadata = MetaData()

# 64 bits in both; SQLite numbers rows by themselves only where the type has this very name.
Integer = sqlalchemy.BigInteger().with_variant(sqlalchemy.Integer(), "sqlite")
# In the order of its bytes in both.
Text = sqlalchemy.Text().with_variant(sqlalchemy.Text(collation="C"), "postgresql")

SQLITE: Dialect = sqlite.dialect(paramstyle="named")


class Statement:
    """A statement whose parameters are its ``bindparam`` names; literals in it keep their values."""

    __slots__ = ("_construct", "_forms")

    def __init__(self, construct: CompilerElement) -> None:
        self._construct = construct
        self._forms: dict[Dialect, tuple[str, dict[str, Any]]] = {}

    def bind(self, params: dict[str, Any], dialect: Dialect = SQLITE) -> tuple[str, dict[str, Any]]:
        """The text for the driver and every parameter that it names."""
        form = self._forms.get(dialect)
        if form is None:
            form = self._forms[dialect] = self._compiled(dialect)
        sql, defaults = form
        return sql, {**defaults, **params} if defaults else params

    def _compiled(self, dialect: Dialect) -> tuple[str, dict[str, Any]]:
        """The text, and the values of its literals by name."""
        compiled = self._construct.compile(dialect=dialect)
        if not isinstance(compiled, SQLCompiler):
            raise TypeError(f"{compiled} is no statement that takes parameters")
        defaults = {name: compiled.params[name] for bind, name in compiled.bind_names.items() if not bind.required}
        return str(compiled), defaults

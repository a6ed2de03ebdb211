"""
Statements: written in SQLAlchemy Core, compiled once, run on the driver's own connection.

Core's execution costs more than the rest of a pull, its compilation more still; its language is what
lets SQLite and PostgreSQL share every statement. So columns hold only what drivers give back as it is:
int, float (seconds since the epoch), str and bytes.
"""

from typing import Any

from sqlalchemy import MetaData
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import CompilerElement

metadata = MetaData()

_DIALECT = sqlite.dialect(paramstyle="named")


class Statement:
    """A statement whose parameters are its ``bindparam`` names; literals in it keep their values."""

    __slots__ = ("_construct", "_defaults", "_sql")

    def __init__(self, construct: CompilerElement) -> None:
        self._construct = construct
        self._sql: str | None = None
        self._defaults: dict[str, Any] = {}

    def bind(self, params: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """The text for the driver and every parameter that it names."""
        if self._sql is None:
            compiled = self._construct.compile(dialect=_DIALECT)
            if not isinstance(compiled, SQLCompiler):
                raise TypeError(f"{compiled} is no statement that takes parameters")
            self._defaults = {
                name: compiled.params[name] for bind, name in compiled.bind_names.items() if not bind.required
            }
            self._sql = str(compiled)
        return self._sql, {**self._defaults, **params} if self._defaults else params

"""How our statements are said to PostgreSQL: SQLAlchemy's compiler, and what it does not know of SQLite's."""

from typing import Any

from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.functions import FunctionElement


class _Compiler(psycopg.PGCompiler_psycopg):
    def _on_conflict_target(self, clause: Any, **kw: Any) -> str:
        # SQLite's clause is the same but for the name of a constraint, which it cannot have.
        clause.constraint_target = None
        target: str = super()._on_conflict_target(clause, **kw)  # type: ignore[no-untyped-call]  # SQLAlchemy has no types there
        return target

    def visit_json_each_func(self, function: FunctionElement[Any], **kw: Any) -> str:
        """The values of a JSON list, all as text, in a column of the same name: ``value``."""
        return f"jsonb_array_elements_text(CAST({self.process(function.clause_expr, **kw)} AS JSONB))"


class _Dialect(psycopg.PGDialect_psycopg):
    statement_compiler = _Compiler
    supports_statement_cache = False  # nobody executes by it


POSTGRESQL: Dialect = _Dialect()  # type: ignore[no-untyped-call]  # nor there

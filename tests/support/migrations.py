"""A program of the next release, as far as its schema goes; and what a release may do to a schema."""

import ast
import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from entrepot.schema import migrating

VERSIONS = Path(migrating.__file__).with_name("migrations") / "versions"
NEWEST = max(file.name[:4] for file in VERSIONS.glob("[0-9]*.py"))
NEXT = f"{int(NEWEST) + 1:04}"

_STEP = """
import sqlalchemy as sa
from alembic import op

from entrepot.database.statements import Text

revision = "{next}"
down_revision = "{newest}"
{oldest}


def upgrade():
    op.create_table("moods", sa.Column("repository_id", sa.Integer(), primary_key=True), sa.Column("mood", Text))
    op.add_column("repositories", sa.Column("mood", Text, nullable=True))
    op.add_column("blobs", sa.Column("mood", Text, nullable=True))
    op.create_index("repositories_by_mood", "repositories", ["mood"], unique=False)
"""


@contextlib.contextmanager
def newer_program(monkeypatch: pytest.MonkeyPatch, folder: Path, *, oldest: str | None) -> Iterator[None]:
    """Be that of the next release, whose step goes well with *oldest*, if it says anything of that."""
    migrations = folder / f"next-{oldest}"
    if not migrations.exists():
        shutil.copytree(VERSIONS.parent, migrations)
        says = f'OLDEST = "{oldest}"' if oldest else ""
        (migrations / "versions" / f"{NEXT}_moods.py").write_text(_STEP.format(next=NEXT, newest=NEWEST, oldest=says))
    with monkeypatch.context() as patched:
        patched.setattr(migrating, "_MIGRATIONS", migrations)
        yield


def refused_in(source: str) -> list[str]:
    """What a migration does that a program which does not know of it could not go on with."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return [ast.unparse(call) for call in calls if ast.unparse(call.func).startswith("op.") and not _is_borne(call)]


def _is_borne(call: ast.Call) -> bool:
    match ast.unparse(call.func):
        case "op.create_table":
            return True
        case "op.create_index":
            return _keywords(call).get("unique") == "False"
        case "op.add_column":
            column = call.args[1]
            assert isinstance(column, ast.Call)
            return _keywords(column).get("nullable") == "True" or "server_default" in _keywords(column)
    return False


def _keywords(call: ast.Call) -> dict[str, str]:
    return {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords if keyword.arg}

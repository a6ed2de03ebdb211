"""How many bytes each account stores, and its quota; for how many an upload counts."""

import sqlalchemy as sa
from alembic import op

from entrepot.database.statements import Integer, Text

revision = "0009"
down_revision = "0008"
# It counts nothing: garbage collection makes up for that.
OLDEST = "0007"


def upgrade() -> None:
    """Nothing is counted yet: the first garbage collection does."""
    op.create_table(
        "quotas",
        sa.Column("account", Text, nullable=False),
        sa.Column("quota", Integer, nullable=True),
        sa.Column("stored", Integer, nullable=False),
        sa.Column("mended", Integer, nullable=False),
        sa.PrimaryKeyConstraint("account"),
        sqlite_with_rowid=False,
    )
    op.add_column("uploads", sa.Column("account", Text, nullable=True))
    op.add_column("uploads", sa.Column("counted", Integer, nullable=True))

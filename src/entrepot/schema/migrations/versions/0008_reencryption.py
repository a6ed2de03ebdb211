"""The re-encryption that was asked for, and how far it came."""

import sqlalchemy as sa
from alembic import op

from entrepot.database.statements import Integer, Text

revision = "0008"
down_revision = "0007"
OLDEST = "0007"


def upgrade() -> None:
    """Nobody has asked for any yet."""
    op.create_table(
        "reencryption",
        sa.Column("number", Integer, nullable=False, autoincrement=False),
        sa.Column("asked_at", sa.Float(), nullable=False),
        sa.Column("seal", Integer, nullable=True),
        sa.Column("version", Integer, nullable=False),
        *(sa.Column(name, Integer, nullable=False) for name in ("after", "seen", "total", "blobs", "size", "damaged")),
        sa.Column("damage", Text, nullable=False),
        sa.Column("worker", Text, nullable=True),
        sa.Column("worker_until", sa.Float(), nullable=False),
        sa.Column("failure", Text, nullable=True),
        sa.Column("ended_at", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("number"),
    )

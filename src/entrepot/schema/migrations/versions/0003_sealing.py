"""How bytes in the store are sealed: those of a blob, and those of an upload that are durable."""

import sqlalchemy as sa
from alembic import op

from entrepot.database.statements import Integer, Text

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("blobs", sa.Column("sealing", Text, nullable=True))
    op.add_column("uploads", sa.Column("sealed_size", Integer, nullable=True))

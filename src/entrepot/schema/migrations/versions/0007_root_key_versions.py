"""Which version of the root key has sealed a lot of material; and objects whose blobs have got others."""

import sqlalchemy as sa
from alembic import op

from entrepot.database.statements import Text

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Write version 1 before what was sealed before there were others."""
    op.create_table(
        "replaced",
        sa.Column("key", Text, nullable=False),
        sa.Column("replaced_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
        sqlite_with_rowid=False,
    )
    materials = sa.table(
        "kms_materials", sa.column("key_id"), sa.column("version"), sa.column("sealed", sa.LargeBinary)
    )
    connection = op.get_bind()
    for row in connection.execute(sa.select(materials)).all():
        this = (materials.c.key_id == row.key_id, materials.c.version == row.version)
        connection.execute(sa.update(materials).where(*this).values(sealed=b"\x01" + row.sealed))

"""Customer keys: their material, aliases and grants."""

import sqlalchemy as sa
from alembic import op

from entrepot.database.statements import Integer, Text

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create what AWS KMS keeps."""
    op.create_table(
        "kms_keys",
        sa.Column("id", Text, nullable=False),
        sa.Column("account", Text, nullable=False),
        sa.Column("region", Text, nullable=False),
        sa.Column("description", Text, nullable=False),
        sa.Column("enabled", Integer, nullable=False),
        sa.Column("policy", Text, nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("deletion_at", sa.Float(), nullable=True),
        sa.Column("rotation_days", Integer, nullable=True),
        sa.Column("rotation_at", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("kms_keys_by_registry", "kms_keys", ["account", "region", "id"], unique=False)
    op.create_table(
        "kms_materials",
        sa.Column("key_id", Text, nullable=False),
        sa.Column("version", Integer, autoincrement=False, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("rotation", Text, nullable=True),
        sa.PrimaryKeyConstraint("key_id", "version"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "kms_aliases",
        sa.Column("account", Text, nullable=False),
        sa.Column("region", Text, nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("key_id", Text, nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("updated_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("account", "region", "name"),
        sqlite_with_rowid=False,
    )
    op.create_index("kms_aliases_by_key", "kms_aliases", ["key_id", "name"], unique=False)
    op.create_table(
        "kms_grants",
        sa.Column("id", Text, nullable=False),
        sa.Column("key_id", Text, nullable=False),
        sa.Column("grantee", Text, nullable=False),
        sa.Column("retiree", Text, nullable=True),
        sa.Column("operations", Text, nullable=False),
        sa.Column("constraints", Text, nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("issuer", Text, nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("kms_grants_by_key", "kms_grants", ["key_id", "id"], unique=False)
    op.create_index("kms_grants_by_grantee", "kms_grants", ["key_id", "grantee"], unique=False)
    op.create_index("kms_grants_by_retiree", "kms_grants", ["retiree", "id"], unique=False)

"""Secrets: their sealed values and labels."""

import sqlalchemy as sa
from alembic import op

from entrepot.database.statements import Integer, Text

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create what AWS Secrets Manager keeps."""
    op.create_table(
        "secrets",
        sa.Column("arn", Text, nullable=False),
        sa.Column("account", Text, nullable=False),
        sa.Column("region", Text, nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("description", Text, nullable=False),
        sa.Column("kms_key", Text, nullable=True),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("changed_at", sa.Float(), nullable=False),
        sa.Column("deletion_at", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("arn"),
    )
    op.create_index("secrets_by_name", "secrets", ["account", "region", "name"], unique=True)
    op.create_table(
        "secret_versions",
        sa.Column("secret", Text, nullable=False),
        sa.Column("id", Text, nullable=False),
        sa.Column("kms_key", Text, nullable=True),
        sa.Column("data_key", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("is_text", Integer, nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("secret", "id"),
    )
    op.create_table(
        "secret_labels",
        sa.Column("secret", Text, nullable=False),
        sa.Column("label", Text, nullable=False),
        sa.Column("version", Text, nullable=False),
        sa.PrimaryKeyConstraint("secret", "label"),
        sqlite_with_rowid=False,
    )

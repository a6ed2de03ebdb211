"""Repositories under keys of customers: which, by what grants; and how long the text is that a manifest seals."""

import sqlalchemy as sa
from alembic import op

from entrepot.database.statements import Integer, Text

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """What there is has no customer's key."""
    op.add_column("repositories", sa.Column("encryption", Text, nullable=False, server_default="AES256"))
    op.add_column("repositories", sa.Column("kms_key", Text, nullable=True))
    op.add_column("repositories", sa.Column("kms_grants", Text, nullable=True))
    op.add_column("manifests", sa.Column("sealed_of", Integer, nullable=True))

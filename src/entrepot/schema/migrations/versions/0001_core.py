"""The first schema: identities, repositories, manifests, blobs."""

import sqlalchemy as sa
from alembic import op

from entrepot.database.statements import Integer, Text

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create every table of the first release."""
    _create_identities()
    _create_repositories()
    _create_manifests()
    _create_references()
    _create_blobs()


def _create_identities() -> None:
    """Accounts, users, access keys, and the deployment's own facts."""
    op.create_table(
        "accounts",
        sa.Column("id", Text, nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "users",
        sa.Column("id", Text, nullable=False),
        sa.Column("account", Text, nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("path", Text, nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("account", "name"),
    )
    op.create_table(
        "access_keys",
        sa.Column("id", Text, nullable=False),
        sa.Column("account", Text, nullable=False),
        sa.Column("user_id", Text, nullable=True),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("active", Integer, nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("access_keys_by_user", "access_keys", ["user_id"], unique=False)
    op.create_table(
        "deployment",
        sa.Column("name", Text, nullable=False),
        sa.Column("value", Text, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "generation",
        sa.Column("id", Integer, nullable=False),
        sa.Column("value", Integer, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )


def _create_repositories() -> None:
    """Repositories and what belongs to them alone."""
    op.create_table(
        "repositories",
        sa.Column("id", Integer, nullable=False),
        sa.Column("account", Text, nullable=False),
        sa.Column("region", Text, nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("mutability", Text, nullable=False),
        sa.Column("exclusions", Text, nullable=False),
        sa.Column("scan_on_push", Integer, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("account", "region", "name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "resource_tags",
        sa.Column("repository_id", Integer, nullable=False),
        sa.Column("key", Text, nullable=False),
        sa.Column("value", Text, nullable=False),
        sa.PrimaryKeyConstraint("repository_id", "key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "account_settings",
        sa.Column("account", Text, nullable=False),
        sa.Column("region", Text, nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("value", Text, nullable=False),
        sa.PrimaryKeyConstraint("account", "region", "name"),
        sqlite_with_rowid=False,
    )


def _create_manifests() -> None:
    """Manifests and their tags."""
    op.create_table(
        "manifests",
        sa.Column("id", Integer, nullable=False),
        sa.Column("repository_id", Integer, nullable=False),
        sa.Column("digest", Text, nullable=False),
        sa.Column("media_type", Text, nullable=False),
        sa.Column("artifact_type", Text, nullable=True),
        sa.Column("subject", Text, nullable=True),
        sa.Column("annotations", Text, nullable=True),
        sa.Column("image_size", Integer, nullable=False),
        sa.Column("pushed_at", sa.Float(), nullable=False),
        sa.Column("pulled_at", sa.Float(), nullable=True),
        sa.Column("pulls", Integer, nullable=False),
        sa.Column("status", Text, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("repository_id", "digest"),
        sqlite_autoincrement=True,
    )
    op.create_index("manifests_by_push", "manifests", ["repository_id", "pushed_at", "digest"], unique=False)
    op.create_index(
        "manifests_by_subject",
        "manifests",
        ["repository_id", "subject", "digest"],
        unique=False,
        sqlite_where=sa.text("subject IS NOT NULL"),
        postgresql_where=sa.text("subject IS NOT NULL"),
    )
    op.create_table(
        "tags",
        sa.Column("repository_id", Integer, nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("manifest_id", Integer, nullable=False),
        sa.PrimaryKeyConstraint("repository_id", "name"),
        sqlite_with_rowid=False,
    )
    op.create_index("tags_by_manifest", "tags", ["manifest_id", "name"], unique=False)


def _create_references() -> None:
    """What manifests refer to."""
    op.create_table(
        "manifest_blobs",
        sa.Column("repository_id", Integer, nullable=False),
        sa.Column("blob_id", Integer, nullable=False),
        sa.Column("manifest_id", Integer, nullable=False),
        sa.PrimaryKeyConstraint("repository_id", "blob_id", "manifest_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "children",
        sa.Column("child_id", Integer, nullable=False),
        sa.Column("parent_id", Integer, nullable=False),
        sa.PrimaryKeyConstraint("child_id", "parent_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "departed",
        sa.Column("repository_id", Integer, nullable=False),
        sa.Column("digest", Text, nullable=False),
        sa.Column("departed_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("repository_id", "digest"),
        sqlite_with_rowid=False,
    )


def _create_blobs() -> None:
    """Blobs, whose they are, and those on their way in."""
    op.create_table(
        "blobs",
        sa.Column("id", Integer, nullable=False),
        sa.Column("domain", Text, nullable=False),
        sa.Column("digest", Text, nullable=False),
        sa.Column("size", Integer, nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("key", Text, nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("domain", "digest"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "blobs_by_key",
        "blobs",
        ["key"],
        unique=True,
        sqlite_where=sa.text("key IS NOT NULL"),
        postgresql_where=sa.text("key IS NOT NULL"),
    )
    op.create_table(
        "links",
        sa.Column("repository_id", Integer, nullable=False),
        sa.Column("blob_id", Integer, nullable=False),
        sa.Column("touched_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("repository_id", "blob_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("links_by_blob", "links", ["blob_id"], unique=False)
    op.create_table(
        "uploads",
        sa.Column("id", Text, nullable=False),
        sa.Column("repository_id", Integer, nullable=False),
        sa.Column("principal", Text, nullable=False),
        sa.Column("size", Integer, nullable=False),
        sa.Column("sha256", Text, nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("parts", Integer, nullable=False),
        sa.Column("short_part", Integer, nullable=False),
        sa.Column("updated_at", sa.Float(), nullable=False),
        sa.Column("writer", Text, nullable=True),
        sa.Column("writer_until", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_with_rowid=False,
    )
    op.create_index("uploads_by_repository", "uploads", ["repository_id", "principal"], unique=False)

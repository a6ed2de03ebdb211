"""Groups, roles, policies, ways to sign in, the organization, and policies on repositories and registries."""

import sqlalchemy as sa
from alembic import op

from entrepot.database.statements import Integer, Text

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create what the policy engine decides by."""
    op.add_column("users", sa.Column("boundary", Text, nullable=True))
    op.add_column("users", sa.Column("valid_after", sa.Float(), nullable=False, server_default="0"))
    op.add_column("access_keys", sa.Column("last_used_at", sa.Float(), nullable=True))
    op.add_column("access_keys", sa.Column("last_used_region", Text, nullable=True))
    op.add_column("access_keys", sa.Column("last_used_service", Text, nullable=True))
    _create_groups_and_roles()
    _create_policies()
    _create_signing_in()
    _create_organization()
    _create_resource_policies()


def _create_groups_and_roles() -> None:
    op.create_table(
        "groups",
        sa.Column("id", Text, nullable=False),
        sa.Column("account", Text, nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("path", Text, nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("account", "name"),
    )
    op.create_table(
        "memberships",
        sa.Column("group_id", Text, nullable=False),
        sa.Column("user_id", Text, nullable=False),
        sa.PrimaryKeyConstraint("group_id", "user_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("memberships_by_user", "memberships", ["user_id"], unique=False)
    op.create_table(
        "roles",
        sa.Column("id", Text, nullable=False),
        sa.Column("account", Text, nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("path", Text, nullable=False),
        sa.Column("description", Text, nullable=False),
        sa.Column("trust", Text, nullable=False),
        sa.Column("max_session", Integer, nullable=False),
        sa.Column("boundary", Text, nullable=True),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("valid_after", sa.Float(), nullable=False),
        sa.Column("last_used_at", sa.Float(), nullable=True),
        sa.Column("last_used_region", Text, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("account", "name"),
    )
    op.create_table(
        "instance_profiles",
        sa.Column("id", Text, nullable=False),
        sa.Column("account", Text, nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("path", Text, nullable=False),
        sa.Column("role_id", Text, nullable=True),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("account", "name"),
    )


def _create_policies() -> None:
    op.create_table(
        "policies",
        sa.Column("id", Text, nullable=False),
        sa.Column("account", Text, nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("path", Text, nullable=False),
        sa.Column("arn", Text, nullable=False),
        sa.Column("description", Text, nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("updated_at", sa.Float(), nullable=False),
        sa.Column("default_version", Integer, nullable=False),
        sa.Column("latest_version", Integer, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("account", "name"),
        sa.UniqueConstraint("arn"),
    )
    op.create_table(
        "policy_versions",
        sa.Column("policy_id", Text, nullable=False),
        sa.Column("number", Integer, nullable=False),
        sa.Column("document", Text, nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("policy_id", "number"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "attachments",
        sa.Column("owner_id", Text, nullable=False),
        sa.Column("policy_arn", Text, nullable=False),
        sa.Column("attached_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("owner_id", "policy_arn"),
        sqlite_with_rowid=False,
    )
    op.create_index("attachments_by_policy", "attachments", ["policy_arn"], unique=False)
    op.create_table(
        "inline_policies",
        sa.Column("owner_id", Text, nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("document", Text, nullable=False),
        sa.PrimaryKeyConstraint("owner_id", "name"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "entity_tags",
        sa.Column("owner_id", Text, nullable=False),
        sa.Column("lower_key", Text, nullable=False),
        sa.Column("key", Text, nullable=False),
        sa.Column("value", Text, nullable=False),
        sa.Column("position", Integer, nullable=False),
        sa.PrimaryKeyConstraint("owner_id", "lower_key"),
        sqlite_with_rowid=False,
    )


def _create_signing_in() -> None:
    op.create_table(
        "login_profiles",
        sa.Column("user_id", Text, nullable=False),
        sa.Column("hash", Text, nullable=False),
        sa.Column("reset_required", Integer, nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("changed_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("user_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "password_policies",
        sa.Column("account", Text, nullable=False),
        sa.Column("rules", Text, nullable=False),
        sa.PrimaryKeyConstraint("account"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "account_aliases",
        sa.Column("account", Text, nullable=False),
        sa.Column("alias", Text, nullable=False),
        sa.PrimaryKeyConstraint("account"),
        sa.UniqueConstraint("alias"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "oidc_providers",
        sa.Column("arn", Text, nullable=False),
        sa.Column("account", Text, nullable=False),
        sa.Column("url", Text, nullable=False),
        sa.Column("client_ids", Text, nullable=False),
        sa.Column("thumbprints", Text, nullable=False),
        sa.Column("jwks", Text, nullable=True),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("arn"),
        sqlite_with_rowid=False,
    )


def _create_organization() -> None:
    op.create_table(
        "organizations",
        sa.Column("id", Text, nullable=False),
        sa.Column("management_account", Text, nullable=False),
        sa.Column("root_id", Text, nullable=False),
        sa.Column("policy_types", Text, nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "organization_units",
        sa.Column("id", Text, nullable=False),
        sa.Column("parent_id", Text, nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("parent_id", "name"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "organization_accounts",
        sa.Column("account", Text, nullable=False),
        sa.Column("parent_id", Text, nullable=False),
        sa.Column("email", Text, nullable=False),
        sa.Column("joined_at", sa.Float(), nullable=False),
        sa.Column("joined_by", Text, nullable=False),
        sa.Column("status", Text, nullable=False),
        sa.PrimaryKeyConstraint("account"),
        sqlite_with_rowid=False,
    )
    op.create_index("organization_accounts_by_parent", "organization_accounts", ["parent_id"], unique=False)
    op.create_table(
        "organization_policies",
        sa.Column("id", Text, nullable=False),
        sa.Column("kind", Text, nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("description", Text, nullable=False),
        sa.Column("document", Text, nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("kind", "name"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "organization_attachments",
        sa.Column("policy_id", Text, nullable=False),
        sa.Column("target_id", Text, nullable=False),
        sa.Column("attached_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("policy_id", "target_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("organization_attachments_by_target", "organization_attachments", ["target_id"], unique=False)


def _create_resource_policies() -> None:
    op.create_table(
        "repository_policies",
        sa.Column("repository_id", Integer, nullable=False),
        sa.Column("document", Text, nullable=False),
        sa.PrimaryKeyConstraint("repository_id"),
    )
    op.create_table(
        "registry_policies",
        sa.Column("account", Text, nullable=False),
        sa.Column("region", Text, nullable=False),
        sa.Column("document", Text, nullable=False),
        sa.PrimaryKeyConstraint("account", "region"),
        sqlite_with_rowid=False,
    )

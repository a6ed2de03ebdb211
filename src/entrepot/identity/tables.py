"""Tables of who there is and what they may: accounts, users, roles, keys, policies, and the deployment's own facts."""

from sqlalchemy import Column, Float, Index, LargeBinary, Table, UniqueConstraint

from entrepot.database import Integer, Text, metadata

accounts = Table(
    "accounts",
    metadata,
    Column("id", Text, primary_key=True),  # 12 digits
    Column("name", Text, nullable=False, unique=True),
    Column("created_at", Float, nullable=False),
)

users = Table(
    "users",
    metadata,
    Column("id", Text, primary_key=True),  # AIDA…
    Column("account", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("boundary", Text),  # the ARN of a policy
    Column("valid_after", Float, nullable=False, server_default="0"),  # sessions that were issued before are void
    UniqueConstraint("account", "name"),
)

access_keys = Table(
    "access_keys",
    metadata,
    Column("id", Text, primary_key=True),  # AKIA…
    Column("account", Text, nullable=False),
    Column("user_id", Text),  # null: the account's root user
    Column("secret", LargeBinary, nullable=False),  # sealed, with the id as associated data
    Column("active", Integer, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("last_used_at", Float),
    Column("last_used_region", Text),
    Column("last_used_service", Text),
)
Index("access_keys_by_user", access_keys.c.user_id)

groups = Table(
    "groups",
    metadata,
    Column("id", Text, primary_key=True),  # AGPA…
    Column("account", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    UniqueConstraint("account", "name"),
)

memberships = Table(
    "memberships",
    metadata,
    Column("group_id", Text, primary_key=True),
    Column("user_id", Text, primary_key=True),
    sqlite_with_rowid=False,
)
Index("memberships_by_user", memberships.c.user_id)

roles = Table(
    "roles",
    metadata,
    Column("id", Text, primary_key=True),  # AROA…
    Column("account", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("trust", Text, nullable=False),  # a policy document, as it was sent
    Column("max_session", Integer, nullable=False),  # seconds
    Column("boundary", Text),  # the ARN of a policy
    Column("created_at", Float, nullable=False),
    Column("valid_after", Float, nullable=False),  # sessions that were issued before are void
    Column("last_used_at", Float),
    Column("last_used_region", Text),
    UniqueConstraint("account", "name"),
)

policies = Table(
    "policies",
    metadata,
    Column("id", Text, primary_key=True),  # ANPA…
    Column("account", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("arn", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
    Column("default_version", Integer, nullable=False),
    Column("latest_version", Integer, nullable=False),
    UniqueConstraint("account", "name"),
    UniqueConstraint("arn"),
)

policy_versions = Table(
    "policy_versions",
    metadata,
    Column("policy_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("document", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    sqlite_with_rowid=False,
)

attachments = Table(
    "attachments",
    metadata,
    Column("owner_id", Text, primary_key=True),  # a user, group or role
    Column("policy_arn", Text, primary_key=True),  # of the account, or AWS's own
    Column("attached_at", Float, nullable=False),
    sqlite_with_rowid=False,
)
Index("attachments_by_policy", attachments.c.policy_arn)

inline_policies = Table(
    "inline_policies",
    metadata,
    Column("owner_id", Text, primary_key=True),  # a user, group or role
    Column("name", Text, primary_key=True),
    Column("document", Text, nullable=False),
    sqlite_with_rowid=False,
)

entity_tags = Table(
    "entity_tags",
    metadata,
    Column("owner_id", Text, primary_key=True),  # a user, role, policy, provider or instance profile
    Column("lower_key", Text, primary_key=True),  # keys that differ only in case are one key
    Column("key", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("position", Integer, nullable=False),  # tags are listed in the order in which they came
    sqlite_with_rowid=False,
)

login_profiles = Table(
    "login_profiles",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("hash", Text, nullable=False),
    Column("reset_required", Integer, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("changed_at", Float, nullable=False),
    sqlite_with_rowid=False,
)

password_policies = Table(
    "password_policies",
    metadata,
    Column("account", Text, primary_key=True),
    Column("rules", Text, nullable=False),  # JSON: members of the input of UpdateAccountPasswordPolicy
    sqlite_with_rowid=False,
)

account_aliases = Table(
    "account_aliases",
    metadata,
    Column("account", Text, primary_key=True),
    Column("alias", Text, nullable=False),
    UniqueConstraint("alias"),
    sqlite_with_rowid=False,
)

oidc_providers = Table(
    "oidc_providers",
    metadata,
    Column("arn", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("url", Text, nullable=False),  # without the scheme
    Column("client_ids", Text, nullable=False),  # JSON: a list
    Column("thumbprints", Text, nullable=False),  # JSON: a list
    Column("jwks", Text),  # JSON: keys that are given, so that none are fetched
    Column("created_at", Float, nullable=False),
    sqlite_with_rowid=False,
)

instance_profiles = Table(
    "instance_profiles",
    metadata,
    Column("id", Text, primary_key=True),  # AIPA…
    Column("account", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("role_id", Text),
    Column("created_at", Float, nullable=False),
    UniqueConstraint("account", "name"),
)

organizations = Table(
    "organizations",
    metadata,
    Column("id", Text, primary_key=True),  # o-…
    Column("management_account", Text, nullable=False),
    Column("root_id", Text, nullable=False),  # r-…
    Column("policy_types", Text, nullable=False),  # JSON: a list of those that are enabled
    Column("created_at", Float, nullable=False),
    sqlite_with_rowid=False,
)

organization_units = Table(
    "organization_units",
    metadata,
    Column("id", Text, primary_key=True),  # ou-…
    Column("parent_id", Text, nullable=False),  # the root or another unit
    Column("name", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    UniqueConstraint("parent_id", "name"),
    sqlite_with_rowid=False,
)

organization_accounts = Table(
    "organization_accounts",
    metadata,
    Column("account", Text, primary_key=True),
    Column("parent_id", Text, nullable=False),  # the root or a unit
    Column("email", Text, nullable=False),
    Column("joined_at", Float, nullable=False),
    Column("joined_by", Text, nullable=False),  # INVITED or CREATED
    Column("status", Text, nullable=False),
    sqlite_with_rowid=False,
)
Index("organization_accounts_by_parent", organization_accounts.c.parent_id)

organization_policies = Table(
    "organization_policies",
    metadata,
    Column("id", Text, primary_key=True),  # p-…
    Column("kind", Text, nullable=False),  # SERVICE_CONTROL_POLICY or RESOURCE_CONTROL_POLICY
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    UniqueConstraint("kind", "name"),
    sqlite_with_rowid=False,
)

organization_attachments = Table(
    "organization_attachments",
    metadata,
    Column("policy_id", Text, primary_key=True),  # of the organization, or p-FullAWSAccess, p-RCPFullAWSAccess
    Column("target_id", Text, primary_key=True),  # the root, a unit or an account
    Column("attached_at", Float, nullable=False),
    sqlite_with_rowid=False,
)
Index("organization_attachments_by_target", organization_attachments.c.target_id)

# deployment: id, check (a value sealed under the root key, to recognise a wrong one).
# generation: raised by every change of identities, policies or settings.
deployment = Table(
    "deployment",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

generation = Table(
    "generation",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("value", Integer, nullable=False),
)

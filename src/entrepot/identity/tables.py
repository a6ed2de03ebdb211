"""Tables of who there is: accounts, users, access keys, and the deployment's own facts."""

from sqlalchemy import Column, Float, Index, Integer, LargeBinary, Table, Text, UniqueConstraint

from entrepot.database import metadata

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
)
Index("access_keys_by_user", access_keys.c.user_id)

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

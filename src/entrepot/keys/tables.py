"""Tables of customer keys: what they are, what they seal with, how they are called and who was granted what."""

from sqlalchemy import Column, Float, Index, LargeBinary, Table

from entrepot.database import Integer, Text, metadata

kms_keys = Table(
    "kms_keys",
    metadata,
    Column("id", Text, primary_key=True),  # a UUID
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("enabled", Integer, nullable=False),
    Column("policy", Text, nullable=False),  # users and roles by their ids: identity.named
    Column("created_at", Float, nullable=False),
    Column("deletion_at", Float),  # from then on the key is not there; null: nobody wants it deleted
    Column("rotation_days", Integer),  # null: it is rotated on demand only
    Column("rotation_at", Float),  # when it is rotated next
)
Index("kms_keys_by_registry", kms_keys.c.account, kms_keys.c.region, kms_keys.c.id)

kms_materials = Table(
    "kms_materials",
    metadata,
    Column("key_id", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),  # 1, 2, …: the last one seals, all open
    Column(
        "sealed", LargeBinary, nullable=False
    ),  # 32 bytes, under the version of the root key that the first byte names
    Column("created_at", Float, nullable=False),
    Column("rotation", Text),  # AUTOMATIC or ON_DEMAND; null: the key was made with it
    sqlite_with_rowid=False,
)

kms_aliases = Table(
    "kms_aliases",
    metadata,
    Column("account", Text, primary_key=True),
    Column("region", Text, primary_key=True),
    Column("name", Text, primary_key=True),  # alias/…
    Column("key_id", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
    sqlite_with_rowid=False,
)
Index("kms_aliases_by_key", kms_aliases.c.key_id, kms_aliases.c.name)

kms_grants = Table(
    "kms_grants",
    metadata,
    Column("id", Text, primary_key=True),  # 64 hex digits
    Column("key_id", Text, nullable=False),
    Column("grantee", Text, nullable=False),  # a user or role by its id: identity.named
    Column("retiree", Text),  # the same; null: only who has the right by a policy retires it
    Column("operations", Text, nullable=False),  # a list, in JSON
    Column("constraints", Text, nullable=False),  # an object, in JSON: as they were sent
    Column("name", Text, nullable=False),
    Column("issuer", Text, nullable=False),  # the ARN of an account
    Column("created_at", Float, nullable=False),
)
Index("kms_grants_by_key", kms_grants.c.key_id, kms_grants.c.id)
Index("kms_grants_by_grantee", kms_grants.c.key_id, kms_grants.c.grantee)
Index("kms_grants_by_retiree", kms_grants.c.retiree, kms_grants.c.id)

"""Tables of secrets: what they are, the sealed values that they had, and which of these is meant by a label."""

from sqlalchemy import Column, Float, Index, LargeBinary, Table

from entrepot.database import Integer, Text, metadata

secrets = Table(
    "secrets",
    metadata,
    Column("arn", Text, primary_key=True),  # ends in six characters of chance: a namesake has another
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("kms_key", Text),  # as it was named; null: aws/secretsmanager
    Column("created_at", Float, nullable=False),
    Column("changed_at", Float, nullable=False),
    Column("deletion_at", Float),  # from then on the secret is not there; null: nobody wants it deleted
)
Index("secrets_by_name", secrets.c.account, secrets.c.region, secrets.c.name, unique=True)

secret_versions = Table(
    "secret_versions",
    metadata,
    Column("secret", Text, primary_key=True),  # the ARN
    Column("id", Text, primary_key=True),  # the client's token
    Column("kms_key", Text),  # as the secret named it when this was sealed
    Column("data_key", LargeBinary, nullable=False),  # under the key of KMS
    Column("sealed", LargeBinary, nullable=False),  # the value, under the data key
    Column("is_text", Integer, nullable=False),
    Column("created_at", Float, nullable=False),
)

secret_labels = Table(
    "secret_labels",
    metadata,
    Column("secret", Text, primary_key=True),
    Column("label", Text, primary_key=True),  # AWSCURRENT, …
    Column("version", Text, nullable=False),
    sqlite_with_rowid=False,
)

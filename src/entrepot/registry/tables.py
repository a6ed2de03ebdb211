"""
Tables of the registry.

    repositories ─┬─ manifests ─┬─ tags
                  │             ├─ manifest_blobs ─┐
                  │             └─ children        │
                  ├─ links ────────────────────────┴─ blobs ─ (bytes: here if small, else in the store)
                  ├─ uploads ── quotas (of the account)
                  └─ resource_tags

Everything hangs on a repository's id, which is never used twice. Deleting a repository removes its one
row; what hung on it can no longer be found by any name, and garbage collection sweeps it away. There
are therefore no foreign keys with cascades: 100,000 images would hold up every writer for seconds.

Text that holds JSON says so. Times are seconds since the epoch.
"""

from sqlalchemy import Column, Float, Index, LargeBinary, Table, UniqueConstraint

from entrepot.database import Integer, Text, metadata

repositories = Table(
    "repositories",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("mutability", Text, nullable=False),
    Column("exclusions", Text, nullable=False),  # JSON: list of filters
    Column("scan_on_push", Integer, nullable=False),
    Column("encryption", Text, nullable=False, server_default="AES256"),  # or KMS, KMS_DSSE
    Column("kms_key", Text),  # the ARN of the customer's key; null: there is none
    Column("kms_grants", Text),  # JSON: list of ids of the grants on it that let us use it
    UniqueConstraint("account", "region", "name"),
    sqlite_autoincrement=True,
)

resource_tags = Table(
    "resource_tags",
    metadata,
    Column("repository_id", Integer, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)

repository_policies = Table(
    "repository_policies",
    metadata,
    Column("repository_id", Integer, primary_key=True),
    Column("document", Text, nullable=False),
)

registry_policies = Table(
    "registry_policies",
    metadata,
    Column("account", Text, primary_key=True),
    Column("region", Text, primary_key=True),
    Column("document", Text, nullable=False),
    sqlite_with_rowid=False,
)

account_settings = Table(
    "account_settings",
    metadata,
    Column("account", Text, primary_key=True),
    Column("region", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)

manifests = Table(
    "manifests",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("repository_id", Integer, nullable=False),
    Column("digest", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("artifact_type", Text),  # the manifest's artifactType, else its config's media type
    Column("subject", Text),  # digest
    Column("annotations", Text),  # JSON: object; only where there is a subject
    Column("image_size", Integer, nullable=False),
    Column("pushed_at", Float, nullable=False),
    Column("pulled_at", Float),
    Column("pulls", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("sealed_of", Integer),  # bytes of the text that its content seals; null: the content is the text
    Column("content", LargeBinary, nullable=False),  # last: rows are read without it
    UniqueConstraint("repository_id", "digest"),
    sqlite_autoincrement=True,
)
Index("manifests_by_push", manifests.c.repository_id, manifests.c.pushed_at, manifests.c.digest)
Index(
    "manifests_by_subject",
    manifests.c.repository_id,
    manifests.c.subject,
    manifests.c.digest,
    sqlite_where=manifests.c.subject.is_not(None),
    postgresql_where=manifests.c.subject.is_not(None),
)

tags = Table(
    "tags",
    metadata,
    Column("repository_id", Integer, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("manifest_id", Integer, nullable=False),
    sqlite_with_rowid=False,
)
Index("tags_by_manifest", tags.c.manifest_id, tags.c.name)

manifest_blobs = Table(
    "manifest_blobs",
    metadata,
    Column("repository_id", Integer, primary_key=True),
    Column("blob_id", Integer, primary_key=True),
    Column("manifest_id", Integer, primary_key=True),
    sqlite_with_rowid=False,
)

children = Table(
    "children",
    metadata,
    Column("child_id", Integer, primary_key=True),
    Column("parent_id", Integer, primary_key=True),
    sqlite_with_rowid=False,
)

# Subjects that were deleted while something referred to them: collection takes their referrers along.
departed = Table(
    "departed",
    metadata,
    Column("repository_id", Integer, primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("departed_at", Float, nullable=False),
    sqlite_with_rowid=False,
)

blobs = Table(
    "blobs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("domain", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("key", Text),  # where the store has the bytes; null: they are in content
    Column("content", LargeBinary),
    Column(
        "sealing", Text
    ),  # under whose key its bytes are sealed, here or in the store: 'service' or an ARN; null: none
    UniqueConstraint("domain", "digest"),
    sqlite_autoincrement=True,
)
# For garbage collection, which asks of every object whether a blob names it.
Index(
    "blobs_by_key",
    blobs.c.key,
    unique=True,
    sqlite_where=blobs.c.key.is_not(None),
    postgresql_where=blobs.c.key.is_not(None),
)

# Objects whose blob has got another one: pulls that have begun still read them, so collection removes them only later.
replaced = Table(
    "replaced",
    metadata,
    Column("key", Text, primary_key=True),
    Column("replaced_at", Float, nullable=False),
    sqlite_with_rowid=False,
)

links = Table(
    "links",
    metadata,
    Column("repository_id", Integer, primary_key=True),
    Column("blob_id", Integer, primary_key=True),
    Column("touched_at", Float, nullable=False),
    sqlite_with_rowid=False,
)
Index("links_by_blob", links.c.blob_id)

uploads = Table(
    "uploads",
    metadata,
    Column("id", Text, primary_key=True),
    Column("repository_id", Integer, nullable=False),
    Column("principal", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("sha256", Text),  # hex, of all bytes so far; null: to be computed at the end
    Column("content", LargeBinary),  # all bytes so far, while they are few
    Column("parts", Integer, nullable=False),  # by the API
    Column("short_part", Integer, nullable=False),  # 1: the API's last part was under 5 MiB; 2: one before it was
    Column("updated_at", Float, nullable=False),
    Column("writer", Text),  # the request that is appending
    Column("writer_until", Float, nullable=False),
    Column("sealed_size", Integer),  # bytes of its file that are durable; null: the upload is not sealed
    Column("account", Text),  # whose quota it is counted for, also when its repository has gone; null: not counted
    Column("counted", Integer),  # as so many bytes
    sqlite_with_rowid=False,
)
Index("uploads_by_repository", uploads.c.repository_id, uploads.c.principal)

# The re-encryption that was asked for last, and how far it came: one row, or none.
reencryption = Table(
    "reencryption",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),  # whoever asks anew gives the next
    Column("asked_at", Float, nullable=False),
    Column("seal", Integer),  # 1: blobs shall be sealed, 0: plain; null: each stays as it is
    Column("version", Integer, nullable=False),  # of the root key, at that time
    Column("after", Integer, nullable=False),  # the blobs up to this id have been looked at
    Column("seen", Integer, nullable=False),  # their bytes
    Column("total", Integer, nullable=False),  # bytes of all blobs
    Column("blobs", Integer, nullable=False),  # that were written anew
    Column("size", Integer, nullable=False),  # their bytes
    Column("damaged", Integer, nullable=False),  # blobs that are left as they are
    Column("damage", Text, nullable=False),  # JSON: list of sentences, of the first of them
    Column("worker", Text),  # who is at it
    Column("worker_until", Float, nullable=False),  # before that, nobody else begins
    Column("failure", Text),  # why it was cut short
    Column("ended_at", Float),
)

quotas = Table(
    "quotas",
    metadata,
    Column("account", Text, primary_key=True),
    Column("quota", Integer),  # bytes that it may store; 0: as many as it likes; null: what the deployment says
    Column("stored", Integer, nullable=False),  # bytes of its blobs and its uploads
    Column("mended", Integer, nullable=False),  # how often that was corrected
    sqlite_with_rowid=False,
)

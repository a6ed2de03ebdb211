"""Images pushed straight into the registry's functions, for tests that need some and no wire."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from entrepot.database import Database
from entrepot.names import Registry
from entrepot.registry import blobs, documents, manifests, repositories
from entrepot.registry.mutability import Mutability
from entrepot.registry.repositories import Repository
from entrepot.sealing.at_rest import AtRest
from entrepot.settings import Settings
from entrepot.storage.drivers import open_store
from tests.support.rootkey import root_key

AT_REST = AtRest(open_store("memory://"), root_key(), seals=True)
REGISTRY = Registry("123456789012", "us-east-1")
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"


def digest_of(content: bytes) -> str:
    """The SHA-256 digest of *content*."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def make_repository(
    database: Database, name: str = "app", *, registry: Registry = REGISTRY, mutability: Mutability | None = None
) -> Repository:
    """A new repository."""
    return database.write(
        lambda tx: repositories.create(
            tx,
            registry,
            name=name,
            mutability=mutability or Mutability(),
            scan_on_push=False,
            tags={},
            quota=1000,
        )
    )


def push_blob(database: Database, repository: Repository, content: bytes) -> dict[str, Any]:
    """Push a blob; its descriptor."""
    digest = digest_of(content)
    database.write(lambda tx: blobs.add(tx, repository, digest, size=len(content), key=None, content=content))
    return {"mediaType": LAYER_TYPE, "digest": digest, "size": len(content)}


def manifest_of(config: dict[str, Any], layers: Sequence[dict[str, Any]], **more: Any) -> bytes:
    """The text of an OCI manifest."""
    document = {
        "schemaVersion": 2,
        "mediaType": documents.OCI_MANIFEST,
        "config": {**config, "mediaType": CONFIG_TYPE},
        "layers": list(layers),
        **more,
    }
    return json.dumps(document).encode()


def index_of(*digests: str) -> bytes:
    """The text of an OCI index of manifests."""
    entries = [{"mediaType": documents.OCI_MANIFEST, "digest": digest, "size": 2} for digest in digests]
    return json.dumps({"schemaVersion": 2, "mediaType": documents.OCI_INDEX, "manifests": entries}).encode()


def push_document(database: Database, repository: Repository, content: bytes, *tags: str) -> str:
    """Put a manifest or an index; its digest."""
    document = documents.parse(content, None)
    database.write(lambda tx: manifests.put(tx, repository, document, names=tags, settings=Settings(), at_rest=AT_REST))
    return document.digest


def push_image(database: Database, repository: Repository, name: str, *tags: str, **more: Any) -> str:
    """Push an image that *name* makes different from others; its digest."""
    config = push_blob(database, repository, b'{"name": "%s"}' % name.encode())
    layer = push_blob(database, repository, b"layer of " + name.encode())
    return push_document(database, repository, manifest_of(config, [layer], **more), *tags)

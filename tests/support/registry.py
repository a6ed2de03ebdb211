"""A registry without a face: the domain's own functions, called as the faces call them."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from entrepot import clock
from entrepot.names import Registry
from entrepot.registry import blobs, documents, manifests, repositories
from entrepot.registry.mutability import Mutability
from entrepot.registry.repositories import Repository
from entrepot.runtime import Runtime
from entrepot.settings import Settings
from entrepot.storage.drivers import open_store
from tests.support.database import database_in
from tests.support.rootkey import root_key

REGISTRY = Registry("123456789012", "us-east-1")


@contextmanager
def runtime_in(folder: Path) -> Iterator[Runtime]:
    """A runtime on an empty database and an empty store in *folder*."""
    with database_in(folder) as database:
        store = open_store(f"file://{folder}/blobs")
        yield Runtime(settings=Settings(data=folder), database=database, store=store, root_key=root_key())


def create(runtime: Runtime, name: str = "app") -> Repository:
    """A new repository with the default settings."""
    return runtime.database.write(
        lambda tx: repositories.create(
            tx, REGISTRY, name=name, mutability=Mutability(), scan_on_push=False, tags={"team": "a"}, quota=100
        )
    )


def sha256(content: bytes) -> str:
    """The digest of *content*."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


def publish(runtime: Runtime, content: bytes) -> str:
    """The key of a new object that no row names."""
    upload = clock.new_uuid()
    with runtime.store.append(upload, 0) as appending:
        appending.write(content)
        appending.commit()
    return runtime.store.finish(upload, REGISTRY.account, sha256(content))


def push_blob(runtime: Runtime, repository: Repository, content: bytes, *, large: bool = True) -> str:
    """The digest of *content*, which has been pushed: *large* bytes into the store, others into a row."""
    key = publish(runtime, content) if large else None
    new = runtime.database.write(
        lambda tx: blobs.add(
            tx,
            repository,
            sha256(content),
            size=len(content),
            key=key,
            content=None if large else content,
        )
    )
    if key is not None and not new:
        runtime.store.delete(key)
    return sha256(content)


def image_of(layers: list[bytes], subject: str | None = None) -> dict[str, Any]:
    """A manifest whose config is the first of *layers* too."""
    described = [
        {"mediaType": "application/octet-stream", "digest": sha256(layer), "size": len(layer)} for layer in layers
    ]
    tree = {"schemaVersion": 2, "mediaType": documents.OCI_MANIFEST, "config": described[0], "layers": described}
    return tree | ({"subject": described[0] | {"digest": subject}} if subject else {})


def index_of(*digests: str) -> dict[str, Any]:
    """An index of the manifests with *digests*."""
    listed = [{"mediaType": documents.OCI_MANIFEST, "digest": digest, "size": 1} for digest in digests]
    return {"schemaVersion": 2, "mediaType": documents.OCI_INDEX, "manifests": listed}


def put(runtime: Runtime, repository: Repository, tree: dict[str, Any], *tags: str) -> str:
    """The digest of a document, which has been pushed."""
    document = documents.parse(json.dumps(tree).encode(), None)
    runtime.database.write(
        lambda tx: manifests.put(
            tx, repository, document, names=tags, settings=runtime.settings, at_rest=runtime.at_rest
        )
    )
    return document.digest


def push_image(
    runtime: Runtime, repository: Repository, *layers: bytes, tag: str | None = None, subject: str | None = None
) -> str:
    """The digest of an image, which has been pushed; its first layer is small, the others are large."""
    for i, layer in enumerate(layers):
        push_blob(runtime, repository, layer, large=i > 0)
    return put(runtime, repository, image_of(list(layers), subject), *([tag] if tag else []))


def remove(runtime: Runtime, repository: Repository, digest: str) -> None:
    """Delete an image."""

    def work(tx: Any) -> None:
        manifest = manifests.find(tx, repository, digest=digest)
        assert manifest is not None
        manifests.remove(tx, repository, manifest)

    runtime.database.write(work)

"""What tests of backups do: push what must come back, take one, and make a registry of it."""

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

from tests.support.server import Registry, Server, digest_of, manifest


def content(name: str, size: int = 40_000) -> bytes:
    """Bytes for a layer: as long as 40,000 they lie in the store, below 16 KiB in a row."""
    return hashlib.shake_128(name.encode()).digest(size)


def push(registry: Registry, repository: str, name: str) -> str:
    """Push an image with a large and a small layer under the tag *name*; its digest."""
    config, layers = b'{"architecture":"amd64","os":"linux"}', [content(name), content(f"{name}/small", 100)]
    for each in (config, *layers):
        registry.push_blob(repository, each)
    text = json.dumps(manifest(config, *layers)).encode()
    done = registry.put_manifest(repository, name, text)
    assert done.status == 201, done.data
    return digest_of(text)


def pulled(registry: Registry, repository: str, name: str) -> str:
    """Pull all of the image under the tag *name*; its digest."""
    found = registry("GET", f"/v2/{repository}/manifests/{name}")
    assert found.status == 200, found.data
    for layer in json.loads(found.data)["layers"]:
        blob = registry("GET", f"/v2/{repository}/blobs/{layer['digest']}")
        assert (blob.status, digest_of(blob.data)) == (200, layer["digest"])
    return digest_of(found.data)


def backup(server: Server, folder: Path, *more: str) -> "re.Match[str]":
    """Take a backup; what it said of itself: name, objects, copied."""
    said = server.command("backup", "--to", str(folder), *more).stdout
    found = re.match(r"backup (?P<name>\S+): (?P<objects>\d+) objects, .*\ncopied: (?P<copied>\d+) objects", said)
    assert found is not None, said
    return found


def keys_of(data: Path) -> Path:
    """The folder of keys beside a data folder."""
    return data.with_name(f"{data.name}.keys")


def give_keys(server: Server, restored: Server) -> None:
    """Bring the keys of a registry to where its restored one looks for them."""
    shutil.copytree(keys_of(server.data), keys_of(restored.data))


def beside(server: Server, name: str, **settings: Any) -> Server:
    """A server on another data folder, which is not there yet, with the same settings but *settings*."""
    kept = {k.removeprefix("ENTREPOT_").lower(): v for k, v in server.settings.items() if k.startswith("ENTREPOT_")}
    variables = {k: v for k, v in server.settings.items() if not k.startswith("ENTREPOT_")}
    kept.pop("database", None)
    return Server(server.data.with_name(name), variables=variables, **(kept | settings))

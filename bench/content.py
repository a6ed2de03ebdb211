"""What is pushed and pulled: blobs and images that no registry has seen before, and one real Debian image."""

import base64
import gzip
import hashlib
import http.client
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench.servers import Server, tool
from tools.clients import CACHE

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_MIB = 1 << 20
_MMDEBSTRAP_SECONDS = 600


@dataclass(frozen=True, slots=True)
class SmallImage:
    """A config, a layer and the manifest that names them; no line breaks in any of them."""

    config: bytes
    layer: bytes
    manifest: bytes

    @property
    def digests(self) -> tuple[str, str]:
        """Of config and layer."""
        return digest_of(self.config), digest_of(self.layer)


def digest_of(content: bytes) -> str:
    """The digest of some bytes."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def small_image(*, size: int = 1024) -> SmallImage:
    """An image whose layer is *size* bytes that were never there before."""
    layer = base64.b64encode(os.urandom(size))[:size]
    diff = hashlib.sha256(layer).hexdigest()
    config = (
        f'{{"architecture":"amd64","os":"linux","rootfs":{{"type":"layers","diff_ids":["sha256:{diff}"]}}}}'.encode()
    )
    return SmallImage(config, layer, manifest_of(config, layer))


def manifest_of(config: bytes, layer: bytes, **annotations: str) -> bytes:
    """The OCI manifest of an image of one layer."""
    document: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": _CONFIG, "digest": digest_of(config), "size": len(config)},
        "layers": [{"mediaType": _LAYER, "digest": digest_of(layer), "size": len(layer)}],
    }
    if annotations:
        document["annotations"] = annotations
    return json.dumps(document, separators=(",", ":")).encode()


def push(server: Server, repository: str, image: SmallImage, *, tag: str) -> None:
    """Push an image the plain way. Raises: RuntimeError when anything is refused."""
    connection = server.connect()
    for blob in (image.config, image.layer):
        push_blob(connection, server, repository, content=blob)
    headers = {**server.headers, "Content-Type": MANIFEST}
    ask(connection, "PUT", f"/v2/{repository}/manifests/{tag}", body=image.manifest, headers=headers)
    connection.close()


def push_blob(connection: http.client.HTTPConnection, server: Server, repository: str, *, content: bytes) -> None:
    """Push one blob in one PUT."""
    place = begin_upload(connection, server, repository)
    headers = {**server.headers, "Content-Type": "application/octet-stream"}
    ask(connection, "PUT", with_digest(place, digest_of(content)), body=content, headers=headers)


def begin_upload(connection: http.client.HTTPConnection, server: Server, repository: str) -> str:
    """Open an upload session; gives its path and query."""
    answer = ask(connection, "POST", f"/v2/{repository}/blobs/uploads/", body=b"", headers=server.headers)
    return path_of(answer.headers["Location"])


def with_digest(place: str, digest: str) -> str:
    """The path that ends an upload."""
    return f"{place}{'&' if '?' in place else '?'}digest={digest}"


def path_of(location: str) -> str:
    """Path and query of a Location, whether it names a host or not."""
    return location if location.startswith("/") else "/" + location.split("/", 3)[3]


def ask(
    connection: http.client.HTTPConnection, method: str, path: str, *, body: bytes, headers: dict[str, str]
) -> http.client.HTTPResponse:
    """Send a request and read its answer. Raises: RuntimeError unless that is 2xx."""
    connection.request(method, path, body=body, headers=headers)
    return accept(connection.getresponse())


def accept(answer: http.client.HTTPResponse) -> http.client.HTTPResponse:
    """Read an answer to its end. Raises: RuntimeError unless it is 2xx."""
    text = answer.read()
    if not 200 <= answer.status < 300:
        raise RuntimeError(f"answer {answer.status}: {text[:500]!r}")
    return answer


def large_file(folder: Path, size: int) -> Path:
    """A file of *size* random bytes; made once a run, as random bytes take their time."""
    path = folder / f"large-{size}"
    if not path.exists():
        with path.open("wb") as file:
            for _ in range(size // _MIB):
                file.write(os.urandom(_MIB))
    return path


def renew(path: Path) -> str:
    """Make the file a blob that no registry has seen; gives its digest."""
    with path.open("r+b") as file:
        file.write(os.urandom(64))
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def debian_image() -> Path:
    """
    An OCI layout of a real Debian with apt, about 66 MB; built by mmdebstrap once and kept in the cache.

    Raises: NotHere without mmdebstrap.
    """
    layout = CACHE.parent / "bench" / "debian-12"
    if layout.exists():
        return layout
    part = layout.with_name(f".part-{os.getpid()}")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        root = part / "rootfs.tar"
        command = [tool("mmdebstrap"), "--variant=apt", "--include=ca-certificates", "bookworm", str(root)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=_MMDEBSTRAP_SECONDS)
        _write_layout(part, root.read_bytes())
        root.unlink()
        part.rename(layout)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return layout


def _write_layout(folder: Path, root: bytes) -> None:
    """An image of one layer, as `OCI image-layout` wants it."""
    diff = hashlib.sha256(root).hexdigest()
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Cmd": ["/bin/sh"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{diff}"]},
    }
    contents = json.dumps(config).encode(), gzip.compress(root, 6, mtime=0)
    manifest = manifest_of(*contents)
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    for content in (*contents, manifest):
        (blobs / hashlib.sha256(content).hexdigest()).write_bytes(content)
    name = {"org.opencontainers.image.ref.name": "12"}
    listed = {"mediaType": MANIFEST, "digest": digest_of(manifest), "size": len(manifest), "annotations": name}
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [listed]}))
    (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')

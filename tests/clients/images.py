"""A real image to push: busybox in one layer, files in another, for two platforms, as OCI image layouts."""

import gzip
import hashlib
import io
import json
import random
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OCI = "application/vnd.oci.image"
APPLETS = ("sh", "echo", "cat", "ls")


@dataclass(frozen=True, slots=True)
class Images:
    """Two layouts, each with one tag, ``1``. *digest* and *layers* are of the one, the rest of the other."""

    image: Path
    index: Path
    digest: str
    layers: tuple[str, ...]
    index_digest: str
    children: tuple[str, ...]


def write_images(folder: Path, busybox: bytes) -> Images:
    """Write both layouts below *folder*; the same input gives the same digests."""
    program = _layer({"bin/busybox": busybox}, links={f"bin/{name}": "busybox" for name in APPLETS})
    # More than fits into a row, and nothing that gzip makes small.
    files = _layer({"etc/motd": b"hello from a layer\n", "srv/noise": random.Random(5).randbytes(300_000)})
    other = _layer({"etc/motd": b"hello from another platform\n"})
    single = Layout(folder / "image")
    image = single.add_image("amd64", [program, files])
    single.tag(image)
    multi = Layout(folder / "index")
    children = [multi.add_image("amd64", [program, files]), multi.add_image("arm64", [files, other])]
    index = multi.add_index(children)
    multi.tag(index)
    return Images(
        image=single.folder,
        index=multi.folder,
        digest=image["digest"],
        layers=tuple(_digest(layer) for layer in (program, files)),
        index_digest=index["digest"],
        children=tuple(child["digest"] for child in children),
    )


class Layout:
    """An OCI image layout that is being written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "blobs/sha256").mkdir(parents=True)
        (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')

    def add(self, media_type: str, content: bytes, **members: Any) -> dict[str, Any]:
        """Write a blob; its descriptor."""
        digest = _digest(content)
        (self.folder / "blobs" / digest.replace(":", "/")).write_bytes(content)
        return {"mediaType": media_type, "digest": digest, "size": len(content), **members}

    def add_image(self, architecture: str, layers: list[bytes]) -> dict[str, Any]:
        """Write an image of compressed layers; the descriptor of its manifest."""
        config = {
            "architecture": architecture,
            "os": "linux",
            "config": {"Cmd": ["/bin/cat", "/etc/motd"]},
            "rootfs": {"type": "layers", "diff_ids": [_digest(gzip.decompress(layer)) for layer in layers]},
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": f"{OCI}.manifest.v1+json",
            "config": self.add(f"{OCI}.config.v1+json", _json(config)),
            "layers": [self.add(f"{OCI}.layer.v1.tar+gzip", layer) for layer in layers],
        }
        platform = {"architecture": architecture, "os": "linux"}
        return self.add(f"{OCI}.manifest.v1+json", _json(manifest), platform=platform)

    def add_index(self, children: list[dict[str, Any]]) -> dict[str, Any]:
        """Write an index of images that are here; its descriptor."""
        index = {"schemaVersion": 2, "mediaType": f"{OCI}.index.v1+json", "manifests": children}
        return self.add(f"{OCI}.index.v1+json", _json(index))

    def tag(self, descriptor: dict[str, Any]) -> None:
        """Make *descriptor* the one thing in this layout, under the tag ``1``."""
        named = descriptor | {"annotations": {"org.opencontainers.image.ref.name": "1"}}
        (self.folder / "index.json").write_bytes(_json({"schemaVersion": 2, "manifests": [named]}))


def _layer(files: dict[str, bytes], *, links: dict[str, str] | None = None) -> bytes:
    """A compressed layer, in which every file is a program too."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            tar.addfile(entry, io.BytesIO(content))
        for name, target in (links or {}).items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            tar.addfile(entry)
    return gzip.compress(written.getvalue(), mtime=0)


def _json(document: Any) -> bytes:
    return json.dumps(document).encode()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"

"""The kinds of content that a registry of the specification has to keep, each as bytes and documents to push."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.support.server import Registry, digest_of

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
EMPTY = "application/vnd.oci.empty.v1+json"
EXAMPLE = "application/vnd.example.data"


@dataclass(frozen=True)
class Pushed:
    """A manifest as it is pushed, and what a list of referrers has to say of it."""

    content: bytes
    media_type: str
    digest: str
    tag: str | None = None
    subject: str | None = None
    artifact_type: str | None = None
    annotations: dict[str, str] = field(default_factory=dict)


class Kind:
    """One kind of content: its blobs, and its manifests with the children first. Nothing in two *seeds* is equal."""

    def __init__(self, name: str, algorithm: str, seed: str) -> None:
        self.algorithm = algorithm
        self.blobs: dict[str, bytes] = {}
        self.manifests: list[Pushed] = []
        self._seed = seed
        KINDS[name](self)

    def blob(self, media_type: str, content: bytes | str, **more: Any) -> dict[str, Any]:
        """A blob to push; its descriptor."""
        data = content if isinstance(content, bytes) else f"{content} of {self._seed}".encode()
        digest = digest_of(data, self.algorithm)
        self.blobs[digest] = data
        return {"mediaType": media_type, "digest": digest, "size": len(data), **more}

    def config(self, architecture: str = "amd64") -> dict[str, Any]:
        """The config of an image."""
        text = json.dumps({"architecture": architecture, "os": "linux", "seed": self._seed})
        return self.blob(CONFIG, text.encode())

    def empty(self) -> dict[str, Any]:
        """The empty descriptor of image-spec 1.1."""
        return self.blob(EMPTY, b"{}")

    def put(self, tree: dict[str, Any], tag: str | None = None) -> dict[str, Any]:
        """A manifest to push; its descriptor."""
        tree = {"schemaVersion": 2, **tree}
        content = json.dumps(tree, indent=2).encode()
        digest = digest_of(content, self.algorithm)
        self.manifests.append(
            Pushed(
                content,
                tree["mediaType"],
                digest,
                tag,
                tree.get("subject", {}).get("digest"),
                tree.get("artifactType") or tree.get("config", {}).get("mediaType"),
                tree.get("annotations", {}),
            )
        )
        return {"mediaType": tree["mediaType"], "digest": digest, "size": len(content)}

    def image(self, tag: str | None = None, *, architecture: str = "amd64", **more: Any) -> dict[str, Any]:
        """An image of two layers."""
        layers = [self.blob(LAYER, f"layer {number} for {architecture}") for number in (1, 2)]
        return self.put({"mediaType": OCI_MANIFEST, "config": self.config(architecture), "layers": layers, **more}, tag)

    def index(self, entries: list[dict[str, Any]], tag: str | None = None, **more: Any) -> dict[str, Any]:
        """An index of *entries*."""
        return self.put({"mediaType": OCI_INDEX, "manifests": entries, **more}, tag)

    def artifact(self, tag: str | None = None, *, kind: str = EXAMPLE, **more: Any) -> dict[str, Any]:
        """An artifact with one layer."""
        layers = [self.blob(kind, f"data of {more.get('annotations')}")]
        tree = {"mediaType": OCI_MANIFEST, "artifactType": kind, "config": self.empty(), "layers": layers}
        return self.put(tree | more, tag)

    def platforms(self) -> list[dict[str, Any]]:
        """Two images, as an index lists them."""
        return [
            self.image(architecture=name) | {"platform": {"architecture": name, "os": "linux"}}
            for name in ("amd64", "arm64")
        ]


def _image(kind: Kind) -> None:
    kind.image("image")


def _image_uncompressed(kind: Kind) -> None:
    layer = kind.blob("application/vnd.oci.image.layer.v1.tar", "tar")
    kind.put({"mediaType": OCI_MANIFEST, "config": kind.config(), "layers": [layer]}, "image-uncompressed")


def _large_manifest(kind: Kind) -> None:
    kind.image("large-manifest", annotations={f"org.example.{number}": "x" * 10_000 for number in range(390)})


def _index(kind: Kind) -> None:
    kind.index(kind.platforms(), "index")


def _nested_index(kind: Kind) -> None:
    inner = [kind.index(kind.platforms()), kind.image(architecture="s390x")]
    kind.index(inner, "nested-index")


def _empty_index(kind: Kind) -> None:
    kind.index([], "empty-index")


def _artifact(kind: Kind) -> None:
    kind.artifact("artifact")


def _artifact_index(kind: Kind) -> None:
    entries = [kind.artifact(annotations={"number": number}) for number in ("one", "two")]
    kind.index(entries, "artifact-index", artifactType=EXAMPLE)


def _artifact_without_layers(kind: Kind) -> None:
    empty = kind.empty()
    tree = {"mediaType": OCI_MANIFEST, "artifactType": EXAMPLE, "config": empty, "layers": [empty]}
    kind.put(tree | {"annotations": {"org.example.only": "annotations"}}, "artifact-without-layers")


def _artifacts_with_subject(kind: Kind) -> None:
    subject = kind.image("artifacts-with-subject")
    for number, artifact_type in enumerate(("application/vnd.example.sbom", "application/vnd.example.signature") * 2):
        kind.artifact(kind=artifact_type, subject=subject, annotations={"number": str(number), "more": "ünïcödé"})
    # Without an artifactType the config's media type stands for it.
    config = kind.blob("application/vnd.example.config", "config")
    tree = {"mediaType": OCI_MANIFEST, "config": config, "layers": [], "subject": subject}
    kind.put(tree | {"annotations": {"by": "config"}}, "tagged-referrer")


def _index_with_subject(kind: Kind) -> None:
    subject = kind.image("index-with-subject", architecture="riscv64")
    kind.index(kind.platforms(), artifactType=EXAMPLE, subject=subject, annotations={"of": "an index"})


def _missing_subject(kind: Kind) -> None:
    missing = {"mediaType": OCI_MANIFEST, "digest": digest_of(kind._seed.encode(), kind.algorithm), "size": 100}
    kind.artifact("missing-subject", subject=missing, annotations={"subject": "missing"})


def _data_field(kind: Kind) -> None:
    config = kind.blob(EMPTY, b"{}", data="e30=")
    tree = {"mediaType": OCI_MANIFEST, "artifactType": EXAMPLE, "config": config, "layers": [config]}
    kind.put(tree | {"annotations": {"seed": kind._seed}}, "data-field")


def _non_distributable_layers(kind: Kind) -> None:
    foreign = {
        "mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "digest": digest_of(f"never pushed {kind._seed}".encode(), kind.algorithm),
        "size": 123456,
        "urls": ["https://layers.example.org/base"],
    }
    layers = [foreign, kind.blob(LAYER, "a layer of our own")]
    kind.put({"mediaType": OCI_MANIFEST, "config": kind.config(), "layers": layers}, "non-distributable-layers")


def _custom_fields(kind: Kind) -> None:
    kind.image("custom-fields", org_example={"nested": [1, 2.5, None, True, {"ünï": "cödé"}]}, custom="field")


def _no_layers(kind: Kind) -> None:
    kind.put({"mediaType": OCI_MANIFEST, "config": kind.config(), "layers": []}, "no-layers")


def _docker(kind: Kind) -> None:
    config = kind.blob("application/vnd.docker.container.image.v1+json", b'{"seed": "%s"}' % kind._seed.encode())
    layer = kind.blob("application/vnd.docker.image.rootfs.diff.tar.gzip", "layer")
    image = kind.put({"mediaType": DOCKER_MANIFEST, "config": config, "layers": [layer]}, "docker-image")
    entry = image | {"platform": {"architecture": "amd64", "os": "linux"}}
    kind.put({"mediaType": DOCKER_LIST, "manifests": [entry]}, "docker-list")


KINDS: dict[str, Callable[[Kind], None]] = {
    "image": _image,
    "image-uncompressed": _image_uncompressed,
    "large-manifest": _large_manifest,
    "index": _index,
    "nested-index": _nested_index,
    "empty-index": _empty_index,
    "artifact": _artifact,
    "artifact-index": _artifact_index,
    "artifact-without-layers": _artifact_without_layers,
    "artifacts-with-subject": _artifacts_with_subject,
    "index-with-subject": _index_with_subject,
    "missing-subject": _missing_subject,
    "data-field": _data_field,
    "non-distributable-layers": _non_distributable_layers,
    "custom-fields": _custom_fields,
    "no-layers": _no_layers,
    "docker": _docker,
}


def push(registry: Registry, repository: str, kind: Kind) -> None:
    """Push blobs, then manifests by digest, then by tag where they have one."""
    for digest, content in kind.blobs.items():
        done = registry("POST", f"/v2/{repository}/blobs/uploads/?digest={digest}", content)
        assert done.status == 201, done.data
    for manifest in kind.manifests:
        done = registry.put_manifest(repository, manifest.digest, manifest.content, manifest.media_type)
        assert done.status == 201, done.data
        assert done.headers.get("OCI-Subject") == manifest.subject
    for manifest in kind.manifests:
        if manifest.tag is not None:
            # By a tag alone a digest is always SHA-256; `tag` beside a digest keeps its algorithm.
            path = f"/v2/{repository}/manifests/{manifest.digest}?tag={manifest.tag}"
            done = registry("PUT", path, manifest.content, headers={"Content-Type": manifest.media_type})
            assert done.status == 201, done.data


def random_bytes(seed: str, size: int) -> bytes:
    """*size* bytes that no other seed gives."""
    return hashlib.shake_128(seed.encode()).digest(size)

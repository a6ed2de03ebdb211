"""
Manifests and indexes as documents: parsed once, checked, and never written again.

What is stored and served is the text that was pushed, byte for byte; what is read here only decides
whether it may be stored and what it needs. Pure.
"""

import hashlib
import re
from dataclasses import dataclass
from itertools import islice
from typing import Any

import orjson

from entrepot import strict_json
from entrepot.names import is_digest
from entrepot.registry.faults import ManifestInvalid, ManifestUnacceptable

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"

_MANIFESTS = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
_INDEXES = frozenset({OCI_INDEX, DOCKER_LIST})
_SCHEMA_1 = frozenset(
    {
        "application/vnd.docker.distribution.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
    }
)
# Layers that licences forbid to push: clients leave them where they are.
_FOREIGN = ("application/vnd.oci.image.layer.nondistributable.", "application/vnd.docker.image.rootfs.foreign.")

LARGEST = 4 << 20
_DEEPEST = 64
# 4 MiB of "{}," are 1.4 million values: 140 MiB of memory, and seconds in which nobody else is served.
_MOST_TOKENS = 200_000
# A string without an end is one too: to look for its end from each of its quotes would take minutes.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[,{\[]', re.DOTALL)
_LARGEST_SIZE = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What a document says of something that it names. *size* is in bytes."""

    digest: str
    size: int
    media_type: str
    foreign: bool


@dataclass(frozen=True, slots=True)
class Document:
    """A manifest or an index that may be stored if what it names is there."""

    content: bytes
    digest: str
    media_type: str
    artifact_type: str | None
    subject: str | None
    annotations: dict[str, str] | None
    blobs: tuple[Descriptor, ...]
    children: tuple[Descriptor, ...]

    @property
    def is_index(self) -> bool:
        """Whether it lists manifests instead of layers."""
        return self.media_type in _INDEXES


def parse(
    content: bytes,
    media_type: str | None,
    *,
    algorithm: str = "sha256",
    most_descriptors: int = 1000,
    foreign_layers: bool = True,
) -> Document:
    """
    The document in *content*, sent as *media_type* (None: the document has to say).

    Raises: ManifestUnacceptable (no JSON, no known type), ManifestInvalid (JSON of a wrong form).
    Source: OCI image-spec 1.1, "manifest" and "index"; Docker image manifest V2, schema 2.
    """
    tree = _tree_of(content)
    kind = _media_type_of(tree, media_type)
    _check_shape(tree, kind)
    blobs: tuple[Descriptor, ...] = ()
    children: tuple[Descriptor, ...] = ()
    if kind in _INDEXES:
        children = _descriptors(tree, "manifests", most_descriptors)
        config_type = None
    else:
        config = _descriptor(tree.get("config"), "config")
        config_type = config.media_type
        layers = _descriptors(tree, "layers", most_descriptors)
        if not foreign_layers and any(layer.foreign for layer in layers):
            raise ManifestInvalid(reason="Layers with addresses of their own are not accepted by this registry")
        blobs = (config, *layers)
    oci = kind in {OCI_MANIFEST, OCI_INDEX}
    subject = _descriptor(tree["subject"], "subject").digest if oci and tree.get("subject") is not None else None
    return Document(
        content=content,
        digest=f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}",
        media_type=kind,
        artifact_type=_artifact_type(tree) if oci else config_type,
        subject=subject,
        annotations=_annotations(tree.get("annotations")),
        blobs=blobs,
        children=children,
    )


def named_by(content: bytes) -> tuple[set[str], set[str]]:
    """Digests of the blobs and of the manifests that a *stored* document names."""
    tree = orjson.loads(content)
    blobs = {layer["digest"] for layer in tree.get("layers") or ()}
    if tree.get("config"):
        blobs.add(tree["config"]["digest"])
    return blobs, {child["digest"] for child in tree.get("manifests") or ()}


def _tree_of(content: bytes) -> dict[str, Any]:
    if _is_swarming(content):
        raise ManifestInvalid(reason="The document has too many values")
    # Two readers, because what one of them takes the other refuses: orjson has no lone surrogates, no
    # NaN and strict UTF-8, but keeps the last of two equal keys in silence.
    try:
        orjson.loads(content)
        tree = strict_json.read(content.decode("utf-8"))
    except (ValueError, RecursionError):
        raise ManifestUnacceptable(reason="Invalid JSON syntax") from None
    if not isinstance(tree, dict):
        raise ManifestUnacceptable(reason="Invalid JSON syntax")
    if content.count(b"{") + content.count(b"[") > _DEEPEST and _is_deeper(tree, _DEEPEST):
        raise ManifestInvalid(reason=f"The document is nested deeper than {_DEEPEST} levels")
    return tree


def _is_swarming(content: bytes) -> bool:
    """Whether there are more strings and values than anybody has use for. A string may hold a document: it is one."""
    most = sum(content.count(sign) for sign in (b",", b"{", b"[", b'"'))
    return most > _MOST_TOKENS and sum(1 for _ in islice(_TOKEN.finditer(content), _MOST_TOKENS + 1)) > _MOST_TOKENS


def _is_deeper(tree: Any, limit: int) -> bool:
    level = [tree]
    for _ in range(limit):
        level = [
            part
            for node in level
            for part in (node.values() if isinstance(node, dict) else node)
            if isinstance(part, dict | list)
        ]
        if not level:
            return False
    return True


def _media_type_of(tree: dict[str, Any], sent: str | None) -> str:
    """One media type, on which the header and the document agree (CVE-2021-41190)."""
    stated = tree.get("mediaType")
    if stated is not None and not isinstance(stated, str):
        raise ManifestInvalid(reason="mediaType is not a string")
    kind = sent or stated
    if kind is None:
        # ECR's own text for a manifest that does not say what it is.
        raise ManifestUnacceptable(reason="Invalid JSON syntax")
    if kind in _SCHEMA_1 or tree.get("schemaVersion") == 1:
        raise ManifestUnacceptable(reason="Docker image manifests of schema 1 are not supported")
    if kind not in _MANIFESTS | _INDEXES:
        raise ManifestUnacceptable(reason=f"The media type '{kind[:200]}' is not supported")
    if stated is not None and stated != kind:
        raise ManifestInvalid(reason=f"The document is a '{stated[:200]}' and was sent as '{kind}'")
    return kind


def _check_shape(tree: dict[str, Any], kind: str) -> None:
    if tree.get("schemaVersion") != 2 or isinstance(tree["schemaVersion"], bool | float):
        raise ManifestInvalid(reason="schemaVersion must be 2")
    of_index = "manifests" in tree
    of_manifest = "layers" in tree or "config" in tree or "fsLayers" in tree
    if of_index and of_manifest:
        raise ManifestInvalid(reason="A document cannot have both manifests and layers")
    if (kind in _INDEXES and of_manifest) or (kind in _MANIFESTS and of_index):
        raise ManifestInvalid(reason=f"The document does not have the form of a '{kind}'")


def _descriptors(tree: dict[str, Any], member: str, most: int) -> tuple[Descriptor, ...]:
    entries = tree.get(member)
    if entries is None:  # Go writes an empty list as null
        return ()
    if not isinstance(entries, list):
        raise ManifestInvalid(reason=f"{member} is not a list")
    if len(entries) > most:
        raise ManifestInvalid(reason=f"{member} has {len(entries)} entries; this registry takes at most {most}")
    return tuple(_descriptor(entry, member) for entry in entries)


def _descriptor(entry: Any, place: str) -> Descriptor:
    if not isinstance(entry, dict):
        raise ManifestInvalid(reason=f"{place} is not a descriptor")
    digest, size, media_type = entry.get("digest"), entry.get("size"), entry.get("mediaType")
    if not isinstance(digest, str) or not is_digest(digest):
        raise ManifestInvalid(reason=f"{place} has a descriptor with an invalid digest")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= _LARGEST_SIZE:
        raise ManifestInvalid(reason=f"{place} has a descriptor with an invalid size")
    if not isinstance(media_type, str) or not media_type or "\0" in media_type:
        raise ManifestInvalid(reason=f"{place} has a descriptor without a mediaType")
    foreign = bool(entry.get("urls")) or media_type.startswith(_FOREIGN)
    return Descriptor(digest, size, media_type, foreign and place == "layers")


def _artifact_type(tree: dict[str, Any]) -> str | None:
    """``artifactType``, else the config's media type: image-spec 1.1, "Guidelines for Artifact Usage"."""
    stated = tree.get("artifactType")
    if stated is not None and (not isinstance(stated, str) or "\0" in stated):
        raise ManifestInvalid(reason="artifactType is no media type")
    config = tree.get("config")
    return stated or (config["mediaType"] if config else None)


def _annotations(value: Any) -> dict[str, str] | None:
    if value is None:
        return None
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise ManifestInvalid(reason="annotations is not an object of strings")
    return value or None

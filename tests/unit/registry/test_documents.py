"""Manifests and indexes as documents: what may be stored, and what a document needs."""

import hashlib
import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.registry import documents
from entrepot.registry.documents import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, Descriptor
from entrepot.registry.faults import ManifestInvalid, ManifestUnacceptable

A, B, C = (f"sha256:{letter * 64}" for letter in "abc")
LARGE = "sha512:" + "d" * 128


def _descriptor(digest: str = A, **more: Any) -> dict[str, Any]:
    return {"mediaType": "application/x", "digest": digest, "size": 7, **more}


def _manifest(**more: Any) -> dict[str, Any]:
    tree = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": _descriptor(A), "layers": [_descriptor(B)]}
    return tree | more


def _index(**more: Any) -> dict[str, Any]:
    return {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [_descriptor(A), _descriptor(B)]} | more


def _parse(tree: Any, media_type: str | None = None, **more: Any) -> documents.Document:
    return documents.parse(json.dumps(tree).encode(), media_type, **more)


# ── what is read ────────────────────────────────────────────────────────────────────────────────────


def test_a_manifest_names_its_config_and_layers():
    document = _parse(_manifest())

    assert document.blobs == (Descriptor(A, 7, "application/x", False), Descriptor(B, 7, "application/x", False))
    assert (document.children, document.is_index, document.media_type) == ((), False, OCI_MANIFEST)


def test_an_index_names_its_children():
    document = _parse(_index())

    assert [child.digest for child in document.children] == [A, B]
    assert (document.blobs, document.is_index, document.media_type) == ((), True, OCI_INDEX)


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_the_digest_is_that_of_the_bytes_as_they_came(algorithm):
    content = b" " + json.dumps(_manifest(), indent=3).encode() + b"\n"

    document = documents.parse(content, None, algorithm=algorithm)

    assert document.content is content
    assert document.digest == f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        (_manifest(), "application/x"),
        (_manifest(artifactType="application/sbom"), "application/sbom"),
        (_manifest(artifactType=""), "application/x"),
        (_manifest(artifactType=None), "application/x"),
        (_index(), None),
        (_index(artifactType="application/sbom"), "application/sbom"),
        (_manifest(mediaType=DOCKER_MANIFEST, artifactType="application/sbom"), "application/x"),
    ],
)
def test_the_artifact_type_is_stated_or_that_of_the_config(tree, expected):
    """If the artifactType is empty or missing, … the config mediaType. distribution-spec 1.1, "Listing Referrers"."""
    assert _parse(tree).artifact_type == expected


def test_only_oci_documents_have_a_subject():
    """Source: OCI image-spec 1.1; Docker's formats have no such field."""
    assert _parse(_manifest(subject=_descriptor(LARGE))).subject == LARGE
    assert _parse(_index(subject=_descriptor(C))).subject == C
    assert _parse(_manifest(mediaType=DOCKER_MANIFEST, subject=_descriptor(C))).subject is None
    assert _parse(_manifest(subject=None)).subject is None


@pytest.mark.parametrize(("annotations", "expected"), [({"a": "b"}, {"a": "b"}), ({}, None), (None, None)])
def test_annotations_are_strings_by_name(annotations, expected):
    assert _parse(_manifest(annotations=annotations)).annotations == expected


@pytest.mark.parametrize(
    ("layer", "foreign"),
    [
        (_descriptor(), False),
        (_descriptor(urls=[]), False),
        (_descriptor(urls=["https://example.org/layer"]), True),
        (_descriptor() | {"mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar"}, True),
        (_descriptor() | {"mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"}, True),
    ],
)
def test_a_layer_with_addresses_of_its_own_is_foreign(layer, foreign):
    assert _parse(_manifest(layers=[layer])).blobs[1].foreign == foreign


def test_only_layers_can_be_foreign():
    document = _parse(_manifest(config=_descriptor(urls=["https://example.org/config"])))

    assert not document.blobs[0].foreign


def test_foreign_layers_can_be_forbidden():
    tree = _manifest(layers=[_descriptor(urls=["https://example.org/layer"])])

    with pytest.raises(ManifestInvalid):
        _parse(tree, foreign_layers=False)


@pytest.mark.parametrize("member", ["layers", "manifests"])
def test_no_list_is_an_empty_list(member):
    """Go writes an empty list as null."""
    tree = _manifest() if member == "layers" else _index()

    assert _parse(tree | {member: None}).children == ()
    del tree[member]
    assert _parse(tree).children == ()


def test_what_a_stored_document_names_is_found_again():
    for tree in (_manifest(), _manifest(layers=None), _index(), _index(manifests=None)):
        document = _parse(tree)

        blobs, children = documents.named_by(document.content)

        assert blobs == {blob.digest for blob in document.blobs}
        assert children == {child.digest for child in document.children}


# ── media types ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("media_type", [OCI_MANIFEST, DOCKER_MANIFEST])
def test_a_manifest_says_what_it_is_or_its_header_does(media_type):
    stated = _manifest(mediaType=media_type)
    silent = {key: value for key, value in stated.items() if key != "mediaType"}

    assert _parse(stated).media_type == _parse(silent, media_type).media_type == media_type
    assert _parse(stated, media_type).media_type == media_type


@pytest.mark.parametrize(
    ("tree", "sent"),
    [
        (_manifest(), OCI_INDEX),
        (_manifest(), DOCKER_MANIFEST),
        (_index(), OCI_MANIFEST),
        (_index(), DOCKER_LIST),
        (_manifest(mediaType=OCI_INDEX), None),
        (_index(mediaType=OCI_MANIFEST), None),
        (_manifest(mediaType=None), OCI_INDEX),
        (_index(mediaType=None), OCI_MANIFEST),
        (_manifest(manifests=[]), None),
        (_index(layers=[]), None),
        (_index(config=_descriptor()), None),
        (_index(fsLayers=[]), None),
        (_manifest(mediaType=OCI_MANIFEST.upper()), OCI_MANIFEST),
        (_manifest(mediaType=["application/x"]), OCI_MANIFEST),
    ],
    ids=str,
)
def test_header_statement_and_shape_must_agree(tree, sent):
    """Source: CVE-2021-41190, a document that is a manifest to one and an index to another."""
    with pytest.raises(ManifestInvalid):
        _parse(tree, sent)


@pytest.mark.parametrize(
    ("tree", "sent"),
    [
        (_manifest(mediaType=None), None),
        (_manifest(mediaType="application/x"), None),
        (_manifest(mediaType=None), "application/json"),
        ({"schemaVersion": 1, "fsLayers": []}, "application/vnd.docker.distribution.manifest.v1+json"),
        ({"schemaVersion": 1, "fsLayers": []}, "application/vnd.docker.distribution.manifest.v1+prettyjws"),
        ({"schemaVersion": 1, "fsLayers": []}, DOCKER_MANIFEST),
    ],
    ids=str,
)
def test_other_documents_are_not_acceptable(tree, sent):
    with pytest.raises(ManifestUnacceptable):
        _parse(tree, sent)


# ── JSON ────────────────────────────────────────────────────────────────────────────────────────────

_GOOD = json.dumps(_manifest()).encode()


def _with(members: bytes) -> bytes:
    """A good manifest with more members in front."""
    return _GOOD.replace(b"{", b"{%s, " % members, 1)


NO_JSON = {
    "nothing": b"",
    "an open object": b"{",
    "null": b"null",
    "a list": b"[]",
    "a string": b'"text"',
    "a number": b"1",
    "text behind the end": _GOOD + b"x",
    "two documents": _GOOD + _GOOD,
    "NUL behind the end": _GOOD + b"\0",
    "byte order mark": b"\xef\xbb\xbf" + _GOOD,
    "two equal names": _GOOD.replace(b'"size": 7', b'"size": 7, "size": 7'),
    "two equal names at the top": _with(b'"schemaVersion": 2'),
    "two equal names deep down": _with(b'"a": {"b": 1, "c": [{"d": 1, "d": 2}]}'),
    "NaN": _with(b'"a": NaN'),
    "Infinity": _with(b'"a": Infinity'),
    "-Infinity": _with(b'"a": -Infinity'),
    "no UTF-8": _with(b'"a": "\xff"'),
    "half a pair in UTF-8": _with(b'"a": "\xed\xa0\x80"'),
    "overlong UTF-8": _with(b'"a": "\xc0\xaf"'),
    "half a pair": _with(b'"a": "\\ud800"'),
    "a pair the wrong way round": _with(b'"a": "\\udc00\\ud800"'),
    "leading zero": _with(b'"a": 01'),
    "two commas": _with(b'"a": 1,'),
    "single quotes": _with(b"'a': 1"),
    "comment": _with(b'/* */ "a": 1'),
    "line break in a string": _with(b'"a": "line\nbreak"'),
    "a number that takes long": _with(b'"a": ' + b"9" * 5000),
    "UTF-16": json.dumps(_manifest()).encode("utf-16"),
    "UTF-32": json.dumps(_manifest()).encode("utf-32"),
}


@pytest.mark.parametrize("content", NO_JSON.values(), ids=NO_JSON)
def test_what_two_readers_could_read_differently_is_no_json(content):
    """Duplicate names, text behind the end, byte order marks, other encodings: abuse 13."""
    with pytest.raises(ManifestUnacceptable):
        documents.parse(content, OCI_MANIFEST)


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_in_words_of_ours(content):
    with pytest.raises((ManifestInvalid, ManifestUnacceptable)):
        documents.parse(content, OCI_MANIFEST)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            name: _json | st.just([_descriptor()]) | st.just(_descriptor()) | st.just(2) | st.just(OCI_MANIFEST)
            for name in (
                *("schemaVersion", "mediaType", "config", "layers", "manifests"),
                *("subject", "annotations", "artifactType", "fsLayers", "other"),
            )
        },
    ),
    st.sampled_from([None, OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST]),
)
def test_any_json_is_a_document_or_refused_in_words_of_ours(tree, media_type):
    try:
        document = _parse(tree, media_type)
    except (ManifestInvalid, ManifestUnacceptable):
        return

    blobs, children = documents.named_by(document.content)
    assert blobs == {blob.digest for blob in document.blobs}
    assert children == {child.digest for child in document.children}


# ── forms ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("version", [None, 0, 1.0, 2.0, 3, True, "2", [2], {}])
def test_the_schema_version_is_the_number_two(version):
    with pytest.raises((ManifestInvalid, ManifestUnacceptable)):
        _parse(_manifest(schemaVersion=version))


WRONG_DESCRIPTORS = [
    [],
    "sha256:" + "a" * 64,
    {},
    _descriptor("sha256:" + "A" * 64),
    _descriptor("sha256:" + "a" * 63),
    _descriptor("sha512:" + "a" * 64),
    _descriptor("md5:" + "a" * 32),
    _descriptor(A + "\n"),
    _descriptor(A, size=-1),
    _descriptor(A, size=1.0),
    _descriptor(A, size="7"),
    _descriptor(A, size=True),
    _descriptor(A, size=None),
    _descriptor(A, size=1 << 63),
    _descriptor(A, mediaType=""),
    _descriptor(A, mediaType="text/\0"),
    _descriptor(A, mediaType=None),
    _descriptor(A, mediaType=1),
    _descriptor() | {"digest": None},
    _descriptor() | {"digest": 1},
]


@pytest.mark.parametrize("descriptor", WRONG_DESCRIPTORS, ids=str)
@pytest.mark.parametrize("place", ["config", "layers", "manifests", "subject"])
def test_a_descriptor_has_type_digest_and_size(place, descriptor):
    """Source: OCI image-spec 1.1, "Content Descriptors"."""
    tree = _index() if place == "manifests" else _manifest()
    tree[place] = [descriptor] if place in {"layers", "manifests"} else descriptor

    with pytest.raises(ManifestInvalid):
        _parse(tree)


def test_a_manifest_has_a_config():
    for tree in (_manifest(config=None), {key: value for key, value in _manifest().items() if key != "config"}):
        with pytest.raises(ManifestInvalid):
            _parse(tree)


@pytest.mark.parametrize("value", [{}, "", 0, False, "text", 1, True, {"0": _descriptor()}])
@pytest.mark.parametrize("member", ["layers", "manifests"])
def test_a_list_is_a_list(member, value):
    tree = _manifest() if member == "layers" else _index()

    with pytest.raises(ManifestInvalid):
        _parse(tree | {member: value})


@pytest.mark.parametrize("value", [[], "", 0, False, {"a": None}, {"a": 1}, {"a": {"b": "c"}}])
def test_annotations_are_an_object_of_strings(value):
    with pytest.raises(ManifestInvalid):
        _parse(_manifest(annotations=value))


# ── bounds ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("member", ["layers", "manifests"])
def test_a_document_names_as_many_as_the_setting_says_and_no_more(member):
    tree = _manifest() if member == "layers" else _index()
    most = tree | {member: [_descriptor()] * 5}

    assert _parse(most, most_descriptors=5).media_type == tree["mediaType"]
    with pytest.raises(ManifestInvalid):
        _parse(most, most_descriptors=4)


def _nested(depth: int, opening: str, closing: str) -> bytes:
    inner = opening * depth + "1" + closing * depth
    return _with(b'"a": ' + inner.encode())


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"b": ', "}")])
def test_a_document_is_64_levels_deep_at_most(opening, closing):
    assert documents.parse(_nested(63, opening, closing), None).media_type == OCI_MANIFEST
    for depth in (64, 500, 1_000, 50_000):
        with pytest.raises((ManifestInvalid, ManifestUnacceptable)):
            documents.parse(_nested(depth, opening, closing), None)


_ROOM = documents.LARGEST - len(_GOOD) - 100
BOMBS = {
    "objects": b"[" + b"{}," * (_ROOM // 3 - 1) + b"{}]",
    "lists": b"[" + b"[]," * (_ROOM // 3 - 1) + b"[]]",
    "members": b"[" + b'{"a":1},' * (_ROOM // 8 - 1) + b"{}]",
    "strings": b"[" + b'"ab",' * (_ROOM // 5 - 1) + b"1]",
    "numbers": b"[" + b"1.5," * (_ROOM // 4 - 1) + b"1]",
    "names": b"{" + b",".join(b'"%x":1' % number for number in range(_ROOM // 11)) + b"}",
    "nested lists": b"[" * (_ROOM // 2) + b"]" * (_ROOM // 2),
    "nested objects": b'{"a":' * (_ROOM // 6) + b"1" + b"}" * (_ROOM // 6),
    "a string without an end": b'"' + b'\\"' * (_ROOM // 2 - 2) + b",",
    "quotes": b'["' + b'",,"' * (_ROOM // 4 - 3) + b'",',
    "a long number": b"9" * _ROOM,
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_abuse_14_a_manifest_bomb_is_refused_in_little_memory(bomb):
    content = _with(b'"a": ' + BOMBS[bomb])
    assert documents.LARGEST * 0.8 < len(content) <= documents.LARGEST

    tracemalloc.start()
    try:
        with pytest.raises((ManifestInvalid, ManifestUnacceptable)):
            documents.parse(content, None)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 64 << 20


LARGE_TEXTS = {
    "letters": "x" * 3_900_000,
    "backslashes": "\\" * 1_900_000,
    "a document": '{"a": [1, 2, {}], ' * 150_000,
    "umlauts": "ü" * 1_000_000,
}


@pytest.mark.parametrize("text", LARGE_TEXTS.values(), ids=LARGE_TEXTS)
def test_abuse_14_a_large_string_is_no_bomb_whatever_it_holds(text):
    tree = _manifest(annotations={"org.example.document": text})
    content = json.dumps(tree, ensure_ascii=False).encode()
    assert len(content) <= documents.LARGEST

    tracemalloc.start()
    try:
        assert documents.parse(content, None).annotations == {"org.example.document": text}
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 64 << 20

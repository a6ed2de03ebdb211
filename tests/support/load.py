"""
A load of pushes by clients that write down what was acknowledged, and later ask whether it is still so.

Before a request goes out, its effect is held to be possible; after its answer, to be certain. A connection
that breaks leaves it possible: it may have come to pass or not, but never by half.
"""

import contextlib
import json
import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import Any, NamedTuple

import urllib3
from botocore.exceptions import BotoCoreError, ClientError

from tests.support.server import Registry, Server, digest_of, manifest

# What a client gets to see when its server dies.
LOST = (urllib3.exceptions.HTTPError, BotoCoreError)

# Below, at and above what is kept in a row; the last is more than one read of a connection brings.
_SIZES = (100, 3000, 16383, 16384, 16385, 40_000, 150_000)
_TAGS = [f"t{i}" for i in range(8)]
# Who has as many images as this deletes rather than pushes.
_MANY = 40
# Images that nothing was done to are asked for in turn, so many each time.
_SAMPLE = 12

_INDEX = "application/vnd.oci.image.index.v1+json"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


class Image(NamedTuple):
    """A manifest or an index as it was sent."""

    text: bytes
    media_type: str
    blobs: tuple[bytes, ...]
    children: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Under which it is asked for."""
        return digest_of(self.text)


@dataclass
class Book:
    """What one repository may hold. Who is not in *here* is not there; a set of two is a doubt."""

    name: str
    images: dict[str, Image] = field(default_factory=dict)
    here: dict[str, set[bool]] = field(default_factory=dict)
    tags: dict[str, set[str | None]] = field(default_factory=lambda: {tag: {None} for tag in _TAGS})
    gone: deque[str] = field(default_factory=lambda: deque(maxlen=50))
    changed: set[str] = field(default_factory=set)

    def doubt(self, digest: str) -> None:
        """Something is being done to the image."""
        self.here[digest] = {*self.here.get(digest, {False}), True, False}
        self.changed.add(digest)

    def settle(self, digest: str, *, here: bool) -> None:
        """It is certain now whether the image is there."""
        if here:
            self.here[digest] = {True}
        else:
            self.here.pop(digest, None)
            self.images.pop(digest, None)
            self.gone.append(digest)
            for tag, digests in self.tags.items():
                self.tags[tag] = {None if each == digest else each for each in digests}

    def certain(self) -> list[Image]:
        """Images that are certainly there."""
        return [self.images[digest] for digest, here in self.here.items() if here == {True}]

    def removable(self) -> list[Image]:
        """Those of them that no index holds."""
        held = {child for image in self.images.values() for child in image.children}
        return [image for image in self.certain() if image.digest not in held]


class Open(NamedTuple):
    """An upload that was left open: all its bytes, and how many of them may be there."""

    name: str
    location: str
    content: bytes
    least: int
    most: int


class Client:
    """One client with repositories of its own. All that it does follows from *seed*, and from when it was cut off."""

    def __init__(self, server: Server, name: str, seed: int) -> None:
        self.server = server
        self._random = random.Random(seed)
        self._books = [Book(f"load/{name}/{part}") for part in ("app", "base")]
        self._passing = Book(f"load/{name}/passing")  # is deleted whole now and then
        self._open: list[Open] = []
        self._recent: deque[bytes] = deque(maxlen=20)
        self.acknowledged = 0
        self._operations: Sequence[tuple[Callable[[], None], int]] = (
            (self._push, 50),
            (self._push_index, 6),
            (self._move_tag, 12),
            (self._delete, 8),
            (self._delete_tag, 5),
            (self._leave_open, 5),
            (self._delete_repository, 2),
        )
        self.connect()
        for book in (*self._books, self._passing):
            self._ecr.create_repository(repositoryName=book.name)

    def connect(self, server: Server | None = None) -> None:
        """Forget connections to a server that is no more, and go to another node, where one is given."""
        self.server = server or self.server
        self._oci: Registry = self.server.registry()
        self._ecr: Any = self.server.aws("ecr")

    def work(self, ending: Event | None = None, *, outages: bool = False) -> bool:
        """
        Work until *ending* is set, or the server is lost: then False.

        With *outages*, a server that says that it cannot do its work (5xx) is lost as well. Raises: AssertionError,
        at any other refusal.
        """
        operations, weights = zip(*self._operations, strict=True)
        while ending is None or not ending.is_set():
            (operation,) = self._random.choices(operations, weights)
            try:
                operation()
            except LOST:
                return False
            except (Refused, ClientError) as refusal:
                if outages and _status(refusal) >= 500:
                    return False
                raise
            self.acknowledged += 1
        return True

    def check(self, *, everything: bool = False) -> None:
        """Compare the server with what was written down, and settle doubts. Raises: AssertionError."""
        for left in self._open:
            self._resume(left)
        self._open.clear()
        self._check_passing()
        for book in (*self._books, self._passing):
            known = {*book.here, *book.gone}
            asked = {*book.changed, *self._random.sample(sorted(known), min(_SAMPLE, len(known)))}
            for digest in sorted(known if everything else asked):
                self._check_image(book, digest)
            book.changed.clear()
            for tag in _TAGS:
                self._check_tag(book, tag)

    # What it does.

    def _book(self) -> Book:
        return self._random.choice((*self._books, self._passing))

    def _push(self) -> None:
        book = self._book()
        if len(book.here) > _MANY:
            self._delete()
            return
        self._put(book, self._make(book))

    def _make(self, book: Book) -> Image:
        """A new image whose blobs are there; some of them come from elsewhere, or have been there before."""
        layers = [self._bytes(self._random.choice(_SIZES)) for _ in range(self._random.randint(1, 2))]
        if self._recent and self._random.random() < 0.4:
            layers.append(self._random.choice(self._recent))
        config = json.dumps({"seed": self._random.getrandbits(64)}).encode()
        for content in (config, *layers):
            self._push_blob(book, content)
        self._recent.extend(layers)
        text = json.dumps(manifest(config, *layers)).encode()
        return Image(text, _MANIFEST, (config, *layers))

    def _push_index(self) -> None:
        book = self._book()
        children = self._random.sample(book.certain(), min(2, len(book.certain())))
        listed = [
            {"mediaType": each.media_type, "digest": each.digest, "size": len(each.text)}
            for each in children
            if each.media_type == _MANIFEST
        ]
        tree = {"schemaVersion": 2, "mediaType": _INDEX, "manifests": listed, "annotations": {"n": self._token()}}
        digests = tuple(str(each["digest"]) for each in listed)
        self._put(book, Image(json.dumps(tree).encode(), _INDEX, (), digests))

    def _move_tag(self) -> None:
        book = self._book()
        if images := book.certain():
            self._put(book, self._random.choice(images))

    def _put(self, book: Book, image: Image) -> None:
        """Put an image under a tag, by one face or the other."""
        digest, tag = image.digest, self._random.choice(_TAGS)
        book.images[digest] = image
        if book.here.get(digest) != {True}:
            book.doubt(digest)
        before = book.tags[tag]
        book.tags[tag] = before | {digest}
        # What is so already is refused by the API.
        if self._random.random() < 0.25 and digest not in before:
            members = {"imageManifest": image.text.decode(), "imageManifestMediaType": image.media_type}
            self._ecr.put_image(repositoryName=book.name, imageTag=tag, **members)
        else:
            _expect(self._oci.put_manifest(book.name, tag, image.text, image.media_type), 201)
        book.settle(digest, here=True)
        book.changed.add(digest)
        book.tags[tag] = {digest}

    def _delete(self) -> None:
        book = self._book()
        if not (images := book.removable()):
            return
        digest = self._random.choice(images).digest
        book.doubt(digest)
        for tag, digests in book.tags.items():
            if digest in digests:
                book.tags[tag] = digests | {None}
        if self._random.random() < 0.3:
            answer = self._ecr.batch_delete_image(repositoryName=book.name, imageIds=[{"imageDigest": digest}])
            assert answer["failures"] == [], answer
        else:
            _expect(self._oci("DELETE", f"/v2/{book.name}/manifests/{digest}"), 202)
        book.settle(digest, here=False)

    def _delete_tag(self) -> None:
        book = self._book()
        placed = [tag for tag, digests in book.tags.items() if None not in digests]
        if placed:
            tag = self._random.choice(placed)
            book.tags[tag] = book.tags[tag] | {None}
            _expect(self._oci("DELETE", f"/v2/{book.name}/manifests/{tag}"), 202)
            book.tags[tag] = {None}

    def _delete_repository(self) -> None:
        book = self._passing
        for digest in book.here:
            book.doubt(digest)
        for tag, digests in book.tags.items():
            book.tags[tag] = digests | {None}
        self._ecr.delete_repository(repositoryName=book.name, force=True)
        for digest in list(book.here):
            book.settle(digest, here=False)
        self._ecr.create_repository(repositoryName=book.name)

    def _leave_open(self) -> None:
        """Begin an upload and append pieces to it; a later check goes on with it."""
        name = self._random.choice(self._books).name
        content = self._bytes(80_000)
        location = _expect(self._oci("POST", f"/v2/{name}/blobs/uploads/"), 202).headers["location"]
        size = 0
        for length in self._random.choices((500, 6000, 25_000), k=self._random.randint(0, 3)):
            self._open.append(Open(name, location, content, size, size + length))
            _expect(self._oci("PATCH", location, content[size : size + length]), 202)
            self._open.pop()
            size += length
        self._open.append(Open(name, location, content, size, size))

    # Ways of pushing a blob.

    def _push_blob(self, book: Book, content: bytes) -> None:
        mounted = content in self._recent and self._mount(book, content)
        if not (mounted or self._asked(book, content)):
            way = self._random.choice((self._whole, self._begun, self._in_pieces, self._streamed, self._by_api))
            way(book.name, content)

    def _mount(self, book: Book, content: bytes) -> bool:
        sources = [each for each in self._books if any(content in image.blobs for image in each.certain())]
        if not sources or self._random.random() < 0.5:
            return False
        query = f"mount={digest_of(content)}&from={self._random.choice(sources).name}"
        _expect(self._oci("POST", f"/v2/{book.name}/blobs/uploads/?{query}"), 201)
        return True

    def _asked(self, book: Book, content: bytes) -> bool:
        """Whether the repository says that it has the blob: then it is relied on, as clients do."""
        digest = digest_of(content)
        if self._random.random() < 0.8:
            return self._oci("HEAD", f"/v2/{book.name}/blobs/{digest}").status == 200
        (layer,) = self._ecr.batch_check_layer_availability(repositoryName=book.name, layerDigests=[digest])["layers"]
        return bool(layer["layerAvailability"] == "AVAILABLE")

    def _whole(self, name: str, content: bytes) -> None:
        _expect(self._oci("POST", f"/v2/{name}/blobs/uploads/?digest={digest_of(content)}", content), 201)

    def _begun(self, name: str, content: bytes) -> None:
        location = _expect(self._oci("POST", f"/v2/{name}/blobs/uploads/"), 202).headers["location"]
        _expect(self._oci("PUT", f"{location}?digest={digest_of(content)}", content), 201)

    def _in_pieces(self, name: str, content: bytes) -> None:
        location = _expect(self._oci("POST", f"/v2/{name}/blobs/uploads/"), 202).headers["location"]
        cuts = sorted(self._random.choices(range(len(content) + 1), k=self._random.randint(1, 3)))
        for start, stop in zip([0, *cuts], cuts, strict=False):
            if piece := content[start:stop]:
                headers = {"Content-Range": f"{start}-{stop - 1}"}
                _expect(self._oci("PATCH", location, piece, headers=headers), 202)
        _expect(self._oci("PUT", f"{location}?digest={digest_of(content)}", content[cuts[-1] :]), 201)

    def _streamed(self, name: str, content: bytes) -> None:
        """As docker does it: one PATCH that does not say how long it is, and a PUT without a body."""
        location = _expect(self._oci("POST", f"/v2/{name}/blobs/uploads/"), 202).headers["location"]
        pieces = (content[i : i + 20_000] for i in range(0, len(content), 20_000))
        _expect(self._oci("PATCH", location, pieces), 202)
        _expect(self._oci("PUT", f"{location}?digest={digest_of(content)}"), 201)

    def _by_api(self, name: str, content: bytes) -> None:
        digest, upload = digest_of(content), self._ecr.initiate_layer_upload(repositoryName=name)["uploadId"]
        this = {"repositoryName": name, "uploadId": upload}
        self._ecr.upload_layer_part(**this, partFirstByte=0, partLastByte=len(content) - 1, layerPartBlob=content)
        with contextlib.suppress(self._ecr.exceptions.LayerAlreadyExistsException):
            self._ecr.complete_layer_upload(**this, layerDigests=[digest])

    # What it asks.

    def _check_image(self, book: Book, digest: str) -> None:
        answer = _expect(self._oci("GET", f"/v2/{book.name}/manifests/{digest}"), 200, 404)
        is_here = answer.status == 200
        assert is_here in book.here.get(digest, {False}), (
            f"{book.name}@{digest}: {answer.status}, {book.here.get(digest)}"
        )
        if is_here:
            image = book.images[digest]
            assert answer.data == image.text
            for content in image.blobs:
                blob = _expect(self._oci("GET", f"/v2/{book.name}/blobs/{digest_of(content)}"), 200)
                assert blob.data == content
            for child in image.children:
                _expect(self._oci("HEAD", f"/v2/{book.name}/manifests/{child}"), 200)
        if digest in book.here:
            book.settle(digest, here=is_here)

    def _check_tag(self, book: Book, tag: str) -> None:
        answer = _expect(self._oci("HEAD", f"/v2/{book.name}/manifests/{tag}"), 200, 404)
        found = answer.headers["docker-content-digest"] if answer.status == 200 else None
        assert found in book.tags[tag], f"{book.name}:{tag} is {found} instead of {book.tags[tag]}"
        book.tags[tag] = {found}

    def _check_passing(self) -> None:
        """Between its deletion and its creation anew, this repository is not there."""
        with contextlib.suppress(self._ecr.exceptions.RepositoryAlreadyExistsException):
            self._ecr.create_repository(repositoryName=self._passing.name)

    def _resume(self, left: Open) -> None:
        """Go on with an upload where the server says that it ends, and make an image of it."""
        answer = _expect(self._oci("GET", left.location), 204)
        last = int(answer.headers["range"].partition("-")[2])
        size = last + 1 if last else 0  # no piece has one byte
        assert left.least <= size <= left.most, f"{size} bytes are here, not {left.least} to {left.most}"
        digest = digest_of(left.content)
        _expect(self._oci("PUT", f"{left.location}?digest={digest}", left.content[size:]), 201)
        book = next(each for each in self._books if each.name == left.name)
        text = json.dumps(manifest(left.content)).encode()
        self._put(book, Image(text, _MANIFEST, (left.content,)))

    def _bytes(self, size: int) -> bytes:
        return self._random.randbytes(size)

    def _token(self) -> str:
        return f"{self._random.getrandbits(64):x}"


class Refused(AssertionError):
    """An answer of the OCI face with another status than was expected."""

    def __init__(self, answer: urllib3.BaseHTTPResponse, statuses: tuple[int, ...]) -> None:
        super().__init__(f"{answer.status} instead of {statuses}: {answer.data[:500]!r}")
        self.status = answer.status


def _status(refusal: Refused | ClientError) -> int:
    if isinstance(refusal, Refused):
        return refusal.status
    status: int = refusal.response["ResponseMetadata"]["HTTPStatusCode"]
    return status


def _expect(answer: urllib3.BaseHTTPResponse, *statuses: int) -> urllib3.BaseHTTPResponse:
    if answer.status not in statuses:
        raise Refused(answer, statuses)
    return answer

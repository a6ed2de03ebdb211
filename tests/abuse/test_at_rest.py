"""Cases 61 and 62: what lies on the disk, changed by somebody who has no key; and that no nonce is used twice."""

import hashlib
import os
from pathlib import Path

import pytest

from entrepot import clock
from entrepot.sealing.at_rest import AtRest, sealed_size_of
from entrepot.sealing.envelope import HEADER, SealBroken, stream_size
from entrepot.storage.drivers import open_store
from tests.support.rootkey import root_key

DOMAIN, OTHER = "123456789012", "210987654321"
PARTS = [os.urandom(1_500_000), os.urandom(700_000)]


class Disk:
    """Envelopes in files, and a hand that changes them."""

    def __init__(self, folder: Path) -> None:
        self.store = open_store(f"file://{folder}/blobs")
        self.at_rest = AtRest(self.store, root_key(), seals=True)

    def push(self, *parts: bytes, domain: str = DOMAIN) -> str:
        upload, size, sealed_size = clock.new_uuid(), 0, self.at_rest.nothing_yet()
        for part in parts:
            with self.at_rest.append(upload, size, sealed_size) as appending:
                appending.write(part)
                appending.commit()
            size, sealed_size = size + len(part), sealed_size_of(appending)
        digest = "sha256:" + hashlib.sha256(b"".join(parts)).hexdigest()
        return self.at_rest.finish(upload, domain, digest, sealed_size=sealed_size)

    def path(self, key: str) -> Path:
        path = self.store.path(key)
        assert path is not None
        return Path(path)

    def read(self, key: str) -> bytes:
        return b"".join(self.at_rest.read(key, sealed=True))


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path)


FIRST_PART = HEADER + stream_size(len(PARTS[0])) + 8
PLACES = {
    "magic": 0,
    "length of the header": 11,
    "header": 40,
    "wrapped secret": 200,
    "padding": HEADER - 1,
    "head of a stream": HEADER,
    "salt": HEADER + 5,
    "nonce prefix": HEADER + 35,
    "first segment": HEADER + 500,
    "a later segment": HEADER + (1 << 20) + 500,
    "salt of the second part": FIRST_PART + 5,
    "a segment of the second part": FIRST_PART + 500,
    "end": -60,
    "length of the end": -1,
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_abuse_61_a_changed_byte_is_never_read(disk: Disk, place: int) -> None:
    key = disk.push(*PARTS)
    content = bytearray(disk.path(key).read_bytes())
    content[place] ^= 1
    disk.path(key).write_bytes(content)

    with pytest.raises((SealBroken, FileNotFoundError)):
        disk.read(key)


def test_abuse_61_what_comes_before_a_damaged_segment_is_genuine(disk: Disk) -> None:
    """Nothing that was not verified is given out; what was before it may have left already."""
    key = disk.push(*PARTS)
    content = bytearray(disk.path(key).read_bytes())
    content[FIRST_PART + 500] ^= 1
    disk.path(key).write_bytes(content)

    pieces = disk.at_rest.read(key, sealed=True)

    assert next(pieces) + next(pieces) == PARTS[0]
    with pytest.raises(SealBroken):
        next(pieces)


@pytest.mark.parametrize("left", [0, 100, HEADER, HEADER + 1000, FIRST_PART, FIRST_PART + 1000, -1, -300])
def test_abuse_61_an_envelope_cut_short_is_never_read(disk: Disk, left: int) -> None:
    key = disk.push(*PARTS)
    content = disk.path(key).read_bytes()
    disk.path(key).write_bytes(content[:left])

    with pytest.raises((SealBroken, FileNotFoundError)):
        disk.read(key)


def test_abuse_61_parts_exchanged_or_left_out_are_never_read(disk: Disk) -> None:
    parts = [b"a" * 1000, b"b" * 1000, b"c" * 1000]
    key = disk.push(*parts)
    content = disk.path(key).read_bytes()
    length = stream_size(1000) + 8
    head, end = content[:HEADER], content[HEADER + 3 * length :]
    one, two, three = (content[HEADER + n * length : HEADER + (n + 1) * length] for n in range(3))

    for changed in ((two, one, three), (one, two, two), (one, two), (one, three), (one, two, three, three)):
        disk.path(key).write_bytes(head + b"".join(changed) + end)
        with pytest.raises((SealBroken, FileNotFoundError)):
            disk.read(key)


def test_abuse_61_an_envelope_under_the_name_of_another_is_never_read(disk: Disk) -> None:
    """Another blob's, and the same blob's of another account."""
    mine, other, foreign = disk.push(b"mine"), disk.push(b"other"), disk.push(b"mine", domain=OTHER)
    content = disk.path(mine).read_bytes()

    for key in (other, foreign):
        disk.path(key).write_bytes(content)
        with pytest.raises(SealBroken):
            disk.read(key)
    assert disk.read(mine) == b"mine"


def test_abuse_61_headers_and_ends_do_not_fit_other_envelopes(disk: Disk) -> None:
    mine, other = disk.push(b"a" * 1000), disk.push(b"b" * 1000)
    content, foreign = disk.path(mine).read_bytes(), disk.path(other).read_bytes()
    stream = HEADER + stream_size(1000) + 8

    for changed in (
        foreign[:HEADER] + content[HEADER:],
        content[:HEADER] + foreign[HEADER:stream] + content[stream:],
        content[:stream] + foreign[stream:],
    ):
        disk.path(mine).write_bytes(changed)
        with pytest.raises((SealBroken, FileNotFoundError)):
            disk.read(mine)

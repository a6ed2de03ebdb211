"""Case 61 for keys of customers: what lies at rest, changed or exchanged by somebody who has the disk and no key."""

import base64
import hashlib
import io
import json
import os
from pathlib import Path
from typing import Any

import orjson
import pytest

from entrepot import clock
from entrepot.keys import keys, policies
from entrepot.keys.data_keys import DataKeys
from entrepot.keys.faults import KmsUnavailable
from entrepot.names import Registry
from entrepot.sealing.at_rest import AtRest, sealed_size_of
from entrepot.sealing.customers import REPOSITORY, ROW, Customer, open_secret
from entrepot.sealing.envelope import HEADER, Header, SealBroken, open_fields, parse_fields, stream_size
from entrepot.storage.drivers import open_store
from tests.support.database import database_in
from tests.support.rootkey import root_key
from tests.unit.sealing.test_envelope import tinks

REGISTRY, ROOT_KEY, DOMAIN = Registry("123456789012", "us-east-1"), root_key(), "123456789012.KMS.k"
APP, OTHER = (REGISTRY.repository_arn(name) for name in ("app", "other"))
PARTS = [os.urandom(1_500_000), os.urandom(700_000)]


class Place:
    """Envelopes in files, keys in rows, and a hand that changes the files."""

    def __init__(self, folder: Path, database) -> None:
        self.store = open_store(f"file://{folder}/blobs")
        self.database, self.data_keys = database, DataKeys(database, ROOT_KEY)
        self.at_rest = AtRest(self.store, ROOT_KEY, seals=False, data_keys=self.data_keys)
        self.key, self.another = self.new_key(), self.new_key()

    def new_key(self):
        text = policies.default(REGISTRY.account)
        return self.database.write(
            lambda tx: keys.create(tx, REGISTRY, description="", policy=text, root_key=ROOT_KEY)
        ).arn

    def switch(self, *, enabled: bool) -> None:
        self.database.write(lambda tx: keys.switch(tx, keys.get(tx, self.key), enabled=enabled))

    def push(self, customer: Customer, *parts: bytes) -> str:
        upload, size, sealed_size = clock.new_uuid(), 0, self.at_rest.nothing_yet(customer)
        for part in parts:
            with self.at_rest.append(upload, size, sealed_size, customer=customer) as appending:
                appending.write(part)
                appending.commit()
            size, sealed_size = size + len(part), sealed_size_of(appending)
        digest = "sha256:" + hashlib.sha256(b"".join(parts)).hexdigest()
        return self.at_rest.finish(upload, DOMAIN, digest, sealed_size=sealed_size, customer=customer)

    def path(self, key: str) -> Path:
        path = self.store.path(key)
        assert path is not None
        return Path(path)

    def read(self, key: str, start: int = 0, stop: int | None = None) -> bytes:
        return b"".join(self.at_rest.read(key, start, stop, sealed=True))

    def fields(self, key: str) -> dict[str, Any]:
        return parse_fields(self.path(key).read_bytes()[:HEADER])

    def rewrite(self, key: str, fields: dict[str, Any]) -> None:
        """Give an object another header."""
        text = orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)
        header = (b"RGENV1\0\0" + len(text).to_bytes(4, "big") + text).ljust(HEADER, b"\0")
        self.path(key).write_bytes(header + self.path(key).read_bytes()[HEADER:])


@pytest.fixture
def place(tmp_path):
    with database_in(tmp_path) as database:
        yield Place(tmp_path, database)


@pytest.fixture(params=[False, True], ids=["KMS", "KMS_DSSE"])
def customer(place, request):
    return Customer(place.key, APP, twice=request.param)


def refuses(place, key):
    with pytest.raises((SealBroken, FileNotFoundError, KmsUnavailable)):
        place.read(key)
    return True


@pytest.mark.parametrize(
    "parts",
    [[], [b""], [b"abc"], [b"x" * (1 << 20), b"y"], PARTS],
    ids=lambda parts: str([len(part) for part in parts]),
)
def test_any_range_of_what_was_pushed_in_any_parts_is_read_back(place, customer, parts):
    whole = b"".join(parts)

    key = place.push(customer, *parts)

    assert place.read(key) == whole
    for start in (0, 1, 1_048_480, 1_048_560, 1_500_000 - 1, 1_500_000, 2_100_000):
        for stop in (start + 1, start + 70_000, None):
            assert place.read(key, start, stop) == whole[start:stop]


def test_the_header_names_the_key_and_keeps_its_data_key_and_nothing_shows_the_plain_bytes(place, customer):
    marker = b"a sentence that nobody shall find at rest, " * 50_000
    key = place.push(customer, marker)

    fields, content = place.fields(key), place.path(key).read_bytes()
    plain = place.data_keys.open(fields["key"], base64.b64decode(fields["wrapped"]), fields["context"])
    row = place.at_rest.into_row(marker[:1000], "name", sealed=True, customer=customer)

    assert (fields["key"], fields["context"][REPOSITORY]) == (place.key, APP)
    assert ("outer" in fields) == customer.twice
    assert (marker[:40] in content, marker[:40] in row, plain in content) == (False, False, False)


def test_who_has_the_data_key_opens_it_with_tink(place, customer):
    """Twice where it is sealed twice: with ours first, and then with the customer's."""
    plain = PARTS[0]
    fields = place.fields(key := place.push(customer, plain))
    stream = place.path(key).read_bytes()[HEADER:]
    secret, upload = open_secret(place.data_keys, fields)
    header, size = Header(fields["key"], upload, secret), stream_size(len(plain))

    if customer.twice:
        ours = open_fields(fields["outer"], place.at_rest._wrapping(1))
        with tinks(ours).new_decrypting_stream(io.BytesIO(stream[: stream_size(size)]), ours.info(0)) as opened:
            stream = opened.read()
    with tinks(header).new_decrypting_stream(io.BytesIO(stream[:size]), header.info(0)) as opened:
        assert opened.read() == plain


def test_abuse_61_a_header_of_which_any_byte_is_changed_opens_nothing(place, customer):
    key = place.push(customer, b"content")
    content = place.path(key).read_bytes()

    for number in range(0, 1200, 7):
        changed = bytearray(content)
        changed[number] ^= 1
        place.path(key).write_bytes(changed)
        assert refuses(place, key), number


def test_abuse_61_any_field_of_a_header_is_bound_to_the_bytes(place, customer):
    key = place.push(customer, b"content")
    true = place.fields(key)
    upload = clock.new_uuid()
    changes = [
        {"key": place.another},
        {"key": f"{place.key[:-1]}x"},
        {"created": true["created"] + 1},
        {"context": true["context"] | {REPOSITORY: OTHER}},
        {"context": true["context"] | {"aws:s3:arn": upload}},
        {"context": true["context"] | {"more": "x"}},
        {"context": {REPOSITORY: APP}},
        {"wrapped": true["wrapped"][:-8]},
        {"wrapped": ""},
        {"wrapped": 1},
    ]
    if customer.twice:
        changes += [{"outer": true["outer"] | {"created": 1.0}}, {"outer": {}}, {"outer": None}]

    for change in changes:
        place.rewrite(key, true | change)
        assert refuses(place, key), change
    place.rewrite(key, true)
    assert place.read(key) == b"content"


def test_abuse_61_data_keys_and_headers_do_not_fit_other_blobs_repositories_or_keys(place, customer):
    mine = place.push(customer, b"content")
    others = [
        place.push(customer, b"another"),
        place.push(customer, b"content"),
        place.push(customer._replace(repository=OTHER), b"content"),
        place.push(customer._replace(key=place.another), b"content"),
        place.push(customer._replace(twice=not customer.twice), b"content"),
    ]
    true = place.fields(mine)

    for other in others:
        foreign = place.fields(other)
        for taken in (["wrapped"], ["wrapped", "context"], ["wrapped", "context", "key", "created"], list(foreign)):
            place.rewrite(mine, true | {name: foreign[name] for name in taken})
            assert refuses(place, mine), taken
    content = place.path(others[0]).read_bytes()
    place.path(mine).write_bytes(content)
    assert refuses(place, mine)


def test_abuse_61_parts_cut_short_exchanged_or_changed_are_never_read(place, customer):
    key = place.push(customer, *[bytes([number]) * 1000 for number in range(3)])
    content = place.path(key).read_bytes()
    size = stream_size(1000)
    length = (stream_size(size) if customer.twice else size) + 8
    head, end = content[:HEADER], content[HEADER + 3 * length :]
    one, two, three = (content[HEADER + n * length : HEADER + (n + 1) * length] for n in range(3))

    for changed in ((two, one, three), (one, two, two), (one, two), (one, three), (one, two, three, three)):
        place.path(key).write_bytes(head + b"".join(changed) + end)
        assert refuses(place, key)
    for left in (0, 100, HEADER, HEADER + 500, len(content) - 1, len(content) - 300):
        place.path(key).write_bytes(content[:left])
        assert refuses(place, key)
    for where in range(HEADER, len(content), 97):
        damaged = bytearray(content)
        damaged[where] ^= 1
        place.path(key).write_bytes(damaged)
        assert refuses(place, key)


def test_abuse_61_rows_do_not_fit_other_rows_and_any_change_shows(place, customer):
    row = place.at_rest.into_row(b"content", "sha256:a", sealed=True, customer=customer)
    service = AtRest(place.store, ROOT_KEY, seals=True, data_keys=place.data_keys)

    assert place.at_rest.from_row(row, "sha256:a", sealed=True) == b"content"
    for name, kept in (("sha256:b", row), ("sha256:a", row[:-1]), ("sha256:a", row[:12]), ("sha256:a", row[:8])):
        with pytest.raises(SealBroken):
            place.at_rest.from_row(kept, name, sealed=True)
    for where in range(len(row)):
        changed = bytearray(row)
        changed[where] ^= 1
        with pytest.raises((SealBroken, KmsUnavailable)):
            place.at_rest.from_row(bytes(changed), "sha256:a", sealed=True)
    assert (row.startswith(ROW)) == (not customer.twice)
    lookalike = service.into_row(row, "sha256:a", sealed=True)
    assert service.from_row(lookalike, "sha256:a", sealed=True) == row


def test_abuse_63_a_data_key_that_was_opened_before_is_not_opened_once_its_key_is_off(place, customer):
    key = place.push(customer, b"content")
    row = place.at_rest.into_row(b"content", "sha256:a", sealed=True, customer=customer)
    assert place.read(key) == b"content"

    place.switch(enabled=False)

    with pytest.raises(KmsUnavailable) as refused:
        place.read(key)
    assert refused.value.members["kms_error"] == "DisabledException"
    with pytest.raises(KmsUnavailable):
        place.at_rest.from_row(row, "sha256:a", sealed=True)
    with pytest.raises(KmsUnavailable):
        place.push(customer, b"more")
    place.switch(enabled=True)
    assert place.read(key) == b"content"


def test_data_keys_are_remembered_for_five_minutes_and_ten_thousand_of_them(place, monkeypatch):
    asked, now = [], [1000.0]
    opened = DataKeys._open

    def open_anew(*given):
        asked.append(1)
        return opened(*given)

    monkeypatch.setattr(DataKeys, "_open", open_anew)
    monkeypatch.setattr(clock, "ticks", lambda: now[0])
    monkeypatch.setattr("entrepot.keys.data_keys._MOST", 3)
    made = [place.data_keys.new(place.key, {"n": str(number)}) for number in range(4)]

    def open_(number):
        plain, wrapped = made[number]
        assert place.data_keys.open(place.key, wrapped, {"n": str(number)}) == plain
        return len(asked)

    assert [open_(0), open_(0)] == [1, 1]
    now[0] += 299
    assert open_(0) == 1
    now[0] += 2
    assert open_(0) == 2
    assert [open_(1), open_(2), open_(0), open_(3), open_(0), open_(1)] == [3, 4, 4, 5, 5, 6]


def test_a_context_is_compared_whole(place):
    plain, wrapped = place.data_keys.new(place.key, {"a": "b"})

    assert place.data_keys.open(place.key, wrapped, {"a": "b"}) == plain
    for context in ({}, {"a": "c"}, {"A": "b"}, {"a": "b", "c": "d"}, {"ab": ""}):
        with pytest.raises(SealBroken):
            place.data_keys.open(place.key, wrapped, context)
    assert json.dumps(wrapped.hex()).find(plain.hex()) == -1

"""What only object stores have: segments, marks, retries."""

import http.client
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest
import urllib3

from entrepot import clock
from entrepot.errors import StoreUnavailable
from entrepot.storage.base import BlobStore
from entrepot.storage.drivers import open_store
from entrepot.storage.objects import Segment, chained
from tests.support.registry import sha256
from tests.support.weed import Weed

DOMAIN = "123456789012"
MEBIBYTE = 1 << 20


def write(store: BlobStore, upload: str, offset: int, *pieces: bytes) -> None:
    with store.append(upload, offset) as appending:
        for piece in pieces:
            appending.write(piece)
        appending.commit()


def publish(store: BlobStore, content: bytes) -> str:
    upload = clock.new_uuid()
    write(store, upload, 0, content)
    return store.finish(upload, DOMAIN, sha256(content))


def paths(weed: Weed, url: str) -> list[str]:
    """What lies in the place of *url*, without its prefix."""
    address = urlsplit(url)
    prefix = address.path.strip("/") + "/"
    listed = weed.s3().list_objects_v2(Bucket=address.netloc, Prefix=prefix)
    return [entry["Key"].removeprefix(prefix) for entry in listed.get("Contents", [])]


def segment(name: str, start: int, began: int, size: int) -> Segment:
    return Segment(name, start, began, size)


def test_of_segments_that_begin_at_one_byte_the_later_counts() -> None:
    old, new = segment("old", 3, 1, 9), segment("new", 3, 2, 4)
    first, last = segment("first", 0, 0, 3), segment("last", 7, 3, 1)

    assert chained([new, last, old, first], None) == [first, new, last]


def test_a_chain_ends_at_a_hole_and_where_it_is_told_to() -> None:
    first, second, far = segment("a", 0, 0, 3), segment("b", 3, 0, 3), segment("c", 7, 0, 3)

    assert chained([first, second, far], None) == [first, second]
    assert chained([first, second, far], 3) == [first]
    assert chained([first, second, far], 0) == []
    assert chained([second], None) == []
    assert chained([segment("empty", 0, 0, 0)], None) == [segment("empty", 0, 0, 0)]


def test_a_push_in_one_request_is_written_once_and_never_moved(weed: Weed, bucket: str) -> None:
    store, upload = open_store(bucket), clock.new_uuid()

    write(store, upload, 0, b"abc")
    [before] = paths(weed, bucket)
    key = store.finish(upload, DOMAIN, sha256(b"abc"))

    assert key == before
    assert paths(weed, bucket) == [key, f"{key}.is"]


def test_an_upload_in_pieces_becomes_one_object(weed: Weed, bucket: str) -> None:
    store, upload = open_store(bucket), clock.new_uuid()
    for offset, piece in ((0, b"abc"), (3, b"def"), (6, b"g")):
        write(store, upload, offset, piece)

    key = store.finish(upload, DOMAIN, sha256(b"abcdefg"))

    assert b"".join(store.read(key)) == b"abcdefg"
    assert paths(weed, bucket) == [key, f"{key}.is"]


def test_an_upload_goes_on_in_another_process(bucket: str) -> None:
    """Two stores over one place know nothing of each other but what lies there."""
    one, other, upload = open_store(bucket), open_store(bucket), clock.new_uuid()
    write(one, upload, 0, b"abc")
    write(other, upload, 3, b"def")
    write(one, upload, 6, b"g")

    with other.append(upload, 7):
        pass
    key = other.finish(upload, DOMAIN, sha256(b"abcdefg"))

    assert b"".join(one.read(key)) == b"abcdefg"
    for store in (one, other):
        with pytest.raises(FileNotFoundError):
            store.append(upload, 7)


def test_who_has_lost_its_claim_changes_nothing_any_more(bucket: str) -> None:
    """It still writes when another has taken over: what it leaves is not counted, and removed in the end."""
    late, other, upload = open_store(bucket), open_store(bucket), clock.new_uuid()
    write(late, upload, 0, b"abc")
    slow = late.append(upload, 3)
    slow.write(b"from the past")
    time.sleep(0.002)  # a claim outlives its last sign of life by a minute
    write(other, upload, 3, b"def")

    with slow:
        pass
    with other.append(upload, 6):
        pass
    key = other.finish(upload, DOMAIN, sha256(b"abcdef"))

    assert b"".join(other.read(key)) == b"abcdef"


def test_what_comes_late_is_not_published_and_collected_as_an_upload(bucket: str) -> None:
    late, other, upload = open_store(bucket), open_store(bucket), clock.new_uuid()
    write(late, upload, 0, b"abc")
    slow = late.append(upload, 3)
    slow.write(b"from the past")
    with other.append(upload, 3):
        pass
    with slow:
        pass

    key = other.finish(upload, DOMAIN, sha256(b"abc"))

    assert b"".join(other.read(key)) == b"abc"
    assert [entry.name for entry in other.uploads()] == [upload]
    other.abandon(upload)
    assert list(other.uploads()) == []
    assert [entry.name for entry in other.objects()] == [key]
    assert b"".join(other.read(key)) == b"abc"


def test_what_failed_in_the_middle_leaves_nothing(weed: Weed, bucket: str) -> None:
    store, upload = open_store(bucket), clock.new_uuid()
    write(store, upload, 0, b"abc")

    appending = store.append(upload, 3)
    appending.write(b"def")
    appending.__exit__(ZeroDivisionError, ZeroDivisionError(), None)

    assert b"".join(store.uploaded(upload)) == b"abc"
    assert len(paths(weed, bucket)) == 1


def test_an_objects_age_begins_when_it_is_published(bucket: str) -> None:
    store, upload = open_store(bucket), clock.new_uuid()
    write(store, upload, 0, b"abc")
    [before] = store.uploads()
    time.sleep(1.1)  # the engine counts whole seconds

    store.finish(upload, DOMAIN, sha256(b"abc"))

    [entry] = store.objects()
    assert entry.modified > before.modified


def test_a_deletion_that_was_cut_short_is_found_again(weed: Weed, bucket: str) -> None:
    store = open_store(bucket)
    key = publish(store, b"abc")
    address = urlsplit(bucket)
    weed.s3().delete_object(Bucket=address.netloc, Key=f"{address.path.strip('/')}/{key}")

    assert [entry.name for entry in store.objects()] == [key]
    store.delete(key)

    assert paths(weed, bucket) == []


def test_other_things_in_the_bucket_are_left_alone(weed: Weed, bucket: str) -> None:
    address = urlsplit(bucket)
    weed.s3().put_object(Bucket=address.netloc, Key=f"{address.path.strip('/')}/notes.txt", Body=b"ours")
    store = open_store(bucket)

    assert list(store.uploads()) == []
    assert list(store.objects()) == []


@pytest.mark.parametrize("name", ["", "../other", "0", "notes.txt"])
def test_no_name_leads_out_of_the_store(bucket: str, name: str) -> None:
    store = open_store(bucket)
    uses: list[Any] = [
        lambda: store.append(name, 0),
        lambda: next(store.uploaded(name)),
        lambda: store.finish(name, DOMAIN, sha256(b"")),
        lambda: store.abandon(name),
        lambda: store.size(name),
        lambda: next(store.read(name, 0, 1)),
        lambda: store.url(name, timedelta(minutes=1)),
        lambda: store.delete(name),
    ]

    for use in uses:
        with pytest.raises(ValueError, match="not a name in this store"):
            use()


def test_encryption_is_asked_for_with_every_write(weed: Weed, bucket: str) -> None:
    store = open_store(bucket)
    large = publish(store, bytes(20 * MEBIBYTE))

    address = urlsplit(bucket)
    for path in paths(weed, bucket):
        head = weed.s3().head_object(Bucket=address.netloc, Key=f"{address.path.strip('/')}/{path}")
        assert head["ServerSideEncryption"] == "AES256"
    assert sum(map(len, store.read(large))) == 20 * MEBIBYTE


def test_an_address_gives_the_bytes_to_whoever_has_it_and_nothing_else(bucket: str) -> None:
    store = open_store(bucket)
    key, other = publish(store, b"abcdef"), publish(store, b"others")

    address = store.url(key, timedelta(minutes=1))

    assert address is not None
    got = urllib3.request("GET", address, headers={"Range": "bytes=1-2"})
    assert (got.status, got.data) == (206, b"bc")
    assert got.headers["Content-Type"] == "application/octet-stream"
    assert urllib3.request("GET", address.replace(key, other)).status == 403
    assert urllib3.request("GET", address.partition("?")[0]).status == 403
    assert urllib3.request("DELETE", address).status == 403


def test_there_is_no_address_where_clients_shall_not_go(bucket: str) -> None:
    store = open_store(f"{bucket}&redirect=no")

    assert store.url(publish(store, b"abc"), timedelta(minutes=1)) is None


class Proxy(ThreadingHTTPServer):
    """Between us and the engine: it says "slow down" to the first requests of each kind."""

    daemon_threads = True

    def __init__(self, target: str, refusals: int) -> None:
        super().__init__(("127.0.0.1", 0), _Passing)
        self.target = urlsplit(target).netloc
        self.refusals = refusals
        self.seen: Counter[str] = Counter()
        self.lock = threading.Lock()


class _Passing(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Proxy

    def log_message(self, *_: object) -> None:
        pass

    def handle_one(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with self.server.lock:
            parameters = sorted(part.partition("=")[0] for part in urlsplit(self.path).query.split("&"))
            kind = f"{self.command} {parameters}"
            self.server.seen[kind] += 1
            refuse = self.server.seen[kind] <= self.server.refusals
        if refuse:
            status, headers, content = 503, [], b"<Error><Code>SlowDown</Code></Error>"
        else:
            connection = http.client.HTTPConnection(self.server.target)
            connection.request(self.command, self.path, body, dict(self.headers))
            answer = connection.getresponse()
            status, headers, content = answer.status, answer.getheaders(), answer.read()
            connection.close()
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        length = dict(headers).get("Content-Length") if self.command == "HEAD" else str(len(content))
        self.send_header("Content-Length", length or "0")
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_one  # noqa: N815  # the library's names


@pytest.fixture
def slow(weed: Weed) -> Iterator[Proxy]:
    with Proxy(weed.endpoint, refusals=2) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, args=(0.01,))
        thread.start()
        yield proxy
        proxy.shutdown()
        thread.join()


def test_a_store_that_says_slow_down_is_asked_again(weed: Weed, bucket: str, slow: Proxy) -> None:
    store = open_store(bucket.replace(weed.endpoint, f"http://127.0.0.1:{slow.server_port}"))

    key = publish(store, bytes(20 * MEBIBYTE))

    assert sum(map(len, store.read(key))) == 20 * MEBIBYTE
    assert min(slow.seen.values()) > slow.refusals


def test_a_store_that_is_not_there_is_told_of_as_such(weed: Weed, bucket: str) -> None:
    store = open_store(bucket.replace("/entrepot-tests/", "/no-such-bucket/"))

    with pytest.raises(StoreUnavailable):
        publish(store, b"abc")
    with pytest.raises(StoreUnavailable):
        store.reach()


MEMORY = """
import resource, sys
from entrepot import clock
from entrepot.storage.drivers import open_store
store, upload, piece = open_store(sys.argv[1]), clock.new_uuid(), bytes(1 << 20)
with store.append(clock.new_uuid(), 0) as appending:
    for _ in range(32): appending.write(piece)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with store.append(upload, 0) as appending:
    for _ in range(int(sys.argv[2])): appending.write(piece)
key = store.finish(upload, "123456789012", "sha256:" + "0" * 64)
assert sum(map(len, store.read(key))) == int(sys.argv[2]) << 20
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_an_upload_takes_no_more_memory_the_larger_it_is(bucket: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, bucket, "256"], capture_output=True, text=True, check=True, timeout=100
    )

    assert int(done.stdout) < 96 << 10  # KiB, of 256 MiB

"""Blobs are moved from one store to another: everything is there, and nothing is gone where it was."""

import hashlib
import shutil
import signal
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.moving.support import LARGE, begin, filled, migrate
from tests.support.server import Server, digest_of

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A registry with blobs in files that is not served, and what is in it."""
    data = tmp_path_factory.mktemp("blobs") / "data"
    return data, filled(data)


@pytest.fixture
def copied(original, tmp_path):
    """One of the test's own: its folder."""
    data = tmp_path / "data"
    for suffix in ("", ".keys"):
        shutil.copytree(f"{original[0]}{suffix}", f"{data}{suffix}")
    return data


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _marks(weed, place):
    """How many blobs have been published in a place of the bucket."""
    address = urlsplit(place)
    found = weed.s3().list_objects_v2(Bucket=address.netloc, Prefix=address.path.strip("/"))
    return [entry["Key"] for entry in found.get("Contents", []) if entry["Key"].endswith(".is")]


def _begin(weed, mark):
    """The first bytes of the blob that a mark publishes."""
    return weed.s3().get_object(Bucket="entrepot-tests", Key=mark.removesuffix(".is"))["Body"].read(6)


def test_blobs_go_to_a_bucket_and_back_and_everything_is_there(original, copied, weed, tmp_path):
    """Sealed ones and plain ones stay what they are; an upload that was under way is given up."""
    files, place, back = (copied / "blobs").as_uri(), weed.place(), (tmp_path / "back").as_uri()
    before = _files(copied / "blobs")

    there = migrate(copied, files, place, variables=weed.variables)

    assert there.returncode == 0, there.stderr
    assert "2 blobs, 3345728 bytes, are in s3://" in there.stdout
    assert "2 of them copied now" in there.stdout
    assert "new blobs will be kept as they come there; default_at_rest changes that" in there.stdout
    assert _files(copied / "blobs") == before
    with Server(copied, storage=place, variables=weed.variables) as server:
        original[1].demand_all(server)
        assert "no damage" in server.command("verify").stdout
        face = server.registry()
        assert face("PATCH", f"{server.url}{original[1].upload}", b" and gone on").status == 202
    begins = [_begin(weed, key) for key in _marks(weed, place)]
    assert begins.count(b"RGENV1") == 1
    assert len(begins) == 2

    again = migrate(copied, place, back, variables=weed.variables)

    assert again.returncode == 0, again.stderr
    with Server(copied, storage=back) as server:
        original[1].demand_all(server)
    once_more = migrate(copied, place, back, variables=weed.variables)
    assert (once_more.returncode, "0 of them copied now" in once_more.stdout) == (0, True)


def test_uploads_whose_bytes_lie_in_the_old_place_are_given_up(copied, tmp_path):
    with Server(copied) as server:
        face = server.registry()
        begun = face("PATCH", face("POST", "/v2/app/blobs/uploads/").headers["location"], LARGE[:100_000])

    moved = migrate(copied, (copied / "blobs").as_uri(), (tmp_path / "new").as_uri())

    assert "1 uploads that were under way are given up" in moved.stdout
    with Server(copied, storage=(tmp_path / "new").as_uri()) as server:
        assert server.registry()("PATCH", f"{server.url}{urlsplit(begun.headers['location']).path}", b"x").status == 404


def test_what_a_re_encryption_has_replaced_stays_behind(copied, weed):
    """By its key the new place knows nothing, and would take it for no key at all."""
    files, place = (copied / "blobs").as_uri(), weed.place()
    said = Server(copied).command("reencrypt", "--now", "--default-at-rest", "disk").stdout
    assert "left as they are: 0" in said
    assert Server(copied).sql("SELECT count(*) FROM replaced") != [(0,)]

    assert migrate(copied, files, place, variables=weed.variables).returncode == 0

    with Server(copied, storage=place, variables=weed.variables) as server:
        assert "replaced 0" in server.command("gc", "--grace", "0").stdout
        assert "no damage" in server.command("verify").stdout


def test_a_move_that_is_killed_leaves_the_old_place_in_use_and_goes_on(original, copied, weed):
    files, place = (copied / "blobs").as_uri(), weed.place()
    layers = [hashlib.shake_128(b"%d" % number).digest(6 << 20) for number in range(14)]
    with Server(copied) as server:
        face = server.registry()
        for layer in layers:
            face.push_blob("app", layer)
    moving = begin(copied, files, place, variables=weed.variables)
    while not _marks(weed, place):
        assert moving.poll() is None, moving.communicate()
        time.sleep(0.02)
    moving.send_signal(signal.SIGKILL)
    moving.communicate()
    copied_before = len(_marks(weed, place))

    with Server(copied) as server:
        original[1].demand_all(server)
    ended = migrate(copied, files, place, variables=weed.variables)

    assert ended.returncode == 0, ended.stderr
    assert 0 < copied_before < 16
    assert f"{16 - copied_before} of them copied now" in ended.stdout
    with Server(copied, storage=place, variables=weed.variables) as server:
        original[1].demand_all(server)
        for layer in layers:
            assert server.registry()("GET", f"/v2/app/blobs/{digest_of(layer)}").data == layer


def _damage(folder):
    """Change one byte of the sealed blob."""
    (path,) = [path for path in folder.rglob("*-*") if path.is_file() and path.read_bytes().startswith(b"RGENV1")]
    content = bytearray(path.read_bytes())
    content[1 << 20] ^= 1
    path.write_bytes(content)


def test_a_copy_that_was_changed_is_found_and_made_again_while_the_original_is_there(original, copied, tmp_path):
    files, new = (copied / "blobs").as_uri(), tmp_path / "new"
    assert migrate(copied, files, new.as_uri()).returncode == 0
    _damage(new)

    again = migrate(copied, files, new.as_uri())

    assert again.returncode == 0, again.stderr
    assert "1 of them copied now" in again.stdout
    shutil.rmtree(copied / "blobs")
    _damage(new)
    damaged = migrate(copied, files, new.as_uri())
    assert damaged.returncode == 1
    assert f"blob {digest_of(LARGE)} of 123456789012: its bytes cannot be read: segment" in damaged.stdout


def test_nothing_is_changed_where_the_original_is_damaged(copied, weed):
    _damage(copied / "blobs")
    server = Server(copied)
    before = server.sql("SELECT id, key FROM blobs ORDER BY id")

    ended = migrate(copied, (copied / "blobs").as_uri(), weed.place(), variables=weed.variables)

    assert ended.returncode == 1
    assert f"blob {digest_of(LARGE)} of 123456789012: its bytes cannot be read: segment" in ended.stdout
    assert "1 of 2 blobs are damaged or missing, and the registry lies where it lay" in ended.stdout
    assert server.sql("SELECT id, key FROM blobs ORDER BY id") == before


def test_places_that_cannot_be_meant_are_refused(copied, tmp_path):
    files = (copied / "blobs").as_uri()
    with Server(tmp_path / "other") as other:
        other.aws("ecr").create_repository(repositoryName="app")
        other.registry().push_blob("app", LARGE)
        served = migrate(tmp_path / "other", (tmp_path / "other/blobs").as_uri(), (tmp_path / "new").as_uri())
    theirs = migrate(copied, files, (tmp_path / "other/blobs").as_uri())
    wrong = migrate(copied, (tmp_path / "empty").as_uri(), (tmp_path / "new").as_uri())
    unknown = migrate(copied, files, "s3://")
    same = migrate(copied, files, f"{files}/")

    assert (served.returncode, "Another server is at work on" in served.stderr) == (1, True)
    assert (theirs.returncode, "The new place is not empty: others have objects there" in theirs.stderr) == (1, True)
    assert (wrong.returncode, "The old place has none of the first blobs" in wrong.stderr) == (1, True)
    assert (same.returncode, "The old place and the new one are the same" in same.stderr) == (1, True)
    assert (unknown.returncode, "--to: 's3://' begins with none of" in unknown.stderr) == (2, True)

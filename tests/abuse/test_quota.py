"""
One account stores as much as it may: it is refused exactly there, by whatever way it pushes, and nobody else notices.

Quotas that count things are in ``test_exhaustion``; the disk that is full for all in ``tests/crash/test_full_disk.py``.
"""

import json
import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.oci.principals import Account, new_account
from tests.oci.wire import WAYS, append, begin, finish, in_pieces, refusal
from tests.support.api import push_image, push_layer, refused
from tests.support.server import Server, digest_of, manifest

_QUOTA = 1 << 20
_PIECE = 64 << 10
_COUNT = _QUOTA // _PIECE
_NAME = "full"
_REASON = "bytes left of its quota of stored layers: delete images, and wait until garbage collection"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server whose accounts may store 1 MiB each."""
    with Server(
        tmp_path_factory.mktemp("quota") / "data",
        access_log=False,
        bytes_per_account=_QUOTA,
        gc_interval=0,
        body_minimum_rate=1,
    ) as server:
        yield server
        assert server.command("verify").returncode == 0


@pytest.fixture
def greedy(server):
    """A new account that has a repository."""
    account = new_account(server)
    server.aws("ecr", key=account.key).create_repository(repositoryName=_NAME)
    return account


def _content(seed, size=_PIECE):
    return random.Random(seed).randbytes(size)


def _push(registry, content):
    return registry("POST", f"/v2/{_NAME}/blobs/uploads/?digest={digest_of(content)}", content)


def _stored(server, account):
    rows = server.sql(f"SELECT stored FROM quotas WHERE account = '{account.id}'")
    return rows[0][0] if rows else 0


def _on_disk(server, account):
    return sum(
        file.stat().st_size for file in (server.data / "blobs/objects" / account.id).rglob("*") if file.is_file()
    )


def _assert_refused(answer):
    status, code, message = refusal(answer)
    assert (status, code) == (403, "DENIED")
    assert _REASON in message


def _assert_full(server, account, registry):
    """Not a byte more, by whatever way; but what is there is served, and named."""
    assert _stored(server, account) == _QUOTA
    _assert_refused(registry("POST", f"/v2/{_NAME}/blobs/uploads/"))
    _assert_refused(_push(registry, b"x"))
    _assert_refused(_push(registry, _content("more")))
    with refused("LimitExceededException") as answer:
        server.aws("ecr", key=account.key).initiate_layer_upload(repositoryName=_NAME)
    assert _REASON in answer["Error"]["Message"]
    assert _stored(server, account) == _QUOTA


def _assert_others_go_on(server):
    other = new_account(server)
    ecr = server.aws("ecr", key=other.key)
    ecr.create_repository(repositoryName="other")
    push_image(ecr, "other", "image", "v1")
    other.registry(server).push_image("other", "v2", seed=b"2")
    server.aws("iam", key=other.key).create_user(UserName="somebody")


@pytest.mark.parametrize("size", [_PIECE, 8 << 10], ids=["in the store", "in rows"])
@pytest.mark.parametrize("way", WAYS)
def test_abuse_67_pushes_over_v2_end_at_the_quota_and_what_is_deleted_gives_room(server, greedy, way, size):
    registry, push = greedy.registry(server), WAYS[way]
    contents = [_content(f"{way} {number}", size) for number in range(_QUOTA // size)]

    for content in contents:
        assert push(registry, _NAME, content, digest_of(content)).status == 201

    _assert_full(server, greedy, registry)
    text = json.dumps(manifest(contents[0], contents[1])).encode()
    assert registry.put_manifest(_NAME, "v1", text).status == 201
    assert registry("GET", f"/v2/{_NAME}/blobs/{digest_of(contents[1])}").data == contents[1]
    assert _push(registry, contents[2][:8192]).status == (201 if size == 8192 else 403)  # it is there already
    _assert_others_go_on(server)

    assert registry("DELETE", f"/v2/{_NAME}/blobs/{digest_of(contents[3])}").status == 202
    _assert_full(server, greedy, registry)
    server.command("gc")  # whose grace is not over
    assert _stored(server, greedy) == _QUOTA
    server.command("gc", "--grace", "0")

    assert _stored(server, greedy) == 2 * size
    assert push(registry, _NAME, contents[3], digest_of(contents[3])).status == 201


def test_abuse_67_layers_of_the_api_end_at_the_quota(server, greedy):
    ecr = server.aws("ecr", key=greedy.key)
    for number in range(_COUNT - 1):
        push_layer(ecr, _NAME, _content(f"layer {number}"))
    upload = ecr.initiate_layer_upload(repositoryName=_NAME)["uploadId"]
    part = {"repositoryName": _NAME, "uploadId": upload, "partFirstByte": 0}

    with refused("LimitExceededException") as answer:
        ecr.upload_layer_part(**part, partLastByte=_PIECE, layerPartBlob=_content("last", _PIECE + 1))
    assert f"has {_PIECE} {_REASON}" in answer["Error"]["Message"]
    ecr.upload_layer_part(**part, partLastByte=_PIECE - 1, layerPartBlob=_content("last"))
    _assert_full(server, greedy, greedy.registry(server))
    ecr.complete_layer_upload(repositoryName=_NAME, uploadId=upload, layerDigests=[digest_of(_content("last"))])

    _assert_full(server, greedy, greedy.registry(server))
    _assert_others_go_on(server)
    server.aws("ecr", key=greedy.key).delete_repository(repositoryName=_NAME, force=True)
    server.command("gc", "--grace", "0")
    assert _stored(server, greedy) == 0


def test_abuse_67_many_uploads_at_a_time_do_not_get_beyond_it_together(server, greedy):
    registry = greedy.registry(server)
    contents = [_content(f"parallel {number}") for number in range(2 * _COUNT)]
    locations = [begin(registry, _NAME) for _ in contents]

    with ThreadPoolExecutor(8) as pool:
        appended = list(
            pool.map(lambda one: append(registry, one[0], 0, one[1]), zip(locations, contents, strict=True))
        )

    taken = [number for number, answer in enumerate(appended) if answer.status == 202]
    assert len(taken) == _COUNT
    for answer in appended:
        if answer.status != 202:
            _assert_refused(answer)
    _assert_full(server, greedy, registry)
    for number in taken:
        assert finish(registry, locations[number], digest_of(contents[number])).status == 201
    _assert_full(server, greedy, registry)
    left = next(number for number in range(len(contents)) if number not in taken)
    _assert_refused(finish(registry, locations[left], digest_of(contents[left]), contents[left]))


def test_abuse_67_streams_of_unknown_length_at_a_time_do_not_either(server, greedy):
    registry = greedy.registry(server)
    contents = [_content(f"stream {number}", 3 * _PIECE) for number in range(12)]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda each: _streamed(registry, each), contents))

    done = [answer for answer in answers if answer.status == 201]
    assert 1 <= len(done) <= _QUOTA // (3 * _PIECE)
    for answer in answers:
        if answer.status != 201:
            _assert_refused(answer)
    # Nothing of those that were refused counts.
    assert _stored(server, greedy) == len(done) * 3 * _PIECE
    if (server.data / "blobs/objects").is_dir():
        assert _on_disk(server, greedy) < _QUOTA + (len(done) << 12)


def _streamed(registry, content):
    opened = registry("POST", f"/v2/{_NAME}/blobs/uploads/")
    if opened.status != 202:
        return opened
    return registry("PUT", f"{opened.headers['Location']}?digest={digest_of(content)}", in_pieces(content, 3))


@pytest.mark.parametrize("way", ["post only", "post+put", "chunked single", "stream", "stream in put"])
def test_abuse_67_what_is_refused_on_its_way_is_not_counted(server, greedy, way):
    registry = greedy.registry(server)
    content = _content(way, _QUOTA + 1)
    opened = begin(registry, _NAME)
    answers = {
        "post only": lambda: _push(registry, content),
        "post+put": lambda: finish(registry, opened, digest_of(content), content),
        "chunked single": lambda: append(registry, opened, 0, content),
        "stream": lambda: registry("PATCH", opened, in_pieces(content, 9)),
        "stream in put": lambda: registry("PUT", f"{opened}?digest={digest_of(content)}", in_pieces(content, 9)),
    }

    _assert_refused(answers[way]())

    assert _stored(server, greedy) == 0
    assert _push(registry, content[:-1]).status == 201
    _assert_full(server, greedy, registry)


def test_abuse_67_a_push_into_the_repository_of_another_account_counts_for_that(server, greedy):
    guest = new_account(server)
    statement = {"Effect": "Allow", "Principal": {"AWS": guest.id}, "Action": "ecr:*"}
    server.aws("ecr", key=greedy.key).set_repository_policy(
        repositoryName=_NAME, policyText=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )
    registry = guest.registry(server)
    registry.headers["Host"] = Account(greedy.id, guest.key).host(server)

    for number in range(_COUNT):
        assert _push(registry, _content(f"guest {number}")).status == 201

    _assert_full(server, greedy, greedy.registry(server))
    assert _stored(server, guest) == 0


def test_abuse_67_an_upload_that_is_cancelled_or_left_gives_its_bytes_back(server, greedy):
    registry = greedy.registry(server)
    opened = [begin(registry, _NAME) for _ in range(2)]
    for location in opened:
        assert append(registry, location, 0, _content("open", _QUOTA // 2)).status == 202
    _assert_full(server, greedy, registry)

    assert registry("DELETE", opened[0]).status == 204
    assert _stored(server, greedy) == _QUOTA // 2
    server.aws("ecr", key=greedy.key).delete_repository(repositoryName=_NAME)
    assert _stored(server, greedy) == _QUOTA // 2
    server.command("gc")

    assert _stored(server, greedy) == 0


def test_abuse_67_an_account_has_a_quota_of_its_own_from_the_next_push_on(server, greedy):
    registry = greedy.registry(server)
    assert _push(registry, _content("own")).status == 201

    server.command("quota", greedy.id, "64K")
    _assert_refused(_push(registry, _content("own 2")))
    server.command("quota", greedy.id, "0")
    assert _push(registry, _content("own 3", 2 * _QUOTA)).status == 201
    server.command("quota", greedy.id, "default")
    _assert_refused(_push(registry, _content("own 4")))

    listed = server.command("quota").stdout.splitlines()
    assert f"{greedy.id}  {2 * _QUOTA + _PIECE} of {_QUOTA} (default)" in listed

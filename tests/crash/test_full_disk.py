"""
A disk that fills up: pushes are refused with the reason, pulls go on, nothing is lost, and all is well afterwards.

The data folder lies on a small file system in memory, which a file beside the data fills.
"""

import contextlib
import os
import random
import subprocess

import pytest
from botocore.exceptions import ClientError

from tests.oci.principals import new_account
from tests.support.server import Server, digest_of
from tests.support.skips import want

_SIZE = 40 << 20
_NAME = "full/disk"


class Disk:
    """A file system of 40 MiB, and what fills it."""

    def __init__(self, folder):
        self.folder = folder
        self._filler = folder / "filler"

    def leave(self, room):
        """Fill it until *room* bytes are free."""
        space = os.statvfs(self.folder)
        with self._filler.open("ab") as file:
            os.posix_fallocate(file.fileno(), file.tell(), space.f_bavail * space.f_frsize - room)

    def clear(self):
        """Free what fills it."""
        self._filler.unlink()


@pytest.fixture
def disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", f"size={_SIZE},mode=700", "entrepot-test", folder]
    if os.geteuid() or subprocess.run(mounting, capture_output=True, check=False).returncode:
        want("the right to mount a file system")
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@contextlib.contextmanager
def _serving(folder, **settings):
    with Server(folder / "data", jobs=False, **settings) as server:
        with contextlib.suppress(ClientError):
            server.aws("ecr").create_repository(repositoryName=_NAME)
        yield server


def _refused_by_api(call, **members):
    with pytest.raises(ClientError) as caught:
        call(repositoryName=_NAME, **members)
    error = caught.value.response
    assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == ("ServerException", 500)
    return error["Error"]["Message"]


def _assert_refused(answer):
    assert answer.status == 507, answer.data
    assert b"pushes are refused until space is freed" in answer.data


def _assert_sound(server):
    verified = server.command("verify", check=False)
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_below_the_reserve_pushes_are_refused_with_the_reason_and_pulls_go_on(tmp_path):
    with _serving(tmp_path, least_free=0) as server:
        digest, text = server.registry().push_image(_NAME, "v1")
    with Server(server.data, least_free=1 << 60, jobs=False) as server:
        registry, ecr = server.registry(), server.aws("ecr")

        refused = registry("POST", f"/v2/{_NAME}/blobs/uploads/")
        reason = _refused_by_api(ecr.initiate_layer_upload)
        pulled = registry("GET", f"/v2/{_NAME}/manifests/v1")
        deleted = registry("DELETE", f"/v2/{_NAME}/manifests/{digest}")

    _assert_refused(refused)
    assert f"keeps {1 << 60} in reserve" in reason
    assert pulled.data == text
    assert deleted.status == 202


def test_when_the_reserve_is_reached_while_it_serves_pushes_end_until_space_is_freed(disk):
    with _serving(disk.folder, least_free=8 << 20) as server:
        registry = server.registry()
        _, text = registry.push_image(_NAME, "v1", seed=b"1")
        disk.leave(6 << 20)

        refused = registry("POST", f"/v2/{_NAME}/blobs/uploads/")
        while refused.status == 202:  # what is free is not looked at for every request
            refused = registry("POST", f"/v2/{_NAME}/blobs/uploads/")
        put = registry.put_manifest(_NAME, "v2", text)
        pulled = registry("GET", f"/v2/{_NAME}/manifests/v1")
        disk.clear()
        registry.push_image(_NAME, "v2", seed=b"2")

        _assert_refused(refused)
        _assert_refused(put)
        assert pulled.data == text
        _assert_sound(server)


def test_abuse_67_one_account_fills_the_disk_to_the_reserve_and_rights_can_still_be_changed(disk):
    """What is held back from pushes is for whoever puts an end to it: people, rights, keys, tags, deletions."""
    with _serving(disk.folder, least_free=8 << 20) as server:
        neighbour = new_account(server)
        name = "quiet/neighbour"
        ecr, iam = server.aws("ecr", key=neighbour.key), server.aws("iam", key=neighbour.key)
        ecr.create_repository(repositoryName=name)
        digest, text = neighbour.registry(server).push_image(name, "v1")

        greedy = server.registry()
        answer = greedy("GET", "/v2/")
        for seed in range(4096):
            # Free space is looked at twice a second: what comes meanwhile has to be less than this small reserve.
            content = random.Random(seed).randbytes(32 << 10)
            answer = greedy("POST", f"/v2/{_NAME}/blobs/uploads/?digest={digest_of(content)}", content)
            if answer.status != 201:
                break

        _assert_refused(answer)
        reserve = os.statvfs(disk.folder)
        assert reserve.f_bavail * reserve.f_frsize > 1 << 20
        for number in range(50):
            iam.create_user(UserName=f"user-{number}")
            iam.attach_user_policy(UserName=f"user-{number}", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
        server.aws("kms", key=neighbour.key).create_key()
        server.aws("secretsmanager", key=neighbour.key).create_secret(Name="still", SecretString="x")
        ecr.create_repository(repositoryName="quiet/other")
        ecr.tag_resource(resourceArn=_arn_of(ecr, name), tags=[{"Key": "a", "Value": "b"}])
        assert neighbour.registry(server)("GET", f"/v2/{name}/manifests/{digest}").data == text
        server.aws("iam").create_user(UserName="warden")
        server.aws("ecr").delete_repository(repositoryName=_NAME, force=True)
        _assert_sound(server)


def _arn_of(ecr, name):
    return ecr.describe_repositories(repositoryNames=[name])["repositories"][0]["repositoryArn"]


def test_an_upload_that_the_disk_cut_short_goes_on_where_it_was(disk):
    content = random.Random(1).randbytes(8 << 20)
    with _serving(disk.folder, least_free=0) as server:
        registry = server.registry()
        location = registry("POST", f"/v2/{_NAME}/blobs/uploads/").headers["location"]
        assert registry("PATCH", location, content[: 1 << 20]).status == 202
        disk.leave(2 << 20)

        refused = registry("PATCH", location, content[1 << 20 :])
        whole = registry("POST", f"/v2/{_NAME}/blobs/uploads/?digest={digest_of(content)}", content)
        disk.clear()
        here = registry("GET", location).headers["range"]
        done = registry("PUT", f"{location}?digest={digest_of(content)}", content[1 << 20 :])

        _assert_refused(refused)
        _assert_refused(whole)
        assert here == f"0-{(1 << 20) - 1}"
        assert done.status == 201, done.data
        assert registry("GET", f"/v2/{_NAME}/blobs/{digest_of(content)}").data == content
        _assert_sound(server)


def test_a_part_that_the_disk_refused_can_be_sent_again(disk):
    content = random.Random(2).randbytes(5 << 20)
    with _serving(disk.folder, least_free=0) as server:
        ecr = server.aws("ecr")
        upload = ecr.initiate_layer_upload(repositoryName=_NAME)["uploadId"]
        part = {"uploadId": upload, "partFirstByte": 0, "partLastByte": len(content) - 1, "layerPartBlob": content}
        disk.leave(2 << 20)

        reason = _refused_by_api(ecr.upload_layer_part, **part)
        disk.clear()
        ecr.upload_layer_part(repositoryName=_NAME, **part)
        digest = digest_of(content)
        ecr.complete_layer_upload(repositoryName=_NAME, uploadId=upload, layerDigests=[digest])

        assert "pushes are refused until space is freed" in reason
        assert server.registry()("GET", f"/v2/{_NAME}/blobs/{digest}").data == content
        _assert_sound(server)


def test_a_commit_for_which_there_is_no_room_is_refused_whole_and_loses_nothing(disk):
    with _serving(disk.folder, least_free=0) as server:
        registry, ecr = server.registry(), server.aws("ecr")
        images = {"first": registry.push_image(_NAME, "first", seed=b"first")[1]}
        disk.leave(0)

        refused = None
        for number in range(3000):  # the write-ahead log has room for some
            config = b"%05d" % number * 3000
            answer = registry("POST", f"/v2/{_NAME}/blobs/uploads/?digest={digest_of(config)}", config)
            if answer.status != 201:
                refused = answer
                break
        reason = _refused_by_api(ecr.initiate_layer_upload)
        pulled = registry("GET", f"/v2/{_NAME}/manifests/first")
        listed = ecr.describe_images(repositoryName=_NAME)["imageDetails"]
        disk.clear()
        images["second"] = registry.push_image(_NAME, "second", seed=b"second")[1]

        assert refused is not None
        _assert_refused(refused)
        assert "pushes are refused until space is freed" in reason
        assert pulled.data == images["first"]
        assert len(listed) == 1
        for tag, text in images.items():
            assert registry("GET", f"/v2/{_NAME}/manifests/{tag}").data == text
        _assert_sound(server)


def test_a_server_starts_on_a_full_disk_and_serves_pulls(disk):
    with _serving(disk.folder, least_free=0) as server:
        _, text = server.registry().push_image(_NAME, "v1")
    disk.leave(256 << 10)  # without 32 KiB for what its processes share, SQLite opens no database

    with Server(server.data, jobs=False) as server:
        registry = server.registry()
        pulled = registry("GET", f"/v2/{_NAME}/manifests/v1")
        refused = registry("POST", f"/v2/{_NAME}/blobs/uploads/")

    assert pulled.data == text
    _assert_refused(refused)


def test_a_start_for_which_there_is_no_room_at_all_says_so_and_changes_nothing(disk):
    with _serving(disk.folder, least_free=0) as server:
        _, text = server.registry().push_image(_NAME, "v1")
    disk.leave(0)

    refused = server.command("serve", check=False)
    disk.clear()

    assert refused.returncode == 1
    assert refused.stderr.startswith(f"entrepot: The database {server.data}/entrepot.sqlite cannot be read: ")
    assert "See whether its disk has room" in refused.stderr
    with server:
        assert server.registry()("GET", f"/v2/{_NAME}/manifests/v1").data == text


def test_a_blob_that_is_refused_leaves_nothing_on_the_disk(tmp_path):
    with _serving(tmp_path, layer_size=200_000) as server:
        registry, address = server.registry(), f"/v2/{_NAME}/blobs/uploads/?digest={digest_of(b'another')}"

        mistaken = registry("POST", address, bytes(150_000))
        too_large = registry("POST", address, bytes(3_000_000))

        assert (mistaken.status, too_large.status) == (400, 413)
        assert list((server.data / "blobs" / "uploads").iterdir()) == []

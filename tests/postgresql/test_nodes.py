"""Two servers over one database and one store: what one of them has acknowledged, the other knows at once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from entrepot.identity import users
from tests.oci.principals import change, new_user
from tests.support.identities import dismiss
from tests.support.postgresql import cluster
from tests.support.server import ACCOUNT, Server


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Server]]:
    folder: Path = tmp_path_factory.mktemp("nodes")
    shared: dict[str, Any] = {
        "database": cluster().new(),
        "storage": (folder / "blobs").as_uri(),
        "keys": folder / "one.keys",
    }
    with Server(folder / "one", **shared) as one, Server(folder / "two", **shared) as two:
        yield one, two


@pytest.fixture
def name(nodes: tuple[Server, Server], request: pytest.FixtureRequest) -> str:
    """A repository of the test's own, made at the first."""
    name = f"nodes/{abs(hash(request.node.nodeid)):x}"
    nodes[0].aws("ecr").create_repository(repositoryName=name)
    return name


def test_a_tag_is_the_new_one_everywhere_as_soon_as_it_is_acknowledged(nodes, name):
    """Also where the answer with the old one was kept ready a moment ago."""
    faces = [node.registry() for node in nodes]

    for number in range(40):
        here, there = faces[number % 2], faces[1 - number % 2]
        _, text = here.push_image(name, "moving", seed=b"%d" % number)
        for face in (there, here, there):
            assert face("GET", f"/v2/{name}/manifests/moving").data == text
    assert faces[1]("DELETE", f"/v2/{name}/manifests/moving").status == 202
    assert faces[0]("GET", f"/v2/{name}/manifests/moving").status == 404


def test_a_blob_of_one_is_pulled_from_the_other(nodes, name):
    content = bytes(range(256)) * 1000
    digest = nodes[0].registry().push_blob(name, content)

    assert nodes[1].registry()("GET", f"/v2/{name}/blobs/{digest}").data == content


def test_a_key_that_is_switched_off_at_one_stops_its_repository_at_the_other(nodes):
    """Also where the answer was kept ready a moment ago: with the next request."""
    one, two = nodes
    key = one.aws("kms").create_key()["KeyMetadata"]["Arn"]
    name = "nodes/customer-key"
    one.aws("ecr").create_repository(
        repositoryName=name, encryptionConfiguration={"encryptionType": "KMS", "kmsKey": key}
    )
    _, text = one.registry().push_image(name, "v1")
    faces = [node.registry() for node in nodes]

    for _ in range(5):
        for face in faces * 2:
            assert face("GET", f"/v2/{name}/manifests/v1").data == text
        one.aws("kms").disable_key(KeyId=key)
        assert [face("GET", f"/v2/{name}/manifests/v1").status for face in reversed(faces)] == [403, 403]
        assert faces[1]("POST", f"/v2/{name}/blobs/uploads/").status == 403
        two.aws("kms").enable_key(KeyId=key)


def test_rights_that_were_taken_away_at_one_are_gone_at_the_other(nodes, name):
    one, two = nodes
    key = new_user(one, "taken", policy="AmazonEC2ContainerRegistryReadOnly")
    one.registry().push_image(name, "v1")
    pulls = two.registry(key=key)
    statuses = []

    for active in (False, True) * 3:
        one.aws("iam").update_access_key(
            UserName="taken", AccessKeyId=key[0], Status="Active" if active else "Inactive"
        )
        statuses.append(pulls("GET", f"/v2/{name}/manifests/v1").status)
    change(one, lambda tx: dismiss(tx, users.get(tx, ACCOUNT, name="taken")))

    assert statuses == [401, 200] * 3
    assert pulls("GET", f"/v2/{name}/manifests/v1").status == 401


def test_an_upload_that_one_has_begun_is_not_ended_by_a_start_of_the_other(nodes, name):
    """A server on a folder of its own ends the claims of those who died with the last one; here they live."""
    one, two = nodes
    face = one.registry()
    location = face("POST", f"/v2/{name}/blobs/uploads/").headers["location"]
    one.sql(f"UPDATE uploads SET writer = 'somebody', writer_until = 1e11 WHERE id = '{location.rpartition('/')[2]}'")

    assert two.stop() == 0
    two.start()

    assert face("PATCH", location, b"x").status != 202

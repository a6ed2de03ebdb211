"""What is taken away is gone on every worker with the next request."""

import json

import pytest
import urllib3

from entrepot.identity import users
from tests.oci.principals import change, new_user
from tests.support.api import push_image
from tests.support.identities import dismiss
from tests.support.server import ACCOUNT, Server

ASKED = 12  # each by a connection of its own, so that the kernel deals them out to both workers


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("freshness") / "data", workers=2) as server:
        server.aws("ecr").create_repository(repositoryName="app")
        push_image(server.aws("ecr"), "app", "x", "v1")
        yield server


def statuses(server, authorization, *, count=ASKED):
    """What a pull is answered, by whichever worker. Failed logins are slowed down: ask for few."""
    found = set()
    for _ in range(count):
        http = urllib3.PoolManager(retries=False)
        found.add(http.request("GET", f"{server.url}/v2/app/manifests/v1", headers=authorization).status)
        http.clear()
    return found


def test_both_workers_know_at_once(server):
    iam, ecr = server.aws("iam"), server.aws("ecr")
    key = new_user(server, "pulls", policy="AmazonEC2ContainerRegistryReadOnly")
    authorization = server.registry(key=key).headers
    policy = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"
    deny = {"Effect": "Deny", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/pulls"}, "Action": "ecr:*"}
    boundary = "arn:aws:iam::aws:policy/IAMReadOnlyAccess"

    for _ in range(3):
        assert statuses(server, authorization) == {200}
        iam.detach_user_policy(UserName="pulls", PolicyArn=policy)
        assert statuses(server, authorization) == {403}
        iam.attach_user_policy(UserName="pulls", PolicyArn=policy)
        assert statuses(server, authorization) == {200}
        ecr.set_repository_policy(repositoryName="app", policyText=json.dumps({"Statement": [deny]}))
        assert statuses(server, authorization) == {403}
        ecr.delete_repository_policy(repositoryName="app")
        assert statuses(server, authorization) == {200}
        iam.put_user_permissions_boundary(UserName="pulls", PermissionsBoundary=boundary)
        assert statuses(server, authorization) == {403}
        iam.delete_user_permissions_boundary(UserName="pulls")
        assert statuses(server, authorization) == {200}
        iam.update_access_key(UserName="pulls", AccessKeyId=key[0], Status="Inactive")
        assert statuses(server, authorization, count=4) == {401}
        iam.update_access_key(UserName="pulls", AccessKeyId=key[0], Status="Active")
    assert statuses(server, authorization) == {200}


def test_a_change_by_another_process_counts_as_well(server):
    """``entrepot user`` writes into the same database beside the server."""
    authorization = server.registry(key=new_user(server, "leaves")).headers
    assert statuses(server, authorization) == {200}

    change(server, lambda tx: dismiss(tx, users.get(tx, ACCOUNT, name="leaves")))

    assert statuses(server, authorization, count=4) == {401}

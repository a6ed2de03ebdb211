"""Interface endpoints: listeners of their own, which policies can tell apart and which have one themselves."""

import base64
import json
import time
from contextlib import closing
from socket import create_connection

import pytest
import urllib3

from tests.support.api import push_image, refused
from tests.support.network import free_port
from tests.support.server import ACCOUNT, Server

PULL = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:GetAuthorizationToken"]


def _reachable(port):
    for _ in range(200):
        try:
            with closing(create_connection(("127.0.0.1", port), timeout=1)):
                return True
        except OSError:
            time.sleep(0.1)
    return False


@pytest.fixture(scope="module")
def ports():
    return free_port(), free_port()


@pytest.fixture(scope="module")
def server(tmp_path_factory, ports):
    folder = tmp_path_factory.mktemp("endpoints")
    policy = folder / "pull-only.json"
    allowed = {"Effect": "Allow", "Principal": "*", "Action": PULL, "Resource": "*"}
    policy.write_text(json.dumps({"Version": "2012-10-17", "Statement": [allowed]}))
    listeners = f"vpce-open=127.0.0.1:{ports[0]},vpce-pull=127.0.0.1:{ports[1]}={policy}"
    with Server(folder / "data", endpoints=listeners) as server:
        assert all(_reachable(port) for port in ports)
        yield server


def _through(server, port):
    """A client of ECR that comes through the listener at *port*."""
    through = Server(server.data, port=port)
    return through.aws("ecr", key=server.root_key())


def _authorization(server):
    return "Basic " + base64.b64encode(f"AWS:{server.password()}".encode()).decode()


def test_every_listener_serves_the_same_registry(server, ports):
    server.aws("ecr").create_repository(repositoryName="shared")

    for port in ports[:1]:
        found = _through(server, port).describe_repositories()["repositories"]
        assert [repository["repositoryName"] for repository in found] == ["shared"]


def test_the_policy_of_an_endpoint_limits_what_comes_through_it(server, ports):
    """On both faces, root's requests too; what it allows is only not refused."""
    ecr = server.aws("ecr")
    ecr.create_repository(repositoryName="limited")
    push_image(ecr, "limited", "x", "v1")
    through = _through(server, ports[1])

    assert through.batch_get_image(repositoryName="limited", imageIds=[{"imageTag": "v1"}])["images"]
    with refused(
        "AccessDeniedException",
        f"User: arn:aws:iam::{ACCOUNT}:root is not authorized to perform: ecr:DeleteRepository on resource: "
        f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/limited because no VPC endpoint policy allows the "
        "ecr:DeleteRepository action",
    ):
        through.delete_repository(repositoryName="limited", force=True)
    headers = {"Authorization": _authorization(server)}
    for method, status in (("GET", 200), ("DELETE", 403)):
        url = f"http://127.0.0.1:{ports[1]}/v2/limited/manifests/v1"
        assert urllib3.request(method, url, headers=headers, retries=False).status == status


def test_policies_know_the_endpoint(server, ports):
    """Who must come through an endpoint is refused at the public listener, and the other way round."""
    ecr = server.aws("ecr")
    ecr.create_repository(repositoryName="inside")
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "ecr:DescribeImages",
        "Condition": {"StringNotEquals": {"aws:SourceVpce": "vpce-open"}},
    }
    ecr.set_repository_policy(repositoryName="inside", policyText=json.dumps({"Statement": [statement]}))

    assert _through(server, ports[0]).describe_images(repositoryName="inside")["imageDetails"] == []
    with refused("AccessDeniedException"):
        ecr.describe_images(repositoryName="inside")


def test_a_header_names_no_endpoint(server, ports):
    headers = {"Authorization": _authorization(server), "X-Amz-Vpce-Id": "vpce-open", "Vpce": "vpce-open"}
    server.aws("ecr").create_repository(repositoryName="forged")
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "ecr:*",
        "Condition": {"StringNotEquals": {"aws:SourceVpce": "vpce-open"}},
    }
    server.aws("ecr").set_repository_policy(
        repositoryName="forged", policyText=json.dumps({"Statement": [statement]}), force=True
    )

    answer = urllib3.request("GET", f"{server.url}/v2/forged/tags/list", headers=headers, retries=False)

    assert answer.status == 403


def test_everything_ends_with_the_server(tmp_path):
    port = free_port()
    with Server(tmp_path / "data", endpoints=f"vpce-a=127.0.0.1:{port}"):
        assert _reachable(port)

    with pytest.raises(ConnectionRefusedError):
        create_connection(("127.0.0.1", port), timeout=1)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("vpce-a", "must be ID=ADDRESS:PORT or ID=ADDRESS:PORT=FILE"),
        ("a=127.0.0.1:1", "must be ID=ADDRESS:PORT or ID=ADDRESS:PORT=FILE"),
        ("vpce-a=127.0.0.1:1,vpce-a=127.0.0.1:2", "two of them have the same ID"),
        ("vpce-a=127.0.0.1:1=/none", "there is no file /none"),
    ],
)
def test_a_wrong_endpoint_is_refused_by_name(tmp_path, text, sentence):
    done = Server(tmp_path / "data").command("serve", "--endpoints", text, check=False)

    assert done.returncode == 2
    assert "endpoints" in done.stderr
    assert sentence in done.stderr


def test_an_endpoint_with_a_policy_that_is_none_is_refused_at_start(tmp_path):
    policy = tmp_path / "policy.json"
    policy.write_text("{}")

    done = Server(tmp_path / "data").command(
        "serve", "--endpoints", f"vpce-a=127.0.0.1:{free_port()}={policy}", check=False
    )

    assert done.returncode == 1
    assert f"endpoints: the policy {policy} cannot be used" in done.stderr

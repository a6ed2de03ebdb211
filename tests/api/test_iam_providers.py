"""Providers of OpenID Connect by the API. Source: IAM API reference."""

import pytest

from tests.oci.principals import new_account
from tests.support.api import refused

THUMBPRINT = "6938fd4d98bab03faadb97b34396831e3780aea1"


@pytest.fixture(scope="module")
def iam(server, account):
    """IAM as the root user of an account of this module's own."""
    return server.aws("iam", key=account.key)


def test_a_provider_is_shown_as_it_was_made(iam, account):
    tags = [{"Key": "team", "Value": "red"}]
    made = iam.create_open_id_connect_provider(
        Url="https://token.actions.example/ci",
        ClientIDList=["sts.amazonaws.com", "b", "b"],
        ThumbprintList=[THUMBPRINT],
        Tags=tags,
    )
    arn = made["OpenIDConnectProviderArn"]
    assert arn == f"arn:aws:iam::{account.id}:oidc-provider/token.actions.example/ci"
    assert made["Tags"] == tags

    found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert found["Url"] == "token.actions.example/ci"
    assert found["ClientIDList"] == ["sts.amazonaws.com", "b"]
    assert found["ThumbprintList"] == [THUMBPRINT]
    assert found["Tags"] == tags
    assert {"Arn": arn} in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]


def test_an_issuer_is_registered_once_in_an_account(server, iam):
    url = "https://once.example"
    iam.create_open_id_connect_provider(Url=url)
    with refused("EntityAlreadyExists", f"Provider with url {url} already exists."):
        iam.create_open_id_connect_provider(Url=url)
    server.aws("iam", key=new_account(server).key).create_open_id_connect_provider(Url=url)


@pytest.mark.parametrize(
    "url",
    [
        "example.org",
        "http://example.org",
        "HTTPS://example.org",
        "https://",
        "https:///path",
        "https://user@example.org",
        "https://example.org?x=y",
        "https://example.org/#x",
        "https://exa mple.org",
        "https://example.org/a b",
        "https://example.org:port",
        "https://[::1",
        "https://-example.org",
        "https://example.org/../\n",
    ],
)
def test_a_url_that_no_issuer_has_is_refused(iam, url):
    with refused("ValidationError", "Invalid Open ID Connect Provider URL"):
        iam.create_open_id_connect_provider(Url=url)


def test_client_ids_are_added_and_removed(iam):
    arn = iam.create_open_id_connect_provider(Url="https://clients.example")["OpenIDConnectProviderArn"]

    for client in ("a", "b", "a"):
        iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID=client)
    assert iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)["ClientIDList"] == ["a", "b"]

    for client in ("a", "never-there"):
        iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID=client)
    assert iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)["ClientIDList"] == ["b"]


def test_a_provider_has_bounded_lists(iam):
    with refused("InvalidInput", "Thumbprint list must contain fewer than 5 entries."):
        iam.create_open_id_connect_provider(Url="https://bounded.example", ThumbprintList=[THUMBPRINT] * 6)
    with refused("LimitExceeded", "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100"):
        iam.create_open_id_connect_provider(Url="https://bounded.example", ClientIDList=[f"{n}" for n in range(101)])

    arn = iam.create_open_id_connect_provider(Url="https://bounded.example", ClientIDList=[f"{n}" for n in range(100)])[
        "OpenIDConnectProviderArn"
    ]
    with refused("LimitExceeded"):
        iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="one more")


def test_thumbprints_are_replaced(iam):
    arn = iam.create_open_id_connect_provider(Url="https://prints.example", ThumbprintList=[THUMBPRINT])[
        "OpenIDConnectProviderArn"
    ]
    iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=arn, ThumbprintList=["a" * 40, "b" * 40])
    found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert found["ThumbprintList"] == ["a" * 40, "b" * 40]
    with refused("ValidationError"):
        iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=arn, ThumbprintList=["short"])
    with refused("InvalidInput", "Thumbprint list must contain at least one entry."):
        iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=arn, ThumbprintList=[])


def test_tags_of_a_provider_come_and_go_with_it(iam):
    arn = iam.create_open_id_connect_provider(Url="https://tags.example")["OpenIDConnectProviderArn"]
    iam.tag_open_id_connect_provider(OpenIDConnectProviderArn=arn, Tags=[{"Key": k, "Value": k} for k in "ab"])
    iam.untag_open_id_connect_provider(OpenIDConnectProviderArn=arn, TagKeys=["a"])
    first = iam.list_open_id_connect_provider_tags(OpenIDConnectProviderArn=arn, MaxItems=1)
    assert (first["Tags"], first["IsTruncated"]) == ([{"Key": "b", "Value": "b"}], False)

    for _ in range(2):  # deleting what is gone is no mistake
        iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    iam.create_open_id_connect_provider(Url="https://tags.example")
    assert iam.list_open_id_connect_provider_tags(OpenIDConnectProviderArn=arn)["Tags"] == []


@pytest.mark.parametrize(
    ("operation", "more"),
    [
        ("get_open_id_connect_provider", {}),
        ("tag_open_id_connect_provider", {"Tags": [{"Key": "a", "Value": "b"}]}),
        ("untag_open_id_connect_provider", {"TagKeys": ["a"]}),
        ("list_open_id_connect_provider_tags", {}),
        ("add_client_id_to_open_id_connect_provider", {"ClientID": "a"}),
        ("remove_client_id_from_open_id_connect_provider", {"ClientID": "a"}),
        ("update_open_id_connect_provider_thumbprint", {"ThumbprintList": ["a" * 40]}),
    ],
)
def test_every_operation_says_which_provider_is_missing(iam, account, operation, more):
    arn = f"arn:aws:iam::{account.id}:oidc-provider/none.example"
    with refused("NoSuchEntity", f"OpenIDConnect Provider not found for arn {arn}"):
        getattr(iam, operation)(OpenIDConnectProviderArn=arn, **more)

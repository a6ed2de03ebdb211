"""Names of hosts. Source: decisions.md, "Names and hosts"; the names that AWS's clients know."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.names import Registry
from entrepot.registry.addresses import PUBLIC, proxy_endpoint, registry_host, registry_of_host, repository_uri
from entrepot.settings import Settings

DEFAULT = Registry("123456789012", "us-east-1")
OTHER = Registry("210987654321", "eu-west-1")
PLAIN = Settings(regions=("eu-west-1",))
NAMED = Settings(regions=("eu-west-1",), hostname="{account}.dkr.ecr.{region}.registry.example.org:8443")

_ACCOUNTS = st.from_regex(r"[0-9]{12}", fullmatch=True)
_HOSTS = st.text(alphabet="0123456789abcdefghijklmnopqrstuvwxyz.-:[]@/ é\n", max_size=80)


def test_the_default_registry_is_at_localhost_and_the_others_below_it():
    assert repository_uri(DEFAULT, "my/app", PLAIN) == "localhost:5000/my/app"
    assert proxy_endpoint(DEFAULT, PLAIN) == "http://localhost:5000"
    assert repository_uri(OTHER, "my/app", PLAIN) == "210987654321.dkr.ecr.eu-west-1.localhost:5000/my/app"


def test_a_template_replaces_both_and_means_https():
    assert repository_uri(DEFAULT, "app", NAMED) == "123456789012.dkr.ecr.us-east-1.registry.example.org:8443/app"
    assert proxy_endpoint(OTHER, NAMED) == "https://210987654321.dkr.ecr.eu-west-1.registry.example.org:8443"


def test_who_has_a_certificate_is_at_https():
    settings = Settings(listen="127.0.0.1:8443", tls_cert=Path("cert.pem"), tls_key=Path("key.pem"))

    assert proxy_endpoint(DEFAULT, settings) == "https://localhost:8443"


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:5000", "LOCALHOST:5000", "localhost.", "127.0.0.1:5000", "127.8.8.8", "[::1]:5000"],
)
def test_a_loopback_name_means_the_default_registry(host):
    assert registry_of_host(host, PLAIN) == DEFAULT


@pytest.mark.parametrize(
    "host",
    [
        "210987654321.dkr.ecr.eu-west-1.localhost:5000",
        "210987654321.dkr.ecr.eu-west-1.amazonaws.com",
        "210987654321.DKR.ECR.EU-WEST-1.AMAZONAWS.COM:443",
        "210987654321.dkr.ecr.eu-west-1.amazonaws.com.cn",
        "210987654321.dkr.ecr.eu-west-1.amazonaws.eu",
        "210987654321.dkr.ecr-fips.eu-west-1.amazonaws.com",
        "210987654321.dkr-ecr.eu-west-1.on.aws",
        "210987654321.dkr-ecr-fips.eu-west-1.on.aws",
        "210987654321.dkr-ecr.eu-west-1.on.amazonwebservices.com.cn",
    ],
)
def test_a_name_in_the_shape_of_aws_means_its_account_and_region(host):
    assert registry_of_host(host, PLAIN) == OTHER


@pytest.mark.parametrize(
    "host",
    [
        "api.ecr.eu-west-1.amazonaws.com",
        "ecr.eu-west-1.api.aws",
        "ecr-fips.eu-west-1.api.aws",
        "ecr-fips.eu-west-1.amazonaws.com",
        "sts.eu-west-1.amazonaws.com",
    ],
)
def test_a_name_of_the_api_means_its_region(host):
    assert registry_of_host(host, PLAIN) == Registry(DEFAULT.account, "eu-west-1")


@pytest.mark.parametrize(
    "host", ["sts.amazonaws.com", "api.ecr-public.us-east-1.amazonaws.com", "ecr-public.us-east-1.api.aws"]
)
def test_a_name_of_a_service_that_aws_has_once_means_the_default_region(host):
    """Wherever that is: who serves another region has these services too."""
    assert registry_of_host(host, PLAIN) == DEFAULT
    assert registry_of_host(host, Settings(region="eu-central-1")) == Registry(DEFAULT.account, "eu-central-1")


@pytest.mark.parametrize("settings", [PLAIN, NAMED, Settings(region="eu-central-1")])
@pytest.mark.parametrize(
    "host", ["public.ecr.aws", "Public.ECR.aws:443", "ecr-public.aws.com", "public.ecr.localhost:1"], ids=str
)
def test_the_public_registry_has_aws_names_and_one_at_localhost(host, settings):
    assert registry_of_host(host, settings) == PUBLIC


@pytest.mark.parametrize(
    ("hostname", "host"),
    [
        ("{account}.dkr.ecr.{region}.registry.example.org:8443", "public.registry.example.org"),
        ("registry.example.org", "public.registry.example.org"),
        ("{region}.example.org", "public.example.org"),
        ("{account}-registry.example.org", "public.example.org"),
    ],
)
def test_who_has_names_of_their_own_has_one_for_the_public_registry(hostname, host):
    assert registry_of_host(host, Settings(hostname=hostname)) == PUBLIC
    assert registry_of_host(f"x.{host}", Settings(hostname=hostname)) is None
    assert registry_of_host(host, PLAIN) is None


def test_a_template_that_ends_in_a_placeholder_has_no_domain_for_a_public_name():
    assert registry_of_host("public.", Settings(hostname="registry-{region}")) is None


def test_a_name_of_the_template_means_its_account_and_region_on_any_port():
    assert registry_of_host("210987654321.dkr.ecr.eu-west-1.registry.example.org", NAMED) == OTHER
    assert registry_of_host("210987654321.dkr.ecr.eu-west-1.registry.example.org:1", NAMED) == OTHER


def test_a_template_may_be_one_name_for_everything():
    settings = Settings(hostname="registry.example.org")

    assert repository_uri(DEFAULT, "app", settings) == "registry.example.org/app"
    assert registry_of_host("registry.example.org", settings) == DEFAULT


def test_who_listens_on_one_address_is_reached_by_that_and_no_other():
    settings = Settings(listen="192.0.2.7:5000")

    assert registry_of_host("192.0.2.7:5000", settings) == DEFAULT
    assert registry_of_host("192.0.2.8:5000", settings) is None


def test_who_listens_on_all_addresses_is_reached_by_each_and_by_no_name():
    settings = Settings(listen="0.0.0.0:5000")

    assert registry_of_host("192.0.2.8:5000", settings) == DEFAULT
    assert registry_of_host("evil.example.org:5000", settings) is None


@pytest.mark.parametrize(
    "host",
    [
        "",
        "example.org",
        "localhost.example.org",
        "notlocalhost",
        "foo.localhost",
        "localhost:",
        "localhost:x",
        "localhost:123456",
        "user@localhost",
        "localhost/",
        "localhost\n",
        "192.0.2.7",
        "2130706433",
        "[::2]",
        "12345678901.dkr.ecr.us-east-1.amazonaws.com",
        "123456789012.dkr.ecr.us-east-1.amazonaws.com.evil.org",
        "evil123456789012.dkr.ecr.us-east-1.amazonaws.com",
        "123456789012.dkr.ecr.mars-north-1.amazonaws.com",
    ],
)
def test_abuse_38_any_other_host_means_no_registry(host):
    assert registry_of_host(host, PLAIN) is None


def test_a_region_that_is_not_served_means_no_registry():
    assert registry_of_host("123456789012.dkr.ecr.eu-west-1.amazonaws.com", Settings()) is None


@given(_ACCOUNTS, st.sampled_from(PLAIN.served_regions), st.sampled_from([PLAIN, NAMED]))
def test_what_we_call_a_registry_is_understood_as_that_registry(account, region, settings):
    registry = Registry(account, region)

    assert registry_of_host(registry_host(registry, settings), settings) == registry


@given(_HOSTS, st.sampled_from([PLAIN, NAMED]))
def test_no_host_means_a_region_that_is_not_served(host, settings):
    registry = registry_of_host(host, settings)

    assert registry in (None, PUBLIC) or registry.region in settings.served_regions

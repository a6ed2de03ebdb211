"""Providers whose keys are given. Source: RFC 7517; security-design 3.3."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from entrepot.identity import providers
from entrepot.identity.faults import KeySetRefused
from tests.support.web_identity import jwk
from tests.unit.identity.conftest import ACCOUNT

KEY = jwk(ec.generate_private_key(ec.SECP256R1()), "one")


@pytest.fixture
def provider(world):
    return world.database.write(
        lambda tx: providers.create(tx, ACCOUNT, url="https://issuer.example", client_ids=["a"])
    )


def keys_of(world, provider):
    with world.database.reading() as tx:
        return providers.get(tx, ACCOUNT, provider.arn).jwks


def test_keys_are_given_kept_through_other_changes_and_taken_back(world, provider):
    text = json.dumps({"keys": [KEY]})
    world.database.write(lambda tx: providers.set_jwks(tx, provider, text))
    assert keys_of(world, provider) == text

    def change(tx):
        providers.add_client(tx, providers.get(tx, ACCOUNT, provider.arn), "b")

    world.database.write(change)
    assert keys_of(world, provider) == text

    world.database.write(lambda tx: providers.set_jwks(tx, provider, None))
    assert keys_of(world, provider) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("no json", "is no JSON object"),
        ("[]", "is no JSON object"),
        (f'{{"keys":[{json.dumps(KEY)}],"keys":[]}}', "is no JSON object"),
        ('{"keys":{}}', "no list of at most 50 keys"),
        ('{"keys":[{}]}', "no key that signatures can be verified with"),
        ('{"keys":[]}', "no key that signatures can be verified with"),
        (json.dumps({"keys": [{**KEY, "x": "AA"}]}), "has a key of type EC that is none"),
        (json.dumps({"keys": [KEY] * 51}), "no list of at most 50 keys"),
        (json.dumps({"keys": [{**KEY, "d": "AA"}]}), "holds a private key"),
        (json.dumps({"keys": [{"kty": "oct", "k": "AA"}]}), "holds a private key"),
        (" " * (256 << 10) + "{}", "is larger than 262144 bytes"),
    ],
)
def test_what_is_no_set_of_public_keys_is_refused(world, provider, text, why):
    with pytest.raises(KeySetRefused, match=why):
        world.database.write(lambda tx: providers.set_jwks(tx, provider, text))
    assert keys_of(world, provider) is None


def test_an_issuer_is_https_and_its_name(provider):
    assert provider.issuer == "https://issuer.example"

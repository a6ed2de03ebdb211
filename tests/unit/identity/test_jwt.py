"""Web identity tokens: every clause by which one is refused. Source: security-design 3.3; abuse case 34."""

import base64
import hashlib
import hmac
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from entrepot.identity import jwt
from tests.support.web_identity import Issuer, b64, jwk

NOW = 1_800_000_000
CLAIMS = {"iss": "https://token.example.com", "sub": "repo:a/b", "aud": "sts", "exp": NOW + 300, "iat": NOW, "nbf": NOW}


@pytest.fixture(scope="module")
def issuer():
    return Issuer("https://token.example.com")


def judge(token, jwks, *, now=NOW, audiences=("sts",)):
    read = jwt.read(token)
    jwt.check_signature(read, jwt.keys_of(jwks))
    return jwt.check_claims(read.claims, audiences=audiences, now=now)


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512", "ES256", "ES384", "EdDSA"])
def test_a_token_is_good_in_each_of_the_algorithms(issuer, algorithm):
    assert judge(issuer.sign(CLAIMS, algorithm=algorithm), issuer.jwks) == "sts"


@pytest.mark.parametrize("algorithm", ["none", "NONE", "HS256", "PS256", "ES512", "", None, 5, ["RS256"], {"RS256": 1}])
def test_abuse_34_any_other_algorithm_is_refused(issuer, algorithm):
    with pytest.raises(jwt.Refused, match="algorithm"):
        judge(issuer.sign(CLAIMS, header={"alg": algorithm}), issuer.jwks)


def test_abuse_34_a_public_key_is_no_secret_to_sign_with(issuer):
    """The oldest trick: HS256 with the bytes of the public key, which everybody knows."""
    public = issuer.keys["RS256"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signed = f"{b64(json.dumps({'alg': 'HS256', 'kid': 'rsa'}).encode())}.{b64(json.dumps(CLAIMS).encode())}"
    mac = hmac.new(public, signed.encode(), hashlib.sha256).digest()

    with pytest.raises(jwt.Refused, match="algorithm"):
        judge(f"{signed}.{b64(mac)}", issuer.jwks)


def test_abuse_34_a_key_of_another_type_than_the_algorithm_is_none(issuer):
    with pytest.raises(jwt.Refused, match=r"^Couldn't retrieve verification key"):
        judge(issuer.sign(CLAIMS, header={"alg": "ES256", "kid": "rsa"}), issuer.jwks)
    with pytest.raises(jwt.Refused, match=r"^Couldn't retrieve verification key"):
        judge(issuer.sign(CLAIMS, header={"alg": "RS256", "kid": "ed"}), issuer.jwks)


def test_abuse_34_a_key_is_for_the_algorithm_that_it_names(issuer):
    only = json.dumps({"keys": [{**jwk(issuer.keys["RS256"], "rsa"), "alg": "RS512"}]})

    with pytest.raises(jwt.Refused, match=r"^Couldn't retrieve verification key"):
        judge(issuer.sign(CLAIMS), only)


@pytest.mark.parametrize("kid", ["other", "", "../../etc/passwd", "' OR 1=1 --", "rsa\x00"])
def test_abuse_34_an_unknown_key_is_refused_whatever_its_name(issuer, kid):
    with pytest.raises(jwt.Refused, match=r"^Couldn't retrieve verification key"):
        judge(issuer.sign(CLAIMS, header={"kid": kid}), issuer.jwks)


@pytest.mark.parametrize("kid", [5, ["rsa"], {"rsa": 1}, True])
def test_abuse_34_the_name_of_a_key_is_a_string(issuer, kid):
    with pytest.raises(jwt.Refused, match="key id"):
        judge(issuer.sign(CLAIMS, header={"kid": kid}), issuer.jwks)


def test_a_token_that_names_no_key_means_the_only_one_there_is(issuer):
    token = issuer.sign(CLAIMS, header={"kid": None})
    one = json.dumps({"keys": [jwk(issuer.keys["RS256"], "rsa")]})
    other = Issuer("https://token.example.com")
    two = json.dumps({"keys": [jwk(issuer.keys["RS256"], "rsa"), jwk(other.keys["RS256"], "rsa2")]})

    assert judge(token, one) == "sts"
    with pytest.raises(jwt.Refused, match=r"^Couldn't retrieve verification key"):
        judge(token, two)


@pytest.mark.parametrize("name", ["jwk", "jku", "x5u", "x5c"])
def test_abuse_34_keys_in_the_header_are_not_looked_at(issuer, name):
    thief = Issuer("https://token.example.com")
    given = {
        "jwk": jwk(thief.keys["RS256"], "rsa"),
        "jku": "https://thief.example.com/keys",
        "x5u": "https://thief.example.com/cert",
        "x5c": ["MIIB"],
    }[name]

    with pytest.raises(jwt.Refused, match=r"^Token signature is invalid$"):
        judge(thief.sign(CLAIMS, header={name: given}), issuer.jwks)
    assert judge(issuer.sign(CLAIMS, header={name: given}), issuer.jwks) == "sts"


@pytest.mark.parametrize("crit", [["exp"], [], None, "b64"])
def test_abuse_34_critical_extensions_are_refused(issuer, crit):
    header = jwt_header(issuer, crit=crit)

    with pytest.raises(jwt.Refused, match="critical"):
        judge(issuer.assemble(header, CLAIMS), issuer.jwks)


def jwt_header(issuer, **more):
    return {"alg": "RS256", "kid": "rsa", "typ": "JWT", **more}


@pytest.mark.parametrize("place", [0, 1, 2])
def test_abuse_34_another_header_body_or_signature_is_refused(issuer, place):
    parts = issuer.sign(CLAIMS).split(".")
    other = issuer.sign({**CLAIMS, "sub": "repo:evil/b"}, header={"typ": "other"}).split(".")
    parts[place] = other[place]

    with pytest.raises(jwt.Refused, match=r"^Token signature is invalid$"):
        judge(".".join(parts), issuer.jwks)


def test_abuse_34_a_signature_of_an_elliptic_curve_is_two_numbers_and_nothing_else(issuer):
    head, body, signature = issuer.sign(CLAIMS, algorithm="ES256").split(".")

    for wrong in ("", signature[:-4], signature + "AAAA", b64(bytes(64))):
        with pytest.raises(jwt.Refused, match=r"^Token signature is invalid$"):
            judge(f"{head}.{body}.{wrong}", issuer.jwks)


@pytest.mark.parametrize(
    "token",
    ["", "a", "a.b", "a.b.c.d", "a.b.c", "..", "e30.e30", "e30.e30.é", "W10.e30.AA", "bnVsbA.e30.AA", "ey.e30.AA"],
)
def test_what_is_no_token_is_refused(issuer, token):
    with pytest.raises(jwt.Refused):
        judge(token, issuer.jwks)


def test_a_token_that_is_too_long_is_refused(issuer):
    with pytest.raises(jwt.Refused, match="not a valid JWT"):
        judge(issuer.sign({**CLAIMS, "more": "x" * 20_000}), issuer.jwks)


def test_a_claim_that_stands_twice_is_refused(issuer):
    body = json.dumps(CLAIMS)[:-1] + ', "sub": "repo:evil/b"}'

    with pytest.raises(jwt.Refused, match="not a valid JWT"):
        judge(issuer.assemble(jwt_header(issuer), body), issuer.jwks)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"exp": None}, "Missing a required claim: exp"),
        ({"exp": "soon"}, "claim exp that is no time"),
        ({"exp": True}, "claim exp that is no time"),
        ({"exp": -1}, "claim exp that is no time"),
        ({"exp": 10**400}, "claim exp that is no time"),
        ({"nbf": NOW + 61}, "Token is not valid yet"),
        ({"iat": NOW + 61}, "Token is not valid yet"),
        ({"nbf": "x"}, "claim nbf that is no time"),
        ({"sub": None}, "Missing a required claim: sub"),
        ({"sub": ""}, "Missing a required claim: sub"),
        ({"sub": 5}, "Missing a required claim: sub"),
        ({"sub": "s" * 256}, "Missing a required claim: sub"),
        ({"aud": None}, "Missing a required claim: aud"),
        ({"aud": "other"}, "Incorrect token audience"),
        ({"aud": "STS"}, "Incorrect token audience"),
        ({"aud": []}, "Incorrect token audience"),
        ({"aud": [["sts"]]}, "Incorrect token audience"),
        ({"aud": {"sts": 1}}, "Incorrect token audience"),
        ({"aud": ["other", "another"]}, "Incorrect token audience"),
        ({"aud": ["sts", "other"], "azp": "other"}, "Incorrect token audience"),
    ],
)
def test_abuse_34_a_claim_that_is_missing_or_wrong_is_refused(issuer, changed, sentence):
    claims = {name: value for name, value in {**CLAIMS, **changed}.items() if value is not None}

    with pytest.raises(jwt.Refused, match=sentence):
        judge(issuer.sign(claims), issuer.jwks)


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": NOW - 59},
        {"nbf": NOW + 60},
        {"iat": NOW + 60},
        {"iat": None, "nbf": None},
        {"sub": "s" * 255},
        {"aud": ["other", "sts"]},
        {"aud": ["other", "sts"], "azp": "sts"},
        {"azp": "an-app-of-a-user"},
    ],
)
def test_a_minutes_difference_of_clocks_and_other_audiences_beside_ours_do_no_harm(issuer, changed):
    claims = {name: value for name, value in {**CLAIMS, **changed}.items() if value is not None}

    assert judge(issuer.sign(claims), issuer.jwks) == "sts"


def test_a_token_that_has_ended_says_when(issuer):
    with pytest.raises(jwt.Expired) as caught:
        judge(issuer.sign({**CLAIMS, "exp": NOW - 60}), issuer.jwks)

    assert caught.value.args == (NOW - 60,)


@pytest.mark.parametrize("document", ["", "[]", "{}", '{"keys": {}}', '{"keys": [1]}', "[" * 100_000, "x" * 262_145])
def test_what_is_no_set_of_keys_is_refused(document):
    with pytest.raises(jwt.Refused):
        jwt.keys_of(document)


def test_a_set_of_more_than_fifty_keys_is_refused(issuer):
    key = jwk(issuer.keys["ES256"], "ec")

    assert len(jwt.keys_of(json.dumps({"keys": [key] * 50}))) == 50
    with pytest.raises(jwt.Refused):
        jwt.keys_of(json.dumps({"keys": [key] * 51}))


def test_a_weak_key_is_refused():
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)

    with pytest.raises(jwt.Refused, match="2048"):
        jwt.keys_of(json.dumps({"keys": [jwk(weak, "weak")]}))


def test_keys_that_are_not_for_signing_or_of_an_unknown_kind_are_passed_over(issuer):
    known = jwk(issuer.keys["RS256"], "rsa")
    others = [{**known, "use": "enc"}, {"kty": "oct", "k": "AAAA"}, {"kty": "EC", "crv": "P-521"}, {**known, "kid": 5}]

    assert [key.id for key in jwt.keys_of(json.dumps({"keys": [*others, known]}))] == ["rsa"]


@pytest.mark.parametrize(
    "key",
    [
        {"kty": "RSA", "n": "AQAB"},
        {"kty": "RSA", "n": 5, "e": "AQAB"},
        {"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA"},
        {"kty": "OKP", "crv": "Ed25519", "x": "AAAA"},
    ],
)
def test_a_key_that_is_none_is_refused(key):
    with pytest.raises(jwt.Refused):
        jwt.keys_of(json.dumps({"keys": [{"kid": "k", **key}]}))


def test_the_helper_of_these_tests_writes_numbers_as_the_standard_does():
    """Source: RFC 8037, A.2: the key and its JWK."""
    seed = base64.urlsafe_b64decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")
    key = ed25519.Ed25519PrivateKey.from_private_bytes(seed)

    assert jwk(key, "k")["x"] == "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    assert jwk(ec.generate_private_key(ec.SECP384R1()), "k")["crv"] == "P-384"

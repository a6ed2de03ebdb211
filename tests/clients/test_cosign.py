"""cosign: signatures and attestations beside an image, with a key of our own and no service elsewhere."""

import base64
import json

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.clients import client

OFFLINE = ["--yes", "--key=cosign.key", "--use-signing-config=false", "--tlog-upload=false"]
CHECKED = ["--key=cosign.pub", "--insecure-ignore-tlog"]
HTTP = "--allow-http-registry"


@pytest.fixture
def cosign(shell, host, password):
    """The program with a pair of keys; it logs in as crane does."""
    program = client("cosign")
    shell.environment["COSIGN_PASSWORD"] = ""
    shell(program, "login", host, "--username=AWS", "--password-stdin", given=password)
    shell(program, "generate-key-pair")
    return lambda *arguments: shell(program, *arguments)


@pytest.fixture
def image(cosign, images, place, shell):
    """An image by its digest, as it should be signed."""
    shell(client("crane"), "push", images.image, f"{place}:1")
    return f"{place}@{images.digest}"


def test_a_signature_is_a_referrer_and_verifies(cosign, image, images, server, repository):
    cosign("sign", *OFFLINE, HTTP, image)

    (claim,) = json.loads(cosign("verify", *CHECKED, HTTP, image))
    assert claim["critical"]["image"]["docker-manifest-digest"] == images.digest
    assert "https://sigstore.dev/cosign/sign/v1 artifacts via OCI referrer" in cosign("tree", HTTP, image)
    subject = {"imageDigest": images.digest}
    referrers = server.aws("ecr").list_image_referrers(repositoryName=repository, subjectId=subject)["referrers"]
    assert [referrer["artifactType"] for referrer in referrers] == ["application/vnd.dev.sigstore.bundle.v0.3+json"]


def test_a_signature_of_the_older_kind_is_a_tag_and_verifies(cosign, image, images, server, repository):
    cosign("sign", *OFFLINE, "--new-bundle-format=false", HTTP, image)

    (claim,) = json.loads(cosign("verify", *CHECKED, HTTP, image))
    assert claim["critical"]["image"]["docker-manifest-digest"] == images.digest
    tags = {entry.get("imageTag") for entry in server.aws("ecr").list_images(repositoryName=repository)["imageIds"]}
    assert tags == {"1", f"{images.digest.replace(':', '-')}.sig"}


def test_what_another_key_has_signed_does_not_verify(cosign, image, shell):
    cosign("sign", *OFFLINE, HTTP, image)
    cosign("generate-key-pair", "--output-key-prefix=other")

    shell.refused(client("cosign"), "verify", "--key=other.pub", "--insecure-ignore-tlog", HTTP, image)


def test_an_attestation_verifies(cosign, image, shell):
    (shell.home / "predicate.json").write_text('{"tested": true}')

    cosign("attest", *OFFLINE, HTTP, "--type=custom", "--predicate=predicate.json", image)

    envelope = json.loads(cosign("verify-attestation", *CHECKED, HTTP, "--type=custom", image))
    statement = json.loads(base64.b64decode(envelope["payload"]))
    assert '"tested": true' in json.dumps(statement["predicate"]).replace('\\"', '"')


def test_a_signature_that_was_made_elsewhere_is_attached(cosign, image, images, shell):
    key = ec.generate_private_key(ec.SECP256R1())
    pem = serialization.Encoding.PEM
    public = key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    payload = {
        "critical": {
            "identity": {"docker-reference": image.partition("@")[0]},
            "image": {"docker-manifest-digest": images.digest},
            "type": "cosign container image signature",
        },
        "optional": None,
    }
    signed = json.dumps(payload).encode()
    (shell.home / "elsewhere.pub").write_bytes(public)
    (shell.home / "payload.json").write_bytes(signed)
    (shell.home / "signature").write_bytes(base64.b64encode(key.sign(signed, ec.ECDSA(hashes.SHA256()))))

    cosign("attach", "signature", HTTP, "--payload=payload.json", "--signature=signature", image)

    found = json.loads(cosign("verify", "--key=elsewhere.pub", "--insecure-ignore-tlog", HTTP, image))
    assert found == [payload]
    assert ".sig\n" in cosign("tree", HTTP, image)


def test_signatures_are_copied_and_cleaned_away(cosign, image, images, other_place):
    cosign("sign", *OFFLINE, "--new-bundle-format=false", HTTP, image)

    cosign("copy", HTTP, image, f"{other_place}:1")
    assert json.loads(cosign("verify", *CHECKED, HTTP, f"{other_place}@{images.digest}"))
    cosign("clean", "--force", "--type=all", HTTP, image)

    assert "No Supply Chain Security Related Artifacts found" in cosign("tree", HTTP, image)

"""Listing referrers. Source: OCI distribution-spec 1.1, "Listing Referrers", "Pushing Manifests with Subject"."""

import json
import re
from typing import Any

import pytest

from tests.oci.kinds import OCI_INDEX, OCI_MANIFEST
from tests.oci.wire import refusal
from tests.support.server import descriptor, digest_of, manifest

SBOM, SIGNATURE = "application/vnd.example.sbom", "application/vnd.example.signature+json"


@pytest.fixture
def subject(registry, repository) -> dict[str, Any]:
    """The descriptor of an image."""
    _, text = registry.push_image(repository, "subject", seed=repository.encode())
    return descriptor(text, OCI_MANIFEST)


@pytest.fixture
def refer(registry, repository):
    """Pushes an artifact that refers to a descriptor; its digest."""

    def push(subject: dict[str, Any], artifact_type: str | None = SBOM, **members: Any) -> str:
        tree = manifest(b"{}", subject=subject, **members)
        if artifact_type:
            tree["artifactType"] = artifact_type
        text = json.dumps(tree).encode()
        registry.push_blob(repository, b"{}")
        done = registry.put_manifest(repository, digest_of(text), text)
        assert (done.status, done.headers["OCI-Subject"]) == (201, subject["digest"])
        return digest_of(text)

    return push


def _listed(registry, path):
    got = registry("GET", path)
    assert (got.status, got.headers["Content-Type"]) == (200, OCI_INDEX)
    document = got.json()
    assert (document["schemaVersion"], document["mediaType"]) == (2, OCI_INDEX)
    return got, [entry["digest"] for entry in document["manifests"]]


def test_a_digest_that_is_not_here_has_an_empty_list(registry, repository, algorithm):
    """If the registry supports the referrers API … MUST return 200 with an empty list of manifests, not 404."""
    _, digests = _listed(registry, f"/v2/{repository}/referrers/{digest_of(repository.encode(), algorithm)}")

    assert digests == []


@pytest.mark.parametrize("digest", ["sha256:baddigeststring", "latest", "sha256:" + "A" * 64, "md5:" + "0" * 32])
def test_what_is_no_digest_is_refused(registry, repository, digest):
    """If the request is invalid, such as a <digest> with an invalid syntax, 400 Bad Request MUST be returned."""
    assert registry("GET", f"/v2/{repository}/referrers/{digest}").status == 400


def test_a_referrer_is_listed_with_all_that_its_descriptor_needs(registry, repository, subject, refer):
    """Each descriptor … artifactType MUST be set …, annotations MUST be those of the manifest."""
    digest = refer(subject, SIGNATURE, annotations={"org.example.key": "välue", "two": ""})

    document = registry("GET", f"/v2/{repository}/referrers/{subject['digest']}").json()

    (entry,) = document["manifests"]
    assert entry["digest"] == digest
    assert entry["mediaType"] == OCI_MANIFEST
    assert entry["size"] == len(registry("GET", f"/v2/{repository}/manifests/{digest}").data)
    assert entry["artifactType"] == SIGNATURE
    assert entry["annotations"] == {"org.example.key": "välue", "two": ""}


def test_without_an_artifact_type_the_type_of_the_config_stands(registry, repository, subject, refer):
    """If the artifactType is empty or missing …, the value of artifactType MUST be the config mediaType."""
    refer(subject, None)

    (entry,) = registry("GET", f"/v2/{repository}/referrers/{subject['digest']}").json()["manifests"]

    assert entry["artifactType"] == "application/vnd.oci.image.config.v1+json"


def test_an_index_can_refer(registry, repository, subject):
    """Image index manifests with a subject … artifactType as in the index; none if it has none."""
    for more in ({"artifactType": SBOM}, {}):
        tree = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [], "subject": subject, **more}
        text = json.dumps(tree).encode()
        done = registry.put_manifest(repository, digest_of(text), text, OCI_INDEX)
        assert (done.status, done.headers["OCI-Subject"]) == (201, subject["digest"])

    entries = registry("GET", f"/v2/{repository}/referrers/{subject['digest']}").json()["manifests"]

    assert sorted(entry.get("artifactType", "") for entry in entries) == ["", SBOM]
    assert all(entry["mediaType"] == OCI_INDEX for entry in entries)


def test_a_filter_leaves_only_its_type_and_says_so(registry, repository, subject, refer):
    """
    If filtering is requested and applied, the response MUST include a header OCI-Filters-Applied.

    With a value that MUST be artifactType.
    """
    wanted = {refer(subject, SIGNATURE, number=number) for number in range(2)}
    others = {refer(subject, SBOM, number=number) for number in range(3)}
    path = f"/v2/{repository}/referrers/{subject['digest']}"

    filtered, some = _listed(registry, f"{path}?artifactType={SIGNATURE.replace('+', '%2B')}")
    unfiltered, everything = _listed(registry, path)

    assert (set(some), filtered.headers["OCI-Filters-Applied"]) == (wanted, "artifactType")
    assert set(everything) == wanted | others
    assert "OCI-Filters-Applied" not in unfiltered.headers
    assert _listed(registry, f"{path}?artifactType=application/vnd.example.none")[1] == []


def test_pages_follow_each_other_by_link_and_keep_the_filter(registry, repository, subject, refer):
    """If … too many to fit, a response MUST include a Link header … with rel="next"."""
    wanted = sorted(refer(subject, SIGNATURE, number=number) for number in range(5))
    refer(subject, SBOM)
    base = f"/v2/{repository}/referrers/{subject['digest']}"
    path: str | None = f"{base}?n=2&artifactType={SIGNATURE.replace('+', '%2B')}"
    pages = []
    while path:
        got, digests = _listed(registry, path)
        pages.append(digests)
        assert got.headers["OCI-Filters-Applied"] == "artifactType"
        match = re.fullmatch(r'<(/v2/[^>]+)>; rel="next"', got.headers.get("Link", ""))
        path = match[1] if match else None

    assert pages == [wanted[:2], wanted[2:4], wanted[4:]]


def test_the_subject_may_come_after_its_referrers(registry, repository, refer):
    """The manifest … subject … MAY reference a manifest that does not exist. "Pushing Manifests with Subject"."""
    config, layer = b'{"late": true}', b"late layer"
    text = json.dumps(manifest(config, layer)).encode()
    digest = refer(descriptor(text, OCI_MANIFEST))
    for content in (config, layer):
        registry.push_blob(repository, content)

    assert registry.put_manifest(repository, "late", text).status == 201
    assert _listed(registry, f"/v2/{repository}/referrers/{digest_of(text)}")[1] == [digest]


def test_a_deleted_referrer_is_no_longer_listed(registry, repository, subject, refer):
    digest = refer(subject)

    assert registry("DELETE", f"/v2/{repository}/manifests/{digest}").status == 202

    assert _listed(registry, f"/v2/{repository}/referrers/{subject['digest']}")[1] == []


def test_referrers_outlive_their_subject_for_a_while(registry, repository, subject, refer):
    """Source: ECR removes them "within 24 hours"; garbage collection does it here."""
    digest = refer(subject)

    assert registry("DELETE", f"/v2/{repository}/manifests/{subject['digest']}").status == 202

    assert _listed(registry, f"/v2/{repository}/referrers/{subject['digest']}")[1] == [digest]


def test_referrers_of_another_repository_do_not_count(registry, ecr, repository, subject, refer):
    refer(subject)
    other = f"{repository}/other"
    ecr.create_repository(repositoryName=other)

    assert _listed(registry, f"/v2/{other}/referrers/{subject['digest']}")[1] == []


def test_a_repository_that_is_not_there_has_no_list(registry):
    path = f"/v2/no/such/repository/referrers/{digest_of(b'')}"

    assert refusal(registry("GET", path))[:2] == (404, "NAME_UNKNOWN")

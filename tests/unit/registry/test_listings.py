"""Pages of what there is."""

import itertools

import pytest

from entrepot.names import Registry
from entrepot.registry import listings, manifests
from tests.support.pushing import REGISTRY, make_repository, push_document, push_image


@pytest.fixture
def reading(database):
    with database.reading() as tx:
        yield tx


def _all(page_behind, key, limit):
    """Every item, page by page."""
    found, after = [], None
    for _ in range(100):
        items, more = page_behind(after, limit)
        assert len(items) <= limit
        found += items
        if not more:
            return found
        after = key(items[-1])
    raise AssertionError("the pages have no end")


@pytest.fixture
def images(database, repository):
    """Digests of seven images in the order of their arrival, of which every other one has tags."""
    wanted = [("a", "b", "c"), (), ("d",), (), ("e", "f"), (), ("g",)]
    return [(push_image(database, repository, f"image {number}", *names), names) for number, names in enumerate(wanted)]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
def test_pages_of_images_hold_each_image_once_in_the_order_of_arrival(database, repository, images, limit):
    with database.reading() as tx:
        found = _all(
            lambda after, limit: listings.list_images(tx, repository, limit=limit, after=after or (0.0, "")),
            lambda image: (image.pushed_at, image.digest),
            limit,
        )

    assert [(image.digest, tuple(image.tags)) for image in found] == images


@pytest.mark.parametrize("limit", [1, 2, 3, 10, 11])
def test_pages_of_names_hold_each_tag_and_each_untagged_image_once(database, repository, images, limit):
    with database.reading() as tx:
        found = _all(
            lambda after, limit: listings.list_names(tx, repository, limit=limit, after=after or (0.0, "", "")),
            lambda name: (name.pushed_at, name.digest, name.tag or ""),
            limit,
        )

    assert [(name.digest, name.tag) for name in found] == [
        (digest, tag) for digest, names in images for tag in names or (None,)
    ]


@pytest.mark.parametrize("limit", [1, 2, 50])
def test_pages_can_be_of_tagged_or_untagged_images_alone(database, repository, images, limit):
    with database.reading() as tx:
        for tag_status, wanted in (("TAGGED", True), ("UNTAGGED", False)):
            found = _all(
                lambda after, limit, tag_status=tag_status: listings.list_images(
                    tx, repository, limit=limit, after=after or (0.0, ""), tag_status=tag_status
                ),
                lambda image: (image.pushed_at, image.digest),
                limit,
            )
            names = _all(
                lambda after, limit, tag_status=tag_status: listings.list_names(
                    tx, repository, limit=limit, after=after or (0.0, "", ""), tag_status=tag_status
                ),
                lambda name: (name.pushed_at, name.digest, name.tag or ""),
                limit,
            )

            assert [image.digest for image in found] == [digest for digest, tags in images if bool(tags) is wanted]
            assert {name.digest for name in names} == {image.digest for image in found}


def test_images_that_came_in_the_same_instant_are_told_apart_by_their_digests(
    database, repository, images, monkeypatch
):
    monkeypatch.setattr("entrepot.clock.now", lambda: 2e9)
    late = sorted(push_image(database, repository, f"late {number}") for number in range(5))

    with database.reading() as tx:
        found = _all(
            lambda after, limit: listings.list_images(tx, repository, limit=limit, after=after or (1.9e9, "")),
            lambda image: (image.pushed_at, image.digest),
            2,
        )

    assert [image.digest for image in found] == late


def test_a_page_goes_on_behind_an_image_that_was_deleted_meanwhile(database, repository, images):
    with database.reading() as tx:
        first, _ = listings.list_images(tx, repository, limit=3)
        gone = manifests.find(tx, repository, digest=first[-1].digest)
    assert gone is not None
    database.write(lambda tx: manifests.remove(tx, repository, gone))

    with database.reading() as tx:
        rest, more = listings.list_images(tx, repository, limit=10, after=(first[-1].pushed_at, first[-1].digest))

    assert [image.digest for image in rest] == [digest for digest, _ in images[3:]]
    assert not more


def test_only_images_of_the_status_asked_for_are_listed(repository, images, reading):
    assert len(listings.list_images(reading, repository, limit=10, status="ACTIVE").items) == 7
    assert listings.list_images(reading, repository, limit=10, status="ARCHIVED").items == []
    assert listings.list_names(reading, repository, limit=10, status="ARCHIVED").items == []


@pytest.mark.parametrize("limit", [1, 3, 7, 8])
def test_tags_come_in_the_order_of_their_bytes(database, repository, limit):
    """Clients page by the last tag that they have seen, so the order has to be that of the comparison."""
    push_image(database, repository, "one", "b", "B", "a", "_", "1", "a-1", "a.1")

    with database.reading() as tx:
        found = _all(
            lambda after, limit: listings.list_tags(tx, repository, limit=limit, after=after or ""),
            lambda tag: tag,
            limit,
        )

    assert found == ["1", "B", "_", "a", "a-1", "a.1", "b"]


@pytest.mark.parametrize("limit", [1, 2, 3, 4])
def test_repositories_come_by_name_and_from_one_registry_alone(database, limit):
    for name in ("b", "a/b", "a"):
        make_repository(database, name)
    make_repository(database, "elsewhere", registry=Registry("210987654321", "us-east-1"))

    with database.reading() as tx:
        found = _all(
            lambda after, limit: listings.list_repositories(tx, REGISTRY, limit=limit, after=after or ""),
            lambda repository: repository.name,
            limit,
        )

    assert [repository.name for repository in found] == ["a", "a/b", "b"]


def test_abuse_04_nothing_of_another_repository_is_listed(database, repository, images):
    other = make_repository(database, "other")

    with database.reading() as tx:
        assert listings.list_images(tx, other, limit=10).items == []
        assert listings.list_names(tx, other, limit=10).items == []
        assert listings.list_tags(tx, other, limit=10).items == []


@pytest.fixture
def subject(database, repository):
    return push_image(database, repository, "subject")


@pytest.fixture
def referrers(database, repository, subject):
    """Digests by artifact type."""
    descriptor = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": subject, "size": 1}
    return {
        kind: push_image(database, repository, kind, subject=descriptor, artifactType=kind, annotations={"kind": kind})
        for kind in ("application/sbom", "application/signature", "application/other")
    }


@pytest.mark.parametrize("limit", [1, 2, 3, 4])
def test_referrers_of_a_subject_come_by_digest(database, repository, subject, referrers, limit):
    with database.reading() as tx:
        found = _all(
            lambda after, limit: listings.list_referrers(tx, repository, subject, limit=limit, after=after or ""),
            lambda referrer: referrer.digest,
            limit,
        )

    assert [referrer.digest for referrer in found] == sorted(referrers.values())


def test_a_referrer_says_what_it_is(repository, subject, referrers, reading):
    (found,), more = listings.list_referrers(
        reading, repository, subject, limit=10, artifact_types=["application/sbom"]
    )

    assert not more
    assert found.digest == referrers["application/sbom"]
    assert found.media_type == "application/vnd.oci.image.manifest.v1+json"
    assert found.artifact_type == "application/sbom"
    assert found.annotations == {"kind": "application/sbom"}
    manifest = manifests.find(reading, repository, digest=found.digest)
    assert manifest is not None
    assert found.size == len(manifests.content(reading, manifest))


def test_an_unknown_subject_has_no_referrers(repository, referrers, reading):
    assert listings.list_referrers(reading, repository, f"sha256:{'0' * 64}", limit=10).items == []


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        *((statement, "manifests_by_push") for statement in listings._IMAGES.values()),
        *((statement, "manifests_by_push") for statement in listings._NAMES.values()),
        (listings._TAGS, "PRIMARY KEY"),
        (listings._REFERRERS, "manifests_by_subject"),
        (listings._REPOSITORIES, "sqlite_autoindex_repositories"),
    ],
)
def test_an_index_serves_every_page(database, statement, index):
    names = ("repository", "at", "digest", "tag", "status", "most", "after", "subject", "types", "account", "region")
    sql, params = statement.bind(dict.fromkeys(names, 1) | {"types": "[]"})

    plan = [row["detail"] for row in database._reader().execute(f"EXPLAIN QUERY PLAN {sql}", params)]

    assert index in plan[0]
    assert not any(step.startswith("SCAN") and "VIRTUAL TABLE" not in step for step in plan)
    # Only names of one image are sorted, never a repository.
    assert not any("USE TEMP B-TREE FOR ORDER BY" in step for step in plan)


def test_the_work_for_a_page_does_not_grow_with_the_repository(database, repository):
    def steps_of_a_page():
        reader = database._reader()
        count = itertools.count()
        reader.set_progress_handler(lambda: next(count) and 0, 1)
        with database.reading() as tx:
            listings.list_images(tx, repository, limit=10)
            listings.list_names(tx, repository, limit=10)
            listings.list_tags(tx, repository, limit=10)
        reader.set_progress_handler(None, 1)
        return next(count)

    for number in range(40):
        push_image(database, repository, f"image {number}", f"v{number}")
    few = steps_of_a_page()
    for number in range(40, 160):
        push_image(database, repository, f"image {number}", f"v{number}")
    many = steps_of_a_page()

    assert many < few * 1.2


def test_an_index_is_listed_like_an_image(database, repository, images):
    digest = push_document(
        database,
        repository,
        b'{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []}',
        "all",
    )

    with database.reading() as tx:
        last = listings.list_images(tx, repository, limit=10).items[-1]

    assert (last.digest, last.tags, last.artifact_type) == (digest, ["all"], None)


def test_a_tag_that_was_moved_is_listed_with_its_new_image_alone(database, repository):
    before = push_image(database, repository, "before", "latest")
    after = push_image(database, repository, "after", "latest")

    with database.reading() as tx:
        found = {image.digest: image.tags for image in listings.list_images(tx, repository, limit=10).items}

    assert found == {before: [], after: ["latest"]}

"""Repositories and their resource tags."""

import pytest

from entrepot.errors import LimitExceeded
from entrepot.names import Registry
from entrepot.registry import listings, repositories, resource_tags
from entrepot.registry.faults import (
    InvalidTagParameter,
    RepositoryAlreadyExists,
    RepositoryNotEmpty,
    RepositoryNotFound,
    TooManyTags,
)
from entrepot.registry.mutability import Mutability
from tests.support.pushing import REGISTRY, make_repository, push_image


def _create(database, name="app", *, registry=REGISTRY, tags=None, quota=1000):
    return database.write(
        lambda tx: repositories.create(
            tx,
            registry,
            name=name,
            mutability=Mutability(),
            scan_on_push=True,
            tags=tags or {},
            quota=quota,
        )
    )


def _find(database, name="app", registry=REGISTRY):
    with database.reading() as tx:
        return repositories.find(tx, registry, name)


def test_a_repository_is_found_as_it_was_created(database):
    created = database.write(
        lambda tx: repositories.create(
            tx,
            REGISTRY,
            name="team/app",
            mutability=Mutability.parse("IMMUTABLE_WITH_EXCLUSION", ("latest", "dev-*")),
            scan_on_push=True,
            tags={},
            quota=1,
        )
    )

    assert _find(database, "team/app") == created
    assert created.arn == "arn:aws:ecr:us-east-1:123456789012:repository/team/app"


def test_a_name_is_free_in_every_other_account_and_region(database, repository):
    for registry in (Registry("210987654321", "us-east-1"), Registry("123456789012", "eu-west-1")):
        assert _find(database, registry=registry) is None
        _create(database, registry=registry)

    assert _find(database) == repository


def test_a_name_can_be_taken_once(database, repository):
    with pytest.raises(RepositoryAlreadyExists) as refused:
        _create(database)

    assert str(refused.value) == (
        "The repository with name 'app' already exists in the registry with id '123456789012'"
    )


def test_what_is_not_there_is_said_to_be_missing(database):
    with database.reading() as tx, pytest.raises(RepositoryNotFound) as refused:
        repositories.get(tx, REGISTRY, "nothing")

    assert str(refused.value) == (
        "The repository with name 'nothing' does not exist in the registry with id '123456789012'"
    )


def test_a_registry_holds_as_many_repositories_as_its_quota(database):
    _create(database, "one", quota=2)
    _create(database, "two", quota=2)

    with pytest.raises(LimitExceeded):
        _create(database, "three", quota=2)
    assert _find(database, "three") is None


def test_an_update_changes_what_is_given_and_nothing_else(database, repository):
    immutable = Mutability.parse("IMMUTABLE")

    database.write(lambda tx: repositories.update(tx, repository, mutability=immutable))
    database.write(lambda tx: repositories.update(tx, _find(database), scan_on_push=True))

    changed = _find(database)
    assert changed.mutability == immutable
    assert changed.scan_on_push
    assert (changed.id, changed.created_at) == (repository.id, repository.created_at)


def test_a_repository_with_an_image_is_deleted_only_by_force(database, repository):
    push_image(database, repository, "one")

    with pytest.raises(RepositoryNotEmpty) as refused:
        database.write(lambda tx: repositories.delete(tx, repository, force=False))
    assert str(refused.value) == (
        "The repository with name 'app' in registry with id '123456789012' "
        "cannot be deleted because it still contains images"
    )

    database.write(lambda tx: repositories.delete(tx, repository, force=True))
    assert _find(database) is None


def test_abuse_21_a_namesake_has_nothing_of_the_repository_that_was_deleted(database):
    first = _create(database, tags={"team": "red"})
    push_image(database, first, "one", "v1")
    database.write(lambda tx: repositories.delete(tx, first, force=True))

    second = make_repository(database)

    assert second.id != first.id
    with database.reading() as tx:
        assert resource_tags.of(tx, second.id) == {}
        assert listings.list_tags(tx, second, limit=10).items == []
        assert listings.list_images(tx, second, limit=10).items == []


def test_resource_tags_are_merged_by_key_and_removed_by_key(database):
    repository = _create(database, tags={"team": "red", "stage": "test"})

    database.write(lambda tx: resource_tags.put(tx, repository.id, {"team": "blue", "owner": ""}))
    database.write(lambda tx: resource_tags.remove(tx, repository.id, ["stage", "never-there"]))

    with database.reading() as tx:
        assert resource_tags.of(tx, repository.id) == {"owner": "", "team": "blue"}


@pytest.mark.parametrize("tags", [{"Team": "red"}, {"TEAM": "red", "other": ""}, {"new": "a", "New": "b"}])
def test_keys_of_resource_tags_that_differ_only_in_case_are_refused(database, repository, tags):
    database.write(lambda tx: resource_tags.put(tx, repository.id, {"team": "blue"}))
    before = database.write(lambda tx: resource_tags.of(tx, repository.id))

    with pytest.raises(InvalidTagParameter, match="differ only in case"):
        database.write(lambda tx: resource_tags.put(tx, repository.id, tags))

    assert database.write(lambda tx: resource_tags.of(tx, repository.id)) == before


def test_a_repository_has_at_most_fifty_resource_tags(database, repository):
    fifty = {f"key-{number}": "value" for number in range(50)}
    database.write(lambda tx: resource_tags.put(tx, repository.id, fifty))
    database.write(lambda tx: resource_tags.put(tx, repository.id, {"key-7": "changed"}))

    with pytest.raises(TooManyTags):
        database.write(lambda tx: resource_tags.put(tx, repository.id, {"one-more": "value"}))


@pytest.mark.parametrize(
    "tags",
    [
        {"aws:team": "red"},
        {"AWS:team": "red"},
        {"": "red"},
        {"k" * 129: "red"},
        {"team": "v" * 257},
        {"te#am": "red"},
        {"team": "re\nd"},
    ],
)
def test_a_resource_tag_outside_the_rules_is_refused_and_the_repository_is_not_made(database, tags):
    with pytest.raises(InvalidTagParameter):
        _create(database, tags=tags)

    assert _find(database) is None


def test_a_resource_tag_may_have_letters_of_any_script_and_the_listed_signs(database):
    tags = {"équipe +-=._:/@": "日本 1", "k" * 128: "v" * 256}

    repository = _create(database, tags=tags)

    with database.reading() as tx:
        assert resource_tags.of(tx, repository.id) == tags

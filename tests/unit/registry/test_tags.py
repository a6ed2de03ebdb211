"""Tags: the one function that moves them."""

import pytest

from entrepot.errors import LimitExceeded
from entrepot.registry import tags
from entrepot.registry.faults import ImageTagAlreadyExists
from entrepot.registry.mutability import Mutability


@pytest.fixture
def place(database):
    """Gives a tag to a manifest, in a repository of which only its id counts."""

    def do(tag="v1", manifest=1, *, repository=1, mutability=None, most=1000):
        return database.write(
            lambda tx: tags.place(
                tx,
                repository,
                tag,
                manifest=manifest,
                new=False,
                mutability=mutability or Mutability(),
                name="app",
                most=most,
            )
        )

    return do


@pytest.fixture
def named(database):
    def read(tag, repository=1):
        with database.reading() as tx:
            return tags.manifest_of(tx, repository, tag)

    return read


def test_a_tag_that_is_new_is_news(place, named):
    assert place("v1", 1) is True
    assert (named("v1"), named("v2")) == (1, None)


def test_the_same_again_is_no_news(place):
    place("v1", 1)

    assert place("v1", 1) is False


def test_a_tag_moves(place, named):
    place("v1", 1)

    assert place("v1", 2) is True
    assert named("v1") == 2


@pytest.mark.parametrize(
    ("mutability", "what"),
    [
        (Mutability("IMMUTABLE"), "repository"),
        (Mutability("IMMUTABLE_WITH_EXCLUSION", ("dev-*",)), "tag"),
        (Mutability("MUTABLE_WITH_EXCLUSION", ("v*",)), "tag"),
    ],
)
def test_a_fixed_tag_does_not_move(place, named, mutability, what):
    place("v1", 1)

    with pytest.raises(ImageTagAlreadyExists) as refusal:
        place("v1", 2, mutability=mutability)

    assert str(refusal.value) == (
        "The image tag 'v1' already exists in the 'app' repository "
        f"and cannot be overwritten because the {what} is immutable."
    )
    assert named("v1") == 1


def test_a_fixed_tag_may_be_given_again_to_its_own_manifest(place):
    place("v1", 1)

    assert place("v1", 1, mutability=Mutability("IMMUTABLE")) is False


def test_tags_of_other_repositories_are_others(place, named):
    place("v1", 1, repository=1)

    place("v1", 2, repository=2, mutability=Mutability("IMMUTABLE"))

    assert (named("v1", 1), named("v1", 2)) == (1, 2)


def test_a_manifest_has_so_many_tags(place, named):
    for tag in ("a", "b", "c"):
        place(tag, 1, most=3)

    with pytest.raises(LimitExceeded):
        place("d", 1, most=3)

    assert named("d") is None
    assert place("c", 1, most=3) is False
    place("d", 2, most=3)
    with pytest.raises(LimitExceeded):
        place("d", 1, most=3)
    assert named("d") == 2


def test_tags_of_a_manifest_come_in_order(database, place):
    for tag in ("z", "a", "M", "1"):
        place(tag, 7)
    place("other", 8)

    with database.reading() as tx:
        assert tags.names_of(tx, 7) == ["1", "M", "a", "z"]


def test_a_tag_that_was_removed_is_gone_from_its_repository_alone(database, place, named):
    place("v1", 1, repository=1)
    place("v1", 1, repository=2)

    database.write(lambda tx: tags.remove(tx, 1, ["v1", "never-there"]))

    assert (named("v1", 1), named("v1", 2)) == (None, 1)

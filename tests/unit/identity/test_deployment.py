"""The deployment's facts: which versions of the root key are in use, and that they are the right ones."""

import pytest

from entrepot.identity import deployment
from entrepot.rootkey import RootKeyRefused
from tests.support.rootkey import root_key

OTHER = bytes(range(1, 33))


def test_data_opens_with_its_own_root_key_only(database):
    """Abuse 65: data without its root key is useless."""
    first = deployment.establish(database, root_key())

    assert deployment.establish(database, root_key()) == first == deployment.find_id(database)
    with pytest.raises(RootKeyRefused, match="not the one that this data was made with"):
        deployment.establish(database, root_key(OTHER))


def test_data_has_no_id_before_the_first_start(database):
    assert deployment.find_id(database) is None


def test_a_version_that_is_kept_does_not_seal_until_it_is_taken_into_use(database):
    mine, others = root_key(v2=OTHER), root_key(v2=OTHER)
    deployment.establish(database, root_key())
    deployment.establish(database, mine)
    deployment.establish(database, others)
    assert mine.seals == 1

    database.write(lambda tx: deployment.take_into_use(tx, mine, 2))
    with database.reading() as tx:
        deployment.follow(tx, others)
        in_use = deployment.versions_in_use(tx)

    assert (mine.seals, others.seals) == (2, 2)
    assert in_use.keys() == {1, 2}
    assert in_use[1] <= in_use[2]


def test_who_has_not_the_version_that_seals_is_refused(database):
    whole = root_key(v2=OTHER)
    deployment.establish(database, root_key())
    database.write(lambda tx: deployment.take_into_use(tx, whole, 2))

    with pytest.raises(RootKeyRefused, match="Version 2 of the root key is not here"):
        deployment.establish(database, root_key())
    with pytest.raises(RootKeyRefused, match=r"not the one that this data was made with \(version 2\)"):
        deployment.establish(database, root_key(v2=bytes(range(2, 34))))


def test_a_version_out_of_use_need_not_be_here(database):
    whole = root_key(v2=OTHER)
    deployment.establish(database, root_key())
    database.write(lambda tx: deployment.take_into_use(tx, whole, 2))

    database.write(lambda tx: deployment.take_out_of_use(tx, 1))

    assert deployment.establish(database, whole) == deployment.find_id(database)
    with database.reading() as tx:
        assert deployment.versions_in_use(tx).keys() == {2}

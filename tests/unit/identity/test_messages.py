"""Messages about refusals: who can read them."""

import pytest

from entrepot.identity.messages import open_message, seal_message
from entrepot.identity.session_faults import MessageInvalid


def test_a_message_is_read_by_the_account_that_it_is_for(world):
    ring = world.directory().ring

    sealed = seal_message(ring, '{"allowed":false}', account="123456789012")

    assert open_message(ring, sealed, account="123456789012") == '{"allowed":false}'
    for account, text in (("210987654321", sealed), ("123456789012", sealed[:-1]), ("123456789012", "")):
        with pytest.raises(MessageInvalid, match=r"^Message is not valid$"):
            open_message(ring, text, account=account)


def test_abuse_32_a_login_is_no_message(world):
    directory = world.directory()
    ann = world.user("ann")
    password = directory.logins.issue(ann, world.key(ann).id, "us-east-1").password

    with pytest.raises(MessageInvalid):
        open_message(directory.ring, password, account="123456789012")

"""Users as tests need them gone."""

from entrepot.database import Transaction
from entrepot.identity import attachments, credentials, users
from entrepot.identity.users import User


def dismiss(tx: Transaction, user: User) -> None:
    """Delete a user with its keys and what is attached to it, in one transaction."""
    for key in credentials.page(tx, user.principal):
        credentials.remove(tx, key.id)
    for arn in attachments.of(tx, user.id):
        attachments.detach(tx, user.id, arn)
    users.remove(tx, user)

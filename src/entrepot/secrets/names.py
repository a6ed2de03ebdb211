"""
How requests name secrets, and what that comes to: names, whole ARNs, and ARNs without the six characters at the end.

Policies know a secret by its whole ARN. Of one that is not there, or not yet, nobody knows these characters: it ends
in six question marks, which the patterns of policies for them match. Source: Secrets Manager user guide, "Permissions
policy examples".
"""

import re
import secrets as chance
import string
from collections.abc import Callable

from sqlalchemy import bindparam, select

from entrepot.database import Row, Statement, Transaction
from entrepot.identity import entity_tags
from entrepot.identity.facts import Guard, by_tag
from entrepot.names import Arn, Registry
from entrepot.secrets.faults import NameInvalid
from entrepot.secrets.tables import secrets

PREFIX = "arn:aws:secretsmanager:"
_KIND = "secret:"
_UNKNOWN = "-??????"
_CHARACTERS = string.ascii_letters + string.digits

_NAME = re.compile(r"[A-Za-z0-9/_+=.@!-]{1,512}", re.ASCII)
_WHOLE = re.compile(r"(.+)-([A-Za-z0-9]{6})", re.ASCII)
_BY_ARN = Statement(select(secrets.c.arn).where(secrets.c.arn == bindparam("this")))
_BY_NAME = Statement(
    select(secrets.c.arn).where(
        secrets.c.account == bindparam("account"),
        secrets.c.region == bindparam("region"),
        secrets.c.name == bindparam("name"),
    )
)

Look = Callable[..., Row | None]  # Transaction.one, or Database.look


def check(name: str) -> None:
    """Return if a secret may be called so. Raises: NameInvalid."""
    if not _NAME.fullmatch(name):
        raise NameInvalid


def new_arn(registry: Registry, name: str) -> str:
    """The ARN of a new secret."""
    return f"{_prefix(registry)}{name}-{''.join(chance.choice(_CHARACTERS) for _ in range(6))}"


def reference(text: str, registry: Registry) -> str:
    """
    What *text* names for whoever asks in *registry*: an ARN, to be completed by ``located``.

    Raises: NameInvalid.
    """
    if not text.startswith("arn:"):
        return f"{_prefix(registry)}{text}{_UNKNOWN}"
    parts = Arn.find(text)
    if parts is None or not text.startswith(PREFIX) or not parts.resource.startswith(_KIND) or not parts.account:
        raise NameInvalid
    check(parts.resource.removeprefix(_KIND))
    return text


def name_in(reference: str) -> str:
    """The name that a reference to a secret that is not there was made with."""
    return reference.split(":", 6)[-1].removesuffix(_UNKNOWN)


def located(look: Look, resource: str) -> str:
    """
    The ARN by which policies know the secret that *resource* refers to.

    A whole ARN is that secret's, even if there is another that is called as this one's ARN ends.
    """
    parts = Arn.find(resource)
    if parts is None or not resource.startswith(PREFIX) or not parts.resource.startswith(_KIND):
        return resource
    there, name = Registry(parts.account, parts.region), parts.resource.removeprefix(_KIND)
    if name.endswith(_UNKNOWN):
        row = _by_name(look, there, name.removesuffix(_UNKNOWN))
        return row["arn"] if row else resource
    row = look(_BY_ARN, this=resource) or _by_name(look, there, name)
    if row is not None:
        return str(row["arn"])
    return resource if _WHOLE.fullmatch(name) else resource + _UNKNOWN


def guard_of(tx: Transaction, arn: str) -> Guard | None:
    """What guards a secret: its tags can be asked about, and its account is the one whose policies decide."""
    parts = Arn.find(arn)
    if parts is None or not parts.account:
        return None
    tags = entity_tags.tags_of(tx, arn)
    context = {**by_tag("aws:resourcetag", tags), **by_tag("secretsmanager:resourcetag", tags)}
    return Guard(parts.account, context={**context, "secretsmanager:secretprimaryregion": parts.region})


def _prefix(registry: Registry) -> str:
    return f"{PREFIX}{registry.region}:{registry.account}:{_KIND}"


def _by_name(look: Look, registry: Registry, name: str) -> Row | None:
    return look(_BY_NAME, account=registry.account, region=registry.region, name=name)

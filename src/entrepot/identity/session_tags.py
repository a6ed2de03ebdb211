"""Session tags: what may be given to a session, and what it inherits from the session that asks. Pure."""

from collections.abc import Mapping, Sequence

from entrepot.identity.facts import request_tags
from entrepot.identity.policy.requests import Value
from entrepot.identity.session_faults import TagsInvalid
from entrepot.identity.sessions import Session

Tags = tuple[tuple[str, str], ...]

_RESERVED = "aws:"


def merged(tags: Tags, transitive: Sequence[str], *, calling: Session | None) -> tuple[Tags, tuple[str, ...]]:
    """
    The tags of a new session and the keys of those that the next one will inherit.

    Raises: TagsInvalid.
    Source: AWS STS API reference, AssumeRole; IAM user guide, "Passing session tags".
    """
    keys = {key.lower() for key, _ in tags}
    if len(keys) < len(tags):
        raise TagsInvalid(reason="Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    if any(key.startswith(_RESERVED) for key in keys):
        raise TagsInvalid(reason="Tag keys that begin with 'aws:' are reserved.")
    if not {key.lower() for key in transitive} <= keys:
        raise TagsInvalid(reason="The specified transitive tag key must be included in the requested tags.")
    inherited = _inherited(calling)
    if keys & {key.lower() for key, _ in inherited}:
        raise TagsInvalid(
            reason="One of the specified transitive tag keys can't be set because it conflicts with a transitive tag "
            "key from the calling session."
        )
    return (*inherited, *tags), (*(key for key, _ in inherited), *transitive)


def _inherited(calling: Session | None) -> Tags:
    """The tags that a session hands on to those that are made with it."""
    if calling is None:
        return ()
    keys = {key.lower() for key in calling.transitive}
    return tuple((key, value) for key, value in calling.tags if key.lower() in keys)


def context_of(tags: Tags, transitive: Sequence[str]) -> Mapping[str, Value]:
    """The condition keys of a request for a session with these tags."""
    return request_tags(tags) | ({"sts:transitivetagkeys": transitive} if transitive else {})

"""Who asks: a principal, as every other module sees it."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Principal:
    """Someone who may be allowed things. *id* is never used twice; a namesake created later has another."""

    id: str
    account: str
    arn: str
    kind: Literal["root", "user"]
    name: str


def root_of(account: str) -> Principal:
    """The root user of an account. Source: IAM user guide, "AWS account root user"; its id is the account's."""
    return Principal(account, account, f"arn:aws:iam::{account}:root", "root", "root")


def user_of(account: str, *, user_id: str, path: str, name: str) -> Principal:
    """A user of an account. *path* begins and ends with a slash."""
    return Principal(user_id, account, f"arn:aws:iam::{account}:user{path}{name}", "user", name)

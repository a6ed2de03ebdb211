"""Short ways to say who asks for what by which policies."""

import json

from entrepot.identity.policy import Caller, Kind, Request, Sides, compile_policy, decide

ACCOUNT, OTHER = "111111111111", "222222222222"
REPOSITORY = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/team/app"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/ci"

ALICE = Caller(f"arn:aws:iam::{ACCOUNT}:user/alice", ACCOUNT, "user", "AIDAALICE000000000001")
ROOT = Caller(f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT, "root")
SESSION = Caller(
    f"arn:aws:sts::{ACCOUNT}:assumed-role/ci/build",
    ACCOUNT,
    "role session",
    "AROACI0000000000000001:build",
    source_arn=ROLE,
    source_id="AROACI0000000000000001",
)
MALLORY = Caller(f"arn:aws:iam::{OTHER}:user/mallory", OTHER, "user", "AIDAMALLORY0000000001")
SERVICE = Caller("replication.ecr.amazonaws.com", "", "service")

ALLOW = {"Effect": "Allow", "Action": "*", "Resource": "*"}
DENY = {"Effect": "Deny", "Action": "*", "Resource": "*"}
NOTHING = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}


def policy(*statements, kind=Kind.IDENTITY, version="2012-10-17", name=""):
    """A compiled policy of these statements."""
    return compile_policy(json.dumps({"Version": version, "Statement": statements}), kind, name=name)


def repository(*statements, name="repository"):
    """A repository's policy of these statements."""
    return policy(*statements, kind=Kind.REPOSITORY, name=name)


def granting(principal):
    """A repository's policy that allows everything to *principal*."""
    return repository({"Effect": "Allow", "Principal": principal, "Action": "*"})


def ask(caller=ALICE, action="ecr:BatchGetImage", *, on=REPOSITORY, owner=ACCOUNT, context=None, **sides):
    """The decision by policies that are given as members of ``Sides``."""
    known = {key.lower(): value for key, value in (context or {}).items()}
    return decide(Request(action, on, owner, caller, known), Sides(**sides))

"""Decisions of the policy engine, without a server: how many a second on one core, and what compiling costs."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import quantiles

from bench.figures import Figure
from bench.work import Measure, Scale, Work
from entrepot.database import Database, Transaction
from entrepot.identity import accounts, deployment, inline_policies, users
from entrepot.identity.directory import Directory
from entrepot.identity.policy import Caller, Kind, Policy, Request, Sides, compile_policy, decide
from entrepot.identity.principals import Principal
from entrepot.rootkey import RootKey
from entrepot.schema.migrating import migrate

_ACCOUNT = "111111111111"
_REPOSITORIES = f"arn:aws:ecr:us-east-1:{_ACCOUNT}:repository"
_MOST_REQUESTS = 20_000
_MOST_ASKED = 200_000
_COMPILED = 200

# Ten statements as an account writes them: by team, by network, by region. One request meets three conditions or more.
_MANAGED: Sequence[Mapping[str, object]] = [
    {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},
    {
        "Effect": "Allow",
        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability"],
        "Resource": [f"{_REPOSITORIES}/team/*", f"arn:aws:ecr:*:{_ACCOUNT}:repository/shared/*"],
        "Condition": {
            "StringEquals": {"aws:PrincipalOrgID": "o-abcd1234ef"},
            "IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "203.0.113.0/24"]},
            "Bool": {"aws:SecureTransport": "true"},
        },
    },
    {"Effect": "Allow", "Action": "ecr:Describe*", "Resource": "arn:aws:ecr:*:*:repository/*"},
    {"Effect": "Allow", "Action": "ecr:List*", "Resource": "*"},
    {
        "Effect": "Deny",
        "Action": ["ecr:DeleteRepository", "ecr:BatchDeleteImage"],
        "Resource": "arn:aws:ecr:*:*:repository/prod/*",
    },
    {
        "Effect": "Allow",
        "Action": ["ecr:PutImage", "ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload"],
        "Resource": f"{_REPOSITORIES}/${{aws:PrincipalTag/team}}/*",
    },
    {
        "Effect": "Deny",
        "Action": "*",
        "Resource": "*",
        "Condition": {"StringNotEquals": {"aws:RequestedRegion": ["us-east-1", "eu-west-1"]}},
    },
    {
        "Effect": "Allow",
        "Action": ["iam:GetUser", "iam:ListAccessKeys"],
        "Resource": "arn:aws:iam::*:user/${aws:username}",
    },
    {
        "Effect": "Deny",
        "NotAction": ["iam:*", "sts:*", "ecr:*"],
        "Resource": "*",
        "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}},
    },
    {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "arn:aws:iam::*:role/ci-*"},
]
_REPOSITORY: Sequence[Mapping[str, object]] = [
    {
        "Effect": "Allow",
        "Principal": {"AWS": ["arn:aws:iam::222222222222:root", "arn:aws:iam::333333333333:role/deploy"]},
        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
    },
    {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "ecr:*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    },
]
_ACTIONS = (
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
    "ecr:PutImage",
    "ecr:DescribeImages",
    "ecr:BatchDeleteImage",
    "ecr:BatchCheckLayerAvailability",
)
_CONTEXT = {
    "aws:principalorgid": "o-abcd1234ef",
    "aws:principaltag/team": "team",
    "aws:requestedregion": "us-east-1",
    "aws:securetransport": "true",
    "aws:sourceip": "203.0.113.9",
    "aws:username": "alice",
}


def _policy(statements: Sequence[Mapping[str, object]], kind: Kind, *, note: str = "") -> Policy:
    """*note* makes the text another one, so that it is compiled again."""
    return compile_policy(json.dumps({"Version": "2012-10-17", "Id": note, "Statement": statements}), kind)


def _requests() -> list[Request]:
    alice = Caller(f"arn:aws:iam::{_ACCOUNT}:user/alice", _ACCOUNT, "user", "AIDAALICE00000000001")
    return [
        Request(_ACTIONS[at % len(_ACTIONS)], f"{_REPOSITORIES}/team/app{at}", _ACCOUNT, alice, _CONTEXT)
        for at in range(_MOST_REQUESTS)
    ]


def _seconds(work: Callable[[], object]) -> float:
    """Processor time: what others do on this machine does not count."""
    started = time.process_time()
    work()
    return time.process_time() - started


def _decide(requests: list[Request], sides: Sides) -> None:
    for request in requests:
        decide(request, sides)


def _each(requests: list[Request], sides: Sides) -> list[float]:
    """Microseconds that single decisions take."""
    taken = []
    for request in requests:
        started = time.perf_counter_ns()
        decide(request, sides)
        taken.append((time.perf_counter_ns() - started) / 1000)
    return taken


@contextmanager
def _asking(folder: Path) -> Iterator[Callable[[], object]]:
    """A question that the door answers over and over: may a user, who has a policy, describe images?"""
    path = folder / "decisions.sqlite"
    path.unlink(missing_ok=True)
    migrate(path)
    database, root_key = Database(path), RootKey({1: bytes(32)})

    def make(tx: Transaction) -> Principal:
        accounts.create(tx, account=_ACCOUNT)
        alice = users.create(tx, _ACCOUNT, name="alice").principal
        document = json.dumps({"Version": "2012-10-17", "Statement": [_MANAGED[2]]})
        inline_policies.put(tx, alice.id, "own", document=document, kind="user", owner="alice")
        return alice

    deployment.establish(database, root_key)
    alice = database.write(make)
    door = Directory(database, root_key)
    yield partial(door.authorize, alice, "ecr:DescribeImages", f"{_REPOSITORIES}/team/app")
    database.close()


@contextmanager
def _deciding(_name: str, scale: Scale) -> Iterator[Measure]:
    sides = Sides(identity=[_policy(_MANAGED, Kind.IDENTITY)], resource=_policy(_REPOSITORY, Kind.REPOSITORY))
    requests = _requests()
    with _asking(scale.folder) as ask:

        def measure(number: int) -> Mapping[str, float]:
            deciding = _seconds(lambda: _decide(requests, sides))
            asking = _seconds(lambda: [ask() for _ in range(_MOST_ASKED)])
            compiling = _seconds(
                lambda: [_policy(_MANAGED, Kind.IDENTITY, note=f"{number}-{at}") for at in range(_COMPILED)]
            )
            return {
                "decisions": len(requests) / deciding,
                "decision-p99": quantiles(_each(requests, sides), n=100)[98],
                "decisions-kept": _MOST_ASKED / asking,
                "compile": compiling / _COMPILED / len(_MANAGED) * 1_000_000,
            }

        measure(-1)
        yield measure


WORKS = (
    Work(
        "decisions",
        [
            Figure("decisions", "decisions by policies, none remembered, one core", "1/s", bound=50_000),
            Figure("decision-p99", "the same, one alone: p99", "µs", better="less", bound=60),
            Figure(
                "decisions-kept", "decisions that are remembered, asked at the door, one core", "1/s", bound=1_000_000
            ),
            Figure("compile", "compiling a policy, for each statement", "µs", better="less", bound=150),
        ],
        _deciding,
    ),
)

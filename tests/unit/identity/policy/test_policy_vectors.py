"""Decisions and documents that others have judged: ``vectors/policy-eval`` and ``vectors/policy-grammar``."""

import json

import pytest

from entrepot.identity.policy import Caller, Kind, Malformed, Request, Sides, compile_policy, decide, parse
from tests.support.data import cases, data

# How many cases there are, and how many of them are about what a service refuses by itself, whatever policies say.
_FILES = {"generated": (3753, 0), "aws-managed": (434, 0), "iam-simulate-core": (184, 10)}


def _caller(arn):
    """The caller of a case: its ARN tells its kind, and the role or user behind a session."""
    if arn is None:
        return None
    account, resource = arn.split(":", 5)[4:]
    kind, _, name = resource.partition("/")
    if kind == "assumed-role":
        role = name.split("/")[0]
        return Caller(arn, account, "role session", source_arn=f"arn:aws:iam::{account}:role/{role}")
    if kind == "federated-user":
        return Caller(arn, account, "federated user", source_arn=f"arn:aws:iam::{account}:user/{name}")
    return Caller(arn, account, kind)


def _kind(action):
    return {"kms": Kind.KEY, "sts": Kind.TRUST, "s3": Kind.KEY}.get(action.split(":")[0], Kind.REPOSITORY)


def _compiled(document, kind, managed):
    if document is None:
        return None
    name = document.get("$managed")
    return compile_policy(json.dumps(managed[name] if name else document), kind)


def _sides(case, managed):
    def many(documents, kind):
        return [_compiled(document, kind, managed) for document in documents]

    session = case.get("session_policy")
    return Sides(
        identity=many(case["identity_policies"], Kind.IDENTITY),
        boundary=_compiled(case.get("permission_boundary"), Kind.IDENTITY, managed),
        session=None if session is None else many([session], Kind.SESSION),
        resource=_compiled(case.get("resource_policy"), _kind(case["request"]["action"]), managed),
        scps=[many(level, Kind.SCP) for level in case.get("scps", [])],
        rcps=[many(level, Kind.RCP) for level in case.get("rcps", [])],
    )


def _decided(case, managed):
    asked = case["request"]
    context = {key.lower(): value for key, value in asked["context"].items()}
    who = _caller(asked["principal"])
    request = Request(asked["action"], asked["resource"], asked["resource_account"], who, context)
    return decide(request, _sides(case, managed)).outcome


@pytest.mark.parametrize("name", _FILES)
def test_decisions_are_those_of_other_evaluators(name):
    """Disputed cases follow the documentation; a principal that is a bare string may never be what allows."""
    managed = json.loads(data("vectors/policy-eval/aws-managed-policies.json").read_text())
    wrong, seen, left = [], 0, 0
    for case in cases(f"vectors/policy-eval/{name}.jsonl"):
        seen += 1
        expected, outcome = case["expected"], _decided(case, managed)
        if "disputed" in case:
            assert outcome == "Allowed", case["disputed"]
        elif "bare-string-principal" in case.get("tags", []) and expected == "Allowed":
            assert outcome != "Allowed", case["id"]
        elif "service-rule" in case.get("tags", []) and (outcome, expected) == ("Allowed", "ImplicitlyDenied"):
            left += 1  # what is AWS's own is refused by IAM's operations: tests/api/test_iam_roles.py, …_policies.py
        elif outcome != expected:
            wrong.append(f"{case['id']}: {outcome}, not {expected}")

    assert wrong == []
    assert (seen, left) == _FILES[name]


def _said(case):
    """The code and the sentence of the refusal; neither, where the document is taken."""
    try:
        parse(case["document"], Kind.IDENTITY)
    except Malformed as refused:
        return refused.aws, str(refused)
    return None, None


def test_documents_are_taken_and_refused_as_by_iam():
    wrong, seen = [], 0
    for case in cases("vectors/policy-grammar/iam-documents.jsonl"):
        seen += 1
        expected = case.get("error_code"), case.get("error_message")
        if _said(case) != expected:
            wrong.append(f"{case['id']}: {_said(case)}, not {expected}")

    assert wrong == []
    assert seen == 79

"""Signature Version 4 against other people's vectors: AWS's suites, and requests that botocore signed."""

import base64
import calendar
import json
import time
from typing import Any

import pytest

from entrepot.errors import FrontDoor
from entrepot.identity.credentials import Credential
from entrepot.identity.principals import root_of
from entrepot.signatures import sigv4
from entrepot.signatures.claims import SignedRequest, claim_of
from entrepot.signatures.faults import SignatureMismatch, UnrecognizedClient
from tests.support.data import cases, data


def key(access_key_id: str, secret: str, token: str | None) -> Credential:
    return Credential(access_key_id, secret, active=True, principal=root_of("123456789012"), session_token=token)


def seconds(stamp: str) -> int:
    return calendar.timegm(time.strptime(stamp, "%Y%m%dT%H%M%SZ"))


def parsed(text: str) -> SignedRequest:
    """A request as the suites print it: raw text, with header values that may go on in the next line."""
    head, _, body = text.partition("\n\n")
    first, *lines = head.split("\n")
    method, _, rest = first.partition(" ")
    headers: list[tuple[bytes, bytes]] = []
    for line in lines:
        if line.startswith(" "):
            headers[-1] = (headers[-1][0], headers[-1][1] + b" " + line.encode())
        elif line:
            name, _, value = line.partition(":")
            headers.append((name.encode(), value.encode()))
    return SignedRequest(method, rest.removesuffix(" HTTP/1.1").encode(), headers, body.encode())


def aws_cases() -> list[Any]:
    return [*cases("vectors/sigv4/aws-suite.jsonl"), *cases("vectors/sigv4/aws-c-auth.jsonl")]


def verified(case: Any, request: SignedRequest) -> sigv4.Verified:
    context = case.get("context", case)
    secrets = context.get("credentials", context)
    token = case.get("token") or secrets.get("token") or signed_token(request)
    stamp = context["timestamp"].replace("-", "").replace(":", "")
    keys = {secrets["access_key_id"]: key(secrets["access_key_id"], secrets["secret_access_key"], token)}
    return sigv4.verify(
        request,
        lookup=lambda key, _: keys.get(key),
        now=seconds(stamp),
        regions={context["region"]},
        service=context["service"],
    )


def signed_token(request: SignedRequest) -> str | None:
    return next(
        (value.decode().strip() for name, value in request.headers if name.lower() == b"x-amz-security-token"), None
    )


def adds_its_token_after_signing(case: Any) -> bool:
    return "sts-header-after" in case["id"]


def test_every_request_of_the_aws_suites_verifies():
    for case in aws_cases():
        if case.get("context", case).get("normalize", True) and not adds_its_token_after_signing(case):
            assert verified(case, parsed(case["signed_request"])).presigned is (case["kind"] == "query"), case["id"]


def test_a_token_that_was_added_after_signing_is_refused():
    added = [case for case in aws_cases() if adds_its_token_after_signing(case)]

    assert len(added) == 3
    for case in added:
        with pytest.raises(FrontDoor, match=r"must be a 'SignedHeader'|does not match the signature"):
            verified(case, parsed(case["signed_request"]))


def test_canonical_requests_and_strings_to_sign_are_those_of_the_aws_suites():
    for case in aws_cases():
        request, context = parsed(case["signed_request"]), case.get("context", case)
        claim = claim_of(request)
        if "after/query" in case["id"]:
            request.target = request.target.partition(b"&X-Amz-Security-Token=")[0]
        canonical = sigv4.canonical_request(
            request,
            claim.signed_headers,
            host=request.fields[b"host"],
            body_hash=case["canonical_request"].rpartition("\n")[2],
            normalize=context.get("normalize", True),
        )

        assert canonical.decode() == case["canonical_request"], case["id"]
        assert sigv4.string_to_sign(claim, canonical).decode() == case["string_to_sign"], case["id"]


def test_of_what_botocore_signed_only_the_undamaged_is_accepted():
    rows = json.loads(data("vectors/sigv4/botocore-keys.json").read_text())
    keys = {
        row["access_key_id"]: key(row["access_key_id"], row["secret_access_key"], row.get("session_token"))
        for row in rows
    }
    seen = {"ok": 0}
    for case in cases("vectors/sigv4/botocore-signed.jsonl"):
        seen[case["expected"]] = seen.get(case["expected"], 0) + 1
        outcome = outcome_of(case, keys)

        assert outcome == case["expected"] or (case["expected"] == "reject" and outcome != "ok"), case["id"]
    assert seen == {
        "ok": 179,
        "signature_mismatch": 76,
        "bad_scope": 13,
        "unknown_key": 13,
        "expired": 7,
        "not_yet_valid": 14,
        "reject": 58,
    }


def outcome_of(case: Any, keys: dict[str, Credential]) -> str:
    wire = case["request"]
    request = SignedRequest(
        wire["method"],
        wire["target"].encode(),
        [(name.encode(), value.encode()) for name, value in wire["headers"]],
        base64.b64decode(wire["body_base64"]),
    )
    try:
        sigv4.verify(
            request,
            lookup=lambda key, _: keys.get(key),
            now=seconds(case["server_time"]),
            regions={case["region"]},
            service=case["service"],
        )
    except FrontDoor as fault:
        return name_of(fault)
    return "ok"


def name_of(fault: FrontDoor) -> str:
    if isinstance(fault, SignatureMismatch):
        return "signature_mismatch"
    if isinstance(fault, UnrecognizedClient):
        return "unknown_key"
    for words, name in (
        ("Signature expired", "expired"),
        ("Signature not yet current", "not_yet_valid"),
        ("Credential should be scoped", "bad_scope"),
    ):
        if words in str(fault):
            return name
    return type(fault).__name__

"""Answers of the real services, recorded, to hold ours against. Source: localstack's snapshots."""

import json
import re
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from tests.support.data import data
from tests.support.server import ACCOUNT

_MASKED = re.compile(r"<[^<>]+>")


def recording(file: str, test: str) -> dict[str, Any]:
    """What was recorded in one test of a *file*, by the name of each answer."""
    everything = json.loads(data(f"snapshots/localstack/{file}").read_text())
    (found,) = (value for name, value in everything.items() if name.endswith(f"::{test}"))
    return dict(found["recorded-content"])


def alike(ours: Any, theirs: Any, place: str = "") -> list[str]:
    """Where our answer differs from a recorded one, in which names, times and ids are masked."""
    if isinstance(theirs, dict):
        if not isinstance(ours, dict) or ours.keys() != theirs.keys():
            return [f"{place}: {sorted(ours)} and not {sorted(theirs)}"]
        return [line for key in theirs for line in alike(ours[key], theirs[key], f"{place}.{key}")]
    if isinstance(theirs, list):
        if not isinstance(ours, list) or len(ours) != len(theirs):
            return [f"{place}: {ours} and not {theirs}"]
        return [line for each, other in zip(ours, theirs, strict=True) for line in alike(each, other, f"{place}[]")]
    if isinstance(theirs, str):
        shown = ours.isoformat() if isinstance(ours, datetime) else str(ours)
        literal = [re.escape(part.replace("111111111111", ACCOUNT)) for part in _MASKED.split(theirs)]
        return [] if re.fullmatch(".+".join(literal), shown) else [f"{place}: {shown} and not {theirs}"]
    return [] if ours == theirs else [f"{place}: {ours} and not {theirs}"]


def answer(ask: Any, **members: Any) -> dict[str, Any]:
    """An answer or a refusal, without what the recording leaves out of it."""
    try:
        found = dict(ask(**members))
    except ClientError as error:
        found = {"Error": error.response["Error"], "ResponseMetadata": error.response["ResponseMetadata"]}
    status = found.pop("ResponseMetadata")["HTTPStatusCode"]
    return {**found, "ResponseMetadata": {"HTTPHeaders": {}, "HTTPStatusCode": status}}

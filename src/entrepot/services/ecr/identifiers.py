"""
Image identifiers as requests carry them: a digest, a tag, or both for the same image.

A batch call answers a bad one with a failure of its own and goes on; any other call is refused as a whole.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from entrepot.errors import InvalidParameter
from entrepot.names import is_tag

# Source: ECR model, LayerDigest; the service says the same of image digests.
DIGEST_PATTERN = "[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+"
TAG_PATTERN = "[A-Za-z0-9_][A-Za-z0-9._-]{0,127}"
_DIGEST = re.compile(r"[a-zA-Z0-9_+.-]+:[a-fA-F0-9]+")


class Identifier(NamedTuple):
    """What one imageId says."""

    digest: str | None
    tag: str | None

    @property
    def shape(self) -> dict[str, str]:
        """It, as it came."""
        given = {"imageDigest": self.digest, "imageTag": self.tag}
        return {name: text for name, text in given.items() if text is not None}


class Failure(NamedTuple):
    """Why one element of a batch has no answer."""

    identifier: Identifier
    code: str
    reason: str

    @property
    def shape(self) -> dict[str, Any]:
        """Shape ImageFailure."""
        return {"imageId": self.identifier.shape, "failureCode": self.code, "failureReason": self.reason}


def parse(image_ids: Iterable[Mapping[str, str]]) -> list[Identifier]:
    """The identifiers of a request, each once, in its order."""
    return list(dict.fromkeys(Identifier(entry.get("imageDigest"), entry.get("imageTag")) for entry in image_ids))


def flaw(identifier: Identifier) -> Failure | None:
    """What is wrong with the identifier itself, if anything is."""
    digest, tag = identifier
    if digest is None and tag is None:
        return Failure(
            identifier,
            "MissingDigestAndTag",
            "Invalid request parameters: both tag and digest cannot be null",
        )
    if digest is not None and not is_digest_shaped(digest):
        return Failure(
            identifier,
            "InvalidImageDigest",
            f"Invalid request parameters: image digest should satisfy the regex '{DIGEST_PATTERN}'",
        )
    if tag is not None and not is_tag(tag):
        return Failure(
            identifier,
            "InvalidImageTag",
            f"Invalid request parameters: image tag should satisfy the regex '{TAG_PATTERN}'",
        )
    return None


def not_found(identifier: Identifier) -> Failure:
    """There is no such image."""
    return Failure(identifier, "ImageNotFound", "Requested image not found")


def mismatch(identifier: Identifier) -> Failure:
    """The tag is that of another image."""
    return Failure(
        identifier, "ImageTagDoesNotMatchDigest", "The image tag and the image digest are those of different images"
    )


def check(identifiers: Iterable[Identifier], parameter: str) -> None:
    """For calls that are refused as a whole. Raises: InvalidParameter, at the first flaw."""
    for identifier in identifiers:
        found = flaw(identifier)
        if found is not None:
            raise InvalidParameter(parameter=parameter, reason=found.reason)


def is_digest_shaped(text: str) -> bool:
    """Whether *text* has the form of a digest by any algorithm; only some of those are ever stored."""
    return len(text) <= 1000 and _DIGEST.fullmatch(text) is not None

"""Names that requests carry: parsed once at the edge, known to be good from there on."""

import re
from dataclasses import dataclass
from typing import Self

from entrepot.errors import Fault

REPOSITORY_PATTERN = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*"

# The model's expression nests repetitions that can match the same hyphens in several ways.
# Possessive quantifiers keep the language and make matching linear.
_REPOSITORY = re.compile(r"[a-z0-9]++(?:(?>\.|__|_|-++)[a-z0-9]++)*+(?:/[a-z0-9]++(?:(?>\.|__|_|-++)[a-z0-9]++)*+)*+")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_ARN = re.compile(r"arn:(aws[a-z-]*):([a-z0-9-]+):([a-z0-9-]*):(\d{12}|):(.+)", re.DOTALL)


class DigestInvalid(Fault, aws="InvalidParameterException", oci="DIGEST_INVALID"):
    """A digest in a form that this registry does not take. Members: digest."""

    message = "The digest '{digest}' is not 'sha256:' with 64 or 'sha512:' with 128 lower-case hexadecimal digits"


class NameInvalid(Fault, aws="InvalidParameterException", oci="NAME_INVALID"):
    """A repository name outside the grammar. Members: name."""

    message = (
        "Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must satisfy regular expression '"
        + REPOSITORY_PATTERN.replace("{", "{{").replace("}", "}}")
        + "''"
    )


def is_repository_name(text: str) -> bool:
    """Whether *text* is a repository name of 2 to 256 characters. Source: ECR model, RepositoryName."""
    return 2 <= len(text) <= 256 and _REPOSITORY.fullmatch(text) is not None


def is_tag(text: str) -> bool:
    """Whether *text* is a tag. Source: OCI distribution-spec 1.1, "Pulling manifests"."""
    return _TAG.fullmatch(text) is not None


def is_digest(text: str) -> bool:
    """Whether *text* is a digest that this registry computes: sha256 or sha512, lower-case hex."""
    return _DIGEST.fullmatch(text) is not None


def parse_digest(text: str) -> str:
    """*text* again, known to be a digest. Raises: DigestInvalid."""
    if not is_digest(text):
        raise DigestInvalid(digest=text[:200])
    return text


@dataclass(frozen=True, slots=True)
class Registry:
    """One account in one region."""

    account: str
    region: str

    def repository_arn(self, name: str) -> str:
        """The ARN of a repository here, whether it exists or not."""
        return f"arn:aws:ecr:{self.region}:{self.account}:repository/{name}"


@dataclass(frozen=True, slots=True)
class Arn:
    """The parts of an Amazon Resource Name."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    @classmethod
    def find(cls, text: str) -> Self | None:
        """The parsed ARN, or None where *text* is none. Source: IAM user guide, "Amazon Resource Names"."""
        match = _ARN.fullmatch(text)
        return cls(*match.groups()) if match else None

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.resource}"

"""Which tags may be moved to another image. Pure; the one rule that every path which moves a tag asks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from entrepot.errors import InvalidParameter
from entrepot.patterns import matches

_SETTINGS = ("IMMUTABLE", "MUTABLE", "MUTABLE_WITH_EXCLUSION", "IMMUTABLE_WITH_EXCLUSION")
_MOST_STARS = 2


@dataclass(frozen=True, slots=True)
class Mutability:
    """
    A repository's rule: the setting, and filters that turn it round for the tags that match one of them.

    Source: Amazon ECR user guide, "Preventing image tags from being overwritten".
    """

    setting: str = "MUTABLE"
    exclusions: tuple[str, ...] = ()

    @classmethod
    def parse(cls, setting: str, exclusions: Sequence[str] = ()) -> Self:
        """
        The rule of a request.

        Raises: InvalidParameter, where there are filters without ``_WITH_EXCLUSION`` or none with it.
        """
        if setting not in _SETTINGS:
            reason = f"Member must satisfy enum value set: [{', '.join(_SETTINGS)}]"
            raise InvalidParameter(parameter="imageTagMutability", reason=reason)
        wanted = setting.endswith("_WITH_EXCLUSION")
        if wanted != bool(exclusions):
            must = "can't be null" if wanted else "must be null"
            _refuse(f"ImageTagMutabilityExclusionFilters {must} when imageTagMutability is set as {setting}")
        if any(text.count("*") > _MOST_STARS for text in exclusions):
            _refuse(f"A filter can have at most {_MOST_STARS} wildcards")
        return cls(setting, tuple(exclusions))

    @property
    def scope(self) -> str:
        """The word with which ECR ends a refusal: the whole ``repository``, or the ``tag``."""
        return "repository" if self.setting == "IMMUTABLE" else "tag"

    def fixes(self, tag: str) -> bool:
        """Whether *tag*, once it is there, must stay on its image."""
        fixed = self.setting.startswith("IMMUTABLE")
        return fixed != any(matches(pattern, tag) for pattern in self.exclusions)


def _refuse(reason: str) -> None:
    raise InvalidParameter(parameter="imageTagMutabilityExclusionFilters", reason=reason)

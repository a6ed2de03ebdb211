"""Access keys when they are made. Apart, because a start needs no more of them than this."""

import base64
import secrets
from dataclasses import dataclass, field

from entrepot import clock


@dataclass(frozen=True, slots=True)
class NewKey:
    """An access key at the one moment at which its secret is shown."""

    id: str
    secret: str = field(repr=False)


def draw() -> NewKey:
    """An id and a secret that nobody has had; of no use until a row has them."""
    return NewKey(clock.new_id("AKIA"), base64.b64encode(secrets.token_bytes(30)).decode())

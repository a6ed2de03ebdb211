"""What a process works with, built once: settings, database, blob store, root key."""

from dataclasses import dataclass, field

from entrepot.database import Database
from entrepot.remote.key_sets import KeySets
from entrepot.rootkey import RootKey
from entrepot.sealing.at_rest import AtRest
from entrepot.sealing.customers import DataKeys
from entrepot.settings import Settings
from entrepot.storage import BlobStore


@dataclass(frozen=True, slots=True)
class Runtime:
    """Handed to everything that needs the world; nobody reaches for it by import."""

    settings: Settings
    database: Database
    store: BlobStore
    root_key: RootKey
    # The interface endpoint that this process serves, and the text of its policy; None: the public listener.
    endpoint: str | None = None
    endpoint_policy: str | None = None
    key_sets: KeySets = field(default_factory=KeySets)
    # Who has the keys of customers; None: nobody.
    data_keys: DataKeys | None = field(default=None, repr=False)
    # What is in the store, as plain bytes.
    at_rest: AtRest = field(init=False, repr=False)

    def __post_init__(self) -> None:
        at_rest = AtRest(self.store, self.root_key, seals=self.settings.seals, data_keys=self.data_keys)
        object.__setattr__(self, "at_rest", at_rest)

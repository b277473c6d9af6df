"""The store of a StorageLocation: everything that the controller needs, for any kind of store."""

from typing import Protocol, Self

from recording_operator.api.storagelocation import StorageLocation
from recording_operator.stores.archive import Archive
from recording_operator.stores.capabilities import Capabilities, Joins
from recording_operator.stores.credentials import StoreCredentials
from recording_operator.stores.documents import Documents
from recording_operator.stores.inventory import DownloadRecords, Inventory
from recording_operator.stores.lifecycle import LifecycleRules
from recording_operator.stores.presigning import Presigner
from recording_operator.stores.store import Store


class Prober(Protocol):
    """Tests whether a location can be used, and which cluster owns its prefix."""

    def probe(self, *, name: str, joins: Joins | None = None) -> Capabilities:
        """Test writes, multipart uploads, listings and aborts, and remove the test objects. Returns what works.

        `name` distinguishes the probes of several clusters in one store. `joins` is the result of an earlier probe
        about joined objects; without it, joins are tested too, with 10 MiB. Raises LocationError with a message that
        says what to change.
        """

    def claim_prefix(self, owner_id: str) -> str:
        """Claim the prefix for this owner if it has none. Returns the id of the current owner. Raises LocationError.

        An owner is a cluster.
        """


class LocationStore(Store, Inventory, DownloadRecords, Documents, LifecycleRules, Prober, Presigner, Archive, Protocol):
    """One client of a location's store, with one set of credentials. Safe for many threads."""

    @property
    def retry_after_s(self) -> float:
        """Remaining seconds of the last `Retry-After` of the store."""

    def adapted(self, capabilities: Capabilities) -> Self:
        """The same client, for a store with these capabilities. `self` does not change."""

    def close(self) -> None:
        """Drop idle connections."""


class StoreFactory(Protocol):
    """Opens the store of a location: `factory.open_store`."""

    def __call__(self, location: StorageLocation, credentials: StoreCredentials | None) -> LocationStore:
        """A new client. Without credentials it uses the identity of the process. Raises LocationError."""

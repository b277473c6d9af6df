"""The store of a StorageLocation: everything that the controller needs of it, whatever its kind."""

from typing import Protocol, Self

from recording_operator.api.storagelocation import StorageLocation
from recording_operator.stores.capabilities import Capabilities, Joins
from recording_operator.stores.credentials import StoreCredentials
from recording_operator.stores.inventory import DownloadRecords, Inventory
from recording_operator.stores.store import Store


class Prober(Protocol):
    """Finds out by use whether a location can be used, and whose its prefix is."""

    def probe(self, *, name: str, joins: Joins | None = None) -> Capabilities:
        """Write, upload in parts, list, join and abort, and remove what was written; what works.

        `name` keeps the probes of several clusters in one store apart. `joins` is what an earlier probe found of joined
        objects; without it that is tried too, with 10 MiB. Raises LocationError with a reason and a remedy.
        """

    def claim_prefix(self, owner_id: str) -> str:
        """Mark the prefix as the owner's if it has no owner yet; the id of the owner that it has. Raises LocationError.

        An owner is a cluster.
        """


class LocationStore(Store, Inventory, DownloadRecords, Prober, Protocol):
    """One client of a location's store, with one set of credentials. Safe for many threads."""

    @property
    def asked_wait_s(self) -> float:
        """For how many more seconds the store wants to be left alone (`Retry-After`)."""

    def adapted(self, capabilities: Capabilities) -> Self:
        """The same client for a store that can do this; whoever uses `self` goes on as before."""

    def close(self) -> None:
        """Drop idle connections."""


class StoreFactory(Protocol):
    """Opens the store of a location: `factory.open_store`."""

    def __call__(self, location: StorageLocation, credentials: StoreCredentials | None) -> LocationStore:
        """A client of its own; without credentials with the process's own identity. Raises LocationError."""

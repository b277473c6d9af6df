"""The interface of an executor of transfers."""

from typing import Protocol

from recording_operator.controller.executors.order import TransferOrder
from recording_operator.stores.location_store import LocationStore


class StoreSource(Protocol):
    """Provides the store of each StorageLocation."""

    def store_named(self, location: str, *, uid: str) -> LocationStore:
        """The store, with current credentials. Raises LocationError, also if another location has the name now."""


class Executor(Protocol):
    """Executes transfers, and reports on each: SourceResolved, UploadCreated, TransferProgress … and one
    TransferEnded. The engine never starts more at the same time than its capacity."""

    def start(self, order: TransferOrder) -> None:
        """Start a transfer. Like the other methods, it returns immediately."""

    def stop(self, uid: str, artifact: str) -> None:
        """Stop a transfer. Its parts stay in the store. Does nothing if it has ended."""

    def admitted(self, uid: str, artifact: str) -> None:
        """There is room in the quotas for the size that the transfer has reported."""

    def rejected(self, uid: str, artifact: str, *, message: str, is_final: bool) -> None:
        """There is no room: the transfer ends with QuotaExceeded. If `is_final`, the artifact fails."""

    def persisted(self, uid: str, artifact: str) -> None:
        """The status contains the id of the upload that the transfer has created: it may send its first part."""

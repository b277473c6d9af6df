"""What the controller needs of an executor of transfers."""

from typing import Protocol

from recording_operator.controller.executors.order import TransferOrder
from recording_operator.stores.store import Store


class StoreSource(Protocol):
    """Has the store of each StorageLocation."""

    def store_named(self, location: str, *, uid: str) -> Store:
        """The store, with the newest credentials. Raises LocationError, also if another location has the name now."""


class Executor(Protocol):
    """Carries out transfers, and reports on each: SourceResolved, UploadCreated, TransferProgress … and one
    TransferEnded. The engine never starts more at the same time than its capacity."""

    def start(self, order: TransferOrder) -> None:
        """Begin a transfer. Returns at once, as the others do."""

    def stop(self, uid: str, artifact: str) -> None:
        """End a transfer soon; its parts stay in the store. Nothing happens where it has ended."""

    def persisted(self, uid: str, artifact: str) -> None:
        """The status names the upload that the transfer has created: it may send its first part."""

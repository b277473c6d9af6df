"""Objects in archive storage classes, which must be restored before they can be read."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class RestoreTier(StrEnum):
    """How fast an object is restored. The faster, the more it costs."""

    EXPEDITED = "expedited"
    STANDARD = "standard"
    BULK = "bulk"


class RestoreOutcome(StrEnum):
    """What a store did with the request to restore an object."""

    STARTED = "Started"
    EXTENDED = "Extended"
    """A restored copy was there already: it is kept for the days of this request."""
    IN_PROGRESS = "InProgress"
    """An earlier request is still being carried out, and this one changed nothing."""


class NotRestorableError(Exception):
    """The object cannot be restored like this. The text says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveState:
    """Whether an object can be read.

    `archive` is the storage class, or the archive tier of INTELLIGENT_TIERING; None if the object is not archived.
    `restored_until` is the end of the restored copy, if there is one and the store states its end.
    """

    archive: str | None = None
    is_restoring: bool = False
    is_restored: bool = False
    restored_until: datetime | None = None

    @property
    def is_readable(self) -> bool:
        """Whether the object can be read now."""
        return self.archive is None or self.is_restored


class Archive(Protocol):
    """Restores archived objects. A kind of store without archive raises StoreError(StoreUnsupported) for `restore`."""

    def archive_state(self, key: str, *, version_id: str | None) -> ArchiveState | None:
        """Whether this version can be read; None if it does not exist. Raises StoreError."""

    def restore(self, key: str, *, version_id: str | None, days: int, tier: RestoreTier) -> RestoreOutcome:
        """Request a copy of this version that can be read for some days. It is there after minutes or hours.

        Raises NotRestorableError and StoreError.
        """

"""A usage sample: the document of one count of one StorageLocation. Immutable facts, without prices.

docs/usage.md describes the format for other readers. Times are UTC in whole seconds.
"""

from datetime import date
from enum import StrEnum
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from recording_operator.api.meta import Time
from recording_operator.api.storagereport import DownloadSource, ReportSource
from recording_operator.usage.stock import Stock

SCHEMA: Final = "recordings.dev/usage/v1"
UNKNOWN: Final = "(unknown)"
"""An owner that neither key, Recording nor object shows. No organisation or namespace begins with a parenthesis."""
OTHER: Final = "(other)"
"""All owners beyond the most that are named."""
SHARED: Final = ""
"""The organisation of downloads that are not counted by organisation."""


class State(StrEnum):
    """What stored bytes are."""

    CURRENT = "current"
    NONCURRENT = "noncurrent"
    """Earlier versions and delete markers of a versioned bucket."""
    INCOMPLETE = "incomplete"
    """Parts of open multipart uploads. They are billed, and cannot be read."""


class OwnerKey(NamedTuple):
    """Who stores bytes, in which storage class, and what the bytes are."""

    org: str
    namespace: str
    storage_class: str
    state: State


class _Document(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore", hide_input_in_errors=True
    )


Whole = Annotated[int, Field(ge=0)]


class StockRow(_Document):
    """Stored objects of one owner, class and state. Amounts that are 0 may be left out."""

    org: str
    namespace: str
    storage_class: str = Field(alias="class")
    state: State = State.CURRENT
    objects: Whole = 0
    size_bytes: Whole = Field(default=0, alias="bytes")
    small_objects: tuple[Whole, ...] = Field(default=(), max_length=3)
    """Objects smaller than 4 KiB, 64 KiB and 128 KiB."""
    small_bytes: tuple[Whole, ...] = Field(default=(), max_length=3)
    """Bytes of these."""
    monitored: Whole = 0
    """Objects of INTELLIGENT_TIERING of at least 128 KiB."""
    aged_bytes: tuple[Whole, ...] = Field(default=(), max_length=2)
    """Bytes of these at least 30 and 90 days old."""

    @property
    def key(self) -> OwnerKey:
        """Whose."""
        return OwnerKey(self.org, self.namespace, self.storage_class, self.state)

    @property
    def stock(self) -> Stock:
        """How much."""
        if not self.small_objects and not self.monitored:
            return Stock(self.objects, self.size_bytes)
        objects, sizes = [*self.small_objects, 0, 0, 0][:3], [*self.small_bytes, 0, 0, 0][:3]
        small = [amount for pair in zip(objects, sizes, strict=True) for amount in pair]
        aged = [*self.aged_bytes, 0, 0][:2]
        return Stock._make([self.objects, self.size_bytes, *small, self.monitored, *aged])


class ArrivalRow(StockRow):
    """Objects (or parts of open uploads) uploaded on one day since the previous sample."""

    day: date
    writes: Whole = 0
    """Write requests. `storage_class` is empty if late uploads are known only by their amount."""
    second: Annotated[int, Field(ge=0, le=86_400)] = 0
    """The mean second of the day of the uploads, weighted by bytes."""


class DownloadRow(_Document):
    """Bytes downloaded on one day, where they are counted."""

    org: str = SHARED
    day: date
    size_bytes: Whole = Field(alias="bytes")


class EarlyDeletionRow(StockRow):
    """Objects uploaded on one day that the previous sample had and this one has not, though their class is charged
    for a minimum duration.
    """

    day: date


class RecordingRow(_Document):
    """Recordings in Kubernetes that name the location, and those that ended in the 24 hours before the sample."""

    org: str
    namespace: str
    recordings: Whole = 0
    complete_24h: Whole = 0
    failed_24h: Whole = 0
    bytes_24h: Whole = 0
    seconds_24h: Whole = 0
    """Sum of the times from the first upload to Complete."""
    timed_24h: Whole = 0
    """Recordings in that sum."""


class StoredRecordingsRow(_Document):
    """Recordings of which at least one object is stored, whether or not they still exist in Kubernetes."""

    org: str
    namespace: str
    recordings: Whole = 0


class PastRow(_Document):
    """Usage of a whole day or month from before the first sample, known as sums only.

    `begin` and `end` are the days it covers, both included.
    """

    begin: date
    end: date
    org: str
    namespace: str
    storage_class: str = Field(alias="class")
    byte_seconds: Whole = 0
    uploaded_bytes: Whole = 0
    writes: Whole = 0
    downloaded_bytes: Whole = 0
    size_bytes: Whole = Field(default=0, alias="bytes")
    """Stored at the end."""
    estimated: bool = False


class RecordingDownloadRow(_Document):
    """Downloads of one Recording in one week, according to access logs. `uid` is OTHER for all that are not named."""

    uid: Annotated[str, Field(max_length=64)]
    week: date
    """Its Monday."""
    requests: Whole = 0
    """GET requests. A player sends many for one file."""
    size_bytes: Whole = Field(default=0, alias="bytes")


class Carry(_Document):
    """What only the newest sample has: the next count needs it. Older samples may lack it."""

    recent: tuple[ArrivalRow, ...] = ()
    """Uploaded in the 24 hours before the sample, to find uploads that it missed."""
    young: tuple[EarlyDeletionRow, ...] = ()
    """Objects in classes with a minimum duration that is not over, to find early deletions."""
    downloads: tuple[RecordingDownloadRow, ...] = ()
    """Downloads by Recording of the last weeks."""


class UsageSample(_Document):
    """One count of one StorageLocation."""

    schema_name: Literal["recordings.dev/usage/v1"] = Field(default=SCHEMA, alias="schema")
    location: str
    at: Time
    since: Time | None = None
    """`at` of the previous sample; None for the first."""
    source: ReportSource
    download_source: DownloadSource = DownloadSource.PLAYBACK
    basis: str = ""
    """Identifies prefix, keyTemplate and the keys that other locations count. Only equal ones can be compared."""
    counted_by: str | None = None
    """The location that counts the objects of this one too, because both share them."""
    taken_over: str | None = None
    """The location that counted these objects until `since`. Only in a first sample."""
    profile: str = ""
    """Price profile of the location at that time."""
    stored: tuple[StockRow, ...] = ()
    arrived: tuple[ArrivalRow, ...] = ()
    ahead: tuple[ArrivalRow, ...] = ()
    """Uploaded during the count, after `at`. They are in `stored`, and arrive in the next sample."""
    downloaded: tuple[DownloadRow, ...] = ()
    deleted_early: tuple[EarlyDeletionRow, ...] = ()
    recordings: tuple[RecordingRow, ...] = ()
    stored_recordings: tuple[StoredRecordingsRow, ...] = ()
    past: tuple[PastRow, ...] = ()
    orphaned_bytes: Whole = 0
    orphaned_objects: Whole = 0
    foreign_bytes: Whole = 0
    unsized_uploads: bool = False
    """There were more open uploads than were counted."""
    notes: tuple[Annotated[str, Field(max_length=512)], ...] = ()
    """What could not be counted, and why."""
    carry: Carry = Carry()

"""What owners have stored in one bucket and prefix: the last counts, and what was stored or began since.

A count includes all that was stored before it began. Both are known by their order in the queue of the engine, and not
by a clock: `tick` grows with each count that begins, and each stored artifact notes it.
"""

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from recording_operator.engine.facts import OwnerUsage


class QuotaOwner(NamedTuple):
    """The owner that a quota is about: an organisation or a namespace. The other name is empty."""

    org: str = ""
    namespace: str = ""


class RecordingOwner(NamedTuple):
    """Who owns a Recording, and the StorageLocation that it is stored in."""

    location: str
    org: str
    namespace: str

    @property
    def quota_owners(self) -> tuple[QuotaOwner, QuotaOwner]:
        """The owners whose quotas concern it."""
        return QuotaOwner(org=self.org), QuotaOwner(namespace=self.namespace)


class Booking(NamedTuple):
    """A Recording at one location. One that moves has two, which may be in the same account."""

    uid: str
    location: str


class Use(Enum):
    """How an artifact uses space."""

    NONE = "none"
    """Nothing of it is stored, and nothing is under way."""
    PAUSED = "paused"
    """Parts of it are stored, and no transfer runs."""
    UNDER_WAY = "under way"
    STORED = "stored"
    """Only this process knows it for certain."""
    WRITTEN = "written"
    """It is stored, and the status says so."""


class ArtifactUse(NamedTuple):
    """How one artifact uses space, and its size as far as it is known."""

    name: str
    use: Use
    size_bytes: int


@dataclass(slots=True)
class _Entry:
    """An artifact that no count includes yet."""

    size_bytes: int
    is_stored: bool = False
    written_at: int | None = None
    """The tick at which the status showed that it is stored."""


@dataclass(slots=True)
class _Record:
    """A Recording with such artifacts."""

    owner: RecordingOwner
    entries: dict[str, _Entry] = field(default_factory=dict)
    counted: bool = False
    """A count includes others of its artifacts."""
    tracked: bool = True
    """Something may happen to it."""

    @property
    def adds_recording(self) -> bool:
        """Whether it is a Recording more than were counted."""
        return bool(self.entries) and not self.counted


class StoreLedger:
    """The account of one bucket and prefix. It remembers artifacts only until a count includes them."""

    def __init__(self) -> None:
        self._bytes: Counter[QuotaOwner] = Counter()
        self._recordings: Counter[QuotaOwner] = Counter()
        self._counts: dict[str, dict[QuotaOwner, OwnerUsage]] = {}
        self._records: dict[Booking, _Record] = {}
        self.has_shrunk = False
        """Usage has become less since this was set to False."""

    # Counts

    def is_counted(self, location: str) -> bool:
        """Whether a count of the location is known."""
        return location in self._counts

    def counted(self, location: str, rows: tuple[OwnerUsage, ...], *, began_at: int) -> None:
        """Take the result of a count, and forget what it includes."""
        found: dict[QuotaOwner, OwnerUsage] = {}
        for row in rows:
            for owner in (QuotaOwner(org=row.org), QuotaOwner(namespace=row.namespace)):
                before = found.get(owner, OwnerUsage("", "", 0, 0))
                found[owner] = OwnerUsage(
                    *owner, before.size_bytes + row.size_bytes, before.recordings + row.recordings
                )
        self._counts[location] = found
        for booking, record in list(self._records.items()):
            if record.owner.location == location:
                self._drop_counted(booking, record, began_at)
        self.has_shrunk = True

    def _drop_counted(self, booking: Booking, record: _Record, began_at: int) -> None:
        counted = [
            name
            for name, entry in record.entries.items()
            if entry.written_at is not None and entry.written_at < began_at
        ]
        if counted:
            self._set_counted(record)
        for name in counted:
            self._remove(booking, record, name)

    def forget_location(self, location: str) -> None:
        """The location is gone."""
        self._counts.pop(location, None)
        for booking, record in list(self._records.items()):
            if record.owner.location == location:
                for name in list(record.entries):
                    self._remove(booking, record, name)

    # Artifacts

    def update(self, uid: str, owner: RecordingOwner, artifacts: tuple[ArtifactUse, ...], *, tick: int) -> None:
        """Note how all artifacts of a Recording use space.

        A stored artifact that is not known as being under way is included in the last count, if there is one.
        """
        booking, record = self._record(uid, owner)
        known = self.is_counted(owner.location)
        for artifact in artifacts:
            if known and artifact.use is Use.WRITTEN and artifact.name not in record.entries:
                self._records[booking] = record
                self._set_counted(record)
        for artifact in artifacts:
            entry = record.entries.get(artifact.name)
            if artifact.use is Use.NONE:
                self._remove(booking, record, artifact.name)
            elif artifact.use in (Use.PAUSED, Use.UNDER_WAY):
                size_bytes = max(artifact.size_bytes, entry.size_bytes if entry is not None else 0)
                self._put(booking, record, artifact.name, _Entry(size_bytes))
            elif entry is not None or not known or artifact.use is Use.STORED:
                written_at = entry.written_at if entry is not None else None
                if artifact.use is Use.WRITTEN and written_at is None:
                    written_at = tick
                self._put(booking, record, artifact.name, _Entry(artifact.size_bytes, True, written_at))

    def reserve(self, uid: str, owner: RecordingOwner, artifact: str, size_bytes: int) -> None:
        """An artifact of this size is under way."""
        self._put(*self._record(uid, owner), artifact, _Entry(size_bytes))

    def grow(self, booking: Booking, artifact: str, size_bytes: int) -> None:
        """An artifact whose size is not known has reached this size."""
        record = self._records.get(booking)
        entry = record.entries.get(artifact) if record is not None else None
        if record is not None and entry is not None and not entry.is_stored and size_bytes > entry.size_bytes:
            self._put(booking, record, artifact, _Entry(size_bytes))

    def release(self, booking: Booking, *, keep: bool, tick: int) -> None:
        """Nothing happens to the Recording any more. With `keep`, what is under way may be stored nevertheless."""
        record = self._records.get(booking)
        if record is None:
            return
        record.tracked = False
        for name, entry in list(record.entries.items()):
            if not entry.is_stored and not keep:
                self._remove(booking, record, name)
            elif entry.written_at is None:
                self._put(booking, record, name, _Entry(entry.size_bytes, True, tick))
        self._drop_empty(booking, record)

    def removed(self, booking: Booking) -> None:
        """The objects of the Recording were deleted. What a count includes of them remains until the next one."""
        record = self._records.get(booking)
        if record is not None:
            for name in list(record.entries):
                self._remove(booking, record, name)

    # Usage

    def reserved(self, booking: Booking, artifact: str) -> int | None:
        """The bytes that an artifact takes already; None if it takes none."""
        record = self._records.get(booking)
        entry = record.entries.get(artifact) if record is not None else None
        return entry.size_bytes if entry is not None else None

    def has_recording(self, booking: Booking) -> bool:
        """Whether the Recording is in the number of Recordings, as far as this is known here."""
        record = self._records.get(booking)
        return record is not None and (record.counted or bool(record.entries))

    def usage(self, owner: QuotaOwner) -> tuple[int, int]:
        """Bytes and Recordings of an owner."""
        size_bytes, recordings = self._bytes[owner], self._recordings[owner]
        for count in self._counts.values():
            found = count.get(owner)
            if found is not None:
                size_bytes += found.size_bytes
                recordings += found.recordings
        return size_bytes, recordings

    # Sums

    def _record(self, uid: str, owner: RecordingOwner) -> tuple[Booking, _Record]:
        booking = Booking(uid, owner.location)
        record = self._records.get(booking) or _Record(owner)
        record.tracked = True
        return booking, record

    def _put(self, booking: Booking, record: _Record, name: str, entry: _Entry) -> None:
        before, added = record.entries.get(name), record.adds_recording
        self._records[booking] = record
        record.entries[name] = entry
        self._add(record, entry.size_bytes - (before.size_bytes if before is not None else 0), added)

    def _remove(self, booking: Booking, record: _Record, name: str) -> None:
        added, entry = record.adds_recording, record.entries.pop(name, None)
        if entry is None:
            return
        self._add(record, -entry.size_bytes, added)
        self._drop_empty(booking, record)

    def _drop_empty(self, booking: Booking, record: _Record) -> None:
        if not record.entries and not (record.counted and record.tracked):
            self._records.pop(booking, None)

    def _set_counted(self, record: _Record) -> None:
        added, record.counted = record.adds_recording, True
        self._add(record, 0, added)

    def _add(self, record: _Record, size_bytes: int, added: bool) -> None:
        recordings = record.adds_recording - added
        self.has_shrunk |= size_bytes < 0 or recordings < 0
        for owner in record.owner.quota_owners:
            for sums, more in ((self._bytes, size_bytes), (self._recordings, recordings)):
                sums[owner] += more
                if not sums[owner]:
                    del sums[owner]

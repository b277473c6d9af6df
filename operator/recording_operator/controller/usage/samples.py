"""The samples of a location as a sequence that decodes a file only when it is needed: two years of samples of many
owners would take hundreds of MiB.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple, overload

from recording_operator.usage.codec import Period, UsageFile, UsageFormatError, decode, decode_month
from recording_operator.usage.sample import UsageSample


class SampleEntry(NamedTuple):
    """Where a sample is, and the time that it covers."""

    at: datetime
    since: datetime | None
    source: "LoadedFile"
    place: int
    """Among the samples of the file."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LoadedFile:
    """A file that was read and checked, still compressed. `problem` is why it cannot be used."""

    file: UsageFile
    data: bytes = field(repr=False)
    problem: str = ""
    spans: tuple[tuple[datetime, datetime | None], ...] = ()
    """`at` and `since` of its samples."""

    @property
    def entries(self) -> list[SampleEntry]:
        """Its samples."""
        return [SampleEntry(at, since, self, place) for place, (at, since) in enumerate(self.spans)]

    def samples(self) -> tuple[UsageSample, ...]:
        """Its samples, decoded."""
        return () if self.problem else decode_month(self.data)


def load(file: UsageFile, data: bytes, *, location: str) -> LoadedFile:
    """Check a file. Its name is not trusted either: it must be what the samples say."""
    try:
        samples = (decode(data),) if file.period is Period.SAMPLE else decode_month(data)
        if any(one.location != location or not file.has(one.at) for one in samples):
            raise UsageFormatError("It has samples of another location or time than its name says.")
    except UsageFormatError as error:
        return LoadedFile(file=file, data=b"", problem=str(error))
    return LoadedFile(file=file, data=data, spans=tuple((one.at, one.since) for one in samples))


def unread(location: str, files: Iterable[LoadedFile]) -> Iterator[str]:
    """A sentence about the files of a location that cannot be read, if there are any."""
    bad = [file for file in files if file.problem]
    if bad:
        newest = max(bad, key=lambda one: one.file.begin)
        yield (
            f"{len(bad)} files with usage samples of {location} cannot be read and are left out, such as "
            f"{newest.file.name}: {newest.problem}"
        )


class UsageSamples(Sequence[UsageSample]):
    """Samples in order. Iterating decodes one file at a time; an index decodes one file."""

    def __init__(self, entries: Sequence[SampleEntry] = ()) -> None:
        self._entries = tuple(entries)

    @property
    def version(self) -> str:
        """Changes if any sample changes: what was computed of the samples can be kept until then."""
        digest = hashlib.sha256()
        for file in dict.fromkeys(entry.source for entry in self._entries):
            digest.update(hashlib.sha256(file.data).digest())
        digest.update(repr([entry.at for entry in self._entries]).encode())
        return digest.hexdigest()

    @property
    def spans(self) -> tuple[tuple[datetime, datetime | None], ...]:
        """`at` and `since` of each."""
        return tuple((entry.at, entry.since) for entry in self._entries)

    def joined(self, more: Iterable[SampleEntry]) -> "UsageSamples":
        """These and others in order, each once."""
        found = {(entry.at, entry.since): entry for entry in (*more, *self._entries)}
        return UsageSamples(sorted(found.values(), key=lambda entry: entry.at))

    def by_month(self) -> "dict[date, UsageSamples]":
        """The samples of each month, the newest first."""
        months: dict[date, list[SampleEntry]] = {}
        for entry in reversed(self._entries):
            months.setdefault(entry.at.date().replace(day=1), []).append(entry)
        return {month: UsageSamples(entries[::-1]) for month, entries in months.items()}

    def __len__(self) -> int:
        return len(self._entries)

    @overload
    def __getitem__(self, index: int) -> UsageSample: ...

    @overload
    def __getitem__(self, index: slice) -> "UsageSamples": ...

    def __getitem__(self, index: int | slice) -> "UsageSample | UsageSamples":
        if isinstance(index, slice):
            return UsageSamples(self._entries[index])
        entry = self._entries[index]
        return entry.source.samples()[entry.place]

    def __iter__(self) -> Iterator[UsageSample]:
        source: LoadedFile | None = None
        samples: tuple[UsageSample, ...] = ()
        for entry in self._entries:
            if entry.source is not source:
                source, samples = entry.source, entry.source.samples()
            yield samples[entry.place]

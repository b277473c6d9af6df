"""A copy of the usage samples of each StorageLocation, in a ConfigMap of the operator's namespace.

Reports need it when the location is deleted: then its own samples cannot be read any more. It is written at each count,
so a deletion needs no finalizer and may happen while no operator runs.
"""

import hashlib
import json
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

from pydantic import ValidationError

from recording_operator.api.storagelocation import StorageLocation
from recording_operator.controller.usage.entries import MOST_BYTES, Entries, MapEntries
from recording_operator.controller.usage.samples import LoadedFile, SampleEntry, UsageSamples, load
from recording_operator.usage.codec import (
    UsageFile,
    UsageFormatError,
    encode_month,
    month_name,
    usage_file,
    without_carry,
)
from recording_operator.usage.owners import key_space
from recording_operator.usage.sample import UsageSample

INDEX: Final = "recording-operator-samples"
"""The ConfigMap with the names of all copies, so that the operator needs no permission to list ConfigMaps."""
_LOCATION: Final = "location.json"
_SUFFIX: Final = ".json.gz"
_MOST_NAME: Final = 200
_MONTHS_BY_DAY: Final = 2
"""The months of which a part is kept if there is no room for all: the current one and the last."""
_logger = logging.getLogger(__name__)


def copy_name(location: StorageLocation) -> str:
    """The ConfigMap of a location's copy. One that is created again with the same bucket and prefix has the same."""
    name = location.metadata.name
    digest = hashlib.sha256(json.dumps([name, *key_space(location)]).encode()).hexdigest()
    return f"{INDEX}-{name[:_MOST_NAME].rstrip('-.')}-{digest[:12]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageCopy:
    """What is in a copy."""

    name: str
    """Of the ConfigMap."""
    location: StorageLocation
    """The manifest that the location had: name, uid and spec."""
    files: tuple[LoadedFile, ...]


class UsageCopies:
    """Keeps copies. Only the leader writes. Every method may raise KubeError."""

    def __init__(self, entries: MapEntries) -> None:
        self._entries = entries
        self._cut: set[str] = set()

    def keep(self, location: StorageLocation, samples: UsageSamples, *, complete: bool) -> None:
        """Copy the samples of a location. Unless they are complete, what the copy has besides stays in it."""
        name, uid = copy_name(location), location.metadata.uid.encode()
        self._entries.change(INDEX, lambda found: {**found, name: uid})
        self._entries.change(name, lambda found: self._contents(location, samples, found, complete=complete))
        # The same location at another spelling of its endpoint.
        for other in [other for other, of in self._entries.read(INDEX).items() if of == uid and uid and other != name]:
            self.remove(other)

    def deleted(self, locations: Iterable[StorageLocation]) -> Iterator[UsageCopy]:
        """The copies of locations that are not among these, which are all there are."""
        existing = {copy_name(location): location.metadata.uid.encode() for location in locations}
        uids = set(existing.values()) - {b""}
        for name, uid in sorted(self._entries.read(INDEX).items()):
            if name not in existing and uid not in uids and name.startswith(f"{INDEX}-"):
                found = _copy(name, self._entries.read(name))
                if found is not None:
                    yield found

    def remove(self, name: str) -> None:
        """Remove what is in a copy, then its name from the index."""
        self._entries.change(name, lambda _: {})
        self._entries.change(INDEX, lambda found: {key: uid for key, uid in found.items() if key != name})

    def _contents(
        self, location: StorageLocation, samples: UsageSamples, found: Entries, *, complete: bool
    ) -> dict[str, bytes]:
        """The manifest, and a file for each month: the newest for which there is room."""
        kept = {_LOCATION: _manifest(location)}
        room = MOST_BYTES - len(kept[_LOCATION])
        if not complete:
            samples = samples.joined(_entries(_files(location.metadata.name, found)))
        cut = False
        for number, (month, of_month) in enumerate(samples.by_month().items()):
            key = _key(month, of_month, newest=number == 0)
            file = _MonthFile(found.get(key, b""), is_whole=True)
            if not file.data or len(file.data) > room:
                file = _month_file(of_month, room, newest=number == 0, divisible=number < _MONTHS_BY_DAY)
            if file.data:
                kept[key] = file.data
                room -= len(file.data)
            cut = not file.is_whole
            if cut:
                break
        self._note(location.metadata.name, cut=cut)
        return kept

    def _note(self, location: str, *, cut: bool) -> None:
        if cut and location not in self._cut:
            _logger.warning(
                "The copy of usage samples has room for the newest only; if the location is deleted, reports lose the "
                "others",
                extra={"location": location},
            )
        (self._cut.add if cut else self._cut.discard)(location)


class _MonthFile(NamedTuple):
    data: bytes
    is_whole: bool


def _month_file(samples: UsageSamples, room: int, *, newest: bool, divisible: bool) -> _MonthFile:
    """The file of a month. Without room for all: of its newest samples, if it is divisible, else nothing."""
    left = list(samples) if newest else [without_carry(sample) for sample in samples]
    while left:
        data = _encoded(left)
        if data and len(data) <= room:
            return _MonthFile(data, len(left) == len(samples))
        left = left[max(len(left) // 8, 1) :] if divisible else []
    return _MonthFile(b"", is_whole=False)


def _encoded(samples: list[UsageSample]) -> bytes:
    try:
        return encode_month(samples)
    except UsageFormatError:
        return b""  # too large


def _key(month: date, samples: UsageSamples, *, newest: bool) -> str:
    """Equal for equal samples, so that a month that is over is written once. Only the newest has its carry."""
    digest = hashlib.blake2b(repr((samples.spans, newest)).encode(), digest_size=6)
    return f"{month:%Y-%m}-{digest.hexdigest()}{_SUFFIX}"


def _manifest(location: StorageLocation) -> bytes:
    metadata = {"name": location.metadata.name, "uid": location.metadata.uid}
    spec = location.spec.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return json.dumps({"metadata": metadata, "spec": spec}, separators=(",", ":")).encode()


def _copy(name: str, entries: Entries) -> UsageCopy | None:
    """What is in a copy; None if it was removed, or is not one."""
    if _LOCATION not in entries:
        return None
    try:
        location = StorageLocation.model_validate_json(entries[_LOCATION])
    except ValidationError:
        _logger.error("The copy of the usage samples of a deleted location cannot be read", extra={"config_map": name})
        return None
    return UsageCopy(name=name, location=location, files=tuple(_files(location.metadata.name, entries)))


def _files(location: str, entries: Entries) -> Iterator[LoadedFile]:
    for key, data in sorted(entries.items()):
        file = _usage_file(location, key)
        if file is not None:
            yield load(file, data, location=location)


def _usage_file(location: str, key: str) -> UsageFile | None:
    """The file under a key: `2026-11-6d0a62a3c1f4.json.gz`."""
    try:
        return usage_file(location, month_name(location, date.fromisoformat(f"{key[:7]}-01")))
    except ValueError:
        return None


def _entries(files: Iterable[LoadedFile]) -> list[SampleEntry]:
    return [entry for file in files for entry in file.entries]

"""The usage of StorageLocations that do not exist any more, from the copies of their samples."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from recording_operator.api.storagelocation import StorageLocation
from recording_operator.controller.usage.copies import UsageCopies, UsageCopy
from recording_operator.controller.usage.samples import UsageSamples, unread
from recording_operator.errors import ReasonedError
from recording_operator.kube.errors import Forbidden, KubeError
from recording_operator.usage.codec import UsageFormatError
from recording_operator.usage.handover import closing_sample
from recording_operator.usage.months import chain, expired
from recording_operator.usage.owners import key_space
from recording_operator.usage.sample import UsageSample
from recording_operator.usage.timeline import LocationUsage, usage_days

_FAILURES = (ReasonedError, UsageFormatError, KubeError)
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletedLocation:
    """A location that does not exist any more."""

    name: str
    """The name that it had."""
    location: StorageLocation
    """Its manifest, under the name that it has in reports, such as `vault (deleted)`."""
    usage: LocationUsage
    notes: tuple[str, ...]
    """About files that cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chained:
    """A copy with the samples that count."""

    copy: UsageCopy
    samples: UsageSamples
    is_expired: bool

    @property
    def name(self) -> str:
        return self.copy.location.metadata.name


class DeletedLocations:
    """Finds them, by the name that they have in reports."""

    def __init__(
        self,
        *,
        copies: UsageCopies,
        samples_of: Callable[[StorageLocation], UsageSamples],
        keep_months: int,
        on_forbidden: Callable[[Forbidden], object] = lambda _: None,
    ) -> None:
        """`samples_of` returns the samples of an existing location. `on_forbidden`: copies may not be read."""
        self._copies = copies
        self._samples_of = samples_of
        self._keep_months = keep_months
        self._on_forbidden = on_forbidden
        self._computed: dict[str, tuple[str, LocationUsage]] = {}
        self._expired: list[str] = []

    def find(self, locations: Sequence[StorageLocation], *, now: datetime) -> dict[str, DeletedLocation]:
        """All of them. `locations` are the existing ones. Without permission to read copies: none. Raises KubeError."""
        try:
            copies = [self._chained(copy, now) for copy in self._copies.deleted(locations)]
        except Forbidden as forbidden:
            self._on_forbidden(forbidden)
            return {}  # the operator itself could not have written any
        self._expired = [one.copy.name for one in copies if one.is_expired]
        kept = [one for one in copies if one.samples and not self._is_continued(one, locations)]
        found: dict[str, DeletedLocation] = {}
        for one in sorted(kept, key=lambda one: (one.samples.spans[-1][0], one.copy.name)):
            key = _free_name(one.name, found)
            usage = self._usage(key, one, self._later(one, kept, locations))
            manifest = one.copy.location
            metadata = manifest.metadata.model_copy(update={"name": key})
            found[key] = DeletedLocation(
                name=one.name,
                location=manifest.model_copy(update={"metadata": metadata}),
                usage=usage,
                notes=tuple(unread(one.name, one.copy.files)),
            )
        self._computed = {key: known for key, known in self._computed.items() if key in found}
        return found

    def remove_expired(self) -> None:
        """Remove the copies of which `find` saw that all months have expired. One that stays does no harm."""
        for name in self._expired:
            try:
                self._copies.remove(name)
            except KubeError as error:
                _logger.info("An expired copy of usage samples stays: %s", error, extra={"config_map": name})
        self._expired = []

    def _chained(self, copy: UsageCopy, now: datetime) -> _Chained:
        old = set(expired([file.file for file in copy.files], now, self._keep_months))
        kept = [file for file in copy.files if file.file not in old]
        samples = UsageSamples(chain((entry for file in kept for entry in file.entries), until=now))
        return _Chained(copy=copy, samples=samples, is_expired=not kept)

    def _is_continued(self, one: _Chained, locations: Iterable[StorageLocation]) -> bool:
        """Whether a location of the same name has the newest sample: it was created again."""
        newest = one.samples.spans[-1]
        return any(newest in self._existing(of).spans for of in locations if of.metadata.name == one.name)

    def _later(
        self, one: _Chained, deleted: Iterable[_Chained], locations: Iterable[StorageLocation]
    ) -> UsageSample | None:
        """The sample with which another location of the same bucket and prefix takes over, if one does."""
        space, last = key_space(one.copy.location), one.samples[-1]
        others = (self._existing(other) for other in locations if key_space(other) == space)
        gone = (other.samples for other in deleted if other is not one and key_space(other.copy.location) == space)
        closings = (closing_sample(last, _from(samples, last.at)) for samples in (*others, *gone))
        return min((closing for closing in closings if closing is not None), key=lambda one: one.at, default=None)

    def _existing(self, location: StorageLocation) -> UsageSamples:
        try:
            return self._samples_of(location)
        except _FAILURES:
            return UsageSamples()  # the location fails by itself

    def _usage(self, key: str, one: _Chained, closing: UsageSample | None) -> LocationUsage:
        version = f"{one.copy.name} {one.samples.version} {closing}"
        known = self._computed.get(key)
        if known is not None and known[0] == version:
            return known[1]
        samples = [*one.samples, *([closing] if closing is not None else [])]
        usage = LocationUsage(newest=samples[-1], days=replace(usage_days(samples), location=key))
        self._computed[key] = version, usage
        return usage


def names_of(deleted: Mapping[str, DeletedLocation]) -> dict[str, str]:
    """The name that each had."""
    return {key: one.name for key, one in deleted.items()}


def _free_name(name: str, taken: Mapping[str, object]) -> str:
    """The name in reports. No StorageLocation can have it."""
    key, number = f"{name} (deleted)", 2
    while key in taken:
        key, number = f"{name} (deleted {number})", number + 1
    return key


def _from(samples: UsageSamples, at: datetime) -> Iterator[UsageSample]:
    """The samples after a time, and the one before them."""
    later = sum(span[0] > at for span in samples.spans)
    return iter(samples[max(len(samples) - later - 1, 0) :])

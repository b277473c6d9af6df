"""Decides which StorageLocations are counted and when, and keeps their samples.

Only the leader uses it, in one thread.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from recording_operator.api.storagelocation import StorageLocation
from recording_operator.controller.usage.archive import UsageArchive
from recording_operator.controller.usage.copies import UsageCopies
from recording_operator.controller.usage.counter import CountFailure
from recording_operator.controller.usage.deleted import DeletedLocation, DeletedLocations
from recording_operator.engine.facts import CountFact, OwnerUsage, UsageCountBegan, UsageCounted, UsageNotCounted
from recording_operator.errors import ReasonedError
from recording_operator.kube.errors import KubeError
from recording_operator.log_throttle import LogThrottle
from recording_operator.usage.codec import UsageFormatError
from recording_operator.usage.owners import key_space
from recording_operator.usage.sample import State, UsageSample
from recording_operator.usage.timeline import LocationUsage, usage_of

LONGEST_ROUND: Final = timedelta(minutes=10)
"""The longest time between two searches for locations that are due by the interval, and from start to the first."""
_NOT_COPIED: Final = (
    "Usage samples of {location} could not be copied to a ConfigMap of the operator's namespace; if the location is "
    "deleted, its costs leave the reports: {why}."
)
_FAILURES: Final = (ReasonedError, UsageFormatError, KubeError)
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Samples that a report needs: of each of these locations one that is not older than `since`.

    Without locations: of all. Without `since`: one that is not older than the interval.
    """

    locations: frozenset[str] = frozenset()
    since: datetime | None = None

    def includes(self, location: str) -> bool:
        """Whether a sample of the location is needed."""
        return not self.locations or location in self.locations


class Counter(Protocol):
    """Counts locations: the UsageCounter."""

    def count(
        self,
        previous: Mapping[str, UsageSample | None],
        locations: Sequence[StorageLocation],
        *,
        deleted: Sequence[DeletedLocation],
        failures: Mapping[str, int],
        now: datetime,
    ) -> Iterator[UsageSample | CountFailure]:
        """See UsageCounter."""


class FirstSamples(Protocol):
    """What is known of a location from before its first count: the Migration."""

    def first_sample(self, location: StorageLocation) -> UsageSample | None:
        """The sample that its samples begin with, if there is one. Raises KubeError."""


class CountObserver(Protocol):
    """Is notified of the newest sample of each location."""

    def counted(self, location: StorageLocation, sample: UsageSample) -> None:
        """It was taken or read."""

    def gone(self, location: str) -> None:
        """The location was deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loaded:
    """What was computed of the samples of a location."""

    uid: str
    version: str
    """Of the samples."""
    is_complete: bool
    """No sample was left out for its time."""
    usage: LocationUsage | None


class UsageKeeper:
    """Keeps samples of all locations: `update` counts what is due, the other methods read what there is."""

    def __init__(
        self,
        *,
        archive: UsageArchive,
        counter: Counter,
        first_samples: FirstSamples,
        copies: UsageCopies,
        keep_months: int,
        interval: timedelta,
        observer: CountObserver,
        post: Callable[[CountFact], None],
    ) -> None:
        """`post` receives a fact about each count, for the quotas."""
        self._archive = archive
        self._copies = copies
        self._deleted = DeletedLocations(copies=copies, samples_of=archive.samples, keep_months=keep_months)
        self._counter = counter
        self._first_samples = first_samples
        self._interval = interval
        self._observer = observer
        self._post = post
        self._throttle = LogThrottle()
        self._loaded: dict[str, _Loaded] = {}
        self._failed: dict[str, int] = {}
        self._problems: dict[str, str] = {}
        self._not_copied: dict[str, str] = {}
        self.deleted: Mapping[str, DeletedLocation] = {}
        """The locations that the last `update` found to be deleted, by the name that they have in reports."""
        self._next_round: datetime | None = None

    def is_round_due(self, now: datetime) -> bool:
        """Whether to search for locations that are due by the interval. The first time is some minutes after start."""
        length = min(LONGEST_ROUND, self._interval)
        if self._next_round is None or self._next_round > now + length:
            self._next_round = now + length  # at start, and after a clock was set back
        return self._next_round <= now

    def update(self, needs: Iterable[Need], locations: Sequence[StorageLocation], *, now: datetime) -> None:
        """Count the locations that need a sample, in one pass. `locations` are all there are.

        A location that fails is skipped, and `problem` says why. Raises CountStopped, KubeError.
        """
        needs = list(needs)
        if self.is_round_due(now):
            needs.append(Need())
            self._next_round = now + min(LONGEST_ROUND, self._interval)
        self._forget_others(locations)
        self.deleted = self._deleted.find(locations, now=now)
        self._deleted.remove_expired()
        wanted = [location for location in locations if self._is_needed(location, needs, now)]
        if wanted:
            self._count(_with_twins(wanted, locations), locations, now)
            if self.deleted:  # an existing location may have taken over objects
                self.deleted = self._deleted.find(locations, now=now)

    def usage(self, location: StorageLocation, *, now: datetime) -> LocationUsage | None:
        """The samples of a location; None if there are none. Raises ReasonedError, UsageFormatError, KubeError."""
        return self._load(location, now)

    def notes(self, location: StorageLocation) -> tuple[str, ...]:
        """Sentences about how the samples of a location are kept."""
        why = self._not_copied.get(location.metadata.name)
        not_copied = [] if why is None else [_NOT_COPIED.format(location=location.metadata.name, why=why)]
        return (*self._archive.notes(location), *not_copied)

    def problem(self, location: str) -> str | None:
        """Why the last count of the location failed; None if it succeeded."""
        return self._problems.get(location)

    def oldest(self, need: Need, now: datetime) -> datetime:
        """The time that samples must not be older than."""
        return need.since if need.since is not None else now - self._interval

    # Deciding

    def _is_needed(self, location: StorageLocation, needs: Iterable[Need], now: datetime) -> bool:
        name = location.metadata.name
        since = max((self.oldest(need, now) for need in needs if need.includes(name)), default=None)
        if since is None:
            return False
        known = self._loaded.get(name)
        if known is not None and known.uid == location.metadata.uid and _at(known.usage, now) >= since:
            return False
        try:
            newest = self._newest(location, now)
        except _FAILURES as error:
            self._fail(name, _text(error))
            return False
        return newest is None or newest.at < since

    def _count(self, wanted: Iterable[StorageLocation], locations: Sequence[StorageLocation], now: datetime) -> None:
        previous: dict[str, UsageSample | None] = {}
        by_name = {location.metadata.name: location for location in wanted}
        for name, location in by_name.items():
            try:
                previous[name] = self._newest(location, now)
            except _FAILURES as error:
                self._fail(name, _text(error))
        self._post(UsageCountBegan(locations=frozenset(previous)))
        deleted = list(self.deleted.values())
        for result in self._counter.count(previous, locations, deleted=deleted, failures=self._failed, now=now):
            if isinstance(result, CountFailure):
                self._fail(result.location, result.message)
            else:
                self._keep(by_name[result.location], result, now)

    def _newest(self, location: StorageLocation, now: datetime) -> UsageSample | None:
        """The last sample, which a new one continues. The first may come from an earlier version of the operator."""
        usage = self._load(location, now)
        if usage is not None:
            return usage.newest
        first = self._first_samples.first_sample(location)
        if first is not None and first.at < now:
            self._archive.keep(location, first)
            return first
        return None

    # Samples

    def _load(self, location: StorageLocation, now: datetime) -> LocationUsage | None:
        """The usage until now. Later samples were taken with a wrong clock."""
        name, uid = location.metadata.name, location.metadata.uid
        samples = self._archive.samples(location)
        known, version = self._loaded.get(name), samples.version
        if known is not None and (known.uid, known.version) == (uid, version) and known.is_complete:
            return known.usage
        is_complete = not samples or samples[-1].at <= now
        past = samples if is_complete else [sample for sample in samples if sample.at <= now]
        usage = usage_of(past)
        self._loaded[name] = _Loaded(uid=uid, version=version, is_complete=is_complete, usage=usage)
        if usage is not None:
            self._observer.counted(location, usage.newest)
        return usage

    def _keep(self, location: StorageLocation, sample: UsageSample, now: datetime) -> None:
        name = location.metadata.name
        self._post(UsageCounted(location=name, usage=owner_usage(sample)))
        try:
            self._archive.keep(location, sample)
        except _FAILURES as error:
            self._fail(name, _text(error))
            return
        self._failed.pop(name, None)
        self._problems.pop(name, None)
        self._observer.counted(location, sample)
        try:
            self._archive.compact(location, now)
        except _FAILURES as error:
            self._warn(name, "Usage samples could not be joined or removed: %s", _text(error))
        self._copy(location)

    def _copy(self, location: StorageLocation) -> None:
        """Copy the samples for the time after a deletion."""
        name = location.metadata.name
        try:
            samples = self._archive.samples(location)
            self._copies.keep(location, samples, complete=not self._archive.notes(location))
        except _FAILURES as error:
            self._not_copied[name] = _text(error).rstrip(".")
            self._warn(name, "Usage samples could not be copied: %s", _text(error))
        else:
            self._not_copied.pop(name, None)

    def _fail(self, name: str, message: str) -> None:
        self._failed[name] = self._failed.get(name, 0) + 1
        self._problems[name] = message
        self._post(UsageNotCounted(location=name, message=message))
        self._warn(name, "The location was not counted: %s", message)

    def _warn(self, name: str, text: str, message: str) -> None:
        _logger.log(self._throttle.level(name), text, message, extra={"location": name})

    def _forget_others(self, locations: Iterable[StorageLocation]) -> None:
        names = {location.metadata.name for location in locations}
        for name in (self._loaded.keys() | self._failed.keys() | self._not_copied.keys()) - names:
            for kept in (self._loaded, self._failed, self._problems, self._not_copied):
                kept.pop(name, None)
            self._observer.gone(name)


def owner_usage(sample: UsageSample) -> tuple[OwnerUsage, ...]:
    """What a sample says about quotas: objects that can be read, without earlier versions and open uploads."""
    found: dict[tuple[str, str], list[int]] = {}
    for row in sample.stored:
        if row.state is State.CURRENT:
            found.setdefault((row.org, row.namespace), [0, 0])[0] += row.size_bytes
    for counted in sample.stored_recordings:
        found.setdefault((counted.org, counted.namespace), [0, 0])[1] += counted.recordings
    return tuple(OwnerUsage(org, namespace, *amounts) for (org, namespace), amounts in sorted(found.items()))


def _at(usage: LocationUsage | None, now: datetime) -> datetime:
    """The time of the newest sample; long ago if there is none, or one of the future."""
    return usage.newest.at if usage is not None and usage.newest.at <= now else datetime.min.replace(tzinfo=UTC)


def _with_twins(wanted: Iterable[StorageLocation], locations: Iterable[StorageLocation]) -> Iterator[StorageLocation]:
    """The locations, and the others of the same bucket and prefix: one of them counts an object for all."""
    spaces = {key_space(location) for location in wanted}
    return (location for location in locations if key_space(location) in spaces)


def _text(error: Exception) -> str:
    return error.message if isinstance(error, ReasonedError) else str(error)

"""Shows how much of each quota is used, and has locations counted as often as their quotas need it."""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from recording_operator.api.quotas import QuotaStatus
from recording_operator.api.reasons import Reason
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.backoff import exponential_s
from recording_operator.controller.clock import uptime
from recording_operator.controller.usage.keeper import Need
from recording_operator.engine.quotas import CountWish, QuotaReport, QuotaUsage
from recording_operator.kube.client import KubeApi
from recording_operator.kube.errors import Conflict, KubeError, NotFound
from recording_operator.kube.events import EventRecorder, EventType
from recording_operator.kube.outage import level_of
from recording_operator.kube.status import merge_patch_between

WRITE_EVERY: Final = timedelta(minutes=1)
"""A status is written at most this often, unless a quota is exceeded or has room again."""
COUNT_WAITING_EVERY: Final = timedelta(minutes=10)
"""While Recordings wait, their location is counted this often, because others may delete objects."""
COUNT_FREED_EVERY: Final = timedelta(seconds=30)
"""The least time between two counts after the operator has deleted objects."""
_SHARE: Final = 20
"""Counts may take one twentieth of the time."""
_FIRST_RETRY_S: Final = 10.0
_LONGEST_RETRY_S: Final = 600.0
_WRITE_TRIES: Final = 3
_HUNDRED: Final = 100
_MOST_PERCENT: Final = 1_000_000
_logger = logging.getLogger(__name__)


class QuotaMetrics(Protocol):
    """Receives the usage of all quotas."""

    def set_quotas(self, usages: Sequence[QuotaUsage]) -> None:
        """Show these and no others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Requested:
    """A requested count of a location."""

    at: datetime
    rest: timedelta = COUNT_FREED_EVERY
    tries: int = 0
    """In a row, for the first count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """The status that was written for a location."""

    quotas: tuple[QuotaStatus, ...]
    at: datetime


class QuotaKeeper:
    """Keeps the statuses and metrics of quotas. The three methods are called in three threads, about once a second."""

    def __init__(
        self,
        *,
        kube: KubeApi,
        events: EventRecorder,
        metrics: QuotaMetrics,
        pool: Executor,
        uptime: Callable[[], datetime] = uptime,
    ) -> None:
        """Statuses are written in `pool`."""
        self._kube = kube
        self._events = events
        self._metrics = metrics
        self._pool = pool
        self._uptime = uptime
        self._lock = threading.Lock()
        self._report = QuotaReport(usages=(), wishes={})
        self._requested: dict[str, _Requested] = {}
        self._last_pass: tuple[datetime, frozenset[str]] | None = None
        self._shown: dict[str, _Shown] = {}
        self._writing: set[str] = set()

    def note(self, report: QuotaReport) -> None:
        """Take the newest report of the engine."""
        with self._lock:
            self._report = report

    # Counts

    def needs(self, now: datetime) -> Sequence[Need]:
        """The locations to count now, each once. The next call shows how long that took."""
        at = self._uptime()
        with self._lock:
            self._note_pass(at)
            wishes = self._report.wishes
            self._requested = {name: requested for name, requested in self._requested.items() if name in wishes}
            due = frozenset(name for name, wish in wishes.items() if self._is_due(name, wish, at))
            for name in due:
                before = self._requested.get(name)
                tries = before.tries + 1 if before is not None and wishes[name] is CountWish.UNKNOWN else 1
                self._requested[name] = _Requested(at=at, tries=tries)
            self._last_pass = (at, due) if due else None
        return [Need(locations=due, since=now)] if due else []

    def _note_pass(self, at: datetime) -> None:
        if self._last_pass is None:
            return
        began, names = self._last_pass
        for name in names & self._requested.keys():
            requested = self._requested[name]
            rest = max(COUNT_FREED_EVERY, (at - began) * _SHARE)
            self._requested[name] = _Requested(at=at, rest=rest, tries=requested.tries)

    def _is_due(self, name: str, wish: CountWish, at: datetime) -> bool:
        requested = self._requested.get(name)
        if wish is CountWish.UNKNOWN:
            if requested is None:
                return True
            wait_s = exponential_s(requested.tries, first_s=_FIRST_RETRY_S, longest_s=_LONGEST_RETRY_S)
            return at >= requested.at + timedelta(seconds=wait_s)
        if requested is None:  # it was counted for a report, or when the quotas were first seen
            self._requested[name] = _Requested(at=at)
            return wish is CountWish.FREED
        return at >= requested.at + (
            requested.rest if wish is CountWish.FREED else max(requested.rest, COUNT_WAITING_EVERY)
        )

    # Statuses

    def tick(self) -> None:
        """Show what has changed."""
        with self._lock:
            usages = self._report.usages
        self._metrics.set_quotas(usages)
        found: dict[str, list[QuotaStatus]] = {}
        for usage in usages:
            found.setdefault(usage.location, []).append(status_of(usage))
        for name in found.keys() | self._shown.keys():
            self._show(name, tuple(found.get(name, ())))

    def _show(self, name: str, quotas: tuple[QuotaStatus, ...]) -> None:
        at, shown = self._uptime(), self._shown.get(name)
        with self._lock:
            if name in self._writing or (shown is not None and not _is_due(shown, quotas, at)):
                return
            self._writing.add(name)
        self._pool.submit(self._write, name, quotas, at)

    def _write(self, name: str, quotas: tuple[QuotaStatus, ...], at: datetime) -> None:
        try:
            for _ in range(_WRITE_TRIES):
                try:
                    raw = self._kube.get_location(name)
                    self._patch(raw, quotas)
                    break
                except Conflict:
                    continue
        except NotFound:
            quotas = ()
        except KubeError as error:
            _logger.log(level_of(error), "The quotas were not written: %s", error, extra={"location": name})
        with self._lock:
            self._writing.discard(name)
            if quotas:
                self._shown[name] = _Shown(quotas=quotas, at=at)
            else:
                self._shown.pop(name, None)

    def _patch(self, raw: Mapping[str, Any], quotas: Iterable[QuotaStatus]) -> None:
        location = StorageLocation.model_validate(raw)
        before = dict(raw.get("status") or {})
        wanted = [quota.model_dump(mode="json", by_alias=True) for quota in quotas]
        patch = merge_patch_between(before, {**before, "quotas": wanted})
        if not patch:
            return
        meta = location.metadata
        self._kube.patch_location_status(meta.name, resource_version=meta.resource_version, status=patch)
        exceeded = {(quota.org, quota.namespace) for quota in location.status.quotas if quota.exceeded}
        for quota in quotas:
            if quota.exceeded != ((quota.org, quota.namespace) in exceeded):
                self._announce(raw, quota)

    def _announce(self, raw: Mapping[str, Any], quota: QuotaStatus) -> None:
        reason = Reason.QUOTA_EXCEEDED if quota.exceeded else Reason.QUOTA_AVAILABLE
        owner = f"organisation {quota.org}" if quota.org else f"namespace {quota.namespace}"
        what = f"The quota of {owner} is used to {quota.used_percent}%"
        note = f"{what}, and has no room for a Recording." if quota.exceeded else f"{what}. There is room again."
        kind = EventType.WARNING if quota.exceeded else EventType.NORMAL
        self._events.emit(raw, reason=reason, action="Admit", note=note, event_type=kind)
        level = logging.WARNING if quota.exceeded else logging.INFO
        _logger.log(level, "%s: %s", reason, note, extra={"location": raw["metadata"]["name"]})


def status_of(usage: QuotaUsage) -> QuotaStatus:
    """The status of a quota."""
    quota = usage.quota
    return QuotaStatus(
        org=quota.org,
        namespace=quota.namespace,
        used_bytes=usage.used_bytes,
        recordings=usage.recordings,
        used_percent=min(int(usage.used_ratio * _HUNDRED), _MOST_PERCENT),
        waiting=usage.waiting,
        exceeded=usage.exceeded,
    )


def _is_due(shown: _Shown, quotas: tuple[QuotaStatus, ...], at: datetime) -> bool:
    if shown.quotas == quotas:
        return False
    return at >= shown.at + WRITE_EVERY or _states(shown.quotas) != _states(quotas)


def _states(quotas: Iterable[QuotaStatus]) -> frozenset[tuple[str, str, bool]]:
    return frozenset((quota.org, quota.namespace, quota.exceeded) for quota in quotas)

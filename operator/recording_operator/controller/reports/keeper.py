"""Refreshes StorageReports that are due. Only the leader runs it.

The locations that the due reports need are counted in one pass; then each report is computed. The watch provides new
and edited reports. A refresh that is interrupted writes nothing: the report is still due, for this leader or the next.
"""

import logging
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, Protocol

from pydantic import ValidationError

from recording_operator.api.meta import ObjectMeta
from recording_operator.api.reasons import Reason
from recording_operator.api.storagereport import StorageReport, StorageReportStatus
from recording_operator.controller.loop import utc_now
from recording_operator.controller.reports.errors import RefreshError
from recording_operator.controller.reports.refresher import RefreshResult
from recording_operator.controller.reports.status import (
    failed,
    is_due,
    ready_reason,
    retry_after,
    sample_since,
    succeeded,
    suspended,
)
from recording_operator.controller.usage.errors import CountStopped
from recording_operator.controller.usage.keeper import Need
from recording_operator.costs.budget import Crossing
from recording_operator.costs.schedule import ScheduleError, next_time
from recording_operator.kube.client import KubeApi
from recording_operator.kube.errors import Conflict, Invalid, KubeError, NotFound
from recording_operator.kube.events import EventRecorder, EventType
from recording_operator.kube.outage import level_of
from recording_operator.kube.status import merge_patch_between
from recording_operator.log_throttle import LogThrottle
from recording_operator.reportmetrics import ReportMetrics

_TICK_S: Final = 1.0
_WRITE_ATTEMPTS: Final = 5
_MIGRATED: Final = (
    "The account that an earlier version kept in status.ledger is now in the usage samples of the StorageLocations."
)
_logger = logging.getLogger(__name__)


class ReportRefresher(Protocol):
    """Computes the numbers of reports."""

    def prepare(self, needs: Sequence[Need], *, now: datetime) -> None:
        """Count what is needed. Raises RefreshError, CountStopped."""

    def refresh(self, resource: StorageReport, need: Need, *, now: datetime) -> RefreshResult:
        """Compute new numbers. Raises RefreshError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _DueReport:
    """A report that is to be refreshed now."""

    raw: dict[str, Any]
    report: StorageReport
    need: Need


@dataclass(frozen=True, slots=True, kw_only=True)
class _Postponement:
    """A report whose status could not be written, and when it is tried again."""

    times: int
    until: datetime


class ReportKeeper:
    """Keeps all StorageReports in memory and refreshes them. `run` blocks: call it in a separate thread.

    `seen`, `gone` and `listed` return immediately and may be called from other threads, even before `run`.
    """

    def __init__(
        self,
        *,
        kube: KubeApi,
        refresher: ReportRefresher,
        events: EventRecorder,
        metrics: ReportMetrics,
        metric_orgs: int,
        leads: Callable[[], bool] = lambda: True,
        quota_needs: Callable[[datetime], Sequence[Need]] = lambda _: (),
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """`quota_needs` returns the counts that quotas need. They are made first, because Recordings wait for them."""
        self._kube = kube
        self._refresher = refresher
        self._events = events
        self._metrics = metrics
        self._metric_orgs = metric_orgs
        self._leads = leads
        self._quota_needs = quota_needs
        self._clock = now
        self._throttle = LogThrottle()
        self._known: dict[str, StorageReport] = {}
        self._postponed: dict[str, _Postponement] = {}
        self._stored: dict[str, Mapping[tuple[str, str], int]] = {}
        self._tokens: dict[str, tuple[str, datetime]] = {}
        """The refreshToken of each report, and when it was first seen."""
        self._updates: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()

    # Called by the watch

    def seen(self, raw: dict[str, Any]) -> None:
        """A StorageReport was added or modified."""
        self._updates.put(partial(self._learn, raw))

    def gone(self, uid: str) -> None:
        """The StorageReport was deleted."""
        self._updates.put(lambda: self._forget_where(lambda known: known == uid))

    def listed(self, uids: frozenset[str]) -> None:
        """All StorageReports were listed: forget the others."""
        self._updates.put(lambda: self._forget_where(lambda known: known not in uids))

    # Work

    def run(self, stop: threading.Event) -> None:
        """Process updates and refresh reports until `stop` is set."""
        while not stop.is_set():
            try:
                self.learn(wait_s=_TICK_S)
                self.refresh_due()
            except CountStopped:
                return
            except KubeError as error:
                _logger.log(
                    self._level(error),
                    "StorageReports could not be listed: %s",
                    error,
                )
            except Exception:
                _logger.exception("The loop that refreshes StorageReports failed with an unexpected error")

    def _level(self, error: KubeError) -> int:
        return self._throttle.level(type(error).__name__, level_of(error))

    def learn(self, *, wait_s: float = 0.0) -> None:
        """Process updates of the watch. Waits up to `wait_s` seconds for the first one."""
        try:
            update = self._updates.get(timeout=wait_s)
            while True:
                update()
                update = self._updates.get_nowait()
        except queue.Empty:
            return

    def _learn(self, raw: dict[str, Any]) -> None:
        """Keep a report if it is new or its spec was edited. Its status is read again before a refresh."""
        seen = ObjectMeta.model_validate(raw["metadata"])
        known = self._known[seen.name].metadata if seen.name in self._known else None
        if known is not None and known.uid == seen.uid and known.generation >= seen.generation:
            return
        if known is not None and known.uid != seen.uid and known.version > seen.version:
            return  # an outdated event: a newer report has this name
        self._postponed.pop(seen.name, None)
        self._keep(raw)

    def _forget_where(self, is_gone: Callable[[str], bool]) -> None:
        for name in [name for name, known in self._known.items() if is_gone(known.metadata.uid)]:
            self._forget(name)

    def refresh_due(self) -> None:
        """Count what the due reports need, then refresh each. Raises KubeError, CountStopped."""
        if not self._leads():
            return  # the results could not be written
        begun = self._now()
        self._count_for_quotas(begun)
        due = [found for name in list(self._known) if (found := self._find_due(name, begun)) is not None]
        problem = self._prepare([one.need for one in due], begun)
        for one in due:
            if not self._leads():
                return
            self._refresh(one, begun, problem)

    def _count_for_quotas(self, now: datetime) -> None:
        needs = self._quota_needs(now)
        problem = self._prepare(needs, now) if needs else None
        if problem is not None:
            level = self._throttle.level("quotas")
            _logger.log(level, "StorageLocations were not counted for their quotas: %s", problem.message)

    def _find_due(self, name: str, now: datetime) -> _DueReport | None:
        """The report, if it is to be refreshed now."""
        report, postponed = self._known[name], self._postponed.get(name)
        if postponed is not None and now < postponed.until:
            return None
        if report.spec.suspend:
            if report.status.observed_generation != report.metadata.generation:
                self._store(name, report, suspended(report, self._now()))
            return None
        if not self._due(report):
            return None
        raw = self._read(name)
        if raw is None or not self._due(report := self._known[name]):
            return None  # meanwhile edited, deleted, or refreshed by another operator
        try:
            need = self._need(report, now)
        except ScheduleError as error:
            status = failed(report, reason=Reason.SCHEDULE_INVALID, message=str(error), begun=now, now=self._now())
            self._finish(_DueReport(raw=raw, report=report, need=Need()), status, [])
            return None
        if need.since is not None and need.since > now:
            return None  # counted in the next second: the samples of this one may be older than the edit
        return _DueReport(raw=raw, report=report, need=need)

    def _need(self, report: StorageReport, now: datetime) -> Need:
        """The samples for a report. Raises ScheduleError."""
        spec = report.spec
        next_time(spec.schedule, spec.time_zone, after=now)
        soon = self._next_second()
        token, seen = self._tokens.get(report.metadata.name, ("", soon))
        if token != spec.refresh_token or seen > soon:  # new, or the clock was set back
            seen = soon
        self._tokens[report.metadata.name] = (spec.refresh_token, seen)
        since = sample_since(report, token_seen=seen, now=now)
        if since is not None and since > soon:
            since = now  # the last refresh ran with a wrong clock
        return Need(locations=frozenset(spec.scope.storage_locations), since=since)

    def _prepare(self, needs: Sequence[Need], begun: datetime) -> RefreshError | None:
        """Count what is needed. Returns the problem if nothing could be counted."""
        try:
            self._refresher.prepare(needs, now=begun)
        except RefreshError as error:
            if not needs:
                _logger.log(self._throttle.level("prepare"), "StorageLocations were not counted: %s", error.message)
            return error
        except CountStopped:
            raise
        except Exception as error:
            _logger.exception("A count of StorageLocations failed with an unexpected error")
            return _unexpected(error)
        return None

    def _now(self) -> datetime:
        """The current time in whole seconds, as in a status."""
        return self._clock().replace(microsecond=0)

    def _next_second(self) -> datetime:
        """The first whole second that is not before the current time."""
        now = self._clock()
        return now.replace(microsecond=0) + timedelta(seconds=1 if now.microsecond else 0)

    def _due(self, report: StorageReport) -> bool:
        try:
            return is_due(report, self._now())
        except ScheduleError:
            return False  # already reported; an edit changes the generation, which is due

    def _refresh(self, due: _DueReport, begun: datetime, problem: RefreshError | None) -> None:
        report, passed = due.report, list[Crossing]()
        try:
            if problem is not None:
                raise problem
            new = self._refresher.refresh(report, due.need, now=begun)
            self._stored[report.metadata.name] = new.stored
            status, passed = succeeded(report, new.status, message=new.message, begun=begun, now=self._now())
        except RefreshError as error:
            status = failed(report, reason=error.reason, message=error.message, begun=begun, now=self._now())
        except Exception as error:
            _logger.exception("A refresh failed with an unexpected error", extra={"report": report.metadata.name})
            reason, message = Reason.INTERNAL_ERROR, _unexpected(error).message
            status = failed(report, reason=reason, message=message, begun=begun, now=self._now())
        self._finish(due, status, passed)

    def _finish(self, due: _DueReport, status: StorageReportStatus, passed: list[Crossing]) -> None:
        written = self._store(due.report.metadata.name, due.report, status)
        if written is not None:
            self._announce(due.raw, due.report, written, passed if written is status else [])

    def _read(self, name: str) -> dict[str, Any] | None:
        try:
            raw = self._kube.get_report(name)
        except NotFound:
            self._forget(name)
            return None
        return raw if self._keep(raw) else None

    def _keep(self, raw: dict[str, Any]) -> bool:
        """Keep the report from `raw`. False if it cannot be parsed."""
        name = raw["metadata"]["name"]
        try:
            self._known[name] = StorageReport.model_validate(raw)
        except ValidationError:
            _logger.error(
                "The StorageReport cannot be read: the versions of its CRD and of the operator differ",
                extra={"report": name},
            )
            self._forget(name)
            return False
        self._show(name)
        return True

    def _store(self, name: str, report: StorageReport, status: StorageReportStatus) -> StorageReportStatus | None:
        """Write the status, or that the API server rejected it. Returns what was written.

        If it cannot be written, the report is postponed, so that it does not block others."""
        try:
            try:
                written = status if self._write(name, report, status) else None
            except Invalid as error:
                now, message = self._now(), f"The API server rejected the status: {error}"
                status = failed(report, reason=Reason.REFRESH_FAILED, message=message, begun=now, now=now)
                written = status if self._write(name, report, status) else None
        except KubeError as error:
            before = self._postponed.get(name)
            times = before.times + 1 if before else 1
            self._postponed[name] = _Postponement(times=times, until=self._now() + retry_after(times))
            _logger.log(
                self._level(error),
                "The status of a refresh was not written: %s",
                error,
                extra={"report": name},
            )
            return None
        self._postponed.pop(name, None)
        return written

    def _write(self, name: str, report: StorageReport, status: StorageReportStatus) -> bool:
        """Write the status unless another operator has refreshed the report. Returns whether it was written."""
        wanted = status.model_dump(mode="json", by_alias=True, exclude_none=True)
        for _ in range(_WRITE_ATTEMPTS):
            try:
                raw = self._kube.get_report(name)
                if not _same_object(raw, report):
                    return False
                patch = merge_patch_between(raw.get("status") or {}, wanted)
                version = raw["metadata"]["resourceVersion"]
                stored = self._kube.patch_report_status(name, resource_version=version, status=patch) if patch else raw
            except Conflict:
                continue
            except NotFound:
                self._forget(name)
                return False
            self._known[name] = StorageReport.model_validate(stored)
            self._show(name)
            return True
        return False

    def _announce(
        self, raw: dict[str, Any], report: StorageReport, status: StorageReportStatus, passed: list[Crossing]
    ) -> None:
        """Emit an Event for each new threshold, and for a change of the condition Ready."""
        for crossing in passed:
            if crossing.is_new:
                self._emit(raw, Reason.THRESHOLD_PASSED, crossing.message, warning=True)
        reason = ready_reason(status)
        if reason == Reason.REFRESHED and report.status.ledger is not None:
            self._emit(raw, Reason.USAGE_MIGRATED, _MIGRATED, warning=False)
        message = next((one.message for one in status.conditions if one.type == "Ready"), "")
        if reason is not None and reason != ready_reason(report.status):
            good = reason == Reason.REFRESHED
            self._emit(raw, Reason(reason), message, warning=not good)
            level = logging.INFO if good else logging.WARNING
            _logger.log(level, "%s: %s", reason, message, extra={"report": report.metadata.name})

    def _emit(self, raw: dict[str, Any], reason: Reason, note: str, *, warning: bool) -> None:
        kind = EventType.WARNING if warning else EventType.NORMAL
        self._events.emit(raw, reason=reason, action="Refresh", note=note, event_type=kind)

    def _show(self, name: str) -> None:
        report = self._known[name]
        budget = report.spec.budget.amount if report.spec.budget else None
        stored = self._stored.get(name, {})
        self._metrics.show(name, report.status, budget=budget, orgs=self._metric_orgs, stored=stored)

    def _forget(self, name: str) -> None:
        for kept in (self._known, self._postponed, self._stored, self._tokens):
            kept.pop(name, None)
        self._metrics.forget(name)


def _same_object(raw: dict[str, Any], report: StorageReport) -> bool:
    """Whether the report is the same object, and no other process has written its status since it was read."""
    status = raw.get("status") or {}
    old = report.status.model_dump(mode="json", by_alias=True, include={"as_of", "last_refresh_time", "failures"})
    written = {key: value for key, value in old.items() if value not in (None, 0)}
    same = all(status.get(key, None) == value for key, value in written.items())
    newer = bool(status.get("asOf")) and report.status.as_of is None
    return bool(raw["metadata"]["uid"] == report.metadata.uid) and same and not newer


def _unexpected(error: Exception) -> RefreshError:
    message = f"Unexpected error in the operator ({type(error).__name__}). Its log has the details."
    return RefreshError(Reason.INTERNAL_ERROR, message)

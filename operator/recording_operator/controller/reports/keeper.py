"""StorageReports: who is due is refreshed, one at a time, by the leader alone.

The watch brings the reports that are new or were edited. A refresh that is broken off writes nothing: it is due again,
here or with the next leader.
"""

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final, Protocol

from pydantic import ValidationError

from recording_operator.api.meta import ObjectMeta
from recording_operator.api.reasons import Reason
from recording_operator.api.storagereport import StorageReport, StorageReportStatus
from recording_operator.controller.loop import utc_now
from recording_operator.controller.reports.errors import RefreshError, RefreshStopped
from recording_operator.controller.reports.refresher import RefreshResult
from recording_operator.controller.reports.status import failed, is_due, ready_reason, retry_after, succeeded, suspended
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
_WRITE_TRIES: Final = 5
_logger = logging.getLogger(__name__)


class ReportRefresher(Protocol):
    """Counts a report."""

    def refresh(self, report: StorageReport, *, now: datetime) -> RefreshResult:
        """New numbers. Raises RefreshError, RefreshStopped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Postponement:
    """A report whose status could not be written so many times."""

    times: int
    until: datetime


class ReportKeeper:
    """Knows every StorageReport. `run` blocks; meant for a thread of its own.

    `seen`, `gone` and `listed` return at once and may be called from another thread, before `run` too.
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
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._kube = kube
        self._refresher = refresher
        self._events = events
        self._metrics = metrics
        self._metric_orgs = metric_orgs
        self._leads = leads
        self._clock = now
        self._throttle = LogThrottle()
        self._known: dict[str, StorageReport] = {}
        self._postponed: dict[str, _Postponement] = {}
        self._news: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()

    # What the watch brings

    def seen(self, raw: dict[str, Any]) -> None:
        """A StorageReport as stored."""
        self._news.put(partial(self._learn, raw))

    def gone(self, uid: str) -> None:
        """The StorageReport was deleted."""
        self._news.put(lambda: self._forget_where(lambda known: known == uid))

    def listed(self, uids: frozenset[str]) -> None:
        """A complete list was handed over: whatever is not in it is gone."""
        self._news.put(lambda: self._forget_where(lambda known: known not in uids))

    # Work

    def run(self, stop: threading.Event) -> None:
        """Learn and refresh until `stop` is set."""
        while not stop.is_set():
            try:
                self.learn(wait_s=_TICK_S)
                self.refresh_due()
            except RefreshStopped:
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
        """Take in what the watch brought; wait so long for it to bring something."""
        try:
            news = self._news.get(timeout=wait_s)
            while True:
                news()
                news = self._news.get_nowait()
        except queue.Empty:
            return

    def _learn(self, raw: dict[str, Any]) -> None:
        """A new report, or one whose spec was edited. A status is our own, or is read before it is counted on."""
        seen = ObjectMeta.model_validate(raw["metadata"])
        known = self._known[seen.name].metadata if seen.name in self._known else None
        if known is not None and known.uid == seen.uid and known.generation >= seen.generation:
            return
        if known is not None and known.uid != seen.uid and known.version > seen.version:
            return  # late: it was deleted, and created again under its name
        self._postponed.pop(seen.name, None)
        self._keep(raw)

    def _forget_where(self, is_gone: Callable[[str], bool]) -> None:
        for name in [name for name, known in self._known.items() if is_gone(known.metadata.uid)]:
            self._forget(name)

    def refresh_due(self) -> None:
        """Refresh the reports that are due, one after the other. Raises KubeError, RefreshStopped."""
        for name, report in list(self._known.items()):
            if not self._leads():
                return  # what is counted could not be written
            postponed = self._postponed.get(name)
            if postponed is not None and self._now() < postponed.until:
                continue
            if report.spec.suspend:
                if report.status.observed_generation != report.metadata.generation:
                    self._store(name, report, suspended(report))
            elif self._due(report):
                self._refresh(name)

    def _now(self) -> datetime:
        """Whole seconds, as a status writes them."""
        return self._clock().replace(microsecond=0)

    def _due(self, report: StorageReport) -> bool:
        try:
            return is_due(report, self._now())
        except ScheduleError:
            return False  # already reported; an edit changes the generation, which is due

    def _refresh(self, name: str) -> None:
        raw = self._read(name)
        report = self._known.get(name)
        if raw is None or report is None or report.spec.suspend or not self._due(report):
            return  # edited, deleted, or refreshed by another meanwhile
        begun = self._now()
        passed: list[Crossing] = []
        try:
            next_time(report.spec.schedule, report.spec.time_zone, after=begun)  # before a million objects are counted
            new = self._refresher.refresh(report, now=begun)
            status, passed = succeeded(report, new.status, message=new.message, begun=begun, now=self._now())
        except RefreshError as error:
            status = failed(report, reason=error.reason, message=error.message, begun=begun, now=self._now())
        except ScheduleError as error:
            status = failed(report, reason=Reason.SCHEDULE_INVALID, message=str(error), begun=begun, now=self._now())
        except (RefreshStopped, KubeError):
            raise
        except Exception as error:
            _logger.exception("A refresh failed with an unexpected error", extra={"report": name})
            message = f"Unexpected error in the operator ({type(error).__name__}). Its log has the details."
            status = failed(report, reason=Reason.INTERNAL_ERROR, message=message, begun=begun, now=self._now())
        written = self._store(name, report, status)
        if written is not None:
            self._tell(raw, report, written, passed if written is status else [])

    def _read(self, name: str) -> dict[str, Any] | None:
        try:
            raw = self._kube.get_report(name)
        except NotFound:
            self._forget(name)
            return None
        return raw if self._keep(raw) else None

    def _keep(self, raw: dict[str, Any]) -> bool:
        """Know the report as it is in `raw`; False where that cannot be read."""
        name = raw["metadata"]["name"]
        try:
            self._known[name] = StorageReport.model_validate(raw)
        except ValidationError:
            _logger.error(
                "The StorageReport cannot be read: its CRD has another version than the operator",
                extra={"report": name},
            )
            self._forget(name)
            return False
        self._show(name)
        return True

    def _store(self, name: str, report: StorageReport, status: StorageReportStatus) -> StorageReportStatus | None:
        """Write the status, or that it was refused; what was written. One that cannot be written holds up no other."""
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
        """Write the status unless another operator has refreshed meanwhile; whether it was written."""
        wanted = status.model_dump(mode="json", by_alias=True, exclude_none=True)
        for _ in range(_WRITE_TRIES):
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

    def _tell(
        self, raw: dict[str, Any], report: StorageReport, status: StorageReportStatus, passed: list[Crossing]
    ) -> None:
        """An Event for each threshold that is newly passed, and for a change between good and bad."""
        for crossing in passed:
            if crossing.news:
                self._emit(raw, Reason.THRESHOLD_PASSED, crossing.message, warning=True)
        reason = ready_reason(status)
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
        self._metrics.show(name, report.status, budget=budget, orgs=self._metric_orgs)

    def _forget(self, name: str) -> None:
        self._known.pop(name, None)
        self._postponed.pop(name, None)
        self._metrics.forget(name)


def _same_object(raw: dict[str, Any], report: StorageReport) -> bool:
    """Whether no other process has written a status since the report was read."""
    status = raw.get("status") or {}
    old = report.status.model_dump(mode="json", by_alias=True, include={"as_of", "last_refresh_time", "failures"})
    written = {key: value for key, value in old.items() if value not in (None, 0)}
    same = all(status.get(key, None) == value for key, value in written.items())
    newer = bool(status.get("asOf")) and report.status.as_of is None
    return bool(raw["metadata"]["uid"] == report.metadata.uid) and same and not newer

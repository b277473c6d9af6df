"""Which StorageReports hold new uploads now, from their specs and statuses. Only the leader needs it.

It works in the threads of the watch and of the leader, not in the one that refreshes reports: a refresh takes minutes,
and a raised budget must not wait for it.
"""

import logging
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from recording_operator.api.storagereport import StorageReport
from recording_operator.costs.budget import holds_uploads
from recording_operator.costs.money import CENT, rounded
from recording_operator.engine.facts import BudgetHold, BudgetHoldsChanged

_READ: Final = ("asOf", "scope", "cost")
"""The fields of a status that are needed. The others may be large."""
_logger = logging.getLogger(__name__)


def hold_of(report: StorageReport, now: datetime) -> BudgetHold | None:
    """The hold of a report, from the cost that was counted last and the budget as it is now.

    After an edit of the scope, that cost tells only about what the old and the new scope both include.
    """
    spec, status = report.spec, report.status
    if spec.suspend or report.metadata.deletion_timestamp is not None:
        return None
    if spec.budget is None or status.cost is None or status.as_of is None:
        return None
    if (status.as_of.year, status.as_of.month) != (now.year, now.month) or status.cost.currency != spec.budget.currency:
        return None
    cost = status.cost.month_to_date
    if not holds_uploads(spec.budget, month_to_date=cost):
        return None
    counted = status.scope if status.scope is not None else spec.scope
    currency = spec.budget.currency
    return BudgetHold(
        report=report.metadata.name,
        scopes=(spec.scope,) if counted == spec.scope else (spec.scope, counted),
        cost=f"{rounded(cost, CENT):f} {currency}",
        budget=f"{spec.budget.amount:f} {currency}",
    )


class HoldKeeper:
    """Keeps what holds depend on, and posts the holds when they change, the first time when all reports are listed."""

    def __init__(self, *, post: Callable[[BudgetHoldsChanged], None], now: Callable[[], datetime]) -> None:
        self._post = post
        self._now = now
        self._lock = threading.Lock()
        self._reports: dict[str, StorageReport] = {}
        self._posted: BudgetHoldsChanged | None = None
        self._all_listed = False

    # Called by the watch

    def seen(self, raw: dict[str, Any]) -> None:
        """A StorageReport was listed, added or modified."""
        uid = raw["metadata"]["uid"]
        with self._lock:
            try:
                self._reports[uid] = _read(raw)
            except ValidationError:
                _logger.error(
                    "The budget of the StorageReport cannot be read", extra={"report": raw["metadata"]["name"]}
                )
                self._reports.pop(uid, None)
            self._update()

    def gone(self, uid: str) -> None:
        """The StorageReport was deleted."""
        with self._lock:
            self._reports.pop(uid, None)
            self._update()

    def listed(self, uids: frozenset[str]) -> None:
        """All StorageReports were listed: forget the others."""
        with self._lock:
            self._reports = {uid: report for uid, report in self._reports.items() if uid in uids}
            self._all_listed = True
            self._update()

    # Called by the leader

    def tick(self) -> None:
        """Look at the clock: holds end with their month."""
        with self._lock:
            self._update()

    def _update(self) -> None:
        if not self._all_listed:
            return
        now = self._now()
        holds = (hold_of(report, now) for report in self._reports.values())
        changed = BudgetHoldsChanged(holds=tuple(sorted((one for one in holds if one), key=lambda one: one.report)))
        if changed != self._posted:
            self._posted = changed
            self._post(changed)


def _read(raw: dict[str, Any]) -> StorageReport:
    """The report with the fields that are needed. Raises ValidationError."""
    status = raw.get("status") or {}
    return StorageReport.model_validate({**raw, "status": {field: status[field] for field in _READ if field in status}})

"""What applications of the platform team are informed about: budgets of StorageReports, and StorageLocations.

Each is read from a condition, whose time of transition identifies the occurrence. So nothing has to be remembered but
which events were delivered: docs/decisions/notifications.md.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from recording_operator.api.meta import Condition, ConditionStatus, ObjectMeta
from recording_operator.api.names import API_VERSION
from recording_operator.api.notification import EventName
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.api.storagereport import StorageReport
from recording_operator.costs.money import CENT, rounded
from recording_operator.notify.events import SinkEvent
from recording_operator.notify.payloads import BudgetEvent, EventData, LocationEvent

CLUSTER_EVENTS: Final = frozenset(
    {EventName.BUDGET_EXCEEDED, EventName.FORECAST_EXCEEDS_BUDGET, EventName.LOCATION_NOT_READY}
)
_BUDGET: Final = {
    EventName.BUDGET_EXCEEDED: "budget-exceeded",
    EventName.FORECAST_EXCEEDS_BUDGET: "forecast-exceeds-budget",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """A condition that holds now, and the event that announces it."""

    event: SinkEvent
    since: datetime

    @property
    def id(self) -> str:
        """The id of the event."""
        return self.event.id


def of_report(report: StorageReport) -> Iterator[Situation]:
    """The budget that is exceeded, or is going to be."""
    for name, word in _BUDGET.items():
        condition = _holding(report.status.conditions, str(name), ConditionStatus.TRUE)
        if condition is not None and report.spec.budget is not None:
            data = _budget_data(report, condition)
            yield _situation(name, word, "storagereports", report.metadata, condition, data)


def of_location(location: StorageLocation) -> Iterator[Situation]:
    """The check that fails."""
    condition = _holding(location.status.conditions, "Ready", ConditionStatus.FALSE)
    if condition is not None:
        data = LocationEvent(
            storage_location=location.metadata.name, reason=condition.reason, message=condition.message
        )
        meta = location.metadata
        yield _situation(EventName.LOCATION_NOT_READY, "not-ready", "storagelocations", meta, condition, data)


def _holding(conditions: Iterable[Condition], kind: str, status: ConditionStatus) -> Condition | None:
    return next((one for one in conditions if one.type == kind and one.status is status), None)


def _budget_data(report: StorageReport, condition: Condition) -> BudgetEvent:
    budget, cost = report.spec.budget, report.status.cost
    if budget is None:
        raise ValueError("a report without a budget")
    return BudgetEvent(
        report=report.metadata.name,
        budget=f"{rounded(budget.amount, CENT):f}",
        cost=None if cost is None else f"{rounded(cost.month_to_date, CENT):f}",
        forecast=None if cost is None else f"{rounded(cost.projected_month, CENT):f}",
        currency=budget.currency,
        message=condition.message,
    )


def _situation(
    name: EventName, word: str, plural: str, meta: ObjectMeta, condition: Condition, data: EventData
) -> Situation:
    since = condition.last_transition_time
    event = SinkEvent(
        name=name,
        id=f"{meta.uid}/{word}/{int(since.timestamp())}",
        source=f"/apis/{API_VERSION}/{plural}/{meta.name}",
        subject=meta.name,
        time=since,
        data=data,
    )
    return Situation(event=event, since=since)

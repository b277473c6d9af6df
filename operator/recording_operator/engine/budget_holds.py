"""Budgets that hold new uploads: whether a Recording may begin.

A Recording whose first upload has begun is never held: it is stored with all its artifacts, however often they are
retried. So a budget leaves nothing half stored. A move is held until its first copy has begun.
"""

from dataclasses import dataclass
from typing import Final

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import Phase, Recording
from recording_operator.api.storagereport import ReportScope
from recording_operator.engine.facts import Affects, BudgetHold, BudgetHoldsChanged
from recording_operator.engine.next_step import Obstacle

PASSING_PRIORITY: Final = 100
"""Recordings with this priority or a higher one are not held."""


@dataclass(frozen=True, slots=True)
class _Filter:
    """A scope as sets, because it may list hundreds of names. An empty set includes all."""

    orgs: frozenset[str]
    namespaces: frozenset[str]
    locations: frozenset[str]

    @classmethod
    def of(cls, scope: ReportScope) -> "_Filter":
        return cls(frozenset(scope.orgs), frozenset(scope.namespaces), frozenset(scope.storage_locations))

    def includes(self, recording: Recording, location: str | None) -> bool:
        return (
            (not self.orgs or recording.spec.owner.org in self.orgs)
            and (not self.namespaces or recording.metadata.namespace in self.namespaces)
            and (not self.locations or location in self.locations)
        )


_Holds = list[tuple[BudgetHold, tuple[_Filter, ...]]]


class BudgetHolds:
    """The holds that apply now; none are known before the first fact."""

    def __init__(self) -> None:
        self._holds: _Holds | None = None

    def observe(self, fact: BudgetHoldsChanged) -> Affects:
        """Note the holds. Returns which Recordings they may concern.

        A cost that has grown concerns none: thousands may wait, and their messages would be written at each refresh."""
        before = self._holds
        after = self._holds = [(hold, tuple(map(_Filter.of, hold.scopes))) for hold in fact.holds]
        return lambda recording, location: (
            _what_holds(recording, location, before) != _what_holds(recording, location, after)
        )

    def holding(self, recording: Recording, location: str | None) -> BudgetHold | None:
        """The first hold that keeps this Recording from beginning at the location."""
        return None if _passes(recording, location) else _first(recording, location, self._holds or [])

    def obstacle(self, recording: Recording, location: str | None) -> Obstacle | None:
        """Why this Recording may not begin at the location now; without a reason while the holds are not known."""
        if _passes(recording, location):
            return None
        if self._holds is None:
            return Obstacle(reason=None)
        hold = _first(recording, location, self._holds)
        return None if hold is None else Obstacle(reason=Reason.BUDGET_EXCEEDED, message=_message(hold))

    def reports(self) -> list[str]:
        """The reports that hold uploads, whether any Recording waits or not."""
        return [hold.report for hold, _ in self._holds or ()]


def _passes(recording: Recording, location: str | None) -> bool:
    move = recording.status.move
    if move is not None and move.to is not None and move.to == location:
        has_begun = any(copy.phase is not Phase.PENDING or copy.upload_id for copy in move.artifacts)
    else:
        has_begun = recording.status.started_at is not None
    return has_begun or recording.spec.priority >= PASSING_PRIORITY


def _first(recording: Recording, location: str | None, holds: _Holds) -> BudgetHold | None:
    found = (hold for hold, filters in holds if all(one.includes(recording, location) for one in filters))
    return next(found, None)


def _what_holds(recording: Recording, location: str | None, holds: _Holds | None) -> tuple[str, str] | None:
    """The report and the budget that hold it; empty names while the holds are not known."""
    if _passes(recording, location):
        return None
    if holds is None:
        return "", ""
    hold = _first(recording, location, holds)
    return None if hold is None else (hold.report, hold.budget)


def _message(hold: BudgetHold) -> str:
    return (
        f"StorageReport {hold.report}: this month has cost {hold.cost}, and the budget is {hold.budget}. New uploads "
        "wait until its owner raises spec.budget or the month ends. If the URL expires before, apply a fresh one."
    )

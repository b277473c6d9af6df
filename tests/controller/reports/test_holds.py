"""Which StorageReports hold new uploads, as the watch and the clock tell it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from recording_operator.controller.reports.holds import HoldKeeper
from recording_operator.engine.facts import BudgetHold, BudgetHoldsChanged


def at(text: str) -> datetime:
    """A time in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


NOW = at("2026-11-21T09:00")
USD: dict[str, Any] = {"amount": "50", "currency": "USD", "action": "HoldUploads"}


class Watched:
    """A keeper, its clock, and what it has posted."""

    def __init__(self, *reports: dict[str, Any]) -> None:
        self.now = NOW
        self.posted: list[tuple[BudgetHold, ...]] = []
        self.keeper = HoldKeeper(post=self._post, now=lambda: self.now)
        for report in reports:
            self.keeper.seen(report)
        self.keeper.listed(frozenset(report["metadata"]["uid"] for report in reports))

    def _post(self, fact: BudgetHoldsChanged) -> None:
        self.posted.append(fact.holds)

    def holding(self) -> list[str]:
        """The reports that hold uploads, as posted last."""
        return [hold.report for hold in self.posted[-1]]


def a_report(
    name: str = "all",
    *,
    cost: str | None = "51.2",
    as_of: datetime = NOW - timedelta(hours=1),
    status: dict[str, Any] | None = None,
    metadata: dict[str, Any] | None = None,
    **spec: Any,
) -> dict[str, Any]:
    """A report as the watch shows it, counted an hour ago."""
    counted = {"cost": {"currency": "USD", "monthToDate": cost}} if cost is not None else {}
    return {
        "apiVersion": "recordings.dev/v1alpha1",
        "kind": "StorageReport",
        "metadata": {"name": name, "uid": f"uid-{name}", "generation": 1, "resourceVersion": "1", **(metadata or {})},
        "spec": {"budget": USD, **spec},
        "status": {"asOf": f"{as_of:%Y-%m-%dT%H:%M:%SZ}", **counted, **(status or {})},
    }


def test_a_spent_budget_holds_the_scope_of_its_report() -> None:
    scope = {"orgs": ["acme"], "namespaces": ["team-a"], "storageLocations": ["archive"]}

    [[hold]] = Watched(a_report(scope=scope)).posted

    assert (hold.report, hold.cost, hold.budget) == ("all", "51.20 USD", "50 USD")
    [held] = hold.scopes
    assert (held.orgs, held.namespaces, held.storage_locations) == (("acme",), ("team-a",), ("archive",))


@pytest.mark.parametrize(
    "report",
    [
        a_report(cost="49.99"),
        a_report(cost=None),
        a_report(budget={**USD, "action": "Warn"}),
        a_report(budget={"amount": "50"}),
        a_report(budget=None),
        a_report(budget={**USD, "currency": "EUR"}),
        a_report(suspend=True),
        a_report(metadata={"deletionTimestamp": "2026-11-21T08:59:00Z"}),
        a_report(as_of=at("2026-10-31T23:59")),
        a_report(as_of=at("2025-11-21")),
        a_report(as_of=at("2026-12-01")),
    ],
)
def test_others_hold_nothing_and_that_is_posted_too(report: dict[str, Any]) -> None:
    assert Watched(report).posted == [()]


def test_nothing_is_posted_before_all_reports_are_listed() -> None:
    posted: list[BudgetHoldsChanged] = []
    keeper = HoldKeeper(post=posted.append, now=lambda: NOW)
    keeper.seen(a_report("a"))
    keeper.tick()
    keeper.seen(a_report("b"))
    assert posted == []

    keeper.listed(frozenset({"uid-a", "uid-b"}))

    assert [[hold.report for hold in fact.holds] for fact in posted] == [["a", "b"]]


def test_what_does_not_change_is_posted_once() -> None:
    watched = Watched(a_report("b"), a_report("a"))
    for _ in range(3):
        watched.keeper.seen(a_report("b"))
        watched.keeper.tick()
    watched.keeper.listed(frozenset({"uid-a", "uid-b"}))

    assert len(watched.posted) == 1
    assert watched.holding() == ["a", "b"]


@pytest.mark.parametrize(
    "after",
    [
        a_report(budget={**USD, "amount": "51.21"}),
        a_report(budget={**USD, "action": "Warn"}),
        a_report(suspend=True),
        a_report(cost="20"),
    ],
)
def test_an_edit_or_a_refresh_ends_a_hold_at_once(after: dict[str, Any]) -> None:
    watched = Watched(a_report())
    assert watched.holding() == ["all"]

    watched.keeper.seen(after)
    assert watched.holding() == []
    watched.keeper.seen(a_report())
    assert watched.holding() == ["all"]


def test_a_deleted_report_and_one_that_is_in_no_list_hold_nothing() -> None:
    watched = Watched(a_report("a"), a_report("b"))

    watched.keeper.gone("uid-a")
    assert watched.holding() == ["b"]
    watched.keeper.listed(frozenset())
    assert watched.holding() == []


def test_the_late_deletion_of_a_namesake_changes_nothing() -> None:
    watched = Watched(a_report())
    watched.keeper.seen(a_report(metadata={"uid": "another"}))
    watched.keeper.gone("uid-all")
    assert watched.holding() == ["all"]


def test_a_hold_ends_with_its_month() -> None:
    watched = Watched(a_report())

    watched.now = at("2026-11-30T23:59")
    watched.keeper.tick()
    assert watched.holding() == ["all"]
    watched.now = at("2026-12-01")
    watched.keeper.tick()
    assert watched.holding() == []


def test_after_an_edit_of_the_scope_only_what_was_counted_is_held() -> None:
    [[hold]] = Watched(a_report(scope={"orgs": ["globex"]}, status={"scope": {"orgs": ["acme", "globex"]}})).posted

    assert [scope.orgs for scope in hold.scopes] == [("globex",), ("acme", "globex")]


def test_a_report_that_cannot_be_read_holds_nothing_and_the_others_do() -> None:
    watched = Watched(a_report("a"), a_report("b"))
    watched.keeper.seen(a_report("a", budget={"amount": ["much"]}))
    assert watched.holding() == ["b"]


def test_fields_of_the_status_that_do_not_matter_are_not_read() -> None:
    assert Watched(a_report(status={"byOrg": "unreadable"})).holding() == ["all"]

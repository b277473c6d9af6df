"""What the history of a report says about a period and an organisation, and which report says most."""

from decimal import Decimal

import pytest

from recording_operator.api.meta import ObjectMeta
from recording_operator.api.storagereport import ReportCost, StorageReport
from recording_operator.api.storagereport_history import HistoryEntry, HistoryOrg
from recording_operator.costs.org_history import history_of, mean_stored
from recording_operator.costs.report_choice import choice_of


def entry(when: str, **stored_gb: int) -> HistoryEntry:
    orgs = tuple(HistoryOrg(name=name.replace("other", "(other)"), storage_gb=gb) for name, gb in stored_gb.items())
    return HistoryEntry(date=when, orgs=orgs)


def report(name: str, *, is_refreshed: bool = True, is_in_spec_only: bool = False, **scope: list[str]) -> StorageReport:
    cost = ReportCost().model_dump(by_alias=True) if is_refreshed else None
    status = {"cost": cost, **({"scope": {}} if is_in_spec_only else {})}
    return StorageReport.model_validate({"metadata": ObjectMeta(name=name), "spec": {"scope": scope}, "status": status})


def test_a_month_counts_with_all_its_days() -> None:
    history = [entry("2026-09", acme=100), *(entry(f"2026-10-{day:02}", acme=1000) for day in range(1, 11))]
    assert mean_stored(history) == {"acme": Decimal(100 * 30 + 1000 * 10) / 40}


def test_days_without_usage_count_so_that_a_filter_changes_nothing() -> None:
    history = [entry("2026-10-01", acme=10), entry("2026-10-02", globex=4)]
    assert mean_stored(history) == {"acme": 5, "globex": 2}
    assert mean_stored(history_of(history, "acme").entries) == {"acme": 5}
    assert mean_stored([]) == {}


def test_days_in_which_an_organisation_may_be_among_the_others_are_left_out_and_named() -> None:
    history = [entry("2026-10-01", acme=10, other=3), entry("2026-10-02", globex=4, other=9), entry("2026-10-03")]
    found = history_of(history, "acme")
    assert [one.date for one in found.entries] == ["2026-10-01", "2026-10-03"]
    assert found.hidden == ("2026-10-02",)
    assert history_of(history, "(other)").hidden == history_of(history).hidden == ()


@pytest.mark.parametrize(
    ("reports", "org", "best"),
    [
        ([report("a", is_refreshed=False), report("b")], None, ["b"]),
        ([report("a", orgs=["acme"]), report("b")], None, ["b"]),
        ([report("a", orgs=["acme"]), report("b")], "acme", ["a", "b"]),
        ([report("a", namespaces=["team"])], None, ["a"]),
        ([report("a", namespaces=["team"]), report("b", namespaces=["lab"])], None, []),
        ([report("a", namespaces=["team"], is_in_spec_only=True), report("b", namespaces=["lab"])], None, ["a"]),
        ([report("a", orgs=["globex"])], "acme", []),
    ],
)
def test_which_report_says_most(reports: list[StorageReport], org: str | None, best: list[str]) -> None:
    assert [one.metadata.name for one in choice_of(reports, org).best] == best

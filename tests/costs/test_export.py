"""Rows for people, spreadsheets and programs."""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording_operator.api.storagereport_history import HistoryEntry, HistoryOrg
from recording_operator.cells import width
from recording_operator.costs.export import Row, Step, rows, whole_history
from recording_operator.costs.rows import GroupBy
from recording_operator.costs.tables import as_csv, as_json, as_table
from recording_operator.costs.view import ReportView
from recording_operator.usage.sample import State
from tests.costs.views import ARCHIVE, PATIENT, World, after_a_month_of_sums, arrival, at, flat, row, sample


def entry(when: str, *, org: str = "acme", gb: str = "100", estimated: bool = False) -> HistoryEntry:
    part = HistoryOrg(
        name=org,
        storage_gb=Decimal(gb),
        upload_gb=Decimal(2),
        download_gb=Decimal(1),
        api_requests=3,
        storage_cost=Decimal("0.0767"),
        download_cost=Decimal("0.09"),
        request_cost=Decimal("0.0001"),
    )
    return HistoryEntry(date=when, estimated=estimated, orgs=(part,))


NOVEMBER = [entry("2026-08"), *(entry(f"2026-11-{day:02}", gb=str(day)) for day in range(1, 31))]


def test_the_columns_of_the_csv() -> None:
    text = as_csv(rows([entry("2026-11-21")]), currency="USD")
    assert text.split("\r\n") == [
        "date,org_id,metric_type,value,unit,cost_usd",
        "2026-11-21,acme,storage_gb,100.000000,GB,0.076700",
        "2026-11-21,acme,upload_gb,2.000000,GB,0.000000",
        "2026-11-21,acme,download_gb,1.000000,GB,0.090000",
        "2026-11-21,acme,api_requests,3.000000,requests,0.000100",
        "",
    ]


def test_a_window_has_its_first_and_last_day() -> None:
    found = rows(NOVEMBER, begin=date(2026, 11, 10), end=date(2026, 11, 12))
    assert {row.date for row in found} == {"2026-11-10", "2026-11-11", "2026-11-12"}


def test_weeks_begin_on_monday_and_months_sum_up() -> None:
    weeks = rows(NOVEMBER, begin=date(2026, 11, 2), end=date(2026, 11, 15), step=Step.WEEK)
    stored = {row.date: row.value for row in weeks if row.metric_type == "storage_gb"}
    assert stored == {"2026-11-02": Decimal(5), "2026-11-09": Decimal(12)}  # means of 2..8 and 9..15
    uploads = {row.date: row.value for row in weeks if row.metric_type == "upload_gb"}
    assert uploads == {"2026-11-02": 14, "2026-11-09": 14}
    months = [row for row in rows(NOVEMBER, step=Step.MONTH) if row.metric_type == "download_gb"]
    assert [(row.date, row.value) for row in months] == [("2026-08", Decimal(1)), ("2026-11", Decimal(30))]


def test_rows_are_in_order_whatever_the_order_of_the_history() -> None:
    assert rows(NOVEMBER[::-1]) == rows(NOVEMBER)


def test_a_step_with_an_estimated_day_is_estimated() -> None:
    week = [entry(f"2026-11-{day:02}", estimated=day == 4) for day in range(2, 16)]
    marks = {row.date: row.estimated for row in rows(week, step=Step.WEEK)}
    assert marks == {"2026-11-02": True, "2026-11-09": False}


@pytest.mark.parametrize("step", Step)
def test_costs_are_the_same_however_they_are_cut(step: Step) -> None:
    found = rows(NOVEMBER, step=step)
    assert sum(row.cost for row in found) == 31 * Decimal("0.1668")


@PATIENT
@given(name=st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=20))
def test_no_cell_of_the_csv_is_a_formula(name: str) -> None:
    text = as_csv(rows([entry("2026-11-21", org=name)]), currency="USD")
    for line in csv.reader(io.StringIO(text, newline="")):
        assert len(line) == 6
        assert not any(cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r")) for cell in line)


def test_json_has_no_binary_fractions() -> None:
    [first, *_] = json.loads(
        as_json(rows([entry("2026-11-21", estimated=True)]), currency="EUR"), parse_float=pytest.fail
    )
    assert first == {
        "date": "2026-11-21",
        "org_id": "acme",
        "metric_type": "storage_gb",
        "value": "100.000000",
        "unit": "GB",
        "cost_eur": "0.076700",
        "estimated": True,
    }


def test_the_table_has_a_line_for_each_day_and_organisation_marks_estimates_and_sums_up() -> None:
    history = [entry("2026-11-20", estimated=True), entry("2026-11-21", gb="1234.5"), entry("2026-11-22", org="globex")]
    history.append(HistoryEntry(date="2026-11-23", orgs=(HistoryOrg(name="gone"),)))
    lines = [line.split() for line in as_table(rows(history), currency="EUR").splitlines()]
    assert lines == [
        ["DAY", "ORG", "STORED-GB", "UPLOADED-GB", "DOWNLOADED-GB", "REQUESTS", "COST-EUR"],
        ["2026-11-20~", "acme", "100.000", "2.000", "1.000", "3", "0.1668"],
        ["2026-11-21", "acme", "1,234.500", "2.000", "1.000", "3", "0.1668"],
        ["2026-11-22", "globex", "100.000", "2.000", "1.000", "3", "0.1668"],
        ["TOTAL", "0.50"],
        ["~", "Some", "days", "had", "no", "count.", "Their", "numbers", "are", "derived", "from", "other", "days."],
    ]


def test_names_of_wide_characters_and_escape_sequences_keep_the_columns_of_the_table() -> None:
    history = [entry("2026-11-20", org="北京录音"), entry("2026-11-21", org="\x1b[31mred"), entry("2026-11-22")]
    table = as_table(rows(history), currency="USD")
    assert "\x1b" not in table
    assert {width(line) for line in table.splitlines()} == {85}


def test_the_table_says_that_storage_of_a_month_is_a_mean() -> None:
    found = rows([entry("2026-11-20"), entry("2026-11-21", gb="300")], step=Step.MONTH)
    header, line, *_ = [line.split() for line in as_table(found, currency="USD", step=Step.MONTH).splitlines()]
    assert header[:3] == ["MONTH", "ORG", "MEAN-STORED-GB"]
    assert line[:3] == ["2026-11", "acme", "200.000"]


def two_locations(*, ratio: str = "0.5") -> World:
    """Two locations of one account: two organisations, two namespaces, two classes, and a noncurrent version."""
    held = [row("acme", 100), row("acme", 7, namespace="other", storage_class="GLACIER"), row("globex", 30)]
    more = [*held, row("acme", 20, state=State.NONCURRENT), row("initech", 5)]
    first, second = at("2026-11-20T06:00"), at("2026-11-21T06:00")
    third = at("2026-11-23T06:00")
    archive = [
        sample(first, held),
        sample(second, more, since=first, arrived=(arrival("initech", 5, at("2026-11-20T18:00"), writes=7),)),
        sample(third, more, since=second),
    ]
    other = [sample(first, [row("acme", 50)], location="other")]
    prices = {name: [flat("0.023", out="0.09", classes=GLACIER)] for name in (ARCHIVE, "other")}
    return World(samples={ARCHIVE: archive, "other": other}, prices=prices, ratio=ratio)


GLACIER = """
[storageClasses.GLACIER]
tiers = [{ perGBMonth = "0.0036" }]
"""


def of_usage(
    world: World, *, by: GroupBy = GroupBy.ORG, scope: Mapping[str, Any] | None = None, **options: Any
) -> list[Row]:
    view = ReportView(world.inputs({"scope": scope or {}}))
    return rows(whole_history(view, by), **options)


def total(found: Iterable[Row], metric: str) -> Decimal:
    return sum((row.value for row in found if row.metric_type == metric), Decimal(0))


@pytest.mark.parametrize("step", Step)
def test_samples_give_the_rows_of_the_reports_history(step: Step) -> None:
    world = two_locations()
    from_history = rows(world.report().history, step=step)
    from_samples = of_usage(world, step=step)
    assert len(from_history) > 10
    assert [(row.date, row.group, row.metric_type, row.value, row.cost) for row in from_samples] == [
        (row.date, row.group, row.metric_type, row.value, row.cost) for row in from_history
    ]


@pytest.mark.parametrize("by", GroupBy)
@pytest.mark.parametrize("step", Step)
def test_every_grouping_sums_to_the_same(by: GroupBy, step: Step) -> None:
    world = two_locations()
    found = of_usage(world, by=by, step=step)
    assert sum(row.cost for row in found) == sum(entry.cost for entry in world.report().history)
    by_org = of_usage(world)
    for metric in ("upload_gb", "download_gb", "api_requests"):
        # The amount of each group and day is rounded to a millionth.
        assert float(total(found, metric)) == pytest.approx(float(total(by_org, metric)), abs=0.001)


def test_rows_are_about_namespaces_locations_or_classes() -> None:
    world = two_locations()

    def groups(by: GroupBy) -> set[str]:
        return {row.group for row in of_usage(world, by=by)}

    assert groups(GroupBy.NAMESPACE) == {"team", "other"}
    assert groups(GroupBy.LOCATION) == {ARCHIVE, "other"}
    assert groups(GroupBy.CLASS) == {"STANDARD", "STANDARD (noncurrent)", "GLACIER"}


def test_a_scope_filters_rows_and_changes_none() -> None:
    world = two_locations()
    scope = {"orgs": ["acme"], "storageLocations": [ARCHIVE]}
    found = of_usage(world, by=GroupBy.NAMESPACE, scope=scope)
    assert {row.group for row in found} == {"team", "other"}
    alone = [row for row in of_usage(world, scope=scope) if row.metric_type == "storage_gb"]
    history = world.report({"scope": scope}).history
    assert sum(row.cost for row in found) == sum(entry.cost for entry in history)
    assert [row.value for row in alone] == [entry.storage_gb for entry in history]


def test_stored_is_the_end_of_the_day_and_days_without_a_sample_are_estimated() -> None:
    stored = {
        row.date: (row.value, row.estimated)
        for row in of_usage(two_locations(ratio="0"))
        if row.metric_type == "storage_gb" and row.group == "globex"
    }
    assert stored["2026-11-21"] == (Decimal(30), False)
    assert stored["2026-11-22"] == (Decimal(30), True)


def test_a_month_known_only_as_a_sum_is_one_row() -> None:
    found = of_usage(World(samples={ARCHIVE: after_a_month_of_sums(days=30)}))
    assert next((one.date, one.value, one.cost) for one in found if one.metric_type == "storage_gb") == (
        "2026-08",
        Decimal(10),
        Decimal("0.23"),
    )


def test_the_column_of_another_grouping_has_its_name() -> None:
    found = of_usage(two_locations(), by=GroupBy.CLASS)
    assert as_csv(found, currency="USD", group_by=GroupBy.CLASS).startswith(
        "date,storage_class,metric_type,value,unit,cost_usd\r\n"
    )
    assert set(json.loads(as_json(found, currency="USD", group_by=GroupBy.NAMESPACE))[0]) == {
        "date", "namespace", "metric_type", "value", "unit", "cost_usd", "estimated",
    }  # fmt: skip
    assert as_table(found, currency="USD", group_by=GroupBy.LOCATION).split()[:2] == ["DAY", "LOCATION"]

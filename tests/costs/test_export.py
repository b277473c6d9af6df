"""Rows for people, spreadsheets and programs."""

import csv
import io
import json
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording_operator.api.storagereport import HistoryEntry, HistoryOrg
from recording_operator.costs.export import Step, as_csv, as_json, as_table, no_formula, rows
from tests.usage.sampling import PATIENT


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


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =cmd|' /C calc'!A0", "-acme"])
def test_formulas_become_text(cell: str) -> None:
    assert no_formula(cell) == f"'{cell}"


def test_harmless_cells_are_unchanged() -> None:
    assert [no_formula(cell) for cell in ("acme", "a=b", "2026-11-21", "(other)", "")] == [
        "acme", "a=b", "2026-11-21", "(other)", "",
    ]  # fmt: skip


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
        ["DATE", "ORG", "STORED-GB", "UPLOADED-GB", "DOWNLOADED-GB", "WRITES", "COST-EUR"],
        ["2026-11-20~", "acme", "100.000", "2.000", "1.000", "3", "0.1668"],
        ["2026-11-21", "acme", "1,234.500", "2.000", "1.000", "3", "0.1668"],
        ["2026-11-22", "globex", "100.000", "2.000", "1.000", "3", "0.1668"],
        ["TOTAL", "0.50"],
    ]

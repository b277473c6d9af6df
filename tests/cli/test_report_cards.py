"""The cards of a report: their numbers are those of the status, on every screen."""

import os
import re
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording_operator.api.storagereport import StorageReport
from recording_operator.api.storagereport_budget import Budget
from recording_operator.api.storagereport_history import HistoryEntry
from recording_operator.cells import width
from recording_operator.cli.reports.breakdowns import ALL_OTHERS
from recording_operator.cli.reports.overview import overview
from recording_operator.cli.screen.bars import bar
from recording_operator.cli.screen.panels import Look, sparkline
from recording_operator.costs.money import CENT, MILL, rounded
from recording_operator.usage.sample import OTHER
from tests.cli.reported import broken, growing, refreshed
from tests.costs.test_report_properties import worlds
from tests.costs.test_worked_example import november
from tests.costs.views import PATIENT, World, at, cost, flat, one, row, sample, totals

SCREENS = Path(__file__).parent / "screens"
PLAIN = Look()
NARROW = Look(columns=80, drawn=True)
WIDE = Look(columns=200, drawn=True)


def screen(report: StorageReport, look: Look = PLAIN, *, top: int = 10, hours: int = 9) -> str:
    """The screen some hours after the last refresh."""
    then = report.status.last_refresh_time or at("2026-11-28")
    title = f"StorageReport {report.metadata.name}"
    return overview(report, look, title=title, now=then + timedelta(hours=hours), top=top)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The lines of a plain table as cells by the names of the columns."""

    lines: list[dict[str, str]]

    def column(self, name: str) -> list[Decimal]:
        """Amounts."""
        return [Decimal(line[name].replace(",", "")) for line in self.lines]


def table(text: str, first: str) -> Table:
    """The table whose first column has this name."""
    found = next(part for part in text.split("\n\n") if part.startswith(first))
    head, *lines = [re.split(" {3,}", line) for line in found.splitlines() if not line.startswith("- ")]
    return Table(lines=[dict(zip(head, line, strict=True)) for line in lines])


def values(text: str) -> dict[str, str]:
    """What the cards say, by name."""
    found = next(part for part in text.split("\n\n") if part.startswith("Stored "))
    return {
        name.strip(): value
        for name, value in (re.split(" {3,}", line.strip(), maxsplit=1) for line in found.splitlines())
    }


def amount(text: str) -> Decimal:
    return Decimal(text.split(maxsplit=1)[0].replace(",", ""))


@PATIENT
@given(world=worlds())
def test_every_number_is_that_of_the_status(world: World) -> None:
    report = refreshed(world)
    status, text = report.status, screen(report, top=100)
    shown, found = values(text), cost(status)
    assert status.summary is not None
    assert shown["Stored"] == status.summary.storage
    assert shown["This month so far"] == status.summary.month_to_date
    assert shown["This month, projected"] == status.summary.projected_month
    assert shown["Next month"] == status.summary.projected_next_month
    assert shown["Last month"] == (status.summary.last_month or "not counted")
    assert [amount(shown[name]) for name in ("This month so far", "A day now", "This month, projected")] == [
        found.month_to_date,
        found.today,
        found.projected_month,
    ]
    assert amount(shown["Objects"]) == totals(status).objects
    assert amount(shown["Recordings"]) == totals(status).recordings
    for first, rows in (
        ("ORGANISATION", status.by_org),
        ("STORAGELOCATION", status.by_storage_location),
        ("STORAGE-CLASS", status.by_storage_class),
    ):
        if rows:
            lines = table(text, first)
            assert [line[first] for line in lines.lines] == [one.name for one in rows]
            assert lines.column("USD-A-DAY") == [rounded(one.cost, MILL) for one in rows]


@PATIENT
@given(world=worlds(), columns=st.integers(20, 220), top=st.integers(0, 5))
def test_a_drawn_screen_has_the_numbers_of_the_plain_one(world: World, columns: int, top: int) -> None:
    report = refreshed(world, budget={"amount": "50"})
    drawn = screen(report, Look(columns=columns, drawn=True), top=top)
    words = set(re.sub("[│╭╮╰╯─░▒█]", " ", drawn).split())
    for value in values(screen(report, top=top)).values():
        assert set(value.split()) <= words


@PATIENT
@given(world=worlds(), top=st.integers(0, 3))
def test_the_organisations_and_all_others_are_the_month(world: World, top: int) -> None:
    report = refreshed(world)
    text = screen(report, top=top)
    if "USD-THIS-MONTH" not in text or "   -   " in text:
        return
    lines, entries = table(text, "ORGANISATION"), this_month(report)
    names = {line["ORGANISATION"] for line in lines.lines}
    if names & {ALL_OTHERS, OTHER} or {org.name for entry in entries for org in entry.orgs} <= names:
        total = sum((entry.cost for entry in entries), Decimal(0))
        assert abs(sum(lines.column("USD-THIS-MONTH")) - total) <= CENT * len(lines.lines)


def this_month(report: StorageReport) -> list[HistoryEntry]:
    month = f"{report.status.as_of:%Y-%m}-"
    return [entry for entry in report.status.history if entry.date.startswith(month)]


@pytest.mark.parametrize(("name", "look"), [("plain", PLAIN), ("80", NARROW), ("200", WIDE)])
@pytest.mark.parametrize("story", ["daily", "first-day", "failed", "many"])
def test_golden_screens(story: str, name: str, look: Look) -> None:
    reports: dict[str, Any] = {
        "daily": lambda: refreshed(november(13), budget={"amount": "50"}, compare=["cloudflare-r2"]),
        "first-day": lambda: refreshed(one([sample(at("2026-11-01T00:30"), [row("acme", 3)])], flat("0"))),
        "failed": lambda: broken(
            refreshed(growing(), budget={"amount": "9", "action": "HoldUploads"}, scope={"orgs": ["acme", "globex"]})
        ),
        "many": lambda: refreshed(growing(*(f"org-{n}" for n in range(28)), "北京录音有限公司", "x" * 200, days=12)),
    }
    path = SCREENS / f"report-{story}-{name}.txt"
    shown = screen(reports[story](), look, hours=24 if story == "failed" else 9)
    if os.environ.get("WRITE_SCREENS"):
        path.write_text(shown, encoding="utf-8")
    assert shown == path.read_text(encoding="utf-8")
    assert story == "many" or max(map(width, shown.splitlines())) <= 80 or name != "80"


def test_a_thousand_organisations_and_escape_sequences_in_their_names() -> None:
    report = refreshed(growing("\x1b[31mred\nline", *(f"org-{number}" for number in range(999)), days=2))
    assert not set(screen(report, NARROW)) & {"\x1b", "\r"}
    assert len(table(screen(report), "ORGANISATION").lines) == 11


def test_a_budget_in_another_currency_is_not_compared() -> None:
    report = refreshed(growing())
    budget = Budget(amount=Decimal(50), currency="JPY")
    other = report.model_copy(update={"spec": report.spec.model_copy(update={"budget": budget})})
    assert "Budget   50.00 JPY; the costs are in USD" in screen(other)


def test_what_the_words_say() -> None:
    late = screen(refreshed(growing()), hours=48)
    assert "- The next refresh is " in late
    assert "Check whether the operator is running." in late
    old = refreshed(growing())
    edited = old.model_copy(update={"metadata": old.metadata.model_copy(update={"generation": 2})})
    assert "The spec has changed since the last refresh." in screen(edited)
    assert "3 of the last 30 days had no count." in screen(old)
    assert "The last refresh failed (PricesInvalid, 3 times since the last success): No price" in screen(broken(old))


@pytest.mark.parametrize(
    ("share", "later", "shape"),
    [
        ("0", "0", "░░░░"),
        ("0.24", "0", "░░░░"),
        ("0.5", "0.75", "██▒░"),
        ("1", "2", "████"),
        ("9", "0", "████"),
        ("-1", "0", "░░░░"),
    ],
)
def test_bars(share: str, later: str, shape: str) -> None:
    assert bar(Decimal(share), room=4, later=Decimal(later), unicode=True) == shape


@pytest.mark.parametrize(
    ("numbers", "shape"),
    [
        ([], ""),
        ([None], ""),
        ([0, 0], "▁▁"),
        ([5, 5], "▅▅"),
        ([0, None, 7], "▁ █"),
        ([-7, 0], "▁█"),
        ([1000, 1001], "▅▅"),
    ],
)
def test_sparklines(numbers: list[int | None], shape: str) -> None:
    assert sparkline([None if one is None else Decimal(one) for one in numbers]) == shape

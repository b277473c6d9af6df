"""What the pages say about a StorageReport beside its numbers, without a server."""

from datetime import datetime
from decimal import Decimal

import pytest

from recording_operator.api.storagereport import StorageReport
from recording_operator.api.storagereport_budget import Budget
from recording_operator.console.pages.assets import Assets
from recording_operator.console.pages.overview import PhaseCounts, numbers_of
from recording_operator.console.pages.rendering import Frame, Renderer
from recording_operator.console.pages.reports import ChosenReport
from tests.cli.reported import growing, refreshed
from tests.costs.views import at

NOW = at("2026-11-13T09:00")


def overview(report: StorageReport, *, now: datetime = NOW) -> str:
    """The first page with this report."""
    return Renderer(Assets(), version="1").text(
        "overview.html",
        frame=Frame(title="Overview", username="kim"),
        now=now,
        chosen=ChosenReport(report=report),
        report=numbers_of(report),
        counts=PhaseCounts(complete=1, failed=0, uploading=0, pending=0),
        expiring=[],
        no_rights=False,
        soon_hours=24,
    )


def with_budget(amount: str, currency: str) -> StorageReport:
    """A report that was refreshed before somebody gave it this budget."""
    report, budget = refreshed(growing()), Budget(amount=Decimal(amount), currency=currency)
    return report.model_copy(update={"spec": report.spec.model_copy(update={"budget": budget})})


@pytest.mark.parametrize(
    ("report", "shown"),
    [
        (refreshed(growing()), "<dt>Budget</dt><dd>none</dd>"),
        (with_budget("500", "EUR"), "<dt>Budget</dt><dd>500.00 EUR; the costs are in USD</dd>"),
        (with_budget("5", "USD"), "% of 5.00 USD</dd>"),
    ],
    ids=["none", "of another currency", "of this currency"],
)
def test_the_budget_is_shown_whatever_its_currency_is(report: StorageReport, shown: str) -> None:
    page = overview(report)
    assert shown in page
    assert ("Used of the budget" in page) is ("5.00 USD" in shown)

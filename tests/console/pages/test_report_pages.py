"""What the pages say about a StorageReport beside its numbers, without a server."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

import pytest

from recording_operator.api.storagereport import StorageReport
from recording_operator.api.storagereport_budget import Budget
from recording_operator.catalog.downloads import DownloadSum
from recording_operator.console.pages.assets import Assets
from recording_operator.console.pages.costs import CostQuery, view_of
from recording_operator.console.pages.days import ignored_days
from recording_operator.console.pages.downloads import DownloadLine, MostDownloaded
from recording_operator.console.pages.overview import PhaseCounts, numbers_of
from recording_operator.console.pages.rendering import Frame, Renderer
from recording_operator.console.pages.reports import ChosenReport
from recording_operator.console.pages.states import row_of
from recording_operator.costs.export import Step
from tests.cli.reported import broken, growing, refreshed
from tests.console.pages.test_words import an_entry
from tests.costs.views import at

NOW = at("2026-11-13T09:00")


def overview(report: StorageReport, *, now: datetime = NOW) -> str:
    """The first page with this report."""
    return Renderer(Assets(), version="1").text(
        "overview.html",
        frame=Frame(title="Overview", username="kim"),
        now=now,
        chosen=ChosenReport(report=report),
        report=numbers_of(report, now),
        counts=PhaseCounts(complete=1, failed=0, uploading=0, pending=0),
        expiring=[],
        no_rights=False,
        soon_hours=24,
    )


def costs(report: StorageReport, *, now: datetime = NOW, ignored: tuple[str, ...] = ()) -> str:
    """The page of the costs with this report."""
    query = CostQuery()
    return Renderer(Assets(), version="1").text(
        "costs.html",
        frame=Frame(title="Costs", username="kim"),
        now=now,
        chosen=ChosenReport(report=report),
        view=view_of(report, query, now),
        downloads=None,
        query=query,
        ignored=ignored,
        steps=list(Step),
        org_names=[],
        csv_url="",
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


def unpriced() -> StorageReport:
    """A report with usage that has no price."""
    report = refreshed(growing())
    return report.model_copy(update={"status": report.status.model_copy(update={"unpriced": ("class COLD",)})})


@pytest.mark.parametrize("page", [overview, costs])
def test_both_pages_say_why_numbers_are_old_or_too_low(page: Callable[..., str]) -> None:
    assert "notice warn" not in page(refreshed(growing()))
    assert "The last refresh failed (PricesInvalid, 3 times since the last success): No price" in page(
        broken(refreshed(growing()))
    )
    assert "Without a price, and not included in any cost: class COLD." in page(unpriced())
    assert "The next refresh is " in page(refreshed(growing()), now=at("2026-11-20T09:00"))


def test_a_day_that_does_not_exist_is_not_ignored_in_silence() -> None:
    ignored = ignored_days(begin="2026-02-30", end="2026-02-28")
    assert ignored == ("2026-02-30 is not a day, and is ignored. Write days as 2026-11-21.",)
    assert ignored[0] in costs(refreshed(growing()), ignored=ignored)


def test_the_numbers_of_an_earlier_month_are_not_those_of_this_month() -> None:
    report, later = with_budget("5", "USD"), at("2026-12-05T09:00")
    page = overview(report, now=later)
    assert "There are none of 2026-12 yet." in page
    assert "2026-11, as far as counted" in page
    assert "This month so far" not in page
    assert "Used of the budget" not in page
    assert "<dt>Budget</dt><dd>5.00 USD</dd>" in page
    assert "There are none of 2026-12 yet." in costs(report, now=later)


def test_organisations_that_are_not_in_the_table_are_counted() -> None:
    assert "and 3 more" in overview(refreshed(growing(*(f"org-{number}" for number in range(15)), days=12)))
    assert " more</th>" not in overview(refreshed(growing()))


def test_the_most_downloaded_is_the_one_that_was_deleted_not_its_namesake() -> None:
    line = DownloadLine(
        location="archive", recording=row_of(an_entry(uid="old", in_cluster=False)), sum=DownloadSum(9, 100), price=None
    )
    found = MostDownloaded(since=NOW.date(), lines=(line,), exact=True)
    assert 'href="/recordings/team/sync?uid=old"' in Renderer(Assets(), version="1").text(
        "downloads.html", downloads=found
    )


@pytest.mark.parametrize("exact", [True, False])
def test_the_most_downloaded_says_at_least_if_something_was_not_counted(*, exact: bool) -> None:
    found = MostDownloaded(since=NOW.date(), lines=(), exact=exact)
    page = Renderer(Assets(), version="1").text("downloads.html", downloads=found)
    assert ("at least so many" in page) is not exact

"""The worked example of docs/costs.md: its figures, computed and as they are written there."""

from decimal import Decimal
from pathlib import Path

from recording_operator.api.storagereport import DownloadSource
from recording_operator.costs.library import find_profile
from recording_operator.usage.sample import ArrivalRow, DownloadRow, StockRow, UsageSample
from tests.costs.views import DAY, World, at, cost, exactly, one, row, sample

GIB = 2**30
BEGIN = at("2026-11-01")
DOCS = Path(__file__).resolve().parents[2] / "docs" / "costs.md"


def november(days: int) -> World:
    """500 GB of acme all month, 250 GB of globex from the 11th, and 10 GB of acme read on each day."""
    return one([_sample(number) for number in range(days + 1)], *find_profile("aws-s3/us-east-1"))


def _sample(number: int) -> UsageSample:
    when = BEGIN + DAY * number
    rows: list[StockRow] = [row("acme", size_bytes=500 * GIB, objects=1000)]
    come: tuple[ArrivalRow, ...] = ()
    if number > 10:
        rows.append(row("globex", size_bytes=250 * GIB, objects=500))
    if number == 11:
        come = (
            ArrivalRow(
                org="globex",
                namespace="team",
                storage_class="STANDARD",
                objects=500,
                size_bytes=250 * GIB,
                day=at("2026-11-11").date(),
                writes=40_000,
            ),
        )
    read = (DownloadRow(org="acme", day=(when - DAY).date(), size_bytes=10 * GIB),) if number else ()
    return sample(when, rows, arrived=come, downloaded=read, download_source=DownloadSource.ACCESS_LOGS)


def test_the_bill_of_november() -> None:
    found = november(30).report()
    storage, downloads, requests = Decimal("15.33"), Decimal("18.00"), Decimal("0.20")
    assert cost(found).last_month == storage + downloads + requests == Decimal("33.53")
    days = [entry for entry in found.history if entry.date.startswith("2026-11")]
    sums = {
        org: [
            sum((getattr(of, field) for entry in days for of in entry.orgs if of.name == org), Decimal(0))
            for field in ("storage_cost", "download_cost", "request_cost")
        ]
        for org in ("acme", "globex")
    }
    rounded_sums = {org: [round(amount, 2) for amount in of] for org, of in sums.items()}
    assert rounded_sums == {
        "acme": [Decimal("11.50"), Decimal("18.00"), Decimal("0.00")],
        "globex": [Decimal("3.83"), Decimal("0.00"), Decimal("0.20")],
    }


def test_november_on_the_fourteenth() -> None:
    found = november(13).report({"compare": ["cloudflare-r2"]})
    seen = (cost(found).month_to_date, cost(found).today, cost(found).projected_month)
    assert seen == exactly("8.46", "1.1750", "33.79")
    assert cost(found).projected_next_month == Decimal("36.63")
    assert found.summary is not None
    assert found.summary.cheapest == "10.59 USD at cloudflare-r2"
    assert found.comparison[0].reason == "downloads are free"


def test_the_documentation_has_these_figures() -> None:
    text = DOCS.read_text()
    missing = [
        figure
        for figure in ("11.50", "3.83", "18.00", "0.20", "33.53", "8.46", "1.1750", "33.79", "36.63", "10.59")
        if f"{figure} USD" not in text and f"**{figure} USD**" not in text
    ]
    assert missing == []

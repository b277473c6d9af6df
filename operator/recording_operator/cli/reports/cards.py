"""The cards of a report: what is stored, what it costs this month and will cost, the budget, and the uploads."""

from decimal import Decimal
from textwrap import wrap
from typing import Final

from recording_operator.api.storagereport import (
    ProjectionMethod,
    ReportCost,
    ReportTotals,
    ReportUploads,
    StorageReportStatus,
)
from recording_operator.api.storagereport_budget import Budget, BudgetAction
from recording_operator.cli.screen.bars import bar
from recording_operator.cli.screen.panels import Look, Panel
from recording_operator.costs.budget import use_of
from recording_operator.costs.money import CENT, MILL, rounded
from recording_operator.costs.report import money
from recording_operator.times import span

_MILLI: Final = Decimal("0.001")
_BUDGET: Final = "Budget"
_WIDEST_BAR: Final = 40
_METHODS: Final = {
    ProjectionMethod.FLAT: "no growth",
    ProjectionMethod.WEEKDAY_TREND: "growth as before",
}


def cards(status: StorageReportStatus) -> list[Panel]:
    """The four cards of a report that has been refreshed."""
    totals, cost = status.totals or ReportTotals(), status.cost or ReportCost()
    return [_stored(totals), _this_month(totals, cost), _projected(cost), _uploads(totals, status.uploads)]


def _stored(totals: ReportTotals) -> Panel:
    return Panel(
        title="Stored",
        value=gigabytes(totals.storage_gb),
        details=(
            ("Objects", f"{totals.objects:,}"),
            ("Recordings", f"{totals.recordings:,}"),
            ("Uploaded in 24 h", gigabytes(totals.upload_gb24h)),
        ),
    )


def _this_month(totals: ReportTotals, cost: ReportCost) -> Panel:
    return Panel(
        title="This month so far",
        value=money(cost.month_to_date, cost.currency),
        details=(
            ("A day now", f"{rounded(cost.today, MILL):,f} {cost.currency}"),
            ("Downloaded", gigabytes(totals.download_gb)),
            ("Write requests", f"{totals.api_requests:,}"),
        ),
    )


def _projected(cost: ReportCost) -> Panel:
    last = "not counted" if cost.last_month is None else money(cost.last_month, cost.currency)
    return Panel(
        title="This month, projected",
        value=money(cost.projected_month, cost.currency),
        details=(
            ("Next month", money(cost.projected_next_month, cost.currency)),
            ("Last month", last),
            ("Assumed", _METHODS[cost.method]),
        ),
    )


def _uploads(totals: ReportTotals, uploads: ReportUploads | None) -> Panel:
    known = uploads or ReportUploads()
    seconds = known.mean_seconds
    return Panel(
        title="Recordings, last 24 h",
        value=f"{totals.uploads24h:,} stored, {known.failed24h:,} failed",
        details=(
            ("Success rate", known.success_rate or "-"),
            ("Mean time", "-" if seconds is None else span(seconds)),
        ),
        fg="red" if known.failed24h else None,
    )


def gigabytes(amount: Decimal) -> str:
    """GB with as many decimals as in the summary of the report."""
    return f"{rounded(amount, CENT if amount >= 1 else _MILLI):,f} GB"


def budget_line(cost: ReportCost, budget: Budget | None, look: Look) -> str:
    """How much of the budget is used, and will be."""
    if budget is None:
        return "Budget   none (spec.budget)\n"
    use = use_of(budget, cost)
    if use is None:
        return f"{_BUDGET}   {money(budget.amount, budget.currency)}; the costs are in {cost.currency}\n"
    texts = [
        f"{use.used_percent}% of {money(budget.amount, budget.currency)} used",
        f"{use.projected_percent}% projected",
        f"{money(use.left, cost.currency)} left" if use.left >= 0 else f"{money(-use.left, cost.currency)} over it",
    ]
    if budget.action is BudgetAction.HOLD_UPLOADS:
        texts.append("new uploads wait when it is used up")
    words = ", ".join(texts)
    if not look.drawn:
        return f"{_BUDGET}   {words}\n"
    fg = "red" if use.is_spent else "yellow" if use.is_near else "green"
    room = max(min(_WIDEST_BAR, look.columns - len(_BUDGET) - 1), 1)
    drawn = bar(cost.month_to_date / budget.amount, room=room, later=cost.projected_month / budget.amount)
    first = f"{look.styled(_BUDGET, bold=True)} {look.styled(drawn, fg=fg)}"
    if len(_BUDGET) + 1 + room + 2 + len(words) <= look.columns:
        return f"{first}  {words}\n"
    below = wrap(words, max(look.columns - len(_BUDGET) - 1, 1), break_long_words=False)
    return "".join(f"{line}\n" for line in [first, *(" " * (len(_BUDGET) + 1) + line for line in below)])

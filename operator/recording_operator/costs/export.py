"""Usage and costs as rows: by day, week or month, and by organisation, namespace, location or storage class.

docs/reports-cli.md describes them. Rows come from a report's history, or from samples that are valued again; both give
the same numbers.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from recording_operator.api.storagereport import HistoryEntry, HistoryOrg
from recording_operator.costs.charge import Charge
from recording_operator.costs.charges import LocationOwner
from recording_operator.costs.money import MICRO, ZERO, rounded
from recording_operator.costs.rows import class_name
from recording_operator.costs.scope import ScopeFilter
from recording_operator.costs.spans import GroupSums, SpanSums, gb_of
from recording_operator.costs.terms import CostTerms
from recording_operator.usage.days import UsageDays
from recording_operator.usage.sample import UNKNOWN

_DATE_CHARS: Final = 10


class Step(StrEnum):
    """The period of a row. A week begins on Monday and is named by that day."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class GroupBy(StrEnum):
    """What a row is about, besides its period."""

    ORG = "org"
    NAMESPACE = "namespace"
    LOCATION = "location"
    CLASS = "class"

    @property
    def column(self) -> str:
        """Name of the column."""
        return {GroupBy.ORG: "org_id", GroupBy.CLASS: "storage_class"}.get(self, self.value)

    def of(self, owner: LocationOwner) -> str:
        """The group of an owner."""
        match self:
            case GroupBy.ORG:
                return owner.key.org
            case GroupBy.NAMESPACE:
                return owner.key.namespace or UNKNOWN
            case GroupBy.LOCATION:
                return owner.location
            case GroupBy.CLASS:
                return class_name(owner)


@dataclass(slots=True, kw_only=True)
class Amounts:
    """Usage and its cost. `storage_gb` is what is stored at the end of the day."""

    storage_gb: Decimal = ZERO
    upload_gb: Decimal = ZERO
    download_gb: Decimal = ZERO
    api_requests: int = 0
    storage_cost: Decimal = ZERO
    download_cost: Decimal = ZERO
    request_cost: Decimal = ZERO

    def add(self, more: "Amounts | HistoryOrg") -> None:
        """Add each amount."""
        for one in fields(Amounts):
            setattr(self, one.name, getattr(self, one.name) + getattr(more, one.name))


@dataclass(frozen=True, slots=True, kw_only=True)
class UsagePeriod:
    """One day, or one month of which only the sums are known, by group."""

    begin: date
    is_month: bool = False
    estimated: bool = False
    groups: Mapping[str, Amounts | HistoryOrg] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One kind of usage of one group in one step. `group` is the name of an organisation, a namespace and so on."""

    date: str
    group: str
    metric_type: str
    value: Decimal
    unit: str
    cost: Decimal
    estimated: bool


def history_periods(history: Iterable[HistoryEntry]) -> Iterator[UsagePeriod]:
    """The history of a report, by organisation."""
    for entry in history:
        is_month = len(entry.date) < _DATE_CHARS
        yield UsagePeriod(
            begin=date.fromisoformat(f"{entry.date}-01" if is_month else entry.date),
            is_month=is_month,
            estimated=entry.estimated,
            groups={org.name: org for org in entry.orgs},
        )


def usage_periods(
    usage: Mapping[str, UsageDays], charges: Iterable[Charge], terms: CostTerms, *, scope: ScopeFilter, by: GroupBy
) -> Iterator[UsagePeriod]:
    """Usage and the charges for it, as far as `scope` includes them, in order of days."""
    whole = {day for days in usage.values() for day, entry in days.days.items() if entry.days > 1}
    sums = SpanSums(terms=terms, scope=scope, span_of=date.isoformat, group_of=by.of)
    included = (charge for charge in charges if scope.includes(charge.location, charge.key))
    for when, span in sorted(sums.of(usage, included).items()):
        day = date.fromisoformat(when)
        yield UsagePeriod(
            begin=day,
            is_month=day in whole,
            estimated=any(span.estimated.values()),
            groups={name: _amounts(span.groups[name], span.length) for name in span.used},
        )


def _amounts(sums: GroupSums, days: int) -> Amounts:
    """Rounded as in the history."""
    return Amounts(
        storage_gb=gb_of(sums.stored, days),
        upload_gb=gb_of(sums.uploaded),
        download_gb=gb_of(sums.downloaded),
        api_requests=sums.writes,
        storage_cost=sums.storage_cost,
        download_cost=sums.download_cost,
        request_cost=sums.request_cost,
    )


def rows(
    periods: Iterable[UsagePeriod], *, begin: date | None = None, end: date | None = None, step: Step = Step.DAY
) -> list[Row]:
    """The periods from `begin` to `end`, both included. Storage is the mean of a step's days, the rest are sums.

    What is only known by month appears as months. A month is included if its first day is.
    """
    sums: dict[tuple[str, str], Amounts] = {}
    days: dict[str, int] = {}
    estimated: dict[str, bool] = {}
    for period in periods:
        if (begin is not None and period.begin < begin) or (end is not None and period.begin > end):
            continue
        when = f"{period.begin:%Y-%m}" if period.is_month else _begin(period.begin, step)
        days[when] = days.get(when, 0) + 1
        estimated[when] = estimated.get(when, False) or period.estimated
        for name, amounts in period.groups.items():
            sums.setdefault((when, name), Amounts()).add(amounts)
    return [row for key in sorted(sums) for row in _rows(*key, sums[key], days[key[0]], estimated=estimated[key[0]])]


def _begin(day: date, step: Step) -> str:
    if step is Step.MONTH:
        return f"{day:%Y-%m}"
    return (day - timedelta(days=day.weekday()) if step is Step.WEEK else day).isoformat()


def _rows(when: str, name: str, amounts: Amounts, days: int, *, estimated: bool) -> Iterator[Row]:
    for metric, value, cost in (
        ("storage_gb", amounts.storage_gb / days, amounts.storage_cost),
        ("upload_gb", amounts.upload_gb, ZERO),
        ("download_gb", amounts.download_gb, amounts.download_cost),
        ("api_requests", Decimal(amounts.api_requests), amounts.request_cost),
    ):
        yield Row(
            date=when,
            group=name,
            metric_type=metric,
            value=rounded(value, MICRO),
            unit="requests" if metric == "api_requests" else "GB",
            cost=rounded(cost, MICRO),
            estimated=estimated,
        )

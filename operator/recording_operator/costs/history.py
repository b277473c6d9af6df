"""The history of a report: days of three months, then months; the largest organisations and (other)."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Final

from recording_operator.api.storagereport import MOST_HISTORY_ORGS, HistoryEntry, HistoryOrg
from recording_operator.costs.charge import Charge
from recording_operator.costs.money import ZERO
from recording_operator.costs.scope import ScopeFilter
from recording_operator.costs.spans import GroupSums, PeriodSums, SpanSums, gb_of
from recording_operator.costs.terms import CostTerms
from recording_operator.usage.days import UsageDays
from recording_operator.usage.sample import OTHER

MOST_MONTHS: Final = 36
MONTHS_BY_DAY: Final = 3
# etcd accepts 1.5 MiB per object. The size of a row without its name, and the limit for all rows.
_ORG_BYTES: Final = 230
_MOST_HISTORY_BYTES: Final = 800_000


class HistoryBuilder:
    """Sums charges and volumes in scope by day or month, and organisation."""

    def __init__(self, *, terms: CostTerms, scope: ScopeFilter, today: date) -> None:
        self._first_day = _months_before(today.replace(day=1), MONTHS_BY_DAY - 1)
        self._sums = SpanSums(terms=terms, scope=scope, span_of=self._span_of, group_of=lambda owner: owner.key.org)

    def entries(self, usage: Mapping[str, UsageDays], charges: Iterable[Charge]) -> tuple[HistoryEntry, ...]:
        """Months, then days, the oldest first, with as many organisations as fit into a status.

        `charges` are those in scope, `usage` is filtered here.
        """
        spans = self._sums.of(usage, charges)
        months = sorted(when for when in spans if len(when) == len("2026-11"))[-MOST_MONTHS:]
        days_of = sorted(when for when in spans if len(when) == len("2026-11-01"))
        kept = [(when, spans[when]) for when in (*months, *days_of)]
        for most in (MOST_HISTORY_ORGS - 1, 10, 5, 1):
            rows = [_entry(when, span, most) for when, span in kept]
            if sum(_ORG_BYTES + len(org.name) for entry in rows for org in entry.orgs) <= _MOST_HISTORY_BYTES:
                break
        return tuple(rows)

    def _span_of(self, day: date) -> str:
        return f"{day:%Y-%m}" if day < self._first_day else day.isoformat()


def _months_before(month: date, count: int) -> date:
    index = month.year * 12 + month.month - 1 - count
    return date(index // 12, index % 12 + 1, 1)


def _entry(when: str, span: PeriodSums, most: int) -> HistoryEntry:
    """The entry with the largest organisations by name. Its numbers are sums of the rounded parts."""
    used = span.used
    named = sorted(
        used - {OTHER},
        key=lambda name: (-span.groups[name].cost, -span.groups[name].stored, name),
    )[:most]
    rest = GroupSums()
    others = used - set(named)
    for name in others:
        rest.add(span.groups[name])
    days = span.length
    orgs = [_history_org(name, span.groups[name], days) for name in named]
    orgs += [_history_org(OTHER, rest, days)] if others else []
    return HistoryEntry(
        date=when,
        estimated=bool(span.estimated) and all(span.estimated.values()),
        storage_gb=sum((org.storage_gb for org in orgs), ZERO),
        upload_gb=sum((org.upload_gb for org in orgs), ZERO),
        download_gb=sum((org.download_gb for org in orgs), ZERO),
        api_requests=sum(org.api_requests for org in orgs),
        cost=sum((org.storage_cost + org.download_cost + org.request_cost for org in orgs), ZERO),
        orgs=tuple(orgs),
    )


def _history_org(name: str, sums: GroupSums, days: int) -> HistoryOrg:
    return HistoryOrg(
        name=name,
        storage_gb=gb_of(sums.stored, days),
        upload_gb=gb_of(sums.uploaded),
        download_gb=gb_of(sums.downloaded),
        api_requests=sums.writes,
        storage_cost=sums.storage_cost,
        download_cost=sums.download_cost,
        request_cost=sums.request_cost,
    )

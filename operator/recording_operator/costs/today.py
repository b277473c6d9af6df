"""The cost of one day with the current storage and downloads, and its shares."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext

from recording_operator.api.storagereport import PlaybackBase, ReportRow
from recording_operator.costs.arrivals import OTHER, Amount
from recording_operator.costs.billing import SECONDS_PER_DAY, MonthUsage, days_of, month_bill
from recording_operator.costs.downloads import RecentDownloads
from recording_operator.costs.money import MILL, ZERO, exact, rounded, share
from recording_operator.costs.sample import SHARED, CostTerms
from recording_operator.costs.usage import UNKNOWN, Holding


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCost:
    """The cost of a day: `total`, rounded to a hundredth of a cent, and unrounded by holding."""

    total: Decimal
    by_holding: Mapping[Holding, Decimal]
    unpriced: frozenset[str]


def day_cost(
    held: Mapping[Holding, Amount],
    terms: CostTerms,
    *,
    uploaded_bytes_a_day: Decimal,
    day: date,
    reads: RecentDownloads | None = None,
) -> DayCost:
    """The cost of a day in a month without changes. Uploads are attributed in proportion to stored bytes.

    `reads` has the download rates of locations that count downloads.
    """
    with localcontext(exact()):
        costs = dict.fromkeys(held, ZERO)
        unpriced: set[str] = set()
        stored_bytes = sum(amount.readable_bytes for amount in held.values())
        for group, profile in terms.groups().items():
            mine = {
                holding: amount
                for holding, amount in held.items()
                if holding.storage_location in terms.prices and terms.prices[holding.storage_location].group == group
            }
            days = days_of(day, profile.day_basis)
            monthly_share = Decimal(1)
            if terms.playback_base is PlaybackBase.UPLOADED:
                monthly_share = uploaded_bytes_a_day * days / stored_bytes if stored_bytes else ZERO
            downloads = {
                holding: terms.playback_ratio * amount.readable_bytes * monthly_share
                for holding, amount in mine.items()
            }
            for location in _locations_of(group, terms):
                of_day = reads.a_day(location) if reads is not None else None
                if of_day is not None:
                    _put_counted(downloads, location, of_day, mine, days=days, terms=terms)
            by_class: dict[str, int] = {}
            for holding, amount in mine.items():
                by_class[holding.storage_class] = by_class.get(holding.storage_class, 0) + amount.billable_bytes
            usage = MonthUsage(
                byte_seconds={name: size * days * SECONDS_PER_DAY for name, size in by_class.items()},
                download_bytes=int(sum(downloads.values(), ZERO)),
                elapsed_seconds=days * SECONDS_PER_DAY,
            )
            bill = month_bill(profile, usage, month=day)
            unpriced |= bill.unpriced
            for name, cost in bill.storage.items():
                of_class = {
                    holding: amount.billable_bytes for holding, amount in mine.items() if holding.storage_class == name
                }
                _add(costs, cost / days, of_class)
            _add(costs, bill.downloads / days, downloads)
        total = rounded(sum(costs.values(), ZERO), MILL)
        return DayCost(total=total, by_holding=costs, unpriced=frozenset(unpriced))


def _locations_of(group: str, terms: CostTerms) -> list[str]:
    return [name for name, priced in terms.prices.items() if priced.group == group]


def _put_counted(
    downloads: dict[Holding, Decimal],
    location: str,
    of_day: Mapping[str, Decimal],
    mine: Mapping[Holding, Amount],
    *,
    days: int,
    terms: CostTerms,
) -> None:
    """Replace the estimated downloads of a location by a month at the counted rate, by organisation."""
    holdings = {holding: amount for holding, amount in mine.items() if holding.storage_location == location}
    downloads.update(dict.fromkeys(holdings, ZERO))
    for org, bytes_a_day in of_day.items():
        readers = {
            holding: amount.readable_bytes for holding, amount in holdings.items() if org in (SHARED, holding.org)
        }
        stored_bytes = sum(readers.values())
        if not stored_bytes:
            name = terms.prices[location].profile.default_storage_class
            readers, stored_bytes = {Holding(location, name, org or OTHER, UNKNOWN): 1}, 1
        for holding, size_bytes in readers.items():
            part = bytes_a_day * days * size_bytes / stored_bytes
            downloads[holding] = downloads.get(holding, ZERO) + part


def _add(
    costs: dict[Holding, Decimal], cost: Decimal, weights: Mapping[Holding, int] | Mapping[Holding, Decimal]
) -> None:
    total = sum((Decimal(weight) for weight in weights.values()), ZERO)
    if not cost:
        return
    if not total:
        # A minimum charge, although nothing is stored.
        other = Holding(OTHER, OTHER, OTHER, OTHER)
        costs[other] = costs.get(other, ZERO) + cost
        return
    for holding, weight in weights.items():
        costs[holding] = costs.get(holding, ZERO) + cost * weight / total


def rows(
    held: Mapping[Holding, Amount],
    cost: DayCost,
    *,
    by: Callable[[Holding], str],
    recordings: Mapping[str, int],
    most: int,
) -> list[ReportRow]:
    """Rows grouped by `by`, the largest first: at most `most`, and (other). Their costs add up to the total."""
    sums: dict[str, Amount] = {name: Amount() for name in recordings}
    costs: dict[str, Decimal] = dict.fromkeys(recordings, ZERO)
    for holding, amount in held.items():
        name = by(holding)
        sums.setdefault(name, Amount()).add(
            size_bytes=amount.size_bytes, billable_bytes=amount.billable_bytes, objects=amount.objects
        )
    for holding, part in cost.by_holding.items():
        name = by(holding)
        sums.setdefault(name, Amount())
        costs[name] = costs.get(name, ZERO) + part
    largest = sorted(sums, key=lambda name: (-costs.get(name, ZERO), -sums[name].size_bytes, name))
    named = [name for name in largest if name != OTHER][:most]
    rest = [name for name in largest if name not in set(named)]
    weights = {name: costs.get(name, ZERO) for name in named}
    if rest:
        weights[OTHER] = sum((costs.get(name, ZERO) for name in rest), ZERO)
    parts = share(cost.total, weights, quantum=MILL)
    members = {**{name: [name] for name in named}, **({OTHER: rest} if rest else {})}
    return [
        ReportRow(
            name=name,
            recordings=sum(recordings.get(one, 0) for one in of),
            objects=sum(sums[one].objects for one in of),
            bytes=sum(sums[one].size_bytes for one in of),
            cost=parts[name],
        )
        for name, of in members.items()
    ]

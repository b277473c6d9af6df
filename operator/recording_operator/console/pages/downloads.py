"""The Recordings of which most was downloaded, and what that costs at the price of their location."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from recording_operator.api.names import STORAGE_LOCATION_PLURAL
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.api.storagereport import ReportPrices
from recording_operator.catalog.downloads import CountedDownloads, DownloadSum
from recording_operator.console.api.usage_reports import may_list_reports
from recording_operator.console.auth.access import Action
from recording_operator.console.auth.callers import Caller
from recording_operator.console.pages.states import RecordingLine, row_of
from recording_operator.console.parts import ConsoleParts
from recording_operator.costs.library import find_profile, overridden
from recording_operator.costs.money import ZERO
from recording_operator.costs.profile import PriceError

_ROWS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadPrice:
    """What a downloaded byte costs."""

    per_byte: Decimal
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadLine:
    """Downloads of a Recording, or of all others, at a location."""

    location: str
    recording: RecordingLine | None
    """None for all others."""
    sum: DownloadSum
    price: DownloadPrice | None
    """None if it is not known."""

    @property
    def cost(self) -> Decimal | None:
        """At the first rate, without free allowances."""
        return None if self.price is None else self.sum.size_bytes * self.price.per_byte


@dataclass(frozen=True, slots=True, kw_only=True)
class MostDownloaded:
    """The table."""

    since: date
    lines: tuple[DownloadLine, ...]
    """Those of all locations are together exactly what was counted."""
    exact: bool
    """Whether everything was counted, and each Recording by itself."""

    @property
    def total(self) -> DownloadSum:
        """All of them."""
        total = DownloadSum()
        for line in self.lines:
            total = total.plus(line.sum)
        return total


def most_downloaded(
    parts: ConsoleParts, caller: Caller, prices: ReportPrices, *, now: datetime
) -> MostDownloaded | None:
    """The table for a caller who may see all costs; None if no location counts downloads. Raises KubeError.

    A Recording that the caller may not list is among the others.
    """
    if not may_list_reports(parts, caller):  # one report may be about a part, the table is about everything
        return None
    if not parts.access.may(caller, Action(verb="list", resource=STORAGE_LOCATION_PLURAL)):
        return None
    counted = parts.downloads.counted()
    if not counted:
        return None
    known = {one.metadata.name: one for one in parts.locations.all()}
    of_locations = {
        name: download_price(known[name], prices, on=now.date()) if name in known else None for name in counted
    }
    visible = parts.access.visible(caller, parts.reader.namespaces())
    named = tuple(
        DownloadLine(
            location=one.location, recording=row_of(one.entry), sum=one.sum, price=of_locations.get(one.location)
        )
        for one in parts.downloads.most(visible, limit=_ROWS)
        if one.location in counted
    )
    since = min(one.since for one in counted.values()).date()
    exact = all(one.exact for one in counted.values())
    return MostDownloaded(since=since, lines=(*named, *_others(counted, named, of_locations)), exact=exact)


def _others(
    counted: Mapping[str, CountedDownloads],
    named: tuple[DownloadLine, ...],
    prices: Mapping[str, DownloadPrice | None],
) -> list[DownloadLine]:
    rest = {name: found.total for name, found in counted.items()}
    for line in named:
        rest[line.location] = rest[line.location].minus(line.sum)
    return [
        DownloadLine(location=name, recording=None, sum=found, price=prices[name])
        for name, found in sorted(rest.items())
        if found.requests > 0
    ]


def download_price(location: StorageLocation, prices: ReportPrices, *, on: date) -> DownloadPrice | None:
    """The first rate of a location on a day, as a StorageReport with these prices values it.

    None if only a ConfigMap knows it, which the console may not read.
    """
    if location.spec.prices.config_map is not None:
        return None
    try:
        versions = overridden(
            find_profile(prices.profile or location.price_profile),
            per_gb_month=None,
            per_gb_out=prices.download_per_gb,
        )
    except PriceError:
        return None
    profile = next((one for one in reversed(versions) if one.as_of <= on), versions[0])
    rate = ZERO if profile.egress is None else profile.egress.tiers[0].rate
    return DownloadPrice(per_byte=rate / profile.gb_bytes, currency=profile.currency)

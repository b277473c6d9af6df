"""Small worlds for reports: locations, their samples, and the report that follows from them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, settings

from recording_operator.api.storagereport import (
    Playback,
    PlaybackBase,
    ReportCost,
    ReportSource,
    ReportTotals,
    StorageReportSpec,
    StorageReportStatus,
)
from recording_operator.costs.library import find_profile
from recording_operator.costs.profile import Profile, parse_profile
from recording_operator.costs.report import report
from recording_operator.costs.terms import CostTerms, LocationPrices
from recording_operator.costs.view import ReportInputs
from recording_operator.usage.sample import ArrivalRow, PastRow, State, StockRow, UsageSample
from recording_operator.usage.timeline import usage_of

GB = 10**9
DAY = timedelta(days=1)
ARCHIVE = "archive"
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=20)
"""A busy machine is no fault of what is tested."""
TEAM = "team"


def at(text: str) -> datetime:
    """A time in UTC: `2026-03-01` or with a time of day."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def row(
    org: str = "acme",
    gigabytes: int = 0,
    *,
    size_bytes: int = 0,
    namespace: str = TEAM,
    storage_class: str = "STANDARD",
    state: State = State.CURRENT,
    objects: int = 1,
) -> StockRow:
    """Stored objects of an owner, without small ones."""
    return StockRow(
        org=org,
        namespace=namespace,
        storage_class=storage_class,
        state=state,
        objects=objects,
        size_bytes=size_bytes or gigabytes * GB,
    )


def arrival(org: str, gigabytes: int, at: datetime, *, writes: int = 1, namespace: str = TEAM) -> ArrivalRow:
    """Objects that were uploaded at a time."""
    second = at.hour * 3600 + at.minute * 60 + at.second
    return ArrivalRow(
        org=org,
        namespace=namespace,
        storage_class="STANDARD",
        objects=1,
        size_bytes=gigabytes * GB,
        day=at.date(),
        second=second,
        writes=writes,
    )


def sample(at: datetime, rows: Iterable[StockRow] = (), *, location: str = ARCHIVE, **fields: Any) -> UsageSample:
    """One count of a location."""
    return UsageSample(location=location, at=at, stored=tuple(rows), **{"source": ReportSource.INVENTORY, **fields})


def steady(
    first: datetime, days: int, rows: Sequence[StockRow], *, location: str = ARCHIVE, **fields: Any
) -> list[UsageSample]:
    """A sample a day that finds the same."""
    return [sample(first + DAY * number, rows, location=location, **fields) for number in range(days)]


def after_a_month_of_sums(*, days: int) -> list[UsageSample]:
    """Two counts after August, of which only sums are known: 10 GB for so many days."""
    past = PastRow.model_validate(
        {
            "begin": date(2026, 8, 1),
            "end": date(2026, 8, 31),
            "org": "acme",
            "namespace": TEAM,
            "class": "STANDARD",
            "byteSeconds": 10 * GB * days * 86_400,
            "bytes": 10 * GB,
        }
    )
    first, second = at("2026-11-20T06:00"), at("2026-11-21T06:00")
    return [sample(first, [row("acme", 10)], past=(past,)), sample(second, [row("acme", 10)], since=first)]


@dataclass
class World:
    """Locations with their samples and prices."""

    samples: Mapping[str, Sequence[UsageSample]]
    prices: Mapping[str, Sequence[Profile]] = field(default_factory=dict)
    """By location; `default` if left out. Equal profiles are one account."""
    ratio: str = "0"
    base: PlaybackBase = PlaybackBase.STORED

    def terms(self) -> CostTerms:
        """The terms."""
        versions = {name: tuple(self.prices.get(name) or find_profile("default")) for name in self.samples}
        return CostTerms(
            prices={name: LocationPrices(group=of[0].name, versions=of) for name, of in versions.items()},
            playback=Playback(ratio=Decimal(self.ratio), base=self.base),
        )

    def inputs(self, spec: Mapping[str, Any] | None = None) -> ReportInputs:
        """What a report with this spec is computed from."""
        asked = StorageReportSpec.model_validate(spec or {})
        return ReportInputs(
            spec=asked,
            now=max((of[-1].at for of in self.samples.values() if of), default=at("2026-11-28")),
            terms=self.terms(),
            usage={name: known for name, of in self.samples.items() if (known := usage_of(of))},
            comparison={name: find_profile(name) for name in asked.compare},
        )

    def report(self, spec: Mapping[str, Any] | None = None) -> StorageReportStatus:
        """The report with this spec."""
        return report(self.inputs(spec))


def cost(status: StorageReportStatus) -> ReportCost:
    """The cost of a report."""
    assert status.cost is not None
    return status.cost


def totals(status: StorageReportStatus) -> ReportTotals:
    """The totals of a report."""
    assert status.totals is not None
    return status.totals


def exactly(*amounts: int | str) -> tuple[Decimal, ...]:
    """Amounts of money."""
    return tuple(map(Decimal, amounts))


def flat(
    rate: str, *, name: str = "flat", as_of: str = "2020-01-01", more: str = "", classes: str = "", out: str = "0"
) -> Profile:
    """A profile with one rate for storage and one for downloads, in decimal GB and months of 30 days."""
    text = f"""
name = "{name}"
source = "a test"
asOf = {as_of}
currency = "USD"
gbBytes = 1000000000
dayBasis = "fixed30"
{more}
[storageClasses.STANDARD]
tiers = [{{ perGBMonth = "{rate}" }}]
{classes}
[egress]
tiers = [{{ perGB = "{out}" }}]
"""
    return parse_profile(text, where="test")


def one(samples: Sequence[UsageSample], *profile: Profile, ratio: str = "0", **fields: Any) -> World:
    """A world of one location."""
    return World(samples={ARCHIVE: samples}, prices={ARCHIVE: profile}, ratio=ratio, **fields)

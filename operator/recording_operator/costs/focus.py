"""Charges in the FinOps Open Cost and Usage Specification (FOCUS), version 1.2, as cost tools read them.

One row for each day, location, storage class, organisation and kind of charge. docs/reports-cli.md describes the
columns. Costs are computed from samples and price profiles; no provider has billed them.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Final, NamedTuple

from recording_operator.costs.charge import Charge, ChargeKind
from recording_operator.costs.charges import month_after
from recording_operator.costs.money import ZERO, plain
from recording_operator.costs.profile import Profile
from recording_operator.costs.tables import no_formula
from recording_operator.costs.view import ReportView
from recording_operator.usage.timeline import midnight

Cell = str | Decimal | datetime | bool | None


class Type(Enum):
    """The type of a column."""

    TEXT = "text"
    DECIMAL = "decimal"
    TIME = "time"
    BOOLEAN = "boolean"


COLUMNS: Final[Mapping[str, Type]] = {
    "BilledCost": Type.DECIMAL,
    "BillingAccountId": Type.TEXT,
    "BillingAccountName": Type.TEXT,
    "BillingCurrency": Type.TEXT,
    "BillingPeriodEnd": Type.TIME,
    "BillingPeriodStart": Type.TIME,
    "ChargeCategory": Type.TEXT,
    "ChargeClass": Type.TEXT,
    "ChargeDescription": Type.TEXT,
    "ChargeFrequency": Type.TEXT,
    "ChargePeriodEnd": Type.TIME,
    "ChargePeriodStart": Type.TIME,
    "CommitmentDiscountStatus": Type.TEXT,
    "ConsumedQuantity": Type.DECIMAL,
    "ConsumedUnit": Type.TEXT,
    "ContractedCost": Type.DECIMAL,
    "EffectiveCost": Type.DECIMAL,
    "InvoiceId": Type.TEXT,
    "InvoiceIssuerName": Type.TEXT,
    "ListCost": Type.DECIMAL,
    "PricingCategory": Type.TEXT,
    "PricingQuantity": Type.DECIMAL,
    "PricingUnit": Type.TEXT,
    "ProviderName": Type.TEXT,
    "PublisherName": Type.TEXT,
    "RegionId": Type.TEXT,
    "RegionName": Type.TEXT,
    "ResourceId": Type.TEXT,
    "ResourceName": Type.TEXT,
    "ResourceType": Type.TEXT,
    "ServiceCategory": Type.TEXT,
    "ServiceName": Type.TEXT,
    "ServiceSubcategory": Type.TEXT,
    "SkuId": Type.TEXT,
    "SkuMeter": Type.TEXT,
    "SubAccountId": Type.TEXT,
    "SubAccountName": Type.TEXT,
    "Tags": Type.TEXT,
    "x_Estimated": Type.BOOLEAN,
    "x_PriceProfile": Type.TEXT,
    "x_PricesAsOf": Type.TEXT,
    "x_StorageClass": Type.TEXT,
}
"""Columns in the order of the file. Those with `x_` are not of the specification."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BilledResource:
    """What a location is: its address, such as `s3://bucket/prefix/`, and the region of its bucket if it is known."""

    address: str
    region: str = ""


class _RowKey(NamedTuple):
    day: date
    location: str
    storage_class: str
    org: str
    kind: ChargeKind


_UNITS: Final = {"GB-month": "{gb}-Months", "object-months": "Object-Months", "GB": "{gb}", "requests": "Requests"}
"""Units of charges in the words of the specification."""
_DESCRIPTIONS: Final = {
    ChargeKind.STORAGE: "Storage in class {storage_class}",
    ChargeKind.MINIMUM: "Minimum volume of the provider",
    ChargeKind.MONITORING: "Monitoring of objects in class {storage_class}",
    ChargeKind.EARLY_DELETION: "Rest of the minimum duration of objects deleted from class {storage_class}",
    ChargeKind.DOWNLOADS: "Downloads from class {storage_class}",
    ChargeKind.REQUESTS: "Write requests to class {storage_class}",
}


def focus_rows(
    view: ReportView, charges: Iterable[Charge], resources: Mapping[str, BilledResource]
) -> Iterator[dict[str, Cell]]:
    """The rows of these charges of a view, in order of days. Amounts that are 0 have no row."""
    sums: dict[_RowKey, tuple[Decimal, Decimal]] = {}
    units: dict[ChargeKind, str] = {}
    for charge in charges:
        key = _RowKey(charge.day, charge.location, charge.key.storage_class, charge.key.org, charge.kind)
        quantity, cost = sums.get(key, (ZERO, ZERO))
        sums[key] = quantity + charge.quantity, cost + charge.cost
        units[charge.kind] = charge.unit
    for key in sorted(sums):
        quantity, cost = sums[key]
        if quantity or cost:
            entry, prices = view.usage[key.location].days.get(key.day), view.terms.prices[key.location]
            profile = prices.on(key.day)
            yield {
                **_period(key.day, entry.days if entry is not None else 1),
                **_costs(cost, profile),
                **_quantities(key.kind, quantity, units[key.kind], profile),
                **_kind(key, profile),
                **_provider(profile, prices.group.strip("/"), resources[key.location]),
                **_owner(key, resources[key.location]),
                "x_Estimated": entry is not None and entry.estimated,
                "x_PriceProfile": profile.name,
                "x_PricesAsOf": profile.as_of.isoformat(),
            }


def _period(day: date, days: int) -> dict[str, Cell]:
    month = day.replace(day=1)
    return {
        "BillingPeriodStart": midnight(month),
        "BillingPeriodEnd": midnight(month_after(month)),
        "ChargePeriodStart": midnight(day),
        "ChargePeriodEnd": midnight(day + timedelta(days=days)),
    }


def _costs(cost: Decimal, profile: Profile) -> dict[str, Cell]:
    """All costs are equal: a profile knows neither discounts nor commitments."""
    names = ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost")
    return {**dict.fromkeys(names, cost), "BillingCurrency": profile.currency}


def _quantities(kind: ChargeKind, quantity: Decimal, unit: str, profile: Profile) -> dict[str, Cell]:
    """A minimum is not usage, so it has none. The specification's GB has 10**9 bytes; that of a price list may not."""
    if kind is ChargeKind.MINIMUM:
        return {}
    gb = "GB" if profile.gb_bytes == 10**9 else "GiB"
    return {
        "ConsumedQuantity": quantity,
        "ConsumedUnit": _UNITS[unit].format(gb=gb),
        "PricingQuantity": quantity,
        "PricingUnit": _UNITS[unit].format(gb="GB"),
    }


def _kind(key: _RowKey, profile: Profile) -> dict[str, Cell]:
    is_usage = key.kind is not ChargeKind.MINIMUM
    return {
        "ChargeCategory": "Usage" if is_usage else "Adjustment",
        "ChargeFrequency": "Usage-Based" if is_usage else "Recurring",
        "ChargeDescription": _DESCRIPTIONS[key.kind].format(storage_class=key.storage_class),
        "PricingCategory": "Standard" if is_usage else None,
        "SkuId": f"{profile.name}/{key.storage_class}/{key.kind}" if is_usage else None,
        "SkuMeter": key.kind.value if is_usage else None,
        "x_StorageClass": _named(key.storage_class),
    }


def _provider(profile: Profile, account: str, resource: BilledResource) -> dict[str, Cell]:
    names = ("ProviderName", "PublisherName", "InvoiceIssuerName")
    region = resource.region or profile.region or None
    return {
        **dict.fromkeys(names, profile.provider_name),
        "BillingAccountId": account,
        "ServiceCategory": "Storage",
        "ServiceSubcategory": "Object Storage",
        "ServiceName": profile.service,
        "RegionId": region,
        "RegionName": region,
    }


def _owner(key: _RowKey, resource: BilledResource) -> dict[str, Cell]:
    org = _named(key.org)
    return {
        "ResourceId": resource.address,
        "ResourceName": key.location,
        "ResourceType": "Bucket",
        "SubAccountId": org,
        "SubAccountName": org,
        "Tags": json.dumps({"org": org}, ensure_ascii=False) if org else None,
    }


def _named(name: str) -> str | None:
    """A name; None for (unknown) and (other)."""
    return None if not name or name.startswith("(") else name


def as_focus_csv(found: Iterable[Mapping[str, Cell]]) -> Iterator[str]:
    """The file, piece by piece. A null is an empty field; no cell is a formula."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for row in found:
        writer.writerow([_text(row.get(name)) for name in COLUMNS])
        yield text.getvalue()
        text.seek(0)
        text.truncate()
    yield text.getvalue()


def _text(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case bool():
            return "true" if cell else "false"
        case Decimal():
            return plain(cell)
        case datetime():
            return f"{cell:%Y-%m-%dT%H:%M:%SZ}"
        case _:
            return no_formula(cell)

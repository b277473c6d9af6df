"""Charges in the FinOps Open Cost and Usage Specification (FOCUS), version 1.2, as cost tools read them.

One row for each day, location, storage class, organisation and kind of charge. docs/reports-cli.md describes the
columns. Costs are computed from samples and price profiles; no provider has billed them.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple

from recording_operator.costs.charge import Charge, ChargeKind
from recording_operator.costs.charges import month_after
from recording_operator.costs.money import ZERO
from recording_operator.costs.profile import Profile
from recording_operator.costs.tables import Cell, csv_lines
from recording_operator.costs.view import ReportView
from recording_operator.usage.timeline import midnight

COLUMNS: Final[Mapping[str, type]] = {
    "BilledCost": Decimal,
    "BillingAccountId": str,
    "BillingAccountName": str,
    "BillingCurrency": str,
    "BillingPeriodEnd": datetime,
    "BillingPeriodStart": datetime,
    "ChargeCategory": str,
    "ChargeClass": str,
    "ChargeDescription": str,
    "ChargeFrequency": str,
    "ChargePeriodEnd": datetime,
    "ChargePeriodStart": datetime,
    "CommitmentDiscountStatus": str,
    "ConsumedQuantity": Decimal,
    "ConsumedUnit": str,
    "ContractedCost": Decimal,
    "EffectiveCost": Decimal,
    "InvoiceId": str,
    "InvoiceIssuerName": str,
    "ListCost": Decimal,
    "PricingCategory": str,
    "PricingQuantity": Decimal,
    "PricingUnit": str,
    "ProviderName": str,
    "PublisherName": str,
    "RegionId": str,
    "RegionName": str,
    "ResourceId": str,
    "ResourceName": str,
    "ResourceType": str,
    "ServiceCategory": str,
    "ServiceName": str,
    "ServiceSubcategory": str,
    "SkuId": str,
    "SkuMeter": str,
    "SubAccountId": str,
    "SubAccountName": str,
    "Tags": str,
    "x_Estimated": bool,
    "x_PriceProfile": str,
    "x_PricesAsOf": str,
    "x_StorageClass": str,
}
"""Columns and types in the order of the file. Those with `x_` are not of the specification."""


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
            row = _row(key, cost, view, resources[key.location])
            if key.kind is ChargeKind.MINIMUM:
                row |= {"ChargeCategory": "Adjustment", "ChargeFrequency": "Recurring"}
            else:
                row |= _usage(key, quantity, units[key.kind], view.terms.prices[key.location].on(key.day))
            yield row


def _row(key: _RowKey, cost: Decimal, view: ReportView, resource: BilledResource) -> dict[str, Cell]:
    """The cells that every charge has. All costs are equal: a profile knows neither discounts nor commitments."""
    entry, prices = view.usage[key.location].days.get(key.day), view.terms.prices[key.location]
    profile, month, org = prices.on(key.day), key.day.replace(day=1), _named(key.org)
    region = resource.region or profile.region or None
    return {
        **dict.fromkeys(("BilledCost", "EffectiveCost", "ListCost", "ContractedCost"), cost),
        **dict.fromkeys(("ProviderName", "PublisherName", "InvoiceIssuerName"), profile.provider_name),
        "BillingAccountId": prices.group.strip("/"),
        "BillingCurrency": profile.currency,
        "BillingPeriodStart": midnight(month),
        "BillingPeriodEnd": midnight(month_after(month)),
        "ChargeDescription": _DESCRIPTIONS[key.kind].format(storage_class=key.storage_class),
        "ChargePeriodStart": midnight(key.day),
        "ChargePeriodEnd": midnight(key.day + timedelta(days=entry.days if entry is not None else 1)),
        "RegionId": region,
        "RegionName": region,
        "ResourceId": resource.address,
        "ResourceName": key.location,
        "ResourceType": "Bucket",
        "ServiceCategory": "Storage",
        "ServiceName": profile.service,
        "ServiceSubcategory": "Object Storage",
        "SubAccountId": org,
        "SubAccountName": org,
        "Tags": json.dumps({"org": org}, ensure_ascii=False) if org else None,
        "x_Estimated": entry is not None and entry.estimated,
        "x_PriceProfile": profile.name,
        "x_PricesAsOf": profile.as_of.isoformat(),
        "x_StorageClass": _named(key.storage_class),
    }


def _usage(key: _RowKey, quantity: Decimal, unit: str, profile: Profile) -> dict[str, Cell]:
    """The cells of usage, which a minimum is not. The specification's GB has 10**9 bytes; a price list's may not."""
    consumed = "GB" if profile.gb_bytes == 10**9 else "GiB"
    return {
        "ChargeCategory": "Usage",
        "ChargeFrequency": "Usage-Based",
        "ConsumedQuantity": quantity,
        "ConsumedUnit": _UNITS[unit].format(gb=consumed),
        "PricingCategory": "Standard",
        "PricingQuantity": quantity,
        "PricingUnit": _UNITS[unit].format(gb="GB"),
        "SkuId": f"{profile.name}/{key.storage_class}/{key.kind}",
        "SkuMeter": key.kind.value,
    }


def _named(name: str) -> str | None:
    """A name; None for (unknown) and (other)."""
    return None if not name or name.startswith("(") else name


def as_focus_csv(found: Iterable[Mapping[str, Cell]]) -> Iterator[str]:
    """The lines of the file. A null is an empty field."""
    return csv_lines(COLUMNS, ([row.get(name) for name in COLUMNS] for row in found))

"""A charge: what one owner's usage of one day costs, by kind. Rows, reports and exports are sums of charges."""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from recording_operator.usage.sample import OwnerKey


class ChargeKind(StrEnum):
    """What is charged."""

    STORAGE = "Storage"
    MINIMUM = "Minimum"
    """Up to the minimum volume of a provider."""
    MONITORING = "Monitoring"
    """Objects that Intelligent-Tiering monitors."""
    EARLY_DELETION = "EarlyDeletion"
    """The rest of a minimum duration."""
    DOWNLOADS = "Downloads"
    REQUESTS = "Requests"


class Charge(NamedTuple):
    """One amount of money, exact to a millionth, in the currency of the location's prices.

    `quantity` is in `unit`: GB-month, GB, requests or object-months.
    """

    day: date
    location: str
    key: OwnerKey
    kind: ChargeKind
    quantity: Decimal
    unit: str
    cost: Decimal

"""Terms for tests of charges, and sums of them."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from recording_operator.api.storagereport import Playback, PlaybackBase
from recording_operator.costs.charge import Charge, ChargeKind
from recording_operator.costs.charges import valued
from recording_operator.costs.library import find_profile
from recording_operator.costs.profile import Profile, parse_profile
from recording_operator.costs.terms import CostTerms, LocationPrices
from recording_operator.usage.days import UsageDays
from tests.usage.sampling import LOCATION

HEAD = """
source = "ours"
asOf = 2026-01-01
currency = "USD"
gbBytes = 1000000000
dayBasis = "fixed30"
"""


def profile_of(text: str, *, name: str = "ours", head: str = HEAD) -> Profile:
    """A profile of these classes and prices."""
    return parse_profile(f'name = "{name}"\n{head}{text}', where="test")


def terms(
    prices: str | Profile | Iterable[Profile] = "default",
    *,
    ratio: str = "0",
    base: PlaybackBase = PlaybackBase.STORED,
    locations: Iterable[str] = (LOCATION,),
) -> CostTerms:
    """Locations of one account with these prices; nothing is downloaded unless a ratio says so."""
    versions = find_profile(prices) if isinstance(prices, str) else prices
    found = (versions,) if isinstance(versions, Profile) else tuple(versions)
    one = LocationPrices(group=found[0].name, versions=found)
    return CostTerms(prices=dict.fromkeys(locations, one), playback=Playback(ratio=Decimal(ratio), base=base))


def charges_of(usage: UsageDays | Mapping[str, UsageDays], by: CostTerms) -> tuple[Charge, ...]:
    """The charges of one location, or of several by name."""
    return valued({usage.location: usage} if isinstance(usage, UsageDays) else usage, by)


def cost(
    charges: Iterable[Charge], *, org: str | None = None, kind: ChargeKind | None = None, month: str | None = None
) -> Decimal:
    """The sum of the charges of an organisation, kind and month (or day)."""
    return sum(
        (
            charge.cost
            for charge in charges
            if org in (None, charge.key.org)
            and kind in (None, charge.kind)
            and (month is None or charge.day.isoformat().startswith(month))
        ),
        Decimal(0),
    )

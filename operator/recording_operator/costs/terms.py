"""The terms of a valuation: the prices of each location, by date, and how downloads are estimated."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from recording_operator.api.storagereport import Playback
from recording_operator.costs.profile import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationPrices:
    """The prices of a location. Locations of one `group` share tiers, free allowances and minimums, as one account.

    `versions` are the dated versions of one profile, the oldest first; at least one.
    """

    group: str
    versions: tuple[Profile, ...]

    def on(self, day: date) -> Profile:
        """The version that applies on a day: the newest that is not later, otherwise the oldest."""
        return next((one for one in reversed(self.versions) if one.as_of <= day), self.versions[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class CostTerms:
    """Prices by location, and the estimate of downloads where they are not counted."""

    prices: Mapping[str, LocationPrices]
    playback: Playback

    def groups(self) -> dict[str, list[str]]:
        """The locations of each group."""
        found: dict[str, list[str]] = {}
        for location in sorted(self.prices):
            found.setdefault(self.prices[location].group, []).append(location)
        return found

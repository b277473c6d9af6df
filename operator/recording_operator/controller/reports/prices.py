"""The prices of StorageLocations for a StorageReport: shipped profiles, those of ConfigMaps, and its own."""

import logging
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

from recording_operator.api.storagelocation import StorageLocation
from recording_operator.api.storagereport import StorageReportSpec
from recording_operator.controller.usage.counter import StorageClasses
from recording_operator.costs.library import Versions, find_profile, overridden
from recording_operator.costs.profile import PriceError, Profile
from recording_operator.costs.scope import ScopeFilter
from recording_operator.costs.terms import CostTerms, LocationPrices
from recording_operator.kube.client import KubeApi
from recording_operator.kube.errors import Forbidden, KubeError, NotFound

_DEFAULT: Final = "default"
_logger = logging.getLogger(__name__)


def storage_classes(profile: Profile) -> StorageClasses:
    """What counts need of a profile."""

    def min_days(name: str) -> int:
        price = profile.price_of(name)
        return price.min_days if price is not None else 0

    def rate(name: str) -> Decimal:
        price = profile.price_of(name)
        return price.tiers[0].rate if price is not None else Decimal(0)

    return StorageClasses(
        default=profile.default_storage_class, min_days=min_days, gb_bytes=profile.gb_bytes, rate=rate
    )


class PriceBook:
    """Finds price profiles. ConfigMaps are read each time: an edit applies to the next refresh."""

    def __init__(self, *, kube: KubeApi, operator_namespace: str) -> None:
        self._kube = kube
        self._namespace = operator_namespace

    def terms(self, spec: StorageReportSpec, locations: Iterable[StorageLocation]) -> CostTerms:
        """The prices of all locations. One outside the scope whose prices are invalid is left out.

        Raises PriceError, KubeError.
        """
        scope, prices = ScopeFilter.of(spec.scope), {}
        for location in locations:
            name = location.metadata.name
            try:
                prices[name] = self._prices(spec, location)
            except PriceError as error:
                if scope.includes_location(name):
                    raise
                _logger.warning("Prices outside the scope of a report are invalid: %s", error, extra={"location": name})
        return CostTerms(prices=prices, playback=spec.playback)

    def comparison(
        self, spec: StorageReportSpec, locations: Iterable[StorageLocation]
    ) -> dict[str, tuple[Profile, ...]]:
        """The profiles of `spec.compare`, from the ConfigMaps of the locations in scope or the shipped ones."""
        scope = ScopeFilter.of(spec.scope)
        seen = [location for location in locations if scope.includes_location(location.metadata.name)]
        return {name: self._compared(name, seen) for name in spec.compare}

    def classes_of(self, location: StorageLocation) -> StorageClasses:
        """The storage classes of a location for a count, which does not depend on prices: the default, if invalid."""
        name = location.price_profile
        try:
            profile = self._profile(name, location)[-1]
        except (PriceError, KubeError):
            profile = find_profile(_DEFAULT)[-1]
        return storage_classes(profile)

    def _prices(self, spec: StorageReportSpec, location: StorageLocation) -> LocationPrices:
        given, own = location.spec.prices, spec.prices
        name = own.profile or location.price_profile
        versions = overridden(
            self._profile(name, location),
            per_gb_month=own.storage_per_gb_month,
            per_gb_out=own.download_per_gb,
        )
        return LocationPrices(group=f"{given.config_map or ''}/{name}", versions=versions)

    def _profile(self, name: str, location: StorageLocation) -> Versions:
        config_map = location.spec.prices.config_map
        entries = self._config_map(location.metadata.name, config_map) if config_map else None
        return find_profile(name, config_map=entries, config_map_name=config_map or "")

    def _compared(self, name: str, locations: Iterable[StorageLocation]) -> Versions:
        """From the first ConfigMap that has the profile, else from the shipped ones."""
        for location in locations:
            try:
                return self._profile(name, location)
            except PriceError:
                continue
        return find_profile(name)

    def _config_map(self, location: str, name: str) -> Mapping[str, str]:
        try:
            return self._kube.read_config_map(self._namespace, name)
        except NotFound:
            raise PriceError(
                f"StorageLocation {location} names ConfigMap {name}, which does not exist in {self._namespace}."
            ) from None
        except Forbidden:
            raise PriceError(
                f"The operator may not read ConfigMap {name}, which StorageLocation {location} names, in its namespace "
                f"{self._namespace}. Grant it get."
            ) from None

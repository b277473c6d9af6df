"""The available price profiles: data files of the operator, and entries of an administrator's ConfigMap."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Final

from recording_operator.costs.profile import (
    EgressPrice,
    PriceError,
    Profile,
    StorageClassPrice,
    highest_per_gb,
    parse_profile,
)

_SUFFIX: Final = ".toml"


@cache
def shipped() -> Mapping[str, Profile]:
    """Every shipped profile by name."""
    return {profile.name: profile for profile in _shipped()}


def _shipped() -> Iterator[Profile]:
    for file in sorted(resources.files(__package__).joinpath("profiles").iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(_SUFFIX):
            yield parse_profile(file.read_text(encoding="utf-8"), where=file.name)


def find_profile(name: str, *, config_map: Mapping[str, str] | None = None, config_map_name: str = "") -> Profile:
    """The profile called `name`: from the ConfigMap's `*.toml` entries first, then from the shipped ones.

    Every entry of the ConfigMap is read, so that an error in any of them is reported. Raises PriceError.
    """
    extra: dict[str, Profile] = {}
    for key, text in sorted((config_map or {}).items()):
        if key.endswith(_SUFFIX):
            where = f"ConfigMap {config_map_name}, {key}"
            profile = parse_profile(text, where=where)
            if profile.name in extra:
                raise PriceError(f"{where}: another profile has the name {profile.name} too")
            extra[profile.name] = profile
    found = extra.get(name) or shipped().get(name)
    if found is None:
        known = ", ".join(sorted({*extra, *shipped()}))
        raise PriceError(f"No price profile has the name {name}. There are: {known}.")
    return found


def overridden(profile: Profile, *, per_gb_month: Decimal | None, per_gb_out: Decimal | None) -> Profile:
    """Replace the storage prices of the profile by one rate, or its download prices, or both. Raises PriceError.

    A flat rate has no free allowance.
    """
    changes: dict[str, object] = {}
    if per_gb_month is not None:
        flat = _flat_storage(per_gb_month, profile.currency)
        changes["storage_classes"] = {
            name: price.model_copy(update={"tiers": flat.tiers}) for name, price in profile.storage_classes.items()
        }
        changes["other_classes"] = flat
    if per_gb_out is not None:
        changes["egress"] = _flat_egress(per_gb_out, profile.currency)
    return profile.model_copy(update=changes) if changes else profile


def _flat_storage(rate: Decimal, currency: str) -> StorageClassPrice:
    highest = highest_per_gb(currency)
    try:
        return StorageClassPrice.model_validate({"tiers": [{"perGBMonth": rate}]}, context={"highest": highest})
    except ValueError:
        raise PriceError(f"prices.storagePerGBMonth: {rate} is more than {highest} per GB; it may be per TB") from None


def _flat_egress(rate: Decimal, currency: str) -> EgressPrice:
    highest = highest_per_gb(currency)
    try:
        return EgressPrice.model_validate({"tiers": [{"perGB": rate}]}, context={"highest": highest})
    except ValueError:
        raise PriceError(f"prices.downloadPerGB: {rate} is more than {highest} per GB; it may be per TB") from None

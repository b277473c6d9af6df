"""The available price profiles: data files of the operator, and entries of an administrator's ConfigMap.

A profile may exist in several versions: same name, different `asOf`. Each applies from its date.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Final

from recording_operator.costs.profile import (
    EgressPrice,
    EgressTier,
    PriceError,
    Profile,
    StorageClassPrice,
    StorageTier,
    highest_per_gb,
    parse_profile,
)

_SUFFIX: Final = ".toml"
Versions = tuple[Profile, ...]
"""The versions of one profile, the oldest first."""


@cache
def shipped() -> Mapping[str, Versions]:
    """The versions of every shipped profile by name."""
    files = sorted(resources.files(__package__).joinpath("profiles").iterdir(), key=lambda file: file.name)
    return _by_name((file.name, file.read_text(encoding="utf-8")) for file in files if file.name.endswith(_SUFFIX))


def find_profile(name: str, *, config_map: Mapping[str, str] | None = None, config_map_name: str = "") -> Versions:
    """The versions of the profile called `name`, from the `*.toml` entries of the ConfigMap and the shipped files.

    From the date of its oldest version on, a profile of the ConfigMap replaces the shipped one. Shipped versions before
    that date stay, unless their currency is another. Every entry of the ConfigMap is read, so that an error in any of
    them is reported. Raises PriceError.
    """
    given = sorted((config_map or {}).items())
    own = _by_name((f"ConfigMap {config_map_name}, {key}", text) for key, text in given if key.endswith(_SUFFIX))
    versions, known = own.get(name, ()), shipped().get(name, ())
    if not versions and not known:
        names = ", ".join(sorted({*own, *shipped()}))
        raise PriceError(f"No price profile has the name {name}. There are: {names}.")
    if not versions:
        return known
    first = versions[0]
    return (*(one for one in known if one.as_of < first.as_of and one.currency == first.currency), *versions)


def _by_name(texts: Iterable[tuple[str, str]]) -> dict[str, Versions]:
    """Parse profiles. `texts` are pairs of the place that messages name, and TOML."""
    found: dict[str, dict[date, Profile]] = {}
    for where, text in texts:
        profile = parse_profile(text, where=where)
        versions = found.setdefault(profile.name, {})
        if profile.as_of in versions:
            raise PriceError(f"{where}: another profile has the name {profile.name} and the date {profile.as_of} too")
        if any(other.currency != profile.currency for other in versions.values()):
            raise PriceError(f"{where}: other versions of {profile.name} have another currency than {profile.currency}")
        versions[profile.as_of] = profile
    return {name: tuple(versions[day] for day in sorted(versions)) for name, versions in found.items()}


def overridden(versions: Sequence[Profile], *, per_gb_month: Decimal | None, per_gb_out: Decimal | None) -> Versions:
    """Replace the storage prices of a profile by one rate, or its download prices, or both. Raises PriceError.

    All versions are changed, so the new rate applies to the past too. A flat rate has no free allowance.
    """
    return tuple(_overridden(one, per_gb_month=per_gb_month, per_gb_out=per_gb_out) for one in versions)


def _overridden(profile: Profile, *, per_gb_month: Decimal | None, per_gb_out: Decimal | None) -> Profile:
    changes: dict[str, object] = {}
    if per_gb_month is not None:
        _check(per_gb_month, profile.currency, field="storagePerGBMonth")
        tiers = (StorageTier.model_construct(rate=per_gb_month),)
        changes["storage_classes"] = {
            name: price.model_copy(update={"tiers": tiers, "age_tiers": ()})
            for name, price in profile.storage_classes.items()
        }
        changes["other_classes"] = StorageClassPrice.model_construct(tiers=tiers)
    if per_gb_out is not None:
        _check(per_gb_out, profile.currency, field="downloadPerGB")
        changes["egress"] = EgressPrice.model_construct(tiers=(EgressTier.model_construct(rate=per_gb_out),))
    return profile.model_copy(update=changes)


def _check(rate: Decimal, currency: str, *, field: str) -> None:
    highest = highest_per_gb(currency)
    if rate > highest:
        raise PriceError(f"prices.{field}: {rate} is more than {highest} per GB; it may be per TB")

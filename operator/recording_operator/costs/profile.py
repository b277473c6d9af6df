"""What a store charges: a dated data file, read strictly.

Prices are written as texts ("0.023"), so that no reader makes binary fractions of them. A class or a kind of traffic
without a price is "unpriced", never free.
"""

import tomllib
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo, model_validator
from pydantic.alias_generators import to_camel

_HIGHEST_PER_GB: Final = 1
_HIGHEST_IN_SMALL_UNITS: Final = 1000
# A unit of these is worth some hundredth of a dollar or less (ISO 4217 names).
_SMALL_UNITS: Final = frozenset(
    [
        "AMD",
        "ARS",
        "CLP",
        "COP",
        "CRC",
        "CZK",
        "DZD",
        "HUF",
        "IDR",
        "INR",
        "IRR",
        "ISK",
        "JPY",
        "KES",
        "KRW",
        "KZT",
        "LKR",
        "MMK",
        "NGN",
        "NPR",
        "PHP",
        "PKR",
        "RSD",
        "RUB",
        "THB",
        "TWD",
        "TZS",
        "UAH",
        "UGX",
        "UYU",
        "UZS",
        "VND",
        "XAF",
        "XOF",
    ]
)
_LONGEST_TEXT: Final = 200


class PriceError(ValueError):
    """Prices that cannot be used. The text says which, where, and what to write."""


def _decimal(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise ValueError('write a decimal number in quotes such as "0.023"')
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise ValueError('write a decimal number in quotes such as "0.023"') from None
    if not number.is_finite() or number < 0:
        raise ValueError("write a number that is not negative")
    return number


def _per_gb(value: Any, info: ValidationInfo) -> Decimal:
    number, highest = _decimal(value), (info.context or {}).get("highest", _HIGHEST_PER_GB)
    if number > highest:
        raise ValueError(f"{number} is more than {highest} per GB; it may be per TB, or per year")
    return number


def highest_per_gb(currency: object) -> int:
    """A price of a GB that is higher is taken for one of a TB."""
    return _HIGHEST_IN_SMALL_UNITS if currency in _SMALL_UNITS else _HIGHEST_PER_GB


Amount = Annotated[Decimal, BeforeValidator(_decimal)]
PerGB = Annotated[Decimal, BeforeValidator(_per_gb)]


class DayBasis(StrEnum):
    """How long a month is for the price of a day: always 30 days, or as long as the calendar says."""

    FIXED30 = "fixed30"
    CALENDAR = "calendar"


class _ProfileModel(BaseModel):
    """Unknown keys are errors: a price with a typing error must not be silently absent."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class Tier(_ProfileModel):
    """A rate up to a monthly volume; the last tier has no end."""

    up_to_gb: Amount | None = Field(default=None, alias="upToGB", gt=0)
    rate: PerGB


class _StorageTier(Tier):
    rate: PerGB = Field(alias="perGBMonth")


class _EgressTier(Tier):
    rate: PerGB = Field(alias="perGB")


def check_tiers(tiers: "tuple[Tier, ...]") -> None:
    """Raises ValueError unless the tiers rise and only the last is without end."""
    if not tiers or tiers[-1].up_to_gb is not None:
        raise ValueError("the last tier must be without upToGB")
    ends = [tier.up_to_gb for tier in tiers[:-1]]
    if any(end is None for end in ends) or ends != sorted(set(ends), key=lambda end: end or 0):
        raise ValueError("every tier but the last needs upToGB, each larger than the one before")


class StorageClassPrice(_ProfileModel):
    """One storage class. `min_days` is what a deletion before that age still pays for."""

    tiers: tuple[_StorageTier, ...]
    min_days: int = Field(default=0, ge=0, le=3650)
    min_object_bytes: int = Field(default=0, ge=0, le=2**30)
    overhead_bytes: int = Field(default=0, ge=0, le=2**30)

    @model_validator(mode="after")
    def _tiers_rise(self) -> "StorageClassPrice":
        check_tiers(self.tiers)
        return self

    def billable_bytes(self, size_bytes: int) -> int:
        """What an object of this size is billed as."""
        return max(size_bytes, self.min_object_bytes) + self.overhead_bytes


class RequestPrice(_ProfileModel):
    """Requests that write; what reads is the players' and not known here."""

    write_per_million: Amount
    free_writes_month: int = Field(default=0, ge=0)


class EgressPrice(_ProfileModel):
    """Downloads to the internet: free up to an amount a month, or to a multiple of what is stored."""

    tiers: tuple[_EgressTier, ...]
    free_gb_month: Amount = Field(default=Decimal(0), alias="freeGBMonth")
    free_times_storage: Amount = Decimal(0)

    @model_validator(mode="after")
    def _tiers_rise(self) -> "EgressPrice":
        check_tiers(self.tiers)
        return self


class Profile(_ProfileModel):
    """The prices of one provider and region at a date."""

    name: str = Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$")
    source: str = Field(min_length=1, max_length=_LONGEST_TEXT)
    as_of: date
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    gb_bytes: int = Field(alias="gbBytes")
    day_basis: DayBasis
    default_storage_class: str = "STANDARD"
    """Class of an object whose listing names none."""
    storage_classes: dict[str, StorageClassPrice] = Field(min_length=1)
    other_classes: StorageClassPrice | None = None
    """Of classes that are not named above. Absent: they are unpriced."""
    requests: RequestPrice | None = None
    egress: EgressPrice | None = None
    minimum_monthly_gb: Amount = Field(default=Decimal(0), alias="minimumMonthlyGB")

    @model_validator(mode="after")
    def _gb_is_one_of_two(self) -> "Profile":
        if self.gb_bytes not in (10**9, 2**30):
            raise ValueError("gbBytes is 1000000000 or 1073741824")
        if self.minimum_monthly_gb and self.default_storage_class not in self.storage_classes:
            raise ValueError("minimumMonthlyGB needs a price for defaultStorageClass")
        return self

    def price_of(self, storage_class: str) -> StorageClassPrice | None:
        """What the class costs; None where it is unpriced."""
        return self.storage_classes.get(storage_class, self.other_classes)


def parse_profile(text: str, *, where: str) -> Profile:
    """Read one profile from TOML. `where` names the text in messages. Raises PriceError."""
    try:
        # Numbers without quotes arrive as text too: none becomes a binary fraction on the way.
        given = tomllib.loads(text, parse_float=Decimal)
        return Profile.model_validate(given, context={"highest": highest_per_gb(given.get("currency"))})
    except tomllib.TOMLDecodeError as error:
        raise PriceError(f"{where}: invalid TOML: {str(error)[:_LONGEST_TEXT]}") from None
    except ValidationError as error:
        raise PriceError(f"{where}: {_first_fault(error)}") from None


def _first_fault(error: ValidationError) -> str:
    fault = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in fault["loc"]) or "the profile"
    if fault["type"] == "extra_forbidden":
        return f"{place} is not a field of a price profile; check the spelling"
    if fault["type"] == "missing":
        return f"{place} is missing"
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return f"{place}: {fault['msg'].removeprefix('Value error, ')}{more}"

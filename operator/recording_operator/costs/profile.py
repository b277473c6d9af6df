"""A price profile: a data file with a date, parsed strictly.

Prices are strings ("0.023"), so that parsers do not convert them to binary floating point. A class or a kind of traffic
without a price is "unpriced", never free.
"""

import tomllib
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic.alias_generators import to_camel

from recording_operator.usage.stock import SMALL

_HIGHEST_PER_GB: Final = 1
_HIGHEST_IN_SMALL_UNITS: Final = 1000
# Currencies whose unit is worth about a cent or less (ISO 4217).
_SMALL_UNITS: Final = (
    "AMD ARS CLP COP CRC CZK DZD HUF IDR INR IRR ISK JPY KES KRW KZT LKR MMK NGN NPR PHP PKR RSD RUB THB TWD TZS UAH "
    "UGX UYU UZS VND XAF XOF"
)
_LONGEST_TEXT: Final = 200


class PriceError(ValueError):
    """Invalid prices. The message says which, where, and what to write."""


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
    """A higher price per GB is rejected as a price per TB."""
    return _HIGHEST_IN_SMALL_UNITS if currency in _SMALL_UNITS.split() else _HIGHEST_PER_GB


Amount = Annotated[Decimal, BeforeValidator(_decimal)]
PerGB = Annotated[Decimal, BeforeValidator(_per_gb)]


class DayBasis(StrEnum):
    """The length of a month for the price of a day: always 30 days, or as in the calendar."""

    FIXED30 = "fixed30"
    CALENDAR = "calendar"


class _ProfileModel(BaseModel):
    """Unknown keys are errors, so that a misspelt price is not silently ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class Tier(_ProfileModel):
    """A rate up to a monthly volume. The last tier has no limit."""

    up_to_gb: Amount | None = Field(default=None, alias="upToGB", gt=0)
    rate: PerGB


TierT = TypeVar("TierT", bound=Tier)


class StorageTier(Tier):
    """A rate of storage."""

    rate: PerGB = Field(alias="perGBMonth")


class EgressTier(Tier):
    """A rate of downloads."""

    rate: PerGB = Field(alias="perGB")


def _checked(tiers: tuple[TierT, ...]) -> tuple[TierT, ...]:
    """The limits increase, and only the last tier has none."""
    if not tiers or tiers[-1].up_to_gb is not None:
        raise ValueError("the last tier must be without upToGB")
    ends = [tier.up_to_gb for tier in tiers[:-1]]
    if any(end is None for end in ends) or ends != sorted(set(ends), key=lambda end: end or 0):
        raise ValueError("every tier but the last needs upToGB, each larger than the one before")
    return tiers


class AgeTier(_ProfileModel):
    """The rate of bytes that have not been read for some days, in a class that moves them to cheaper tiers."""

    after_days: Literal[30, 90]
    rate: PerGB = Field(alias="perGBMonth")


class StorageClassPrice(_ProfileModel):
    """One storage class. An object that is deleted earlier is charged for `min_days`."""

    tiers: Annotated[tuple[StorageTier, ...], AfterValidator(_checked)]
    min_days: int = Field(default=0, ge=0, le=3650)
    min_object_bytes: int = 0
    """The least size that is billed: 0 or one of SMALL."""
    overhead_bytes: int = Field(default=0, ge=0, le=2**30)
    """Metadata of each object that is billed in this class."""
    default_class_overhead_bytes: int = Field(default=0, ge=0, le=2**30)
    """Metadata of each object that is billed in the profile's default class."""
    incomplete_as: str = ""
    """The class that open multipart uploads are billed in; empty: this class."""
    write_per_million: Amount | None = None
    """Price of write requests in this class; None: that of `requests`."""
    age_tiers: tuple[AgeTier, ...] = Field(default=(), max_length=2)
    monitoring_per_thousand: Amount = Decimal(0)
    """Price of a month of monitoring for 1,000 objects."""

    @model_validator(mode="after")
    def _is_consistent(self) -> "StorageClassPrice":
        if self.min_object_bytes and self.min_object_bytes not in SMALL:
            raise ValueError(f"minObjectBytes is 0 or one of {', '.join(map(str, SMALL))}")
        days = [tier.after_days for tier in self.age_tiers]
        if days != sorted(set(days)):
            raise ValueError("ageTiers must increase in afterDays")
        return self


class RequestPrice(_ProfileModel):
    """Write requests. Read requests are sent by players, and their number is not known."""

    write_per_million: Amount
    free_writes_month: int = Field(default=0, ge=0)


class EgressPrice(_ProfileModel):
    """Downloads to the internet: free up to an amount per month, or up to a multiple of the stored bytes."""

    tiers: Annotated[tuple[EgressTier, ...], AfterValidator(_checked)]
    free_gb_month: Amount = Field(default=Decimal(0), alias="freeGBMonth")
    free_times_storage: Amount = Decimal(0)


class Profile(_ProfileModel):
    """The prices of one provider and region at a date."""

    name: str = Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$")
    provider: str = Field(default="", max_length=_LONGEST_TEXT)
    """Who sends the bill, for exports; empty: the first part of the name."""
    service: str = Field(default="Object storage", min_length=1, max_length=_LONGEST_TEXT)
    region: str = Field(default="", max_length=_LONGEST_TEXT)
    source: str = Field(min_length=1, max_length=_LONGEST_TEXT)
    as_of: date
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    gb_bytes: int = Field(alias="gbBytes")
    day_basis: DayBasis
    default_storage_class: str = "STANDARD"
    """Class of objects without one in the listing."""
    storage_classes: dict[str, StorageClassPrice] = Field(min_length=1)
    other_classes: StorageClassPrice | None = None
    """Price of other classes. If absent, they are unpriced."""
    requests: RequestPrice | None = None
    egress: EgressPrice | None = None
    minimum_monthly_gb: Amount = Field(default=Decimal(0), alias="minimumMonthlyGB")

    @model_validator(mode="after")
    def _is_consistent(self) -> "Profile":
        if self.gb_bytes not in (10**9, 2**30):
            raise ValueError("gbBytes is 1000000000 or 1073741824")
        if self.minimum_monthly_gb and self.default_storage_class not in self.storage_classes:
            raise ValueError("minimumMonthlyGB needs a price for defaultStorageClass")
        for name, price in self.storage_classes.items():
            if price.incomplete_as and self.price_of(price.incomplete_as) is None:
                raise ValueError(f"incompleteAs of {name} is {price.incomplete_as}, which has no price")
            if price.default_class_overhead_bytes and self.price_of(self.default_storage_class) is None:
                raise ValueError("defaultClassOverheadBytes needs a price for defaultStorageClass")
        return self

    @property
    def provider_name(self) -> str:
        """Who sends the bill."""
        return self.provider or self.name.partition("/")[0]

    def price_of(self, storage_class: str) -> StorageClassPrice | None:
        """The price of the class; None if it is unpriced."""
        return self.storage_classes.get(storage_class, self.other_classes)


def parse_profile(text: str, *, where: str) -> Profile:
    """Parse one profile from TOML. `where` names the file in messages. Raises PriceError."""
    try:
        # Numbers without quotes become strings too, not binary floating point.
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

"""Numbers and names of a StorageReport: money and gigabytes are decimal strings outside, Decimals inside."""

from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from recording_operator.api.meta import Clipped
from recording_operator.api.storagereport_rules import AMOUNT_SCHEMA, PRICE_SCHEMA, RATIO_SCHEMA


def _decimal(value: Any) -> Any:
    if isinstance(value, float):
        raise ValueError("write a decimal number as a string")
    return value


def _plain(value: Decimal) -> str:
    return format(value, "f")


_FIGURE_SCHEMA: Final = {"type": "string", "maxLength": 64, "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}
_Exact: Final = BeforeValidator(_decimal)
_AsText: Final = PlainSerializer(_plain, return_type=str, when_used="json")
Figure = Annotated[Decimal, _Exact, _AsText, WithJsonSchema(_FIGURE_SCHEMA)]
"""A decimal number of a status: a string outside, a Decimal inside."""
Price = Annotated[Decimal, _Exact, _AsText, WithJsonSchema(PRICE_SCHEMA)]
Ratio = Annotated[Decimal, _Exact, _AsText, WithJsonSchema(RATIO_SCHEMA)]
Budgeted = Annotated[Decimal, _Exact, _AsText, WithJsonSchema(AMOUNT_SCHEMA)]
RowName = Annotated[str, Clipped(253)]
Day = Annotated[str, Clipped(10)]
Text = Annotated[str, Clipped(64)]

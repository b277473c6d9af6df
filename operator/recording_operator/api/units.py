"""Amounts of bytes and durations as text: the one place that reads and writes them.

The API takes what Kubernetes takes. The settings file also takes plain numbers, `MB` and `MiB`, and blanks in between.
"""

import re
from datetime import timedelta
from decimal import ROUND_CEILING, Decimal
from typing import Final

from recording_operator.api import cel

_QUANTITY: Final = re.compile(
    r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:([eE][+-]?[0-9]{1,3})|(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E)?)"
)
_QUANTITY_FACTORS: Final[dict[str, Decimal]] = {
    "n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"),
    "k": Decimal(10) ** 3, "M": Decimal(10) ** 6, "G": Decimal(10) ** 9,
    "T": Decimal(10) ** 12, "P": Decimal(10) ** 15, "E": Decimal(10) ** 18,
    "Ki": Decimal(2) ** 10, "Mi": Decimal(2) ** 20, "Gi": Decimal(2) ** 30,
    "Ti": Decimal(2) ** 40, "Pi": Decimal(2) ** 50, "Ei": Decimal(2) ** 60,
}  # fmt: skip
_DURATION: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)")
_UNIT_MICROSECONDS: Final[dict[str, int]] = {"ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000}

_STEP: Final = 1000
_STEPS: Final = ("B", "kB", "MB", "GB", "TB", "PB", "EB")


def parse_quantity(text: str | int) -> int:
    """Read an amount of bytes as Kubernetes writes it (`500Gi`, `10M`, `1.5Gi`, `1e6`, `1048576`).

    Fractions of a byte are rounded up, as Kubernetes does. Raises ValueError for anything else.
    Source: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
    """
    if isinstance(text, bool):
        raise ValueError("write an amount of bytes such as 500Gi, 10M or 1048576")
    if isinstance(text, int):
        if text < 0:
            raise ValueError("write an amount of bytes that is not negative")
        return text
    match = _QUANTITY.fullmatch(text.removeprefix("+"))
    if match is None:
        raise ValueError("write an amount of bytes such as 500Gi, 10M or 1048576")
    number, exponent, suffix = match.groups()
    amount = Decimal(number + (exponent or "")) * _QUANTITY_FACTORS.get(suffix or "", Decimal(1))
    return int(amount.to_integral_value(rounding=ROUND_CEILING))


def parse_duration(text: str) -> timedelta:
    """Read a duration such as `30s`, `1h30m` or `720h`; the units are ms, s, m and h. Raises ValueError otherwise."""
    parts = list(_DURATION.finditer(text))
    if not parts or "".join(part.group() for part in parts) != text:
        raise ValueError(cel.DURATION_MESSAGE)
    microseconds = sum(Decimal(part.group(1)) * _UNIT_MICROSECONDS[part.group(2)] for part in parts)
    try:
        return timedelta(microseconds=int(microseconds))
    except OverflowError:
        raise ValueError("the duration is too long") from None


def format_duration(value: timedelta) -> str:
    """Write a duration as `parse_duration` reads it, to the millisecond. Raises ValueError if it is negative."""
    milliseconds = value // timedelta(milliseconds=1)
    if milliseconds < 0:
        raise ValueError("a duration cannot be negative")
    text = ""
    for unit, unit_milliseconds in (("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)):
        count, milliseconds = divmod(milliseconds, unit_milliseconds)
        text += f"{count}{unit}" if count else ""
    return text or "0s"


def parse_size(value: object) -> int:
    """Read an amount of bytes of the settings file: as `parse_quantity`, `64 KiB`, `500MB` or a number.

    Raises ValueError.
    """
    text = str(value).replace(" ", "").removesuffix("B")
    return parse_quantity(value if isinstance(value, bool) else re.sub("K$", "k", text))


def parse_seconds(value: object) -> float:
    """Read a duration of the settings file, in seconds: as `parse_duration`, or a number of seconds.

    Raises ValueError.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return parse_duration(str(value).replace(" ", "")).total_seconds()


def format_bytes(count: int) -> str:
    """Format a number of bytes in decimal units, such as 480.0 MB."""
    value, unit = float(count), 0
    while value >= _STEP and unit < len(_STEPS) - 1:
        value, unit = value / _STEP, unit + 1
    return f"{count} B" if unit == 0 else f"{value:.1f} {_STEPS[unit]}"

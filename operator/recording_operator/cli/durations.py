"""Durations on the command line, such as 30s, 1h30m or 7d."""

import re
from datetime import timedelta
from typing import Any, Final

import click

_UNITS: Final = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_PART: Final = re.compile(r"(\d+)([wdhms])")


class Duration(click.ParamType[timedelta]):
    """A duration: numbers with the units w, d, h, m and s. A number alone is seconds, as for kubectl."""

    name = "DURATION"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Parse it."""
        if isinstance(value, timedelta):
            return value
        text = f"{value}s" if str(value).isdecimal() else str(value)
        parts = _PART.findall(text)
        if not parts or "".join(number + unit for number, unit in parts) != text:
            self.fail("write a duration such as 30s, 1h30m or 7d", param, ctx)
        try:
            return timedelta(seconds=sum(int(number) * _UNITS[unit] for number, unit in parts))
        except OverflowError:
            self.fail("the duration is too long", param, ctx)

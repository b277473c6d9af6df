"""Usage samples as bytes and names in a store. docs/usage.md describes the format for other readers.

A file is gzip of JSON Lines: one sample a line, in order of time. A sample file has one line, the file of a day or
month many. Files come from a store that others may write to, so nothing in them is trusted: sizes, the number of values
and each field are checked.
"""

import gzip
import json
import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any, Final

from pydantic import ValidationError

from recording_operator.api.names import RESERVED_FOLDER
from recording_operator.usage.sample import SCHEMA, Carry, UsageSample

CONTENT_TYPE: Final = "application/gzip"
MOST_FILE_BYTES: Final = 8 * 2**20
"""The most bytes of a file, compressed."""
MOST_TEXT_BYTES: Final = 48 * 2**20
"""The most bytes of a file, decompressed."""
MOST_VALUES: Final = 2_000_000
"""The most values in a file. Each takes up to a hundred bytes of memory."""
_GZIP: Final = 31
_MONTH: Final = "%Y/%m"
_DAY: Final = "%Y/%m/%d"
_AT: Final = "%Y/%m/%dT%H%M%SZ"
_SUFFIX: Final = ".json.gz"
_NAME: Final = re.compile(r"(\d{4}/\d\d(/\d\d(T\d{6}Z)?)?)\.json\.gz", re.ASCII)


class UsageFormatError(Exception):
    """A file is not what docs/usage.md describes. The message is a sentence without values of the file."""


class Period(StrEnum):
    """What the samples of a file have in common."""

    SAMPLE = "sample"
    """The file has one sample."""
    DAY = "day"
    MONTH = "month"


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageFile:
    """A file by its name: one sample, or the samples of a day or a month."""

    name: str
    period: Period
    begin: datetime
    """The time of the sample, or the beginning of the day or month."""

    @property
    def day(self) -> date:
        """The day of the sample, or the first day of the period."""
        return self.begin.date()

    @property
    def month(self) -> date:
        """The first day of the month."""
        return self.day.replace(day=1)

    def has(self, at: datetime) -> bool:
        """Whether a sample of that time belongs in the file."""
        if self.period is Period.SAMPLE:
            return at == self.begin
        return at.date() == self.day if self.period is Period.DAY else at.date().replace(day=1) == self.month


def folder_name(location: str) -> str:
    """The folder of a location's files, below the location's prefix."""
    return f"{RESERVED_FOLDER}/usage/{location}/"


def sample_name(location: str, at: datetime) -> str:
    """The name of a sample's file, below the location's prefix."""
    return f"{folder_name(location)}{at.astimezone(UTC):{_AT}}{_SUFFIX}"


def month_name(location: str, month: date) -> str:
    """The name of a month file, below the location's prefix."""
    return f"{folder_name(location)}{month:{_MONTH}}{_SUFFIX}"


def day_name(location: str, day: date) -> str:
    """The name of a day file, below the location's prefix."""
    return f"{folder_name(location)}{day:{_DAY}}{_SUFFIX}"


def usage_file(location: str, name: str) -> UsageFile | None:
    """What a file contains, by its name below the location's prefix; None if it is not the name of a usage file."""
    folder = folder_name(location)
    found = _NAME.fullmatch(name.removeprefix(folder)) if name.startswith(folder) else None
    if found is None:
        return None
    text, day, time = found[1], found[2], found[3]
    period, pattern = Period.MONTH, _MONTH
    if day:
        period, pattern = (Period.SAMPLE, _AT) if time else (Period.DAY, _DAY)
    try:
        begin = datetime.strptime(text, pattern).replace(tzinfo=UTC)
    except ValueError:
        return None
    return UsageFile(name=name, period=period, begin=begin)


def encode(sample: UsageSample) -> bytes:
    """The file of a sample. The same sample gives the same bytes. Raises UsageFormatError if it is too large."""
    return _compressed([sample])


def encode_month(samples: Sequence[UsageSample]) -> bytes:
    """The file of samples in order. Only the last keeps what the next count needs. Raises UsageFormatError."""
    return _compressed([*map(without_carry, samples[:-1]), *samples[-1:]])


def without_carry(sample: UsageSample) -> UsageSample:
    """The sample without what only the next count needs."""
    return sample if sample.carry == Carry() else sample.model_copy(update={"carry": Carry()})


def decode(data: bytes) -> UsageSample:
    """The sample of a file. Raises UsageFormatError."""
    samples = decode_month(data)
    if len(samples) != 1:
        raise UsageFormatError(f"It has {len(samples)} samples; expected one.")
    return samples[0]


def decode_month(data: bytes) -> tuple[UsageSample, ...]:
    """The samples of a file. Raises UsageFormatError."""
    return tuple(_sample(line) for line in _text(data).splitlines() if line)


def count_values(data: bytes) -> int:
    """How many values a file has, to compare with MOST_VALUES. Raises UsageFormatError."""
    return _text(data).count(b",")


def _compressed(samples: Iterable[UsageSample]) -> bytes:
    text = b"".join(_line(sample) for sample in samples)
    _check_size(text)
    data = gzip.compress(text, mtime=0)
    if len(data) > MOST_FILE_BYTES:
        raise UsageFormatError(f"It has {len(data)} bytes; at most {MOST_FILE_BYTES} are read.")
    return data


def _line(sample: UsageSample) -> bytes:
    """Fields in the order of the model, without those that have their default; rows sorted."""
    fields = sample.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return json.dumps({"schema": SCHEMA, **_sorted(fields)}, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def _sorted(fields: dict[str, Any]) -> dict[str, Any]:
    """Each list of rows in order, and the lists of `carry` too. Notes keep their order."""
    return {name: _sorted_value(value) for name, value in fields.items()}


def _sorted_value(value: Any) -> Any:
    if isinstance(value, dict):
        return _sorted(value)
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return sorted(value, key=lambda row: json.dumps(row, sort_keys=True))
    return value


def _text(data: bytes) -> bytes:
    if len(data) > MOST_FILE_BYTES:
        raise UsageFormatError(f"It has {len(data)} bytes; at most {MOST_FILE_BYTES} are read.")
    unzip = zlib.decompressobj(_GZIP)
    try:
        text = unzip.decompress(data, MOST_TEXT_BYTES + 1)
    except zlib.error:
        raise UsageFormatError("It is not compressed with gzip, or it is damaged.") from None
    _check_size(text)
    if not unzip.eof or unzip.unused_data:
        raise UsageFormatError("It ends before its end, or goes on after it.")
    return text


def _check_size(text: bytes) -> None:
    if len(text) > MOST_TEXT_BYTES:
        raise UsageFormatError(f"It has more than {MOST_TEXT_BYTES} bytes when decompressed.")
    values = text.count(b",")
    if values > MOST_VALUES:
        raise UsageFormatError(f"It has {values} values; at most {MOST_VALUES} are read.")


def _sample(line: bytes) -> UsageSample:
    try:
        return UsageSample.model_validate_json(line)
    except ValidationError as error:
        raise UsageFormatError(_sentence(error)) from None


def _sentence(error: ValidationError) -> str:
    """The first thing that is wrong, without any value."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if first["loc"] == ("schema",):
        return f"It has another schema than {SCHEMA}. A newer version of the operator may have written it."
    place = ".".join(str(part) for part in first["loc"] if isinstance(part, int) or part.isidentifier())
    return f"It is not a usage sample ({place or 'the document'}: {first['type']})."

"""FOCUS rows as a Parquet file. Needs pyarrow, which only the extra `recording-operator[parquet]` installs."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import IO, Final

from recording_operator.costs.focus import COLUMNS
from recording_operator.costs.tables import Cell

_ROWS: Final = 20_000
"""Rows in memory at once, and in a row group of the file."""
_DIGITS: Final = 38
_PLACES: Final = 6


class ParquetUnavailableError(Exception):
    """The package that writes Parquet is not installed. The message says how to install it."""


def write_parquet(found: Iterable[Mapping[str, Cell]], file: IO[bytes]) -> None:
    """Write the file. Amounts have six decimals, times are in UTC. Raises ParquetUnavailableError."""
    try:
        import pyarrow as pa  # noqa: PLC0415 - large, and an extra
        from pyarrow import parquet  # noqa: PLC0415 - the same
    except ImportError:
        raise ParquetUnavailableError(
            "Parquet needs the package pyarrow. Install it with: pip install 'recording-operator[parquet]'"
        ) from None
    types = {
        str: pa.string(),
        Decimal: pa.decimal128(_DIGITS, _PLACES),
        datetime: pa.timestamp("us", tz="UTC"),
        bool: pa.bool_(),
    }
    schema = pa.schema([(name, types[kind]) for name, kind in COLUMNS.items()])
    remaining = iter(found)
    with parquet.ParquetWriter(file, schema) as writer:
        while batch := list(islice(remaining, _ROWS)):
            columns = {name: [row.get(name) for row in batch] for name in COLUMNS}
            writer.write_table(pa.table(columns, schema=schema))

"""Lists of Recordings as CSV, the same in every face."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvRecording:
    """The columns of a line, in their order."""

    namespace: str
    name: str
    phase: str
    reason: str
    progress: str
    bytes: str
    attempts: str = ""
    next_retry: str = ""
    expires: str
    location: str
    org: str
    user: str
    project: str
    title: str
    created: str
    completed: str

    def cells(self, columns: Sequence[str] | None = None) -> list[str]:
        """These columns, or all of them."""
        return [getattr(self, name) for name in columns or CSV_COLUMNS]


CSV_COLUMNS: Final = tuple(field.name for field in fields(CsvRecording))
CATALOG_COLUMNS: Final = tuple(name for name in CSV_COLUMNS if name not in {"attempts", "next_retry"})
"""What a catalog knows. It is also about Recordings that ended long ago, which have no attempts any more: an empty
column would be taken for none.
"""

"""Lists of Recordings as CSV, the same in every face."""

from dataclasses import dataclass, fields
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvRecording:
    """The columns of a line, in their order. What is unknown is empty."""

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

    def cells(self) -> list[str]:
        """In the order of the columns."""
        return [getattr(self, name) for name in CSV_COLUMNS]


CSV_COLUMNS: Final = tuple(field.name for field in fields(CsvRecording))

"""The columns of lists of Recordings as CSV, the same in every face."""

from typing import Final

CSV_COLUMNS: Final = (
    "namespace", "name", "phase", "reason", "progress", "bytes", "attempts", "next_retry", "expires", "location", "org",
    "user", "project", "title", "created", "completed",
)  # fmt: skip

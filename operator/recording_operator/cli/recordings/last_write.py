"""When the operator last wrote the status of an object, as the API server notes it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from recording_operator.times import parse_time


def last_status_write(metadata: Mapping[str, Any]) -> datetime | None:
    """The newest time in `managedFields`; None if there is none."""
    times = [
        parse_time(entry.get("time"))
        for entry in metadata.get("managedFields") or ()
        if entry.get("subresource") == "status"
    ]
    return max((time for time in times if time is not None), default=None)

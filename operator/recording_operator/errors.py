"""How a transfer or a probe fails.

    TransferError   one artifact's attempt ended; `reason` says why, and what follows (`api/reasons.py`)
    LocationError   the probe of a StorageLocation failed

No message holds a URL's path or query, a header, a key or an address: each is built from a closed vocabulary, host
names of the spec and HTTP status codes. Library errors never chain into these (`raise … from None`).
"""

from recording_operator.api.reasons import Reason


class TransferError(Exception):
    """An attempt to move one artifact ended without an object.

    `message` is fit for a status. `retry_after_s` is what the other side asked for, in seconds. `is_final`: no later
    attempt can succeed, whatever is usual for the reason.
    """

    def __init__(
        self,
        reason: Reason,
        message: str,
        *,
        retry_after_s: float | None = None,
        is_final: bool = False,
    ) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message
        self.retry_after_s = retry_after_s
        self.is_final = is_final


class LocationError(Exception):
    """A StorageLocation cannot be used. `message` is fit for a status; `retry_after_s` is what the store asked for."""

    def __init__(self, reason: Reason, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message
        self.retry_after_s = retry_after_s

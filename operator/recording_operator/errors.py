"""Errors with a reason that a status can show.

    ReasonedError           has a reason, and a message without secrets
        TransferError       one artifact's attempt ended without an object
            StoreError      the store rejected a request, or did not respond (stores/errors.py)
        LocationError       a StorageLocation cannot be used
        SecretError         a Secret cannot be used (kube/secrets.py)
        RefreshError        a report could not be counted (controller/reports/errors.py)

`api/reasons.py` defines the effects of each reason. A failure of the store ends the attempt, so it is a
TransferError; the check of a location turns it into a LocationError. Errors of egress are a tree of their own
(`egress/errors.py`), because a request may be made for other things than a transfer.

No message holds a URL's path or query, a header, a key or an address: each is built from a closed vocabulary, host
names of the spec and HTTP status codes. Library errors never chain into these (`raise … from None`).
"""

from recording_operator.api.reasons import Reason


class ReasonedError(Exception):
    """A failure with a reason. `retry_after_s` is the delay in seconds that the server requested."""

    def __init__(self, reason: Reason, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message
        self.retry_after_s = retry_after_s


class TransferError(ReasonedError):
    """An attempt to transfer one artifact failed.

    `is_final`: no later attempt can succeed, regardless of the verdict of the reason.
    """

    def __init__(
        self, reason: Reason, message: str, *, retry_after_s: float | None = None, is_final: bool = False
    ) -> None:
        super().__init__(reason, message, retry_after_s=retry_after_s)
        self.is_final = is_final


class LocationError(ReasonedError):
    """A StorageLocation cannot be used."""

"""Errors of stores of any kind.

    TransferError
        StoreError      the store rejected a request, or did not respond

Each kind of store translates its library's errors into StoreError, in one function (`s3/errors.py`).
"""

from typing import Final

from recording_operator.api.reasons import Reason
from recording_operator.errors import TransferError

# The tenant reads StoreDenied; which credentials or rights are wrong is for the location's administrator.
_COARSE: Final = dict.fromkeys(
    (Reason.CREDENTIALS_INVALID, Reason.ACCESS_DENIED, Reason.ROLE_NOT_ASSUMED), Reason.STORE_DENIED
)


class StoreError(TransferError):
    """A failure of the store. `location_reason` is a more precise reason for the location, such as CredentialsInvalid.

    `code` is the store's own error code, or the HTTP status; empty without a response. `body_too_large`: the store, or
    a proxy in front of it, accepts no body of this size.
    """

    def __init__(
        self,
        location_reason: Reason,
        message: str,
        *,
        retry_after_s: float | None = None,
        code: str = "",
        body_too_large: bool = False,
    ) -> None:
        super().__init__(_COARSE.get(location_reason, location_reason), message, retry_after_s=retry_after_s)
        self.location_reason = location_reason
        self.code = code
        self.body_too_large = body_too_large

"""Access keys of a role, from AWS STS: requested with the first request to the bucket, renewed before they expire.

botocore renews them 15 minutes before their end. If that fails, requests continue with the old keys, and fail in the
last 10 minutes. So the clock of the node may differ by several minutes.
Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import botocore.session
from botocore.credentials import CredentialProvider, CredentialResolver, DeferredRefreshableCredentials
from botocore.exceptions import ClientError

from recording_operator.api.reasons import Reason
from recording_operator.http_dates import parse_http_date
from recording_operator.stores.errors import StoreError
from recording_operator.stores.s3.errors import translated

Keys = Mapping[str, str]
_ASSUME: Final = "AssumeRole"
# STS rejects a signature that is older than this: https://docs.aws.amazon.com/IAM/latest/UserGuide/signing-elements.html
_LARGEST_SKEW: Final = timedelta(minutes=5)
_SKEWED: Final = f"The clocks of the operator and of STS differ too much ({_ASSUME}). Correct the clock of the node."
_MESSAGES: Final[dict[Reason, str]] = {
    Reason.CREDENTIALS_INVALID: "STS does not accept the access key that assumes the location's role. If it is "
    "temporary, it may have expired: renew it in the Secret of assumeRole.secretName, or repair the identity of the "
    "operator's pod",
    Reason.ROLE_NOT_ASSUMED: "STS does not permit the operator to assume the location's role. Check that the role "
    "exists, that its trust policy names the operator's identity and, if it requires one, assumeRole.externalId, and "
    "grant sts:AssumeRole to that identity",
    Reason.STORE_UNAVAILABLE: "STS failed or did not respond, so the location's role could not be assumed. Check that "
    "the operator can connect to the STS of the location's region, or to assumeRole.endpoint",
    Reason.ENDPOINT_UNREACHABLE: "STS has no acceptable TLS certificate. Check assumeRole.endpoint and s3.caBundle",
    Reason.ENDPOINT_BLOCKED: "assumeRole.endpoint leads to a link-local or cloud metadata address, which is never an "
    "STS",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AssumedRole:
    """A role, and where it is assumed. `endpoint` None means the STS of AWS in the bucket's region."""

    arn: str = field(repr=False)
    external_id: str | None = field(default=None, repr=False)
    session_name: str
    endpoint: str | None = None


def use_role(session: botocore.session.Session, assume: Callable[[], Keys]) -> None:
    """Let all clients of the session use the keys that `assume` returns, now and before they expire."""
    session.register_component("credential_provider", CredentialResolver([_RoleProvider(assume)]))


def assumed(client: Any, role: AssumedRole, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Keys:
    """New keys of the role, in the form that botocore requires. Raises StoreError."""
    external = {} if role.external_id is None else {"ExternalId": role.external_id}
    try:
        with translated(_ASSUME):
            response = _response(client, now, RoleArn=role.arn, RoleSessionName=role.session_name, **external)
            keys = response["Credentials"]
            found = {
                "access_key": str(keys["AccessKeyId"]),
                "secret_key": str(keys["SecretAccessKey"]),
                "token": str(keys["SessionToken"]),
                "expiry_time": keys["Expiration"].isoformat(),
            }
    except StoreError as error:
        raise _of_role(error) from None
    if keys["Expiration"] <= now():
        raise StoreError(Reason.CLOCK_SKEW, _SKEWED)
    return found


class _RoleProvider(CredentialProvider):  # type: ignore[misc]
    """The only provider of a session."""

    METHOD = "assumed-role"

    def __init__(self, assume: Callable[[], Keys]) -> None:
        super().__init__()
        self._assume = assume

    def load(self) -> DeferredRefreshableCredentials:
        """Sends no request yet."""
        return DeferredRefreshableCredentials(self._assume, self.METHOD)


def _response(client: Any, now: Callable[[], datetime], **parameters: str) -> Any:
    try:
        return client.assume_role(**parameters)
    except ClientError as error:
        # STS has no error code for it: it responds with SignatureDoesNotMatch.
        stated = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
        date = parse_http_date(str(stated))
        if date is not None and abs(date - now()) > _LARGEST_SKEW:
            raise StoreError(Reason.CLOCK_SKEW, _SKEWED) from None
        raise


def _of_role(error: StoreError) -> StoreError:
    """The same error with a message about the role."""
    reason = error.location_reason
    if reason in (Reason.CREDENTIALS_NOT_FOUND, Reason.CLOCK_SKEW):
        return error
    reason = reason if reason in _MESSAGES else Reason.ROLE_NOT_ASSUMED
    code = f": {error.code}" if error.code else ""
    message = f"{_MESSAGES[reason]} ({_ASSUME}{code})."
    return StoreError(reason, message, retry_after_s=error.retry_after_s, code=error.code)

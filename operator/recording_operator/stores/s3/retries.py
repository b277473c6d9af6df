"""Retries of requests to a store, and its `Retry-After`.

botocore's own retry modes ignore `Retry-After`. They are disabled, and this handler of `needs-retry` replaces them with
the same number of attempts and the same delays. It does not block for a longer `Retry-After`: the error contains the
delay, and the caller waits, because the caller can be stopped while it waits.
"""

import random
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from ssl import SSLCertVerificationError
from typing import Any, Final

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionError as BotoConnectionError
from botocore.exceptions import HTTPClientError, SSLError

from recording_operator.backoff import exponential_s, jittered_s
from recording_operator.egress.errors import BlockedError
from recording_operator.http_dates import parse_http_date

LONGEST_RETRY_AFTER_S: Final = 900.0
# Some servers send fractions, and a gateway may add a second value: the longest wait applies.
_SECONDS: Final = re.compile(r"[0-9]{1,99}(?:\.[0-9]{1,99})?(?:[ \t]*,[ \t]*[0-9]{1,99}(?:\.[0-9]{1,99})?)*")
_ATTEMPTS: Final = 4
_LONGEST_WAIT_S: Final = 5.0
_STATUSES: Final = frozenset({429, 500, 502, 503, 504})
_CODES: Final = frozenset(
    {
        "RequestTimeout", "RequestTimeoutException", "PriorRequestNotComplete", "SlowDown", "SlowDownRead",
        "SlowDownWrite", "Throttling", "ThrottlingException", "ThrottledException", "TooManyRequests",
        "TooManyRequestsException", "RequestLimitExceeded", "BandwidthLimitExceeded", "RequestThrottled",
        "RequestThrottledException", "KMS.ThrottlingException",
    }
)  # fmt: skip
# S3 has no condition for them: repeated, they would overwrite what another client wrote meanwhile.
_SENT_ONCE: Final = frozenset({"PutBucketLifecycleConfiguration", "DeleteBucketLifecycle"})


def parse_retry_after(
    headers: Mapping[str, str], *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> float | None:
    """`Retry-After` in seconds, at most 15 minutes; None if it is absent or in the past.

    A date is compared with the `Date` of the same response, because both come from the store's clock.
    """
    value = str(headers.get("retry-after", "")).strip()
    if _SECONDS.fullmatch(value):
        return min(max(float(seconds) for seconds in value.split(",")), LONGEST_RETRY_AFTER_S)
    until = parse_http_date(value)
    if until is None:
        return None
    since = parse_http_date(str(headers.get("date", ""))) or now()
    wait_s = (until - since).total_seconds()
    return min(wait_s, LONGEST_RETRY_AFTER_S) if wait_s > 0 else None


class StoreRetries:
    """Handler of `needs-retry.s3`. Returns the seconds to wait before the request is retried, or None for no retry."""

    def __init__(
        self,
        *,
        uniform: Callable[[float, float], float] = random.uniform,  # noqa: S311 - a wait, not a secret
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._uniform = uniform
        self._monotonic = monotonic
        self._quiet_until = 0.0

    @property
    def retry_after_s(self) -> float:
        """Remaining seconds of the last `Retry-After` in any response to this client."""
        return max(0.0, self._quiet_until - self._monotonic())

    def register(self, client: Any) -> None:
        """Replace botocore's retries, and its search for the region of a bucket.

        If a store redirects, botocore sends HeadBucket to find the region. If that is redirected too, it repeats this
        hundreds of times. A region that the redirect itself names is still followed, once.
        """
        client.meta.events.register("needs-retry.s3", self)
        client.meta.events.register("before-call.s3.HeadBucket", _empty_response)

    def __call__(
        self, *, response: Any = None, caught_exception: Any = None, attempts: int = 1, operation: Any = None, **_: Any
    ) -> float | None:
        """Called by botocore. `response` is a pair: the HTTP response and the parsed response."""
        retry_after_s = 0.0 if response is None else self._note_retry_after(response[1])
        if attempts >= _ATTEMPTS or getattr(operation, "name", "") in _SENT_ONCE:
            return None
        wait_s = jittered_s(exponential_s(attempts, first_s=1.0, longest_s=_LONGEST_WAIT_S), uniform=self._uniform)
        if response is None:
            return wait_s if _may_be_retried(caught_exception) else None
        http_response, parsed = response
        code = str(parsed.get("Error", {}).get("Code", ""))
        if http_response.status_code not in _STATUSES and code not in _CODES:
            return None
        return max(wait_s, retry_after_s) if retry_after_s <= _LONGEST_WAIT_S else None

    def _note_retry_after(self, parsed: Any) -> float:
        retry_after_s = parse_retry_after(parsed.get("ResponseMetadata", {}).get("HTTPHeaders", {})) or 0.0
        if retry_after_s:
            self._quiet_until = self._monotonic() + retry_after_s
        return retry_after_s


def _may_be_retried(failure: Any) -> bool:
    """Whether a request that got no response may be retried. An untrusted certificate does not change."""
    blocked = isinstance(failure, HTTPClientError) and isinstance(failure.kwargs.get("error"), BlockedError)
    untrusted = isinstance(failure, SSLError) and failure.kwargs.get("error") == SSLCertVerificationError.__name__
    return isinstance(failure, BotoConnectionError | HTTPClientError) and not blocked and not untrusted


def _empty_response(**_: Any) -> tuple[AWSResponse, dict[str, Any]]:
    return AWSResponse("", 200, {}, None), {"ResponseMetadata": {"HTTPStatusCode": 200, "HTTPHeaders": {}}}

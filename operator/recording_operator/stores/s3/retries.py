"""How long to wait after an error of a store, and when to send a request again at once.

botocore's own retry modes do not read `Retry-After`, so they are off and this handler of `needs-retry` takes their
place, with their numbers. A wait that is longer than a moment is not sat out here: the failure goes to the caller, who
can be stopped while it waits, and carries the wait.
"""

import random
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionError as BotoConnectionError
from botocore.exceptions import HTTPClientError

from recording_operator.backoff import exponential_s, jittered_s
from recording_operator.egress.errors import BlockedError
from recording_operator.http_dates import parse_http_date

LONGEST_ASKED_S: Final = 900.0
# Some send fractions, and a gateway may add a header of its own to the store's: then the longest wait counts.
_SECONDS: Final = re.compile(r"[0-9]{1,99}(?:\.[0-9]{1,99})?(?:[ \t]*,[ \t]*[0-9]{1,99}(?:\.[0-9]{1,99})?)*")
_SENDS: Final = 4
_LONGEST_HERE_S: Final = 5.0
_STATUSES: Final = frozenset({429, 500, 502, 503, 504})
_CODES: Final = frozenset(
    {
        "RequestTimeout", "RequestTimeoutException", "PriorRequestNotComplete", "SlowDown", "SlowDownRead",
        "SlowDownWrite", "Throttling", "ThrottlingException", "ThrottledException", "TooManyRequests",
        "TooManyRequestsException", "RequestLimitExceeded", "BandwidthLimitExceeded", "RequestThrottled",
        "RequestThrottledException", "KMS.ThrottlingException",
    }
)  # fmt: skip


def asked_wait_s(
    headers: Mapping[str, str], *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> float | None:
    """`Retry-After` in seconds, at most a quarter of an hour; None where there is none, or one that is over.

    A date is held against the response's own `Date`: both are of the store's clock.
    """
    value = str(headers.get("retry-after", "")).strip()
    if _SECONDS.fullmatch(value):
        return min(max(float(seconds) for seconds in value.split(",")), LONGEST_ASKED_S)
    until = parse_http_date(value)
    if until is None:
        return None
    since = parse_http_date(str(headers.get("date", ""))) or now()
    wait_s = (until - since).total_seconds()
    return min(wait_s, LONGEST_ASKED_S) if wait_s > 0 else None


class StoreRetries:
    """Handler of `needs-retry.s3`: the seconds to wait before a request is sent again, None where it is not."""

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
    def asked_wait_s(self) -> float:
        """How long the store still wants to be left alone, as any response to any request of this client said last."""
        return max(0.0, self._quiet_until - self._monotonic())

    def register(self, client: Any) -> None:
        """Take the place of botocore's retries, and of its search for the region of a bucket.

        botocore sends HeadBucket to a store that redirects, to find the region, and follows when that is redirected
        too, hundreds of times. What the redirect itself says of the region is still followed, once.
        """
        client.meta.events.register("needs-retry.s3", self)
        client.meta.events.register("before-call.s3.HeadBucket", _says_nothing)

    def __call__(
        self, *, response: Any = None, caught_exception: Any = None, attempts: int = 1, **_: Any
    ) -> float | None:
        """As botocore calls it; `response` is what came and what was read of it."""
        asked_s = 0.0 if response is None else self._asked(response[1])
        if attempts >= _SENDS:
            return None
        wait_s = jittered_s(exponential_s(attempts, first_s=1.0, longest_s=_LONGEST_HERE_S), uniform=self._uniform)
        if response is None:
            return wait_s if _passes(caught_exception) else None
        came, read = response
        code = str(read.get("Error", {}).get("Code", ""))
        if came.status_code not in _STATUSES and code not in _CODES:
            return None
        return max(wait_s, asked_s) if asked_s <= _LONGEST_HERE_S else None

    def _asked(self, read: Any) -> float:
        asked_s = asked_wait_s(read.get("ResponseMetadata", {}).get("HTTPHeaders", {})) or 0.0
        if asked_s:
            self._quiet_until = self._monotonic() + asked_s
        return asked_s


def _passes(failure: Any) -> bool:
    """Whether a request that had no response may have one when it is sent again."""
    blocked = isinstance(failure, HTTPClientError) and isinstance(failure.kwargs.get("error"), BlockedError)
    return isinstance(failure, BotoConnectionError | HTTPClientError) and not blocked


def _says_nothing(**_: Any) -> tuple[AWSResponse, dict[str, Any]]:
    return AWSResponse("", 200, {}, None), {"ResponseMetadata": {"HTTPStatusCode": 200, "HTTPHeaders": {}}}

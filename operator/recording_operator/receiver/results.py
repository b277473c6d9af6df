"""What became of a delivery: the label of the metric, and the response that follows from it."""

from enum import StrEnum
from typing import Final

from recording_operator.api.recordingsource import ProviderName


class Result(StrEnum):
    """What became of a delivery."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    CONFLICTING_REDELIVERY = "conflicting_redelivery"
    """The same id as an earlier delivery, and another body: the first one counts."""
    CONFLICT = "conflict"
    """A Recording of another origin has the name."""
    IGNORED = "ignored"
    CHALLENGE = "challenge"
    REJECTED = "rejected"
    UNREADABLE = "unreadable"
    """Genuine, but it cannot be read."""
    UNFIT = "unfit"
    """Genuine, but it cannot become a Recording as the source and the policies of the cluster are now."""
    NOT_FOUND = "not_found"
    TOO_LARGE = "too_large"
    TOO_SLOW = "too_slow"
    MALFORMED = "malformed"
    """Not a request that HTTP permits."""
    OVERLOADED = "overloaded"
    UNAVAILABLE = "unavailable"
    """The API server is unavailable."""
    FAILED = "failed"


_OK: Final = 200
_UNAVAILABLE: Final = 503
_TOO_MANY: Final = 429
STATUS: Final[dict[Result, int]] = {
    Result.ACCEPTED: _OK,
    Result.DUPLICATE: _OK,
    Result.CONFLICTING_REDELIVERY: _OK,
    Result.CONFLICT: _OK,
    Result.IGNORED: _OK,
    Result.CHALLENGE: _OK,
    Result.REJECTED: 401,
    Result.UNREADABLE: 422,
    Result.UNFIT: 422,
    Result.NOT_FOUND: 404,
    Result.TOO_LARGE: 413,
    Result.TOO_SLOW: 408,
    Result.MALFORMED: 400,
    Result.OVERLOADED: _TOO_MANY,
    Result.UNAVAILABLE: _UNAVAILABLE,
    Result.FAILED: _UNAVAILABLE,
}
RETRY_AFTER_S: Final = {Result.OVERLOADED: 1, Result.UNAVAILABLE: 5, Result.FAILED: 30, Result.UNFIT: 30}
# They repeat a delivery after 5xx only.
_REPEAT_AFTER_5XX: Final = frozenset({ProviderName.MEETING_BAAS, ProviderName.ZOOM})
_MAY_FIT_LATER: Final = frozenset({Result.OVERLOADED, Result.UNFIT})


def status_of(result: Result, provider: ProviderName | None) -> int:
    """The status code of the response."""
    if result in _MAY_FIT_LATER and provider in _REPEAT_AFTER_5XX:
        return _UNAVAILABLE
    return STATUS[result]

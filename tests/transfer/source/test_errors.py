"""Every failure of a request has a reason and a message, and neither contains more of the URL than its host."""

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.egress import errors
from recording_operator.egress.errors import EgressError
from recording_operator.transfer.source.errors import source_error

_HOST = "media.test"
CASES = [
    (
        errors.InvalidUrlError(),
        Reason.SOURCE_INVALID,
        "The URL of the source cannot be used. Write an absolute https URL",
    ),
    (errors.InvalidHeaderError(), Reason.SOURCE_INVALID, "A header for the source has a name or value"),
    (errors.BlockedError(_HOST), Reason.SOURCE_BLOCKED, "The operator's source policy does not allow this URL or"),
    (errors.UnresolvableError(_HOST), Reason.SOURCE_UNRESOLVABLE, "media.test does not resolve."),
    (
        errors.UnresolvableError(_HOST, timeout_s=5.0),
        Reason.SOURCE_UNRESOLVABLE,
        "media.test did not resolve in 5 s.",
    ),
    (errors.UnreachableError(_HOST), Reason.SOURCE_UNREACHABLE, "No connection to media.test could be made."),
    (
        errors.TlsError(_HOST),
        Reason.SOURCE_TLS_ERROR,
        "media.test has no acceptable TLS certificate or",
    ),
    (errors.ConnectionLostError(_HOST), Reason.SOURCE_RESET, "The connection to media.test broke."),
    (errors.TooSlowError(_HOST, stalled=True), Reason.SOURCE_TOO_SLOW, "media.test stopped sending."),
    (
        errors.TooSlowError(_HOST, stalled=False),
        Reason.SOURCE_TOO_SLOW,
        "media.test sends less than the minimum rate of the policy.",
    ),
    (
        errors.ProtocolError(_HOST, "sent something"),
        Reason.SOURCE_PROTOCOL_ERROR,
        "media.test sent something. Check the URL with its provider; a proxy may be in between.",
    ),
    (
        errors.InvalidRedirectError(_HOST),
        Reason.SOURCE_PROTOCOL_ERROR,
        "media.test redirects to something that is not an http or https URL.",
    ),
    (
        errors.RedirectLimitError(_HOST, 10),
        Reason.SOURCE_REDIRECT_LIMIT,
        "media.test redirects more than 10 times, which is the limit.",
    ),
]


@pytest.mark.parametrize(("error", "reason", "sentence"), CASES, ids=lambda value: type(value).__name__)
def test_the_meaning_of_a_failed_request(error: EgressError, reason: Reason, sentence: str) -> None:
    found = source_error(error)
    assert found.reason is reason
    assert found.message.startswith(sentence)
    assert found.message.endswith(".")


def test_no_kind_is_left_out() -> None:
    assert {type(error) for error, _, _ in CASES} == set(EgressError.__subclasses__())


def test_the_error_of_a_blocked_request_contains_no_address() -> None:
    assert source_error(errors.BlockedError(_HOST)).message == source_error(errors.BlockedError("other.test")).message

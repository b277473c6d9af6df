"""What a failed request means for a transfer: the one place that turns errors of egress into reasons."""

from typing import Final

from recording_operator.api.reasons import Reason
from recording_operator.egress.errors import (
    BlockedError,
    ConnectionLostError,
    EgressError,
    InvalidHeaderError,
    InvalidRedirectError,
    InvalidUrlError,
    ProtocolError,
    RedirectLimitError,
    TlsError,
    TooSlowError,
    UnreachableError,
    UnresolvableError,
)
from recording_operator.errors import TransferError

# The reason and message of each kind. The message may contain {host}, and {text}, the message of egress.
_MEANINGS: Final[dict[type[EgressError], tuple[Reason, str]]] = {
    InvalidUrlError: (
        Reason.SOURCE_INVALID,
        "The URL of the source cannot be used. Write an absolute https URL without user name or fragment.",
    ),
    InvalidHeaderError: (
        Reason.SOURCE_INVALID,
        "A header for the source has a name or value that HTTP does not allow. Correct it in its Secret.",
    ),
    BlockedError: (
        Reason.SOURCE_BLOCKED,
        "The operator's source policy does not allow this URL or its address. Ask the platform team.",
    ),
    UnresolvableError: (Reason.SOURCE_UNRESOLVABLE, "{text}"),
    UnreachableError: (Reason.SOURCE_UNREACHABLE, "{text}"),
    TlsError: (
        Reason.SOURCE_TLS_ERROR,
        "{host} has no acceptable TLS certificate or protocol. Check the host name in the URL.",
    ),
    ConnectionLostError: (Reason.SOURCE_RESET, "{text}"),
    TooSlowError: (Reason.SOURCE_TOO_SLOW, "{text}"),
    ProtocolError: (
        Reason.SOURCE_PROTOCOL_ERROR,
        "{text} Check the URL with its provider; a proxy may be in between.",
    ),
    InvalidRedirectError: (Reason.SOURCE_PROTOCOL_ERROR, "{text}"),
    RedirectLimitError: (Reason.SOURCE_REDIRECT_LIMIT, "{text}"),
}


def source_error(error: EgressError) -> TransferError:
    """The reason and the sentence that a status shows. Raise it `from None`."""
    reason, sentence = _MEANINGS[type(error)]
    return TransferError(reason, sentence.format(host=error.host, text=error))

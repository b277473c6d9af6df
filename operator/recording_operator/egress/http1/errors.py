"""Errors in a response, besides OSError of the socket."""


class MalformedResponse(Exception):  # noqa: N818 - named as what was received
    """Not HTTP/1.1, with ambiguous framing, or larger than a limit.

    The text is one of a closed set, without a byte of the response: a clause that follows "The server ".
    """


class ResponseCut(ConnectionError):  # noqa: N818 - named as what happened
    """The connection ended before the response did."""

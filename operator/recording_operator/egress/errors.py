"""How a request fails before its response is complete.

    EgressError            any of these; `host` is the host of the URL, "" if the URL cannot be parsed
      InvalidUrlError      the URL is not an absolute http(s) URL, or cannot be sent safely
      InvalidHeaderError   a header, or the request as a whole, is not valid HTTP
      BlockedError         the policy does not allow the scheme, port, host or address, or a redirect to it
      UnresolvableError    the host has no address, or the resolver did not respond in time
      UnreachableError     no connection could be made
      TlsError             no acceptable certificate or version of TLS
      ConnectionLostError  the connection ended before the response did
      TooSlowError         a deadline passed, or the response was slower than the minimum rate
      ProtocolError        the response is not HTTP/1.1, its framing is ambiguous, or it exceeds a limit
      InvalidRedirectError a redirect to something that is no http(s) URL
      RedirectLimitError   more redirects than the policy allows

No message contains more of a URL than its host, and no error has a library's error as its cause, which may contain the
URL. A stop is not an error: `stopping.Stopped` is raised then.
"""

from typing import Final


class EgressError(Exception):
    """A request did not get a complete response."""

    def __init__(self, host: str, text: str) -> None:
        super().__init__(text)
        self.host: Final = host


class InvalidUrlError(EgressError):
    """The URL cannot be used."""

    def __init__(self) -> None:
        super().__init__(
            "", "The URL cannot be used. Write an absolute http or https URL without user name or fragment."
        )


class InvalidHeaderError(EgressError):
    """A header, or the request as a whole, cannot be sent."""

    def __init__(self) -> None:
        super().__init__("", "A header has a name or value that HTTP does not allow.")


class BlockedError(EgressError):
    """The policy forbids it. The message does not say what, because a tenant could scan the network with it."""

    def __init__(self, host: str = "") -> None:
        super().__init__(host, "The policy does not allow this URL or its address.")


class UnresolvableError(EgressError):
    """The host has no address. `timeout_s` is the timeout of the resolver; None if it responded."""

    def __init__(self, host: str, *, timeout_s: float | None = None) -> None:
        waited = "does not resolve" if timeout_s is None else f"did not resolve in {timeout_s:g} s"
        super().__init__(host, f"{host} {waited}.")


class UnreachableError(EgressError):
    """No connection could be made."""

    def __init__(self, host: str) -> None:
        super().__init__(host, f"No connection to {host} could be made.")


class TlsError(EgressError):
    """The certificate or the version of TLS is not acceptable."""

    def __init__(self, host: str) -> None:
        super().__init__(host, f"{host} has no acceptable TLS certificate or protocol.")


class ConnectionLostError(EgressError):
    """The connection ended before the response did."""

    def __init__(self, host: str) -> None:
        super().__init__(host, f"The connection to {host} broke.")


class TooSlowError(EgressError):
    """A deadline passed. `stalled`: no byte arrived within the read timeout."""

    def __init__(self, host: str, *, stalled: bool) -> None:
        what = "stopped sending" if stalled else "sends less than the minimum rate of the policy"
        super().__init__(host, f"{host} {what}.")


class ProtocolError(EgressError):
    """The response cannot be read. `violation` follows the name of the server in the message: "sent trailers of …"."""

    def __init__(self, host: str, violation: str) -> None:
        super().__init__(host, f"{host} {violation}.")


class InvalidRedirectError(EgressError):
    """The Location of a redirect cannot be used."""

    def __init__(self, host: str) -> None:
        super().__init__(host, f"{host} redirects to something that is not an http or https URL.")


class RedirectLimitError(EgressError):
    """More redirects than are allowed."""

    def __init__(self, host: str, limit: int) -> None:
        super().__init__(host, f"{host} redirects more than {limit} times, which is the limit.")

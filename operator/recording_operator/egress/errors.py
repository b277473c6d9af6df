"""How a request fails before its response is complete.

    EgressError            any of these; `host` is the host of the URL, "" where the URL cannot be read
      InvalidUrlError      the URL is no absolute http(s) URL, or not one that can be sent safely
      InvalidHeaderError   a header, or the request as a whole, is not what HTTP allows
      BlockedError         the policy does not allow the scheme, port, host or address, or a redirect to it
      UnresolvableError    the host has no address, or the resolver did not respond in time
      UnreachableError     no connection could be made
      TlsError             no acceptable certificate or version of TLS
      ConnectionLostError  the connection ended before the response did
      TooSlowError         a deadline passed, or the response came below the minimum rate
      ProtocolError        the response is not HTTP/1.1, not framed in one certain way, or beyond a bound
      InvalidRedirectError a redirect to something that is no http(s) URL
      RedirectLimitError   more redirects than the policy allows

No text holds more of a URL than its host, and no error has a library's error as its cause: that may hold the URL.
A stop is not an error: `stopping.Stopped` is raised then.
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
    """The policy forbids it. Never says what was forbidden, or whoever chose the URL could scan the network."""

    def __init__(self, host: str = "") -> None:
        super().__init__(host, "The policy does not allow this URL or its address.")


class UnresolvableError(EgressError):
    """The host has no address. `timeout_s` is how long the resolver had, None where it said so itself."""

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
    """A deadline passed. `stalled`: nothing came at all for the whole of the read timeout."""

    def __init__(self, host: str, *, stalled: bool) -> None:
        what = "stopped sending" if stalled else "sends less than the minimum rate of the policy"
        super().__init__(host, f"{host} {what}.")


class ProtocolError(EgressError):
    """The response cannot be read. `violation` goes on from the name of the server: "sent trailers of …"."""

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

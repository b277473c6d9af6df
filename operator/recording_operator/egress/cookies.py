"""Cookies that a server sets during its redirects.

They are kept for one chain of redirects, and sent only to the host that set them. The next request starts without
cookies.
"""

from email.message import Message
from http.cookiejar import CookieJar
from typing import Any, Final, cast
from urllib.request import Request

from recording_operator.egress.http1.head import Head
from recording_operator.egress.url import HttpUrl

_MOST_BYTES: Final = 8 * 2**10
"""Largest Cookie header, as in curl: servers reject more."""


class ChainCookies:
    """The cookies of one chain. Belongs to one thread."""

    def __init__(self) -> None:
        # A jar for each host, so that the Domain attribute has no effect on other hosts.
        self._jars: dict[str, CookieJar] = {}

    def keep(self, url: HttpUrl, head: Head) -> None:
        """Store the cookies of a response."""
        if "set-cookie" in head.fields:
            jar = self._jars.setdefault(url.host, CookieJar())
            jar.extract_cookies(cast("Any", _Headers(head)), _request(url))

    def header(self, url: HttpUrl) -> str | None:
        """The Cookie header for a request, None without one."""
        jar = self._jars.get(url.host)
        if jar is None:
            return None
        request = _request(url)
        jar.add_cookie_header(request)
        cookies = request.get_header("Cookie")
        return cookies if cookies is not None and len(cookies) <= _MOST_BYTES else None


class _Headers:
    """The interface of a response for the library."""

    def __init__(self, head: Head) -> None:
        self._message = Message()
        for value in head.fields["set-cookie"]:
            self._message["Set-Cookie"] = value

    def info(self) -> Message:
        """The headers."""
        return self._message


def _request(url: HttpUrl) -> Request:
    return Request(f"{url.scheme}://{url.host_header}{url.target}")  # noqa: S310 - nothing is opened

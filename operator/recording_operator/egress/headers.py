"""The headers of a request: the caller's, which are checked, and our own, which they cannot change."""

import re
from collections.abc import Mapping
from typing import Final

from recording_operator import __version__
from recording_operator.egress.errors import InvalidHeaderError

USER_AGENT: Final = f"recording-operator/{__version__} (+https://recordings.dev)"
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
# Headers that frame the request or select the bytes. A caller must not change them.
_OWN: Final = re.compile(
    r"host|connection|content-length|transfer-encoding|te|trailer|upgrade|expect|accept-encoding|range|if-.*|proxy-.*",
    re.IGNORECASE,
)


def checked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers without those that only the operator sets. Raises InvalidHeaderError for invalid HTTP."""
    for name, value in headers.items():
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise InvalidHeaderError
    return {name: value for name, value in headers.items() if not _OWN.fullmatch(name)}


def joined_headers(
    *, host: str, user_agent: str, user: Mapping[str, str], own: Mapping[str, str], cookies: str | None
) -> list[tuple[str, str]]:
    """All headers of one request. `user` replaces defaults, `own` replaces `user`."""
    replaced = {name.lower() for name in own}
    user = {name: value for name, value in user.items() if name.lower() not in replaced}
    given = {name.lower() for name in user}
    default = {"User-Agent": user_agent, "Accept": "*/*"}
    sent = {"Host": host, **{name: value for name, value in default.items() if name.lower() not in given}}
    sent["Accept-Encoding"] = "identity"
    for name, value in user.items():
        sent[name] = f"{value}; {cookies}" if cookies and name.lower() == "cookie" else value
    if cookies and "cookie" not in given:
        sent["Cookie"] = cookies
    return list({**sent, **own}.items())

"""Masks the secret parts of URLs: user names, passwords, queries (which contain signatures) and fragments."""

import re
from typing import Final

MARK: Final = "[redacted]"
URL_PATTERNS: Final = (
    # user:password@ of a URL
    (r"([a-z][a-z0-9+.-]*://)[^\s/?#@\"'<>]+@", rf"\1{MARK}@"),
    # query and fragment of a URL
    (r"([a-z][a-z0-9+.-]*://[^\s?#\"'<>]*)[?#][^\s\"'<>]*", rf"\1?{MARK}"),
)
_COMPILED: Final = tuple((re.compile(pattern, re.IGNORECASE), replacement) for pattern, replacement in URL_PATTERNS)


def mask_urls(text: str) -> str:
    """`text` with every URL in it cut down to scheme, host and path. Doing it again changes nothing."""
    if "://" not in text:
        return text
    for pattern, replacement in _COMPILED:
        text = pattern.sub(replacement, text)
    return text

"""Ids of owners that any provider may send, in the form that a Recording accepts."""

import hashlib
from typing import Final

from recording_operator.api.keytemplate import escape_id, unescape_id
from recording_operator.api.recording_rules import MAX_OWNER_CHARS

_HASHED: Final = "sha256="
_HASH_CHARS: Final = 40
_PLAIN: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
_MOST_BYTES: Final = 42
_MOST_ASCII: Final = 96
_MOST_SPECIAL: Final = 16


def owner_id(value: str) -> str:
    """`value` itself if a Recording accepts it, otherwise escaped, and hashed if that is too long.

    White space around it does not count. Other different values have different results: a value that looks like an
    escaped or a hashed one is escaped too. Raises ValueError for an empty value, and for text that is no Unicode.
    """
    text = value.strip()
    if not text:
        raise ValueError("it is empty")
    if is_accepted(text) and unescape_id(text) == text and not text.startswith(_HASHED):
        return text
    try:
        escaped = escape_id(text)
    except UnicodeEncodeError:
        raise ValueError("it is not valid Unicode") from None
    if is_accepted(escaped):
        return escaped
    return f"{_HASHED}{hashlib.sha256(text.encode()).hexdigest()[:_HASH_CHARS]}"


def is_accepted(value: str) -> bool:
    """Whether the rules of `spec.owner` accept the id: OWNER_SCHEMA in `api/recording_rules.py`."""
    if not (0 < len(value) <= MAX_OWNER_CHARS and value.isprintable() and value == value.strip(" ")):
        return False
    if value.startswith((".", "(")) or ".." in value or "://" in value:
        return False
    special = sum(character not in _PLAIN for character in value)
    short = len(value.encode()) <= _MOST_BYTES
    return not special or short or (value.isascii() and len(value) <= _MOST_ASCII and special <= _MOST_SPECIAL)

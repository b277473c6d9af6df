"""Text of the tables: what databases accept, and the words for which a Recording is found.

All texts come from tenants. PostgreSQL rejects NUL, halves of surrogate pairs, and texts that are too long.
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Final

MOST_WORDS: Final = 48
"""The most words of one Recording. Further ones are not found."""
LONGEST_WORD: Final = 48
"""Longer words are found by their beginning."""
LONGEST_TEXT: Final = 8192
_REJECTED: Final = re.compile("[\x00\ud800-\udfff]")
_WORD: Final = re.compile(r"[^\W_]+")
_REPLACEMENT: Final = "\ufffd"


def clean(text: str, *, most: int = LONGEST_TEXT) -> str:
    """The text as every database accepts it: without NUL and halves of surrogate pairs, and not longer than `most`."""
    text = text[:most]
    return text if text.isascii() and "\0" not in text else _REJECTED.sub(_REPLACEMENT, text)


def clean_json(value: Any) -> Any:
    """A JSON document with clean texts."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {clean(str(name)): clean_json(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [clean_json(one) for one in value]
    return value


def words_of(*texts: str) -> tuple[str, ...]:
    """The different words of the texts, in order: letters and digits, without case and accents."""
    found: dict[str, None] = {}
    for text in texts:
        for word in _WORD.findall(_folded(clean(text))):
            found.setdefault(word[:LONGEST_WORD])
            if len(found) == MOST_WORDS:
                return tuple(found)
    return tuple(found)


def _folded(text: str) -> str:
    if text.isascii():
        return text.lower()
    letters = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    return "".join(one for one in letters if not unicodedata.combining(one))

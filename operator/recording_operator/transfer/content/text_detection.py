"""Detects whether bytes are text, in any encoding in which a server may write an error.

Recordings without a signature (raw G.711 or PCM, encrypted files) are binary data that cannot be recognised; errors are
text. So if there is no signature, this check decides.
"""

import re
import unicodedata
from collections import Counter
from itertools import pairwise
from typing import Final

_WHITESPACE: Final = b" \t\n\v\f\r"
_PADDING: Final = b"\0" + _WHITESPACE
# Control characters that occur in text: backspace and escape of terminals, record separators, the end-of-file of DOS.
_TEXT_CONTROLS: Final = b"\b\x1a\x1b\x1c\x1d\x1e\x1f"
_CONTROLS: Final = bytes(
    byte for byte in (*range(0x20), 0x7F) if byte not in _WHITESPACE and byte not in _TEXT_CONTROLS
)
# Byte order marks. UTF-32 is first, because its mark begins with that of UTF-16.
_MARKS: Final = (
    (b"\xff\xfe\0\0", "utf-32-le"),
    (b"\0\0\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
_UTF8_MARK: Final = b"\xef\xbb\xbf"
_WIDE_ENCODINGS: Final = ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be")
_WIDE_CHARACTERS: Final = 4096  # enough to decide; each one is checked in Python
_FEWEST_WIDE_CHARACTERS: Final = 2
# Text has at most one control character in so many bytes, and at least one whitespace character in so many bytes.
_BYTES_PER_CONTROL: Final = 32
_BYTES_PER_SPACE: Final = 64
# A short text in an unknown encoding may be one word.
_SHORT_BYTES: Final = 512
# Silence of a codec consists of one or two alternating values, and raw pictures contain runs of equal bytes. Text does
# not.
_RUNS_BYTES: Final = 4096
_FEWEST_RUN_BYTES: Final = 64
_FEWEST_VALUES: Final = 2
_SCRIPTS: Final = {
    "East Asian punctuation": re.compile("[\u3000-\u303f\uff01-\uff20]"),
    "Han and kana": re.compile("[\u2e80-\u9fff]"),
    "Hangul": re.compile("[\uac00-\ud7a3]"),
}
_WRITTEN_CONTROLS: Final = (_WHITESPACE + _TEXT_CONTROLS).decode("ascii")
_NOT_IN_TEXT: Final = frozenset({"Cc", "Cn", "Co", "Cs"})


def text_of(head: bytes) -> str | None:
    """The text that begins with these bytes, without padding and byte order mark; None for binary data."""
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            marked = _decode_wide(head.removeprefix(mark), encoding)
            if marked is not None and _is_written(marked):
                return marked
    plain = head.removeprefix(_UTF8_MARK).strip(_PADDING).removeprefix(_UTF8_MARK)
    if not plain:
        # Servers send blanks to keep a connection alive. Zeros are silence in PCM.
        return "" if head.strip(b"\0") else None
    text = _decode_narrow(plain)
    if text is None:
        text = _decode_unmarked(head)
    return None if text is None or _is_monotonous(plain[:_RUNS_BYTES]) else text


def _is_monotonous(plain: bytes) -> bool:
    if len(plain) < _FEWEST_RUN_BYTES:
        return False
    runs = sum(one == other and one not in _WHITESPACE for one, other in pairwise(plain))
    return runs * 2 > len(plain) or len(set(plain)) <= _FEWEST_VALUES


def _decode_narrow(plain: bytes) -> str | None:
    controls = len(plain) - len(plain.translate(None, _CONTROLS))
    if controls > max(1, len(plain) // _BYTES_PER_CONTROL):
        return None
    text = _decode_utf8(plain)
    if text is not None:
        return text
    # Windows-1251, Shift JIS, GBK and similar encodings: bytes of any value, with spaces between words. Quiet A-law and
    # mu-law contain few control characters too, but also few spaces.
    spaces = len(plain) - len(plain.translate(None, _WHITESPACE))
    wordy = spaces * _BYTES_PER_SPACE >= len(plain) and controls * 8 <= spaces
    short = len(plain) < _SHORT_BYTES and not controls
    return plain.decode("latin-1") if wordy or short else None


def _decode_utf8(plain: bytes) -> str | None:
    try:
        return plain.decode("utf-8")
    except UnicodeDecodeError as error:
        # The beginning may end within a character.
        cut = error.reason == "unexpected end of data" and len(plain) - error.start < len("😀".encode())
        return plain[: error.start].decode("utf-8") or None if cut else None


def _decode_unmarked(head: bytes) -> str | None:
    for encoding in _WIDE_ENCODINGS:
        text = _decode_wide(head, encoding)
        if text is not None and _is_written(text) and _is_of_one_script(text):
            return text
    return None


def _decode_wide(data: bytes, encoding: str) -> str | None:
    width = 4 if "32" in encoding else 2
    data = data[: _WIDE_CHARACTERS * width]
    data = data[: len(data) - len(data) % width]
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        if error.reason != "unexpected end of data":  # otherwise a surrogate pair was truncated
            return None
        text = data[: error.start].decode(encoding)
    return text.strip("\0\ufeff \t\n\v\f\r") or None


def _is_written(text: str) -> bool:
    """Whether almost all characters are ones that text contains."""
    odd = sum(
        unicodedata.category(character) in _NOT_IN_TEXT and character not in _WRITTEN_CONTROLS for character in text
    )
    return odd * _BYTES_PER_CONTROL <= len(text)


def _is_of_one_script(text: str) -> bool:
    """Whether almost all characters belong to one script, as in real text.

    In UTF-16, any two bytes are a character, usually a Chinese or Korean one. Quiet A-law looks like Chinese, so East
    Asian text must also contain a space, a digit or punctuation.
    """
    if len(text) < _FEWEST_WIDE_CHARACTERS:
        return False
    scripts = Counter(map(_script_of, text))
    common = scripts.pop("ASCII", 0) + scripts.pop("East Asian punctuation", 0)
    if not scripts:
        return True
    [(script, characters)] = scripts.most_common(1)
    if script in ("Han and kana", "Hangul") and common * _BYTES_PER_SPACE < len(text):
        return False
    return (common + characters) * 10 >= len(text) * 9


def _script_of(character: str) -> str:
    if character.isascii():
        return "ASCII"
    return next(
        (name for name, pattern in _SCRIPTS.items() if pattern.match(character)), f"block {ord(character) >> 8}"
    )

"""Prefixes of a location's recordings that are no prefixes of the operator's own files.

S3 has no rule that excludes a folder. The prefix of a rule is compared as text, so several rules, one for each first
character that a key may have, cover all recordings and leave the operator's folder out. docs/decisions/lifecycle.md
compares this with other ways.
"""

import string
from typing import Final

from recording_operator.api.keytemplate import PLACEHOLDER
from recording_operator.api.names import RESERVED_FOLDER

# What `escape_id` leaves at the beginning of an id: a leading dot is escaped.
_OF_IDS: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase + "-=_"
_OF_NAMES: Final = string.digits + string.ascii_lowercase
_FIRST_CHARACTERS: Final = {
    "org": _OF_IDS,
    "user": _OF_IDS,
    "project": _OF_IDS,
    "namespace": _OF_NAMES,
    "name": _OF_NAMES,
    "artifact": _OF_NAMES,
    "uid": string.hexdigits[:16],
    "year": string.digits,
    "month": "01",
    "day": "0123",
}


def recording_prefixes(template: str) -> tuple[str, ...]:
    """Prefixes, relative to the location's, that cover every key of the template and no file of the operator."""
    begin = literal_begin(template)
    if not RESERVED_FOLDER.startswith(begin):
        return (begin,)
    found = PLACEHOLDER.match(template, len(begin))
    characters = _FIRST_CHARACTERS[found[1]] if found else ""
    # After a beginning such as `.`, a character could continue as the folder does: keys with it do not expire.
    return tuple(begin + one for one in characters if not RESERVED_FOLDER.startswith(begin + one))


def literal_begin(template: str) -> str:
    """The part of the template before its first placeholder."""
    found = PLACEHOLDER.search(template)
    return template[: found.start()] if found else template

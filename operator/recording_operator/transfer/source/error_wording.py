"""Finds statements about the validity of a URL in error responses of S3, GCS, Azure, Supabase and others. Pure.

Only error responses are read, because a page may contain any text. If the result is wrong, a fresh URL helps anyway.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Final

from recording_operator.http_dates import parse_http_date


class Wording(Enum):
    """What the text of an error response means."""

    NOTHING = auto()
    NOT_YET = auto()
    CLOCKS_DIFFER = auto()
    """Too early or too late."""
    OUT_OF_FRAME = auto()
    """Azure's message for both, without its times."""
    EXPIRED = auto()
    PERHAPS_EXPIRED = auto()
    """Expired, or wrong in another way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeStatement:
    """The statement of an error response. `starts_in_s` is set if it says when the URL becomes valid."""

    what: Wording
    starts_in_s: float | None = None


_AZURE_FRAME: Final = re.compile(
    r"start \[([^\]]{1,64})\].{1,8}expiry \[([^\]]{1,64})\].{1,8}current \[([^\]]{1,64})\]", re.IGNORECASE | re.DOTALL
)
_SEPARATORS: Final = re.compile(r"[\s_\-'\"\u2019]+")
_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
_NOT_YET: Final = re.compile(
    r"not yet (?:be )?(?:valid|active|available|effective|ready|started|begun|usable|enabled)"
    r"|(?:valid|active|available|effective|ready|begun|started) yet"
    r"|not valid (?:until|before)|not before|\bnbf\b|not active\b|before issued|too early"
    r"|(?:date|time|iat|issued|timestamp|signed|start\w*|token)(?: \w+){0,4} in the future"
    r"|becomes? valid|before (?:its|the) (?:start|activation)|premature"
)
_CLOCKS_DIFFER: Final = re.compile(r"time ?too ?skewed|clock skew|between the request time and")
_EXPIRED: Final = re.compile(
    r"expired|expir(?:é|ad[oa]|ou\b)|abgelaufen|caducad[oa]|scadut[oa]|verlopen"
    r"|过期|過期|期限切れ|期限が切れ|ист[её]к|만료"
    r"|(?:past|after|beyond|passed|exceed\w*) (?:(?:its|the|your) )?(?:\w+ )?expir"
    r"|expir(?:y|ation|es)(?: \w+){0,4} (?:past|passed|reached|exceeded|elapsed|over)\b"
    r"|\bexp claim|exp (?:is )?in the past|invalid ?jwt"
    r"|(?:link|url|token|signature|session|request|jwt)(?: \w+){0,4} (?:no longer (?:valid|active|available|works)"
    r"|timed out|too old|outdated|lapsed)"
    r"|validity (?:period )?(?:has )?(?:ended|over|passed)|lifetime (?:has )?(?:ended|exceeded|over)"
    r"|(?:too old|outdated) (?:link|url|token|signature)"
)
_BEING_MADE: Final = re.compile(
    r"\b(?:status|state|phase)\W{1,5}(?:still )?"
    r"(?:processing|in ?progress|pending|queued|started|running|preparing|waiting|uploading|rendering|transcoding)\b"
    r"|\b(?:still|currently|is|are) (?:processing|transcoding|rendering|generating|preparing|uploading|in progress)\b"
    r"|\bbeing (?:processed|transcoded|rendered|generated|prepared|uploaded|created|finali[sz]ed)\b"
    r"|\bnot (?:\w+ )?(?:ready|finished|processed|finali[sz]ed)\b"
    r"|\b(?:ready|available) (?:soon|shortly|in (?:a|an|\d+)\b)"
)
_FRAME: Final = re.compile(r"not valid in the specified time frame")
# Expiry of something other than the URL, and negations.
_OF_SOMETHING_ELSE: Final = re.compile(
    r"(?:(?:account|subscription|password|licen[cs]e|plan|trial|certificate|membership|card|payment)"
    r"(?: (?:has|is|have|was|already|been)){0,3} |\bnot |\bnever |n t |\bun)(?:yet )?(?:been )?expired"
)
_OR: Final = re.compile(r"\bor(?: \w+){0,4} expired|expired(?: \w+){0,2} or\b|/ ?expired|expired ?/")
_BAD_JWT: Final = re.compile(r"(?:signature|malformed|algorithm|alg\b)")


def read_wording(text: str) -> TimeStatement:
    """The statement of the text about the validity of a URL, a token or a signature."""
    frame = _AZURE_FRAME.search(text)
    if frame is not None and (saying := _in_frame(*frame.groups())) is not None:
        return saying
    return TimeStatement(what=_in_words(_plain(text)))


def says_not_ready(text: str) -> bool:
    """Whether a page instead of the content says that the content is still being created."""
    plain = _plain(text)
    return _BEING_MADE.search(plain) is not None or _in_words(plain) is Wording.NOT_YET


def _plain(text: str) -> str:
    return _SEPARATORS.sub(" ", _CAMEL.sub(" ", text)).replace("\\", "").lower()


def _in_words(plain: str) -> Wording:
    rest = _OF_SOMETHING_ELSE.sub("", plain)
    expired = _EXPIRED.search(rest) is not None
    if _FRAME.search(plain):
        return Wording.OUT_OF_FRAME
    if _NOT_YET.search(plain):
        return Wording.CLOCKS_DIFFER if expired else Wording.NOT_YET
    if _CLOCKS_DIFFER.search(plain):
        return Wording.CLOCKS_DIFFER
    if not expired:
        return Wording.NOTHING
    other_fault = "expired" not in rest and "exp claim" not in rest and _BAD_JWT.search(rest) is not None
    return Wording.PERHAPS_EXPIRED if other_fault or _OR.search(rest) else Wording.EXPIRED


def _in_frame(start: str, expiry: str, current: str) -> TimeStatement | None:
    """Parse the three times in Azure's message."""
    try:
        starts, ends, is_now = (_instant(text) for text in (start, expiry, current))
        if is_now < starts:
            return TimeStatement(what=Wording.NOT_YET, starts_in_s=(starts - is_now).total_seconds())
        return TimeStatement(what=Wording.EXPIRED) if is_now >= ends else None
    except (ValueError, TypeError, OverflowError):
        return None


def _instant(text: str) -> datetime:
    if (instant := parse_http_date(text)) is not None:
        return instant
    parsed = datetime.fromisoformat(text)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)

"""The document of a bucket's lifecycle configuration, edited as text.

Rules of others are copied byte by byte: botocore drops elements that its service description does not know, and would
delete them with the next write.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element, ParseError, fromstring
from xml.parsers import expat
from xml.sax.saxutils import escape

from recording_operator.lifecycle.merge import FoundRule, is_own
from recording_operator.lifecycle.rule import BucketRule

_ROOT: Final = "LifecycleConfiguration"
_NEW: Final = f'<{_ROOT} xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></{_ROOT}>'.encode()
_ENCODING: Final = re.compile(rb"""^\s*<\?xml[^>]*\bencoding\s*=\s*["']([^"']*)["']""")
_UTF_8: Final = frozenset({"utf-8", "utf8", "us-ascii"})


class LifecycleDocumentError(Exception):
    """The document cannot be edited without a risk for the rules of others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleText:
    """A rule, and its place in the document."""

    rule: FoundRule
    begin: int
    end: int
    has_own_prefix: bool
    """The rule has the older form, with its prefix outside of a filter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LifecycleDocument:
    """A whole configuration. `least_size` is the bucket's setting for the smallest object that moves; None if unset."""

    text: bytes = _NEW
    rules: tuple[RuleText, ...] = ()
    least_size: str | None = None

    @property
    def found(self) -> list[FoundRule]:
        """All rules."""
        return [one.rule for one in self.rules]

    def without(self, own: str) -> int:
        """Number of rules that are not the location's."""
        return sum(not is_own(one.rule.rule_id, own) for one in self.rules)

    def with_rules(self, wanted: Sequence[BucketRule], *, own: str) -> bytes:
        """The document with these rules in the place of those of the location.

        S3 rejects a document with rules of both forms. If a rule of another writer has the older form, ours get it too.
        """
        kept = bytearray()
        end = 0
        for one in self.rules:
            if is_own(one.rule.rule_id, own):
                kept += self.text[end : one.begin]
                end = one.end
        kept += self.text[end:]
        older = any(one.has_own_prefix for one in self.rules if not is_own(one.rule.rule_id, own))
        ours = "".join(_written(rule, older=older) for rule in wanted).encode()
        place = kept.rindex(b"</")
        return bytes(kept[:place]) + ours + bytes(kept[place:])


def parsed(text: bytes, *, least_size: str | None) -> LifecycleDocument:
    """Parse the body of a response. Raises LifecycleDocumentError."""
    declared = _ENCODING.match(text)
    if declared is not None and declared[1].decode("latin-1").lower() not in _UTF_8:
        raise LifecycleDocumentError("it is not in UTF-8")
    if b"<!DOCTYPE" in text:
        raise LifecycleDocumentError("it has a document type")
    try:
        root = fromstring(text)  # noqa: S314 - without a document type there are no entities
        places = list(_places(text))
    except (ParseError, expat.ExpatError, ValueError):
        raise LifecycleDocumentError("it is not XML") from None
    if _name(root) != _ROOT:
        raise LifecycleDocumentError(f"its root is not {_ROOT}")
    elements = [child for child in root if _name(child) == "Rule"]
    if len(elements) != len(places):
        raise LifecycleDocumentError("its rules cannot be distinguished")
    if not list(root):
        return LifecycleDocument(least_size=least_size)
    rules = tuple(
        RuleText(
            rule=FoundRule(rule_id=_text(element, "ID"), read=_read(element)),
            begin=begin,
            end=end,
            has_own_prefix=any(_name(child) == "Prefix" for child in element),
        )
        for element, (begin, end) in zip(elements, places, strict=True)
    )
    return LifecycleDocument(text=text, rules=rules, least_size=least_size)


def _places(text: bytes) -> Iterator[tuple[int, int]]:
    """Where each rule begins and ends in the document."""
    parser = expat.ParserCreate()
    depth, begin = 0, 0
    found: list[tuple[int, int]] = []

    def started(name: str, _: dict[str, str]) -> None:
        nonlocal depth, begin
        depth += 1
        if depth == 2 and name.rpartition(":")[2] == "Rule":  # noqa: PLR2004 - a child of the root
            begin = parser.CurrentByteIndex

    def ended(name: str) -> None:
        nonlocal depth
        if depth == 2 and name.rpartition(":")[2] == "Rule":  # noqa: PLR2004 - as above
            found.append((begin, text.index(b">", parser.CurrentByteIndex) + 1))
        depth -= 1

    parser.StartElementHandler = started
    parser.EndElementHandler = ended
    parser.Parse(text, True)
    return iter(found)


def _written(rule: BucketRule, *, older: bool) -> str:
    """A rule in the form of the API reference."""
    prefix = f"<Prefix>{escape(rule.prefix)}</Prefix>"
    parts = [
        f"<ID>{escape(rule.rule_id)}</ID>",
        prefix if older else f"<Filter>{prefix}</Filter>",
        "<Status>Enabled</Status>",
        *(
            f"<Transition><Days>{days}</Days><StorageClass>{escape(name)}</StorageClass></Transition>"
            for days, name in rule.transitions
        ),
    ]
    if rule.expire_days is not None:
        parts.append(f"<Expiration><Days>{rule.expire_days}</Days></Expiration>")
    elif rule.removes_markers:
        parts.append("<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>")
    if rule.noncurrent_days is not None:
        days = f"<NoncurrentDays>{rule.noncurrent_days}</NoncurrentDays>"
        parts.append(f"<NoncurrentVersionExpiration>{days}</NoncurrentVersionExpiration>")
    if rule.abort_days is not None:
        days = f"<DaysAfterInitiation>{rule.abort_days}</DaysAfterInitiation>"
        parts.append(f"<AbortIncompleteMultipartUpload>{days}</AbortIncompleteMultipartUpload>")
    return f"<Rule>{''.join(parts)}</Rule>"


class _OtherContentError(Exception):
    """A rule has something that the operator never writes."""


def _read(element: Element) -> BucketRule | None:
    """The rule, if it is enabled and has nothing but what the operator writes."""
    try:
        return _read_exactly(element)
    except (_OtherContentError, ValueError):
        return None


def _read_exactly(element: Element) -> BucketRule:
    prefix, status = "", ""
    transitions: list[tuple[int, str]] = []
    days: dict[str, int] = {}
    removes_markers = False
    for child in element:
        match _name(child):
            case "ID":
                pass
            case "Status":
                status = child.text or ""
            case "Prefix":
                prefix = child.text or ""
            case "Filter":
                prefix = _only(child, "Prefix") if len(child) else ""
            case "Transition":
                move = _fields(child, "Days", "StorageClass")
                transitions.append((int(move["Days"]), move["StorageClass"]))
            case "Expiration":
                expiry = _fields(child, "Days", "ExpiredObjectDeleteMarker")
                removes_markers = expiry.get("ExpiredObjectDeleteMarker") == "true"
                days |= {"Expiration": int(expiry["Days"])} if "Days" in expiry else {}
            case "NoncurrentVersionExpiration":
                days["Noncurrent"] = int(_only(child, "NoncurrentDays"))
            case "AbortIncompleteMultipartUpload":
                days["Abort"] = int(_only(child, "DaysAfterInitiation"))
            case _:
                raise _OtherContentError
    if status != "Enabled":
        raise _OtherContentError
    return BucketRule(
        rule_id=_text(element, "ID"),
        prefix=prefix,
        transitions=tuple(sorted(transitions)),
        expire_days=days.get("Expiration"),
        noncurrent_days=days.get("Noncurrent"),
        abort_days=days.get("Abort"),
        removes_markers=removes_markers,
    )


def _fields(element: Element, *names: str) -> dict[str, str]:
    """The texts of an element that has no others. Raises _OtherContentError."""
    found = {_name(child): child.text or "" for child in element}
    if not set(found) <= set(names) or len(found) != len(element):
        raise _OtherContentError
    return found


def _only(element: Element, name: str) -> str:
    found = _fields(element, name)
    if name not in found:
        raise _OtherContentError
    return found[name]


def _text(element: Element, name: str) -> str:
    return next((child.text or "" for child in element if _name(child) == name), "")


def _name(element: Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else "comment"

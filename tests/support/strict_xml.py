"""XML as S3 writes and reads it.

Source: API reference, the response syntax of each operation.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from tests.support.strict_errors import S3Error

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_MOST_BYTES = 2 * 2**20
# XML 1.0 has no other way to write these; S3 writes them so although XML 1.0 does not allow most of them.
_CONTROLS = {chr(number): f"&#x{number:X};" for number in (*range(0x20), 0x7F) if chr(number) not in "\t\n"}


def text(value: object) -> str:
    """A value within an element."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return escape(str(value), _CONTROLS)


def elements(values: Mapping[str, object]) -> str:
    """One element for each value that is not None."""
    return "".join(f"<{name}>{text(value)}</{name}>" for name, value in values.items() if value is not None)


def element(name: str, inner: str) -> str:
    """An element with elements in it."""
    return f"<{name}>{inner}</{name}>"


def document(root: str, inner: str) -> bytes:
    """A whole document."""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} xmlns="{NAMESPACE}">{inner}</{root}>'.encode()


def parsed(body: bytes, root: str) -> ElementTree.Element:
    """The root of a request's document, without namespaces. Raises S3Error."""
    if len(body) > _MOST_BYTES:
        raise S3Error("MaxMessageLengthExceeded", "Your request was too large.")
    try:
        found = ElementTree.fromstring(body)  # noqa: S314 - our own client's
    except (ElementTree.ParseError, ValueError):
        raise malformed() from None
    for part in found.iter():
        part.tag = part.tag.removeprefix(f"{{{NAMESPACE}}}")
    if found.tag != root:
        raise malformed()
    return found


def required(parent: ElementTree.Element, name: str) -> str:
    """The text of the one child of this name. Raises S3Error."""
    found = parent.findall(name)
    if len(found) != 1:
        raise malformed()
    return found[0].text or ""


def malformed() -> S3Error:
    """The error for a malformed or unexpected document."""
    message = "The XML you provided was not well-formed or did not validate against our published schema"
    return S3Error("MalformedXML", message)

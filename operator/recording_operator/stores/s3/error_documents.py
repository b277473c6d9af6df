"""Converts the error documents of other stores, and of gateways in front of them, into the form that botocore reads.

botocore reads code and message only from a root element `Error` without a namespace. If the document has a namespace,
or a line break before the XML declaration, botocore reports only the status (403 instead of "wrong clock"), and
an error with status 200 as success. It cannot read an element that occurs twice.
"""

import re
from typing import Any, Final
from xml.etree.ElementTree import Element, ParseError, SubElement, fromstring, tostring

from botocore.parsers import ResponseParserError

_ROOT_IS_ERROR: Final = re.compile(rb"\s*(?:<\?xml[^>]*>\s*)?<(?:[\w.-]+:)?Error[\s>]")
# For these operations, botocore would read a page of a gateway or a login page as an empty listing.
_LISTINGS: Final = frozenset({"ListParts", "ListMultipartUploads", "ListObjectsV2"})
_ROOT_IS_RESULT: Final = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?<(?:[\w.-]+:)?\w*Results?[\s/>]")
_OK: Final = 200
_REDIRECTED: Final = 300
_SERVER_ERROR: Final = 500


def register(client: Any) -> None:
    """Convert the responses to a client before botocore parses them."""
    client.meta.events.register("before-parse.s3", made_plain)


def made_plain(*, response_dict: dict[str, Any], operation_model: Any, **_: Any) -> None:
    """Handler of `before-parse.s3`: gives an error document the form that botocore reads, and an error status.

    Raises ResponseParserError if the response to a listing is not a listing.
    """
    status, body = response_dict["status_code"], response_dict["body"]
    if (
        status < _REDIRECTED
        and operation_model.name in _LISTINGS
        and not (_ROOT_IS_RESULT.match(body) or _ROOT_IS_ERROR.match(body))
    ):
        raise ResponseParserError("not a listing")
    if not isinstance(body, bytes) or not (status >= _REDIRECTED or _ROOT_IS_ERROR.match(body)):
        return
    plain = _plain(body)
    if plain is None:
        return
    response_dict["body"] = plain
    if status == _OK:
        response_dict["status_code"] = _SERVER_ERROR  # as botocore does if it recognises the document


def _plain(body: bytes) -> bytes | None:
    """The first `Error` in the document with its elements, each once; None if there is none."""
    try:
        root = fromstring(body.strip())  # noqa: S314 - as botocore; expat bounds entities
    except (ParseError, ValueError, LookupError):
        return None
    found = next((element for element in root.iter() if _local_name(element) == "Error"), None)
    if found is None:
        return None
    fields: dict[str, str] = {}
    for element in found:
        fields.setdefault(_local_name(element), "".join(element.itertext()).strip())
    plain = Element("Error")
    for name, text in fields.items():
        SubElement(plain, name).text = text
    return tostring(plain)


def _local_name(element: Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else "comment"

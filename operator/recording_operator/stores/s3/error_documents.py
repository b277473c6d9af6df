"""Error documents as other stores and the gateways before them write them, in the form that botocore reads.

botocore takes code and message from a root element `Error` without a namespace only. With a namespace or a line break
before the XML declaration, all that is left of "wrong clock" or "wrong region" is the status 403 or 400, and an error
behind status 200 passes for success. An element that comes twice cannot be read by it at all.
"""

import re
from typing import Any, Final
from xml.etree.ElementTree import Element, ParseError, SubElement, fromstring, tostring

from botocore.parsers import ResponseParserError

_ROOT_IS_ERROR: Final = re.compile(rb"\s*(?:<\?xml[^>]*>\s*)?<(?:[\w.-]+:)?Error[\s>]")
# What a page of a gateway or login in their place would be read as: a listing of nothing.
_LISTINGS: Final = frozenset({"ListParts", "ListMultipartUploads", "ListObjectsV2"})
_ROOT_IS_RESULT: Final = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?<(?:[\w.-]+:)?\w*Results?[\s/>]")
_OK: Final = 200
_REDIRECTED: Final = 300
_SERVER_ERROR: Final = 500


def register(client: Any) -> None:
    """Have a client's responses pass through here before they are parsed."""
    client.meta.events.register("before-parse.s3", made_plain)


def made_plain(*, response_dict: dict[str, Any], operation_model: Any, **_: Any) -> None:
    """Handler of `before-parse.s3`: an error document gets the form that botocore reads, and a status of an error.

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
        response_dict["status_code"] = _SERVER_ERROR  # as botocore does where it recognises the document


def _plain(body: bytes) -> bytes | None:
    """The first `Error` in the document with its elements, each once; None without one."""
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

"""ETags that are computed from MD5s of the bytes."""

import hashlib
import re
from collections.abc import Sequence
from typing import Final

from recording_operator.stores.store import StoredPart

_MD5: Final = re.compile(r"[0-9a-fA-F]{32}")


def etag_of_body(body: bytes | bytearray) -> str:
    """The ETag of an object that was stored in one request."""
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def etag_of_parts(parts: Sequence[StoredPart]) -> str | None:
    """The ETag of an object that consists of these parts, in order; None if the ETag of a part is not an MD5.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
    """
    joined = hashlib.md5(usedforsecurity=False)
    for part in parts:
        if _MD5.fullmatch(part.etag) is None:
            return None
        joined.update(bytes.fromhex(part.etag))
    return f"{joined.hexdigest()}-{len(parts)}"

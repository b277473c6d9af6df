"""A part that is followed by its checksum, so that the store rejects a part that was truncated or changed on its way.

The checksum of a streamed part is known only at its end. Without a checksum, some stores keep a part whose sender was
killed, padded to its full size, and a later resume would use it. So the body is one `aws-chunked` chunk with the
CRC64NVME as a trailer. botocore would send trailers only over https, in chunks of 1 MiB, and without Content-Length.
Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
"""

import hashlib
from typing import Any, Final

from recording_operator import checksums
from recording_operator.stores.store import PartBody

_TRAILER: Final = "x-amz-checksum-crc64nvme"
# base64 of 8 bytes
_CHECKSUM_CHARACTERS: Final = 12


class FramedBody:
    """A part with its framing, as it is sent. Reads and seeks like the part itself."""

    def __init__(self, part: PartBody) -> None:
        self.part: Final = part
        self._prefix = b"%x\r\n" % len(part)
        self._begun = self._ended = False
        self._length = len(self._prefix) + len(part) + len(self._suffix("=" * _CHECKSUM_CHARACTERS))

    def __len__(self) -> int:
        return self._length

    def read(self, size: int = -1) -> bytes | memoryview:
        """The framing, or the next window of the part without a copy; b"" at the end."""
        if not self._begun:
            self._begun = True
            return self._prefix
        window = self.part.read(size)
        if not window and not self._ended and self.part.tell() == len(self.part):
            self._ended = True
            return self._suffix(checksums.to_base64(self.part.crc64nvme))
        return window

    def seek(self, offset: int, whence: int = 0) -> int:
        """Back to the start."""
        self._begun = self._ended = False
        return self.part.seek(offset, whence)

    def tell(self) -> int:
        """Always 0: clients only return to the start of the body."""
        return 0

    @staticmethod
    def _suffix(crc: str) -> bytes:
        return f"\r\n0\r\n{_TRAILER}:{crc}\r\n\r\n".encode()


class PlainBody:
    """A plain part, for a store without support for trailers. With `md5`, its MD5 is available after it was read."""

    def __init__(self, part: PartBody, *, md5: bool) -> None:
        self.part: Final = part
        self._with_md5 = md5
        self._md5 = hashlib.md5(usedforsecurity=False)

    def __len__(self) -> int:
        return len(self.part)

    @property
    def md5_hex(self) -> str:
        """The MD5 of the bytes read since the start."""
        return self._md5.hexdigest()

    def read(self, size: int = -1) -> bytes | memoryview:
        """The next window; b"" at the end."""
        window = self.part.read(size)
        if self._with_md5:
            self._md5.update(window)
        return window

    def seek(self, offset: int, whence: int = 0) -> int:
        """Back to the start."""
        self._md5 = hashlib.md5(usedforsecurity=False)
        return self.part.seek(offset, whence)

    def tell(self) -> int:
        """Always 0, see `FramedBody`."""
        return 0


def register(client: Any) -> None:
    """Set the headers and the signature of requests with a `FramedBody`. Other requests are not changed."""
    client.meta.events.register("before-call.s3.UploadPart", _announce)
    client.meta.events.register("before-sign.s3.UploadPart", _sign_unsigned_with_trailer)


def _announce(params: dict[str, Any], **_: Any) -> None:
    body = params.get("body")
    if isinstance(body, FramedBody):
        params["headers"]["Content-Encoding"] = "aws-chunked"
        params["headers"]["X-Amz-Decoded-Content-Length"] = str(len(body.part))
        params["headers"]["X-Amz-Trailer"] = _TRAILER


def _sign_unsigned_with_trailer(request: Any, **_: Any) -> None:
    if isinstance(request.data, FramedBody):
        # What botocore's signer reads to write STREAMING-UNSIGNED-PAYLOAD-TRAILER.
        request.context["checksum"] = {"request_algorithm": {"in": "trailer"}}

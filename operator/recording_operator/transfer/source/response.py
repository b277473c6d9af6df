"""A source's response: a stream whose errors are reasons of a transfer."""

from collections.abc import Callable

from recording_operator.egress.errors import EgressError
from recording_operator.egress.streaming import StreamedResponse
from recording_operator.transfer.source.errors import source_error


class SourceResponse:
    """A response whose body is still to be read. Belongs to one thread; close it.

    `on_read` is called with the number of bytes read.
    """

    def __init__(self, response: StreamedResponse, *, on_read: Callable[[int], None]) -> None:
        self._response = response
        self._on_read = on_read
        self.host = response.host
        self.status = response.status
        self.content_length = response.content_length
        self.chunked = response.chunked
        self.header = response.header
        self.close = response.close

    def read(self, size: int) -> bytes:
        """The next bytes, at least one and up to `size`; b"" at the end.

        Raises TransferError (SourceReset if the body is truncated, SourceTooSlow below the minimum rate) and Stopped.
        """
        try:
            data = self._response.read(size)
        except EgressError as error:
            raise source_error(error) from None
        self._on_read(len(data))
        return data

    def readinto(self, window: memoryview) -> int:
        """Fill `window` with the next bytes and return how many; fewer only before the end or a cut, 0 at the end.

        Raises as `read`, which makes new memory for each window and copies into it: a tenth of a transfer.
        """
        try:
            count = self._response.readinto(window)
        except EgressError as error:
            raise source_error(error) from None
        self._on_read(count)
        return count

    def __enter__(self) -> "SourceResponse":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

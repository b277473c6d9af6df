"""Bodies that a proxy in front of the store rejected as too large, so that the location's check can test their size.

The check sends small bodies. It would not find a limit that applies only to the larger bodies of transfers.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from recording_operator.stores.errors import StoreError


@dataclass(slots=True)
class RejectedBody:
    """Size of the last body that was rejected as too large; None if there is none, or it was accepted since."""

    body_bytes: int | None = None

    @contextmanager
    def noting(self, size_bytes: int) -> Iterator[None]:
        """Send a body of this size."""
        try:
            yield
        except StoreError as error:
            if error.body_too_large:
                self.body_bytes = size_bytes
            raise

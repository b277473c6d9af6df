"""What a proxy before the store was seen to refuse, so that the location's check can see it too.

The check sends small bodies. A limit that only a transfer's larger body met would never make the location not Ready.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from recording_operator.stores.errors import StoreError


@dataclass(slots=True)
class RefusedBody:
    """How long the body was that was last called too large; None where there is none, or it was taken since."""

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

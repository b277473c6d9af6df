"""A world that is counted."""

from collections.abc import Iterator

import pytest

from tests.controller.usage.world import CountingWorld
from tests.support.strict_store import StrictStore


@pytest.fixture
def world() -> Iterator[CountingWorld]:
    """A strict store with an empty bucket."""
    with StrictStore() as strict:
        yield CountingWorld(strict=strict)

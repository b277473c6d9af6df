"""The operator's part that counts and reports."""

from collections.abc import Iterator

import pytest

from tests.controller.reports.whole_path import Path
from tests.controller.usage.world import CountingWorld
from tests.support.strict_store import StrictStore


@pytest.fixture
def path() -> Iterator[Path]:
    """With a location at the beginning of a bucket."""
    with StrictStore() as strict:
        world = CountingWorld(strict=strict)
        world.location("archive", status={"capabilities": {"versioning": True}})
        yield Path(world)

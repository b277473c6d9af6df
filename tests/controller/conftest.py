"""A strict store for each test that needs one, and a lost cluster that has stored Recordings in it."""

from collections.abc import Iterator

import pytest

from tests.support.lost_recordings import LostCluster, location_in
from tests.support.strict_fixtures import strict, strict_server
from tests.support.strict_store import StrictStore
from tests.support.transfers import store_of

__all__ = ["strict", "strict_server"]


@pytest.fixture
def lost(strict: StrictStore) -> Iterator[LostCluster]:
    """Its location is in the strict store."""
    store = store_of(strict)
    yield LostCluster(store=store, location=location_in(strict.bucket_name))
    store.close()

"""A strict store for each test, with small parts allowed so that tests need few bytes."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from recording_operator.transfer.stores.s3 import S3Store
from tests.support.lying_source import Content, LyingSource
from tests.support.strict_bucket import Bucket
from tests.support.strict_store import StrictStore
from tests.support.transfers import KIB, store_of


@pytest.fixture
def strict() -> Iterator[StrictStore]:
    """A strict store; `strict.bucket` holds what was stored."""
    with StrictStore(bucket=Bucket(least_part_bytes=64 * KIB)) as server:
        yield server


@pytest.fixture
def store(strict: StrictStore) -> Iterator[S3Store]:
    """The client under test, of the strict store."""
    client = store_of(strict)
    yield client
    client.close()


@pytest.fixture
def serve() -> Iterator[Callable[[bytes], LyingSource]]:
    """Makes sources of given bytes."""
    with ExitStack() as stack:
        yield lambda body: stack.enter_context(LyingSource(Content(body=body)))

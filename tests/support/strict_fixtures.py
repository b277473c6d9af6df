"""Fixtures: a strict store for each test, which allows small parts so that tests need few bytes."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from recording_operator.stores.s3.bucket import S3Store
from tests.support.lying_source import Content, LyingSource
from tests.support.strict_bucket import Bucket
from tests.support.strict_store import StrictStore
from tests.support.transfers import KIB, store_of


@pytest.fixture(scope="session")
def strict_server() -> Iterator[StrictStore]:
    """One server for all tests, because creating a client takes half a second."""
    with StrictStore() as server:
        yield server


@pytest.fixture(scope="session")
def strict_client(strict_server: StrictStore) -> Iterator[S3Store]:
    """One client of it."""
    client = store_of(strict_server)
    yield client
    client.close()


@pytest.fixture
def strict(strict_server: StrictStore) -> StrictStore:
    """A strict store as new; `strict.bucket` holds what was stored."""
    strict_server.reset(Bucket(least_part_bytes=64 * KIB))
    return strict_server


@pytest.fixture
def store(strict: StrictStore, strict_client: S3Store) -> S3Store:  # noqa: ARG001 - `strict` makes it as new
    """The client under test, of the strict store."""
    return strict_client


@pytest.fixture
def serve() -> Iterator[Callable[[bytes], LyingSource]]:
    """Makes sources of given bytes."""
    with ExitStack() as stack:
        yield lambda body: stack.enter_context(LyingSource(Content(body=body)))

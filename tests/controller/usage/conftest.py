"""A world that is counted, and archives of its samples."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from recording_operator.controller.usage.archive import LocationArchive
from recording_operator.kube.client import KubeApi
from tests.controller.usage.archives import NOW, NewArchive, Stores
from tests.controller.usage.world import CountingWorld
from tests.support.config_maps import ConfigMapRest
from tests.support.strict_fixtures import strict, strict_server
from tests.support.strict_store import StrictStore
from tests.support.transfers import store_of

__all__ = ["strict", "strict_server"]


@pytest.fixture
def world() -> Iterator[CountingWorld]:
    """A strict store with an empty bucket."""
    with StrictStore() as store:
        yield CountingWorld(strict=store)


@pytest.fixture
def stores(strict: StrictStore) -> Iterator[Stores]:
    """A store of the location."""
    store = store_of(strict, prefix="p/")
    yield Stores(store)
    store.close()


@pytest.fixture
def rest() -> ConfigMapRest:
    """The operator's namespace."""
    return ConfigMapRest()


@pytest.fixture
def new_archive(stores: Stores, rest: ConfigMapRest) -> NewArchive:
    """Archives of several processes."""

    def made(*, store: Any = None, now: datetime = NOW, keep_months: int = 36) -> LocationArchive:
        return LocationArchive(
            stores=stores if store is None else Stores(store),
            kube=KubeApi(rest),
            operator_namespace="operator",
            keep_months=keep_months,
            now=lambda: now,
        )

    return made


@pytest.fixture
def archive(new_archive: NewArchive) -> LocationArchive:
    """The archive of one process."""
    return new_archive()

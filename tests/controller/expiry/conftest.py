"""The scene on a filesystem, and on S3 with versions."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from recording_operator.stores.filesystem.location import FilesystemLocationStore
from recording_operator.stores.filesystem.tree import Tree
from recording_operator.stores.location_store import LocationStore
from tests.controller.expiry.scene import Scene
from tests.support.strict_bucket import Bucket
from tests.support.strict_store import StrictStore
from tests.support.transfers import store_of


@pytest.fixture(scope="session")
def strict() -> Iterator[tuple[StrictStore, LocationStore]]:
    """A store and its client, which takes half a second to create."""
    with StrictStore() as server:
        store = store_of(server, prefix="rec/")
        yield server, store
        store.close()


@pytest.fixture(params=["filesystem", "S3", "S3 with versions"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> LocationStore:
    """An empty store."""
    if request.param == "filesystem":
        return FilesystemLocationStore(Tree(root=str(tmp_path), path=str(tmp_path / "acme")), prefix="rec/")
    strict: tuple[StrictStore, LocationStore] = request.getfixturevalue("strict")
    server, store = strict
    server.reset(Bucket(versioned="versions" in request.param))
    return store


@pytest.fixture
def make(store: LocationStore) -> Callable[..., Scene]:
    """Makes a scene: `make(by="Bucket")`."""
    return lambda by="Operator": Scene(store, by=by)


@pytest.fixture
def scene(make: Callable[..., Scene]) -> Scene:
    """The operator deletes what has expired."""
    return make()

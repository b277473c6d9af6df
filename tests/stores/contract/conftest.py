"""Each test of the contract runs against every kind of store."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from recording_operator.stores.location_store import LocationStore
from tests.stores.contract.kinds import KINDS, Kind, Opener


@pytest.fixture(
    params=[
        pytest.param(kind, id=kind.name, marks=[pytest.mark.cluster] if kind.needs_servers else []) for kind in KINDS
    ]
)
def kind(request: pytest.FixtureRequest) -> Kind:
    """A kind of store."""
    made: Kind = request.param
    return made


@pytest.fixture
def open_store(kind: Kind, request: pytest.FixtureRequest) -> Iterator[Opener]:
    """Opens stores of the kind, in a place of the test's own, as a location has them after its probe."""
    with ExitStack() as stack:
        opened = kind.make(request, stack)
        yield lambda prefix: opened(prefix).adapted(kind.capabilities)


@pytest.fixture
def store(open_store: Opener) -> LocationStore:
    """The store without a prefix."""
    return open_store("")

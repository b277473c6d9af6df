"""A console next to the operator, and a client that sends files through it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import people, user_roles
from tests.console.conftest import Visitors, admin_token, console, consoles, visitors
from tests.console.pages.conftest import browser
from tests.e2e.uploads.sender import Sender
from tests.support.recordings import Live
from tests.support.world import World

__all__ = ["admin_token", "browser", "console", "consoles", "people", "user_roles", "visitors"]

Senders = Callable[[Live], Sender]


@pytest.fixture
def sender(visitors: Visitors) -> Senders:
    """Makes clients of the tenant, for the artifact `video` of a Recording."""
    return lambda live: Sender(visitor=visitors.tenant, namespace=live.namespace, name=live.name)


@pytest.fixture
def disk(own_world: World, scratch: Path) -> str:
    """A StorageLocation in a directory that operator and console may use, with an operator."""
    volume = scratch / own_world.namespace
    volume.mkdir()
    own_world.start_operator(filesystem={"roots": [str(scratch)]})
    return own_world.add_directory(volume / "acme")

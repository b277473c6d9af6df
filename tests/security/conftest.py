"""Listeners: one that no connection may reach, and one in place of the Internet."""

from collections.abc import Iterator

import pytest

from tests.security.canary import Canary, Door


@pytest.fixture
def canary() -> Iterator[Canary]:
    with Canary() as listener:
        yield listener


@pytest.fixture
def door() -> Iterator[Door]:
    server = Door()
    yield server
    server.close()

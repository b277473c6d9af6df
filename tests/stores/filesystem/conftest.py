"""A store in a directory of the test's own."""

from pathlib import Path

import pytest

from recording_operator.stores.filesystem.location import FilesystemLocationStore
from tests.stores.filesystem.directories import opened


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """The directory of a location, below the root that the settings permit."""
    return tmp_path / "acme"


@pytest.fixture
def store(directory: Path) -> FilesystemLocationStore:
    """A store in it."""
    return opened(directory)

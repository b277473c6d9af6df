"""The image is built for these tests, which takes minutes, root and a package index. `make e2e-pod` runs them."""

from pathlib import Path

import pytest


@pytest.hookimpl(tryfirst=True)  # before tests are selected by their marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that build images."""
    here = Path(__file__).parent
    for item in items:
        if here not in item.path.parents or "builder" not in getattr(item, "fixturenames", ()):
            continue
        item.add_marker(pytest.mark.timeout(1800))  # two builds, on a machine that may be busy
        item.add_marker(pytest.mark.root)

"""The image is built for these: minutes, root and a package index. `make e2e-pod` asks for them."""

import os
from pathlib import Path

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what builds images where nobody asked for that."""
    here = Path(__file__).parent
    for item in items:
        if here not in item.path.parents or "builder" not in getattr(item, "fixturenames", ()):
            continue
        item.add_marker(pytest.mark.timeout(1800))  # two builds, on a machine that may be busy
        if "TEST_IMAGE" not in os.environ:
            item.add_marker(pytest.mark.skip(reason="builds the image: make e2e-pod"))

"""An operator that refreshes reports, and a location whose keys contain the organisation."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from localcluster import OperatorProcess
from tests.conftest import LocationFactory
from tests.support.reports import TEMPLATE
from tests.support.world import write_settings


@pytest.fixture
def start(operators: Callable[..., OperatorProcess], tmp_path: Path) -> Callable[..., OperatorProcess]:
    """Starts an operator with short waits."""

    def begin(**settings: Any) -> OperatorProcess:
        operator = operators(policy=write_settings(tmp_path, **settings))
        operator.start()
        return operator

    return begin


@pytest.fixture
def place(location: LocationFactory) -> str:
    """A location whose keys contain the organisation."""
    return location(spec={"keyTemplate": TEMPLATE})

"""The console with crash points: `python -m tests.support.crashing_console console …`, for tests only.

The points are before and after each write to the catalog, such as `put after`.
"""

from typing import Final

from recording_operator.catalog.reconciling import Reconciler
from recording_operator.catalog.writing import CatalogWriter
from tests.support.crashing_methods import run

WRITES: Final = ((CatalogWriter, "put"), (CatalogWriter, "fed"), (Reconciler, "after_list"))


if __name__ == "__main__":
    run(WRITES)

"""The history of the tables, for Alembic."""

import re
from importlib.resources import files
from typing import Final

_REVISION: Final = re.compile(r"(\d{4})_\w+\.py")


def newest_revision() -> str:
    """The revision that the tables have at the end. Files are named by their revisions."""
    names = (one.name for one in files(f"{__name__}.versions").iterdir())
    return max(found[1] for name in names if (found := _REVISION.fullmatch(name)))

"""Where the operator's own objects are, below a location's prefix."""

from typing import Final

FOLDER: Final = ".recording-operator/"

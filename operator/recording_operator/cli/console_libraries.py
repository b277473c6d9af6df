"""The libraries of the console are an extra of the package, and not in the operator's image."""

from collections.abc import Iterator
from contextlib import contextmanager

from recording_operator.cli.verb import Failure


@contextmanager
def console_libraries() -> Iterator[None]:
    """Import modules of the console within it. Raises Failure if one of its libraries is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing == __name__.partition(".")[0]:
            raise
        raise Failure(
            f"The console needs the Python package {missing}. The console's image has it; elsewhere, install it with: "
            "pip install 'recording-operator[console]'"
        ) from None

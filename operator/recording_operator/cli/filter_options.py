"""The options with which verbs choose Recordings: `-l`, `--phase`, `--org` and so on."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Final, TypeVar

import click

from recording_operator.cli.durations import Duration
from recording_operator.cli.names import LocationName
from recording_operator.cli.recordings.filters import RecordingFilter

PHASES: Final = ("Pending", "Uploading", "Complete", "Failed")
_C = TypeVar("_C", bound=Callable[..., Any])


class _PhaseName(click.Choice[str]):
    """A phase, in capital or small letters."""

    def __init__(self) -> None:
        super().__init__(PHASES)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Find it."""
        return super().convert(str(value).capitalize(), param, ctx)


_OPTIONS: Final = (
    click.option("-l", "--selector", metavar="LABELS", help="Only those with these labels, such as team=sales."),
    click.option("--phase", "phases", multiple=True, type=_PhaseName(), help="Only this phase. Can be repeated."),
    click.option("--org", "orgs", multiple=True, help="Only of this organisation. Can be repeated."),
    click.option(
        "--location",
        "locations",
        multiple=True,
        type=LocationName(),
        help="Only in this StorageLocation. Can be repeated.",
    ),
    click.option("--older-than", type=Duration(), help="Only those created longer ago, such as 30d."),
    click.option("--newer-than", type=Duration(), help="Only those created since, such as 12h."),
)


def filter_options(command: _C) -> Callable[..., Any]:
    """Add the options. The verb gets them as `chosen`, a RecordingFilter."""

    @wraps(command)
    def called(**given: Any) -> Any:
        names = ("selector", "phases", "orgs", "locations", "older_than", "newer_than")
        return command(chosen=RecordingFilter(**{name: given.pop(name) for name in names}), **given)

    decorated: Callable[..., Any] = called
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated

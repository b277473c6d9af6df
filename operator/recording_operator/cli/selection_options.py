"""The arguments of verbs that work on one or more Recordings: names, or `-l`."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

import click

from recording_operator.cli.label_selector import LabelsParameter
from recording_operator.cli.names import RecordingName

_C = TypeVar("_C", bound=Callable[..., Any])
DRY_RUNS = ("client", "server")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which Recordings: by name, by labels, or all of those that the verb is about."""

    names: tuple[str, ...]
    labels: str | None


def selection_options(*, other: str | None = None, phases: Collection[str] = ()) -> Callable[[_C], Callable[..., Any]]:
    """Add NAME… and `-l`. The verb gets them as `selection`.

    `other`: the parameter of an option that selects too. `phases`: those of the Recordings that a shell offers.
    Put this decorator above `cluster_options`.
    """

    def add(command: _C) -> Callable[..., Any]:
        @wraps(command)
        def called(**given: Any) -> Any:
            names, labels = given.pop("names"), given.pop("labels")
            has_other = bool(other and given.get(other))
            spelled = f", -l or --{other.strip('_').replace('_', '-')}" if other else " or -l"
            if names and (labels or has_other or given.get("all_namespaces")):
                raise click.UsageError(f"Name Recordings, or select them with {spelled.lstrip(', or')}; not both.")
            if not names and not labels and not has_other:
                raise click.UsageError(f"Which Recordings? Write their names{spelled}.")
            return command(selection=Selection(names=names, labels=labels), **given)

        labelled = click.option(
            "-l", "--selector", "labels", type=LabelsParameter(), metavar="LABELS", help="All with these labels."
        )(called)
        return click.argument("names", nargs=-1, metavar="[NAME]...", type=RecordingName(phases=phases))(labelled)

    return add


def dry_run_option(command: _C) -> Callable[..., Any]:
    """`--dry-run`."""
    return click.option(
        "--dry-run",
        type=click.Choice(DRY_RUNS),
        help="Change nothing. client: only say what would be done. server: let the API server check it, too.",
    )(command)

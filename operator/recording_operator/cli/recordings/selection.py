"""The Recordings that a verb works on, and what it says about each."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import click

from recording_operator.cli.caller import Cluster
from recording_operator.cli.screen.amounts import recordings
from recording_operator.cli.screen.text import clean
from recording_operator.cli.selection_options import Selection
from recording_operator.cli.verb import Failure, explained, note
from recording_operator.kube.errors import ConnectionConfigError, Forbidden, KubeError, NotFound, Unauthorized
from recording_operator.kube.resources import RECORDINGS
from recording_operator.user_actions.controls import NothingToDo

_DRY_RUNS: Final = {"client": " (dry run)", "server": " (server dry run)"}


class FailureOfAll(Failure):
    """A failure that the other Recordings would have, too. They are not tried."""


def selected(
    cluster: Cluster, selection: Selection, *, all_namespaces: bool, wanted: Callable[[Mapping[str, Any]], bool]
) -> list[dict[str, Any]]:
    """The Recordings, by name or those of a list that are `wanted`. Raises Failure if one of the named does not exist.

    They are read once: what changes between this and the write is found by the API server.
    """
    if selection.names:
        return [_get(cluster, address) for address in dict.fromkeys(map(cluster.address, selection.names))]
    namespace = None if all_namespaces else cluster.namespace
    found = cluster.resources.list(RECORDINGS, namespace=namespace, labels=selection.labels)
    chosen = [one for one in found if wanted(one)]
    if not chosen:
        where = "any namespace" if all_namespaces else f"namespace {cluster.namespace}"
        note(f"There are no Recordings that match in {where}.")
    return chosen


def named(cluster: Cluster, name: str) -> dict[str, Any]:
    """One Recording, NAME or NAMESPACE/NAME. Raises Failure if it does not exist."""
    return _get(cluster, cluster.address(name))


def _get(cluster: Cluster, address: tuple[str, str]) -> dict[str, Any]:
    namespace, name = address
    try:
        return cluster.resources.get(RECORDINGS, name, namespace=namespace)
    except NotFound:
        raise Failure(f"Recording {namespace}/{name} does not exist.") from None


def name_of(recording: Mapping[str, Any]) -> str:
    """NAMESPACE/NAME."""
    metadata = recording["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}"


def is_terminating(recording: Mapping[str, Any]) -> bool:
    """Whether it is being deleted."""
    return bool(recording["metadata"].get("deletionTimestamp"))


@dataclass(slots=True, kw_only=True)
class Progress:
    """Says what was done with each Recording, and counts those with which nothing could be done."""

    verb: str
    """What is printed after the name, such as `retried`."""
    participle: str = ""
    """In messages, if it is not the verb."""
    dry_run: str | None = None
    failed: int = 0
    settled: set[str] = field(default_factory=set)
    """Those with which it was done, or with which nothing was to do."""

    def each(self, found: Iterable[dict[str, Any]], work: Callable[[dict[str, Any]], object]) -> None:
        """Do the work for each. A failure does not stop the others; at the end it raises Failure."""
        listed = list(found)
        for number, recording in enumerate(listed, 1):
            name = name_of(recording)
            try:
                work(recording)
            except NothingToDo as reason:
                self.settled.add(name)
                note(f"{name}: {clean(reason)}")
            except (Unauthorized, ConnectionConfigError):
                raise
            except Forbidden as error:
                if len(listed) == 1:
                    raise
                self._note_failure(name, explained(error))
            except KubeError as error:
                self._note_failure(name, explained(error))
            except FailureOfAll as failure:
                left = len(listed) - number
                raise Failure(f"{failure.message}{f' {recordings(left)} not tried.' if left else ''}") from None
            except Failure as failure:
                if len(listed) == 1:
                    raise
                self._note_failure(name, failure.message)
            else:
                self.settled.add(name)
                click.echo(f"recording.recordings.dev/{name.partition('/')[2]} {self.verb}{self.dry_run_suffix}")
        if self.failed:
            raise Failure(f"{recordings(self.failed)} of {len(listed)} could not be {self.participle or self.verb}.")

    @property
    def dry_run_suffix(self) -> str:
        """As kubectl says it."""
        return _DRY_RUNS.get(self.dry_run or "", "")

    def _note_failure(self, name: str, message: str) -> None:
        self.failed += 1
        note(f"{name}: {message}")

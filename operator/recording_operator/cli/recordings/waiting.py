"""Waits until Recordings have reached a state, for the verb `wait`."""

import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import click

from recording_operator.cli.caller import Cluster, open_cluster
from recording_operator.cli.cluster_options import ClusterOptions
from recording_operator.cli.recordings.feed import Address, FeedItem, ObjectFeed, address_of, selections_of
from recording_operator.cli.recordings.goals import Goal, GoalState, state_of
from recording_operator.cli.recordings.words import progress_words, why
from recording_operator.cli.screen.progress_line import ProgressLine
from recording_operator.cli.verb import EXIT_TIMEOUT, Failure, note
from recording_operator.kube.errors import NotFound
from recording_operator.kube.following import ObjectSelection, WatchInterruption
from recording_operator.kube.resources import RECORDINGS, ChangeType, ObjectChange, ObjectSnapshot
from recording_operator.kube.rest import READ_TIMEOUT_S
from recording_operator.times import span

_MOST_NAMED: Final = 5
_QUEUED: Final = "Queued"
_RESOURCE: Final = "recording.recordings.dev"


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitRequest:
    """The command line."""

    cluster: ClusterOptions
    names: tuple[str, ...]
    selector: str | None
    goal: Goal
    location: str | None = None
    """With Goal.MOVED: the StorageLocation that they move to."""
    timeout: timedelta | None


def run_wait(request: WaitRequest) -> None:
    """Return when all have reached the state. Raises Failure, KubeError, ConnectionConfigError."""
    started_s = time.monotonic()
    with open_cluster(request.cluster) as cluster:
        wait_in(cluster, request, started_s=started_s, announces=True)


def wait_in(cluster: Cluster, request: WaitRequest, *, started_s: float, announces: bool) -> None:
    """As `run_wait`, in a connection that is open. `announces`: print each Recording that has reached the state."""
    with ProgressLine() as line:
        waiting = _Waiting(cluster, request, line, announces)
        deadline_s = None if request.timeout is None else started_s + request.timeout.total_seconds()
        waiting.run(deadline_s=deadline_s)


@dataclass(slots=True, kw_only=True)
class _Target:
    """One of the Recordings that are waited for."""

    manifest: dict[str, Any] | None = None
    """As it was seen last."""
    state: GoalState = GoalState.OPEN

    @property
    def uid(self) -> str:
        return "" if self.manifest is None else str(self.manifest["metadata"]["uid"])


@dataclass(slots=True)
class _Waiting:
    """The Recordings, and what has become of them."""

    cluster: Cluster
    request: WaitRequest
    line: ProgressLine
    announces: bool
    targets: dict[Address, _Target] = field(default_factory=dict)
    unlisted: set[ObjectSelection] = field(default_factory=set)
    """Those whose first list has not arrived."""
    is_interrupted: bool = False

    def run(self, *, deadline_s: float | None) -> None:
        self.targets = {self.cluster.address(name): _Target() for name in self.request.names}
        namespace = None if self.request.cluster.all_namespaces else self.cluster.namespace
        selections = selections_of(self.targets, namespace=namespace, labels=self.request.selector)
        self.unlisted = set(selections)
        feed = ObjectFeed(self.cluster.resources, selections)
        while self.unlisted or any(one.state is GoalState.OPEN for one in self.targets.values()):
            item = feed.get(timeout_s=None if deadline_s is None else self._left_s(deadline_s))
            if item is not None:
                self._take(item)
                self.line.show(self._progress())
            elif deadline_s is not None:
                raise self._timed_out()

    def _left_s(self, deadline_s: float) -> float:
        """With --timeout=0 the state is checked once: then the first list has the time of any request."""
        is_check = self.request.timeout == timedelta()
        return READ_TIMEOUT_S if is_check and self.unlisted else deadline_s - time.monotonic()

    def _take(self, item: FeedItem) -> None:
        match item.update:
            case WatchInterruption():
                self._interrupted()
            case ObjectSnapshot(items=items):
                self.is_interrupted = False
                self._listed(item.selection, {address_of(one): one for one in items})
            case ObjectChange(type=ChangeType.DELETED, object=found):
                self._missing(address_of(found))
            case ObjectChange(object=found):
                self._seen(address_of(found), found)

    def _listed(self, selection: ObjectSelection, found: dict[Address, dict[str, Any]]) -> None:
        is_first = selection in self.unlisted
        self.unlisted.discard(selection)
        if is_first and not self.request.names:
            self.targets = {address: _Target() for address in found}
            if not found:
                where = f"namespace {selection.namespace}" if selection.namespace else "any namespace"
                raise Failure(f"No Recording in {where} has the labels {self.request.selector}.")
        for address in list(self.targets):
            if address in found:
                self._seen(address, found[address])
            elif selection.namespace in {None, address[0]} and _may_have(selection, address[1]):
                self._missing(address)

    def _seen(self, address: Address, manifest: dict[str, Any]) -> None:
        target = self.targets.get(address)
        if target is None or target.state is GoalState.REACHED:
            return
        if target.uid and target.uid != manifest["metadata"]["uid"]:
            self._gone(address, target)
            return
        before, target.manifest = target.manifest, manifest
        target.state = state_of(manifest, self.request.goal, location=self.request.location)
        if not self.line.is_shown:
            self._explain(address, before, manifest)
        if target.state is GoalState.MISSED:
            raise self._missed(address, manifest)
        if target.state is GoalState.REACHED:
            self._reached(address)

    def _explain(self, address: Address, before: dict[str, Any] | None, manifest: dict[str, Any]) -> None:
        """Without a progress line, say once why a Recording does not start, or what its move waits for."""
        status = manifest.get("status") or {}
        reason, known = status.get("reason"), ((before or {}).get("status") or {}).get("reason")
        if status.get("phase") == "Pending" and reason not in {None, _QUEUED, known}:
            note(f"{self._name(address)} is Pending. {why(manifest)}")
        elif self.request.goal is Goal.MOVED and _is_stalled(manifest) and not _is_stalled(before or {}):
            note(f"{self._name(address)} waits. {why(manifest)}")

    def _missing(self, address: Address) -> None:
        target = self.targets.get(address)
        if target is None or target.state is GoalState.REACHED:
            return
        if self.request.selector and self._exists(address, target.uid):
            del self.targets[address]
            self.line.clear()
            note(f"{self._name(address)} no longer has the labels {self.request.selector}, and is not waited for.")
            if not self.targets:
                raise Failure("No Recording is left to wait for.")
            return
        self._gone(address, target)

    def _gone(self, address: Address, target: _Target) -> None:
        target.state = GoalState.REACHED
        if self.request.goal is Goal.DELETED:
            self._reached(address)
        elif target.uid:
            raise Failure(f"{self._name(address)} was deleted before it was {self.request.goal}.")
        else:
            raise Failure(f"There is no Recording {address[1]} in namespace {address[0]}. Check the name and -n.")

    def _exists(self, address: Address, uid: str) -> bool:
        try:
            found = self.cluster.resources.get(RECORDINGS, address[1], namespace=address[0])
        except NotFound:
            return False
        return bool(found["metadata"]["uid"] == uid)

    def _reached(self, address: Address) -> None:
        self.line.clear()
        if self.announces:
            click.echo(f"{_RESOURCE}/{address[1]} {self.request.goal}")

    def _missed(self, address: Address, manifest: dict[str, Any]) -> Failure:
        phase = manifest["status"]["phase"]
        if self.request.goal is Goal.MOVED and manifest["spec"].get("storageLocation") != self.request.location:
            to = manifest["spec"].get("storageLocation") or "no location"
            return Failure(f"{self._name(address)} is not moved: its spec.storageLocation was changed to {to}.")
        return Failure(f"{self._name(address)} is {phase}, not {self.request.goal}. {why(manifest)}".rstrip())

    def _timed_out(self) -> Failure:
        waited = span((self.request.timeout or timedelta()).total_seconds())
        if self.unlisted:
            message = f"The API server did not respond within {waited}. Check --context and the network."
            return Failure(message, status=EXIT_TIMEOUT)
        left = {address: one for address, one in self.targets.items() if one.state is GoalState.OPEN}
        named = [f"{self._name(address)} ({progress_words(one.manifest or {})})" for address, one in left.items()]
        more = f" and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
        return Failure(
            f"After {waited}, {len(left)} of {len(self.targets)} are not {self.request.goal}: "
            f"{', '.join(named[:_MOST_NAMED])}{more}.",
            status=EXIT_TIMEOUT,
        )

    def _interrupted(self) -> None:
        if not self.is_interrupted:
            self.line.clear()
            note("The API server does not respond. The request is repeated.")
        self.is_interrupted = True

    def _progress(self) -> str:
        left = [(address, one) for address, one in self.targets.items() if one.state is GoalState.OPEN]
        done = len(self.targets) - len(left)
        first = ", ".join(f"{self._name(address)} {progress_words(one.manifest or {})}" for address, one in left[:3])
        more = f" and {len(left) - 3} more" if len(left) > 3 else ""  # noqa: PLR2004 - as above
        counted = f"{done} of {len(self.targets)} {self.request.goal}. " if len(self.targets) > 1 else ""
        return f"{counted}Waiting for {first}{more}" if left else ""

    def _name(self, address: Address) -> str:
        namespace, name = address
        is_usual = namespace == self.cluster.namespace and not self.request.cluster.all_namespaces
        return name if is_usual else f"{namespace}/{name}"


def _may_have(selection: ObjectSelection, name: str) -> bool:
    return selection.fields in {None, f"metadata.name={name}"}


def _is_stalled(manifest: dict[str, Any]) -> bool:
    conditions = (manifest.get("status") or {}).get("conditions") or ()
    return any(one["type"] == "Stalled" and one["status"] == "True" for one in conditions)

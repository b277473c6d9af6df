"""Finds the location of a Recording, and chooses one for a Recording that names none.

The choice is made again whenever something changes, until a status names it. It is written together with the claim, so
before the first byte, and from then on the status decides. Locations that are not ready take no new Recordings.
"""

from datetime import datetime

from recording_operator.api.reasons import Reason
from recording_operator.engine.actions import Action
from recording_operator.engine.artifact_work import WorkState
from recording_operator.engine.locations import Locations
from recording_operator.engine.next_step import Obstacle
from recording_operator.engine.placement import location_name
from recording_operator.engine.state import EngineState
from recording_operator.engine.tracked_recording import TrackedRecording
from recording_operator.engine.weights import heaviest


def find_location(state: EngineState, tracked: TrackedRecording, now: datetime) -> tuple[Obstacle | None, list[Action]]:
    """What keeps the Recording from its location, and the actions that find out more.

    If it has no location, one is chosen."""
    namespace = tracked.ref.namespace
    if tracked.placed is not None:
        obstacle, questions = state.locations.obstacle(namespace, tracked.placed, now)
        needs_labels = obstacle is not None and obstacle.reason is Reason.LOCATION_NOT_ALLOWED
    else:
        tracked.choice, obstacle, questions = choose(state.locations, uid=tracked.uid, namespace=namespace, now=now)
        needs_labels = obstacle is not None and obstacle.reason is not None
    if needs_labels:
        state.timers.set(tracked.uid, state.locations.recheck_at(namespace, now))
    _release_slots_elsewhere(state, tracked)
    return obstacle, questions


def choose(
    locations: Locations, *, uid: str, namespace: str, now: datetime
) -> tuple[str | None, Obstacle | None, list[Action]]:
    """A ready location for the Recording, or what it waits for, and the actions that find out more.

    If the location that would win is being checked, the Recording waits for the result: it is known in a moment."""
    if not locations.all_listed:
        return None, Obstacle(reason=None), []
    questions: list[Action] = []
    weights: dict[str, int] = {}
    unknown: dict[str, Obstacle] = {}
    not_ready: dict[str, Obstacle] = {}
    for name, weight in locations.weights():
        obstacle, more = locations.obstacle(namespace, name, now)
        questions += more
        if obstacle is None or obstacle.reason is None:
            weights[name] = weight
        if obstacle is not None and obstacle.reason is None:
            unknown[name] = obstacle
        elif obstacle is not None and obstacle.reason is Reason.LOCATION_NOT_READY:
            not_ready[name] = obstacle
    winner = heaviest(uid, weights)
    if winner is not None and winner not in unknown:
        return winner, None, questions
    return None, unknown[winner] if winner is not None else _without_candidate(namespace, not_ready), questions


def is_named_by_status(tracked: TrackedRecording) -> bool:
    """Whether the API server has the location of the Recording: nothing is stored before."""
    return tracked.location is not None and location_name(tracked.recording) == tracked.location


def _without_candidate(namespace: str, not_ready: dict[str, Obstacle]) -> Obstacle:
    """No location is ready. The messages name only locations that admit the namespace."""
    if not_ready:
        first = not_ready[min(not_ready)].message.rstrip(".")
        others = " Neither is another one that could take the Recording." if len(not_ready) > 1 else ""
        message = f"{first}.{others}"
        return Obstacle(reason=Reason.LOCATION_NOT_READY, message=message)
    message = (
        f"spec.storageLocation is not set, and no StorageLocation with a weight admits namespace {namespace}. Ask the "
        "platform team for one, or create the Recording again with spec.storageLocation."
    )
    return Obstacle(reason=Reason.NO_LOCATION, message=message)


def _release_slots_elsewhere(state: EngineState, tracked: TrackedRecording) -> None:
    """Give back reserved slots of another location: the choice has changed, or another operator has placed it."""
    for work in tracked.in_state(WorkState.RESERVED):
        if work is tracked.move.copies.get(work.name):
            continue
        key = (tracked.uid, work.name)
        lane = state.slots.running.get(key)
        if lane is not None and lane.location != tracked.location:
            work.release()
            state.slots.give_back(key)

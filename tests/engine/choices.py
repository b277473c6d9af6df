"""Recordings that name no location, and the locations that one of them may be chosen from."""

from recording_operator.api.recording import Recording
from recording_operator.engine.facts import LocationSeen
from recording_operator.engine.weights import heaviest
from tests.engine.builders import a_location, a_recording, uid_of
from tests.engine.driver import Driver

EQUAL = {"s3": 50, "ebs": 50}


def seen(name: str, weight: int = 50, *, ready: bool = True, checked: bool = True, **fields: object) -> LocationSeen:
    """A location with a weight, as its check found it."""
    location = a_location(name, weight=weight, **fields)  # type: ignore[arg-type]
    return LocationSeen(location=location, ready=ready, checked=checked, message="no answer")


def driven(*facts: LocationSeen) -> Driver:
    """An engine with these locations, and `archive`, which has no weight."""
    driver = Driver()
    driver.tell(*facts)
    return driver


def unplaced(number: int = 1, **fields: object) -> Recording:
    return a_recording(number=number, location=None, **fields)  # type: ignore[arg-type]


def winner(number: int = 1, weights: dict[str, int] | None = None) -> str:
    name = heaviest(uid_of(number), weights or EQUAL)
    assert name is not None
    return name


def loser(number: int = 1) -> str:
    return next(name for name in EQUAL if name != winner(number))


def both(**of_winner: object) -> list[LocationSeen]:
    """Two locations of the same weight; the fields are those of the one that wins the first Recording."""
    return [seen(loser()), seen(winner(), **of_winner)]  # type: ignore[arg-type]

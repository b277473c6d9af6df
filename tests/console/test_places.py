"""Places for parts that arrive at the same time."""

from contextlib import ExitStack

import pytest

from recording_operator.console.problems import Problem
from recording_operator.console.uploads.places import PartPlaces


def test_one_namespace_leaves_places_for_others() -> None:
    places = PartPlaces(4)
    with ExitStack() as taken:
        for namespace in ("team-a", "team-a", "team-b", "team-c"):
            taken.enter_context(places.taken(namespace))
    with ExitStack() as taken:
        for namespace in ("team-b", "team-b"):
            taken.enter_context(places.taken(namespace))
        with pytest.raises(Problem, match="many parts"):
            taken.enter_context(places.taken("team-b"))
        taken.enter_context(places.taken("team-a"))

"""The quotas of a simulation: who counts the store and when, and what must hold."""

from functools import partial
from random import Random
from typing import TYPE_CHECKING, Final

from recording_operator.api.quotas import Quota, QuotaAction
from recording_operator.api.recording import Recording
from recording_operator.engine.facts import OwnerUsage, UsageCountBegan, UsageCounted
from recording_operator.engine.status import TERMINAL
from tests.engine.simulation.store import bucket_of

if TYPE_CHECKING:
    from tests.engine.simulation.operator import Operator
    from tests.engine.simulation.world import World

ORG: Final = "acme"
_OFTEN_S: Final = 5.0
_SELDOM_S: Final = 600.0
_SOON_S: Final = 1800.0


def draw_quotas(rng: Random) -> dict[str, Quota]:
    """Quotas that some of the Recordings do not fit into, by location."""
    return {name: _draw_quota(rng) for name in rng.choice((("archive",), ("archive", "vault")))}


def _draw_quota(rng: Random) -> Quota:
    return Quota(
        org=ORG,
        most_bytes=rng.choice((500, 1500, 3000, 6000)),
        recordings=rng.choice((None, 1, 2)),
        action=rng.choice((QuotaAction.HOLD, QuotaAction.HOLD, QuotaAction.FAIL)),
    )


class QuotaWatch:
    """Counts for the operators, and watches that the store never has more than the quotas."""

    def __init__(self, world: "World", quotas: dict[str, Quota]) -> None:
        self._world = world
        self.quotas = quotas
        """By location."""
        self.unsized_bytes = 0
        """Size of the largest artifact without a known length."""

    def of(self, location: str) -> tuple[Quota, ...]:
        """The quotas of a location."""
        return tuple(quota for name, quota in self.quotas.items() if name == location)

    def used(self, location: str) -> tuple[int, int]:
        """Bytes and Recordings that the store really has there."""
        bucket = bucket_of(location)
        everything = self._world.store.objects.values()
        things = [one for one in everything if one.at.bucket == bucket and one.uid is not None and not one.data]
        return sum(thing.size for thing in things), len({thing.uid for thing in things})

    # Counts

    def follow(self, operator: "Operator") -> None:
        """Count as often as an operator wants it."""
        if not operator.alive:
            return
        wishes = operator.engine.quota_report().wishes if operator.listed else {}
        if wishes:
            self._count(operator, frozenset(wishes))
        often = self._world.schedule.elapsed_s < _SOON_S or not operator.listed
        self._world.schedule.after(_OFTEN_S if often else _SELDOM_S, partial(self.follow, operator))

    def _count(self, operator: "Operator", names: frozenset[str]) -> None:
        world = self._world
        operator.post_in_order(UsageCountBegan(locations=names))
        if world.store.down:
            return
        world.schedule.after(world.latency_s(), partial(self._list, operator, names))

    def _list(self, operator: "Operator", names: frozenset[str]) -> None:
        for name in sorted(names):
            fact = UsageCounted(location=name, usage=self._rows(name))
            self._world.schedule.after(self._world.latency_s(), partial(operator.post, fact))

    def _rows(self, location: str) -> tuple[OwnerUsage, ...]:
        size_bytes, recordings = self.used(location)
        return (OwnerUsage(ORG, "team-a", size_bytes, recordings),) if recordings else ()

    # What must hold

    def stored(self) -> None:
        """An object was stored."""
        if self._world.split_brain or "locations" in self._world.faults:
            return
        for location, quota in self.quotas.items():
            used_bytes, recordings = self.used(location)
            most_bytes = (quota.most_bytes or 0) + self.unsized_bytes
            assert used_bytes <= most_bytes, f"{location}: {used_bytes} bytes are over {quota}"
            assert quota.recordings is None or recordings <= quota.recordings, (
                f"{location}: {recordings} are over {quota}"
            )

    def check_end(self, operator: "Operator") -> None:
        """Nothing has changed for long: the operator knows what is stored, and after a count nothing else."""
        # An old leader may store an object after the new one has counted, and only the next count finds it.
        for usage in operator.engine.quota_report().usages if not self._world.split_brain else ():
            used_bytes, recordings = self.used(usage.location)
            assert usage.used_bytes >= used_bytes, f"{usage.location}: less is counted than is stored"
            assert usage.recordings >= recordings, f"{usage.location}: fewer Recordings are counted than are stored"
        if any(_is_under_way(one) for one in self._world.api.recordings.values()):
            return
        now, names = self._world.clock(), frozenset(self.quotas)
        operator.engine.observe(UsageCountBegan(locations=names), now)
        for name in names:
            operator.engine.observe(UsageCounted(location=name, usage=self._rows(name)), now)
        for usage in operator.engine.quota_report().usages:
            known, stored = (usage.used_bytes, usage.recordings), self.used(usage.location)
            assert known == stored, f"{usage.location}: room was not given back"


def _is_under_way(recording: Recording) -> bool:
    """Whether room may be reserved for it."""
    return recording.status.phase not in TERMINAL or recording.status.move is not None

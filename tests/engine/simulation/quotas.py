"""The quota of a simulation: who counts the store and when, and what must hold."""

from functools import partial
from random import Random
from typing import TYPE_CHECKING, Final

from recording_operator.api.quotas import Quota, QuotaAction
from recording_operator.engine.facts import OwnerUsage, UsageCountBegan, UsageCounted
from recording_operator.engine.status import TERMINAL

if TYPE_CHECKING:
    from tests.engine.simulation.operator import Operator
    from tests.engine.simulation.world import World

LOCATION: Final = "archive"
ORG: Final = "acme"
_OFTEN_S: Final = 5.0
_SELDOM_S: Final = 600.0
_SOON_S: Final = 1800.0


def draw_quota(rng: Random) -> Quota:
    """A quota that some of the Recordings do not fit into."""
    return Quota(
        org=ORG,
        most_bytes=rng.choice((500, 1500, 3000, 6000)),
        recordings=rng.choice((None, 1, 2)),
        action=rng.choice((QuotaAction.HOLD, QuotaAction.HOLD, QuotaAction.FAIL)),
    )


class QuotaWatch:
    """Counts for the operators, and watches that the store never has more than the quota."""

    def __init__(self, world: "World", quota: Quota | None) -> None:
        self._world = world
        self.quota = quota
        self.unsized_bytes = 0
        """Size of the largest artifact without a known length."""

    def used(self) -> tuple[int, int]:
        """Bytes and Recordings that the store really has."""
        things = [thing for thing in self._world.store.objects.values() if self._counts(thing.uid) and not thing.data]
        return sum(thing.size for thing in things), len({thing.uid for thing in things})

    def _counts(self, uid: str | None) -> bool:
        return uid is not None and self._world.placed.get(uid) == LOCATION

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
        usage = self._rows()
        for name in names:
            fact = UsageCounted(location=name, usage=usage if name == LOCATION else ())
            self._world.schedule.after(self._world.latency_s(), partial(operator.post, fact))

    def _rows(self) -> tuple[OwnerUsage, ...]:
        size_bytes, recordings = self.used()
        return (OwnerUsage(ORG, "team-a", size_bytes, recordings),) if recordings else ()

    # What must hold

    def stored(self) -> None:
        """An object was stored."""
        quota = self.quota
        if quota is None or self._world.split_brain or "locations" in self._world.faults:
            return
        used_bytes, recordings = self.used()
        assert used_bytes <= (quota.most_bytes or 0) + self.unsized_bytes, f"{used_bytes} bytes are over {quota}"
        assert quota.recordings is None or recordings <= quota.recordings, f"{recordings} are over {quota}"

    def check_end(self, operator: "Operator") -> None:
        """Nothing has changed for long: the operator knows what is stored, and after a count nothing else."""
        used_bytes, recordings = self.used()
        # An old leader may store an object after the new one has counted, and only the next count finds it.
        for usage in operator.engine.quota_report().usages if not self._world.split_brain else ():
            assert usage.used_bytes >= used_bytes, "less is counted than is stored"
            assert usage.recordings >= recordings, "fewer Recordings are counted than are stored"
        unfinished = [one for one in self._world.api.recordings.values() if one.status.phase not in TERMINAL]
        if unfinished or not operator.engine.quota_report().usages:
            return
        now, names = self._world.clock(), frozenset({LOCATION})
        operator.engine.observe(UsageCountBegan(locations=names), now)
        operator.engine.observe(UsageCounted(location=LOCATION, usage=self._rows()), now)
        for usage in operator.engine.quota_report().usages:
            assert (usage.used_bytes, usage.recordings) == (used_bytes, recordings), "room was not given back"

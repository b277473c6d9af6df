"""One simulation: users and faults for a while, then no more faults. Then everything must be finished."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from random import Random
from typing import Final

from recording_operator.api.source_object import ImportPrefix
from recording_operator.api.storagelocation import LocationPlacement
from recording_operator.controller.clock import SETTLED_S
from recording_operator.engine.identity import recording_uid
from tests.engine.builders import a_budget_hold
from tests.engine.simulation.ending import Ending
from tests.engine.simulation.operator import Operator
from tests.engine.simulation.people import People
from tests.engine.simulation.rebuilds import can_be_rebuilt, rebuild
from tests.engine.simulation.store import Address, bucket_of
from tests.engine.simulation.world import GOLD, OPEN, World

FAULTS: Final = (
    "slow", "echo", "lossy", "flood", "api-down", "watch-breaks", "sources", "store-down", "locations", "weights",
    "imports", "secrets", "labels", "budget", "quota", "crash", "split-brain", "drain", "clock", "edits",
    "foreign-objects", "expiry", "moves", "rebuilds", "providers", "uploads",
)  # fmt: skip
_PEACE_S: Final = 11 * 3600.0
"""The sweep of finished Recordings comes after 6 h, then it must be quiet, and its next one has not come yet."""
_QUIET_S: Final = 4 * 3600.0
_LATE_S: Final = 5000.0
"""Moves and rebuilds go on in peace for so long."""
_GRACE_S: Final = 20.0
_POLL_S: Final = 0.5


def simulate(seed: int, *, trace: list[str] | None = None) -> World:
    """Run one seed. Raises AssertionError where something does not hold."""
    rng = Random(seed)
    chosen = rng.sample(FAULTS, rng.choice((0, 1, 2, 3, 5, len(FAULTS))))
    chosen += rng.choice(
        ((), (), ("moves",), ("moves", "crash"), ("moves", "rebuilds"), ("providers", "sources"), ("uploads", "crash"))
    )
    world = World(rng, frozenset(chosen), trace)
    world.trace("seed", f"{seed}: {sorted(chosen)}")
    Simulation(world).run()
    return world


class Simulation:
    """The script."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._rng = world.rng
        self._faults = world.faults
        self._people = People(world)
        self._troubles: dict[str, Callable[[], None]] = {
            "api-down": self._api_down,
            "watch-breaks": self._watch_breaks,
            "store-down": self._store_down,
            "locations": self._location_flaps,
            "weights": self._weights_change,
            "imports": self._imports_change,
            "secrets": self._people.rotate_secret,
            "labels": self._labels_change,
            "budget": self._budget_changes,
            "crash": self._crash,
            "split-brain": self._split_brain,
            "drain": self._drain,
            "clock": self._clock_moves,
            "edits": self._people.edit,
            "foreign-objects": self._foreign_object,
            "expiry": world.expiries.expire,
            "moves": self._move,
            "rebuilds": self._rebuild,
            "providers": lambda: world.provider.trouble(self._rng),
        }

    def run(self) -> None:
        """Trouble, peace, quiet."""
        world, rng = self._world, self._rng
        self._people.rotate_secret()
        for _ in range(rng.choice((1, 1, 2, 3))):
            self._people.create()
        world.start_operator()
        if "crash" in world.faults and not world.faults.isdisjoint({"edits", "moves"}):
            world.just_stored = self._crash_unheard
        trouble_s = rng.choice((5.0, 60.0, 900.0))
        kinds = [kind for kind in FAULTS if kind in world.faults and kind in self._troubles]
        for _ in range(rng.choice((1, 4, 12)) if kinds else 0):
            world.schedule.after(rng.random() * trouble_s, self._troubles[rng.choice(kinds)])
            if rng.random() < 0.1:
                world.schedule.after(rng.random() * trouble_s, self._people.create)
        world.schedule.run(until_s=trouble_s)
        self._make_peace()
        world.schedule.run(until_s=trouble_s + _PEACE_S)
        Ending(world, self._faults).check()
        assert world.schedule.elapsed_s - world.checker.changed_at_s > _QUIET_S, "it does not come to rest"

    # Trouble

    def _api_down(self) -> None:
        self._world.api_down_until_s = self._world.schedule.elapsed_s + self._rng.choice((1.0, 30.0))

    def _watch_breaks(self) -> None:
        for watch in self._world.watches.values():
            watch.break_off(for_s=self._rng.choice((1.0, 40.0)))

    def _store_down(self) -> None:
        self._world.store.down = True
        for name in self._world.locations:
            self._world.tell_of_location(name)
        self._world.schedule.after(self._rng.choice((1.0, 100.0)), self._store_up)

    def _store_up(self) -> None:
        self._world.store.down = False
        for name in self._world.locations:
            self._world.tell_of_location(name)

    def _location_flaps(self) -> None:
        world, name = self._world, self._rng.choice(("archive", "vault", "egress"))
        location = world.locations.get(name)
        if location is None:
            return
        world.trace("world", f"location {name} flaps")
        if self._rng.random() < 0.5:
            del world.locations[name]
        else:
            world.ready[name] = False

        def back() -> None:
            world.trace("world", f"location {name} is back")
            world.locations[name], world.ready[name] = world.without_quota(location), True
            if not world.faults:  # there is peace
                self._give_weight()
            world.tell_of_location(name)
            if name == "egress" and not world.faults:
                self._imports_change(OPEN)

        world.tell_of_location(name)
        world.schedule.after(self._rng.choice((0.5, 10.0, 300.0)), back)

    def _weights_change(self) -> None:
        """Somebody migrates, or takes a location out."""
        world, name = self._world, self._rng.choice(("archive", "vault"))
        if name in world.locations:
            weight = self._rng.choice((0, 10, 100))
            world.trace("world", f"location {name} has the weight {weight}")
            spec = world.locations[name].spec.model_copy(update={"placement": LocationPlacement(weight=weight)})
            world.locations[name] = world.locations[name].model_copy(update={"spec": spec})
            world.tell_of_location(name)

    def _imports_change(self, prefixes: Sequence[str] | None = None) -> None:
        """The owner of the files closes or opens them."""
        world = self._world
        if "egress" not in world.locations:
            return
        prefixes = self._rng.choice(((), OPEN)) if prefixes is None else prefixes
        world.trace("world", f"egress opens {prefixes}")
        opened = tuple(ImportPrefix(prefix=prefix) for prefix in prefixes)
        spec = world.locations["egress"].spec.model_copy(update={"imports": opened})
        world.locations["egress"] = world.locations["egress"].model_copy(update={"spec": spec})
        world.tell_of_location("egress")

    def _labels_change(self) -> None:
        labels, namespace = self._world.labels, self._rng.choice(("team-a", "team-b"))
        labels[namespace] = {} if labels[namespace] else dict(GOLD)

    def _budget_changes(self) -> None:
        """A report begins to hold uploads, costs more, holds others, or ends."""
        world, rng = self._world, self._rng
        kept = [hold for hold in world.holds if rng.random() < 0.5]
        scopes: tuple[dict[str, list[str]], ...]
        scopes = ({}, {"namespaces": ["team-a"]}, {"locations": ["archive"]}, {"orgs": ["acme"]}, {"orgs": ["other"]})
        scope, amount = rng.choice(scopes), rng.choice(("1", "2"))
        begun = a_budget_hold(
            orgs=scope.get("orgs", ()),
            namespaces=scope.get("namespaces", ()),
            locations=scope.get("locations", ()),
            cost=f"{rng.randrange(2, 9)} USD",
            budget=f"{amount} USD",
        )
        world.set_holds([*kept, begun] if rng.random() < 0.7 else kept)

    def _crash(self) -> None:
        leader = self._world.leader
        if leader is not None:
            self._world.trace(leader.name, "dies")
            self._world.bury(leader)
            self._world.schedule.after(self._rng.choice((0.0, 16.0)), self._succeed)

    def _crash_unheard(self, uid: str) -> None:
        """A crash at the worst moment, and a user changes the Recording before the next operator reads it."""

        def die() -> None:
            self._crash()
            self._people.change_mind(uid)

        if self._rng.random() < 0.2:
            self._world.schedule.after(0, die)

    def _succeed(self) -> None:
        if self._world.leader is None:
            self._world.start_operator()

    def _split_brain(self) -> None:
        old = self._world.leader
        if old is not None:
            self._world.trace(old.name, "has lost the Lease and does not know")
            self._world.split_brain = True
            self._world.start_operator()
            self._world.schedule.after(self._rng.choice((1.0, 60.0)), lambda: self._world.bury(old))

    def _drain(self) -> None:
        leader = self._world.leader
        if leader is None or leader.stopping:
            return
        self._world.trace(leader.name, "drains")
        leader.drain()

        patience_s = self._rng.choice((0.0, _GRACE_S))
        self._await_idle(leader, stop_at_s=self._world.schedule.elapsed_s + patience_s)

    def _await_idle(self, leader: Operator, *, stop_at_s: float | None, waited_s: float = 0.0) -> None:
        """What the application does on SIGTERM: wait for the engine, then less patiently, then end."""
        world = self._world
        if not leader.alive or world.leader is not leader:
            return
        if stop_at_s is not None and world.schedule.elapsed_s >= stop_at_s:
            leader.stop_all()
            stop_at_s = None
        if leader.engine.idle() or waited_s > _GRACE_S * 2:
            assert not self._calm() or leader.engine.idle(), "drained, and something is not written down"
            world.bury(leader)
            self._succeed()
            return
        again = partial(self._await_idle, leader, stop_at_s=stop_at_s, waited_s=waited_s + _POLL_S)
        world.schedule.after(_POLL_S, again)

    def _calm(self) -> bool:
        """Whether only time can delay a write to the API server."""
        return self._faults.isdisjoint({"lossy", "flood", "api-down", "slow", "clock", "split-brain", "edits"})

    def _clock_moves(self) -> None:
        self._set_clock(self._rng.choice((-172800, -7200, -3600, -5, 5, 3600, 7200, 172800)))
        if self._rng.random() < 0.5:
            self._world.schedule.after(self._rng.choice((12.0, 90.0, 3600.0)), lambda: self._set_clock(0))

    def _set_clock(self, off_s: int) -> None:
        self._world.skew = timedelta(seconds=off_s)
        self._world.trace("world", f"clock is off by {self._world.skew}")
        for operator in self._world.living():
            operator.wake()
            self._world.schedule.after(SETTLED_S + 1.0, operator.wake)  # the control loop looks every few seconds

    def _foreign_object(self) -> None:
        uids = list(self._world.api.recordings)
        if uids and not self._world.store.down:
            uid = self._rng.choice(uids)
            recording = self._world.api.recordings[uid]
            artifact = self._rng.choice(recording.spec.artifacts).name
            key = f"p/meeting-recordings/acme/-/{recording_uid(recording)}/{artifact}.mp4"
            at = Address(bucket_of(self._rng.choice(("archive", "vault"))), key)
            if self._world.store.put(at, uid=None, artifact=artifact).uid is None:
                self._world.foreign.add(at)

    def _move(self) -> None:
        """Somebody moves a Recording, perhaps back again; if there is none, a little later."""
        world, rng = self._world, self._rng
        uid = self._people.move_one()
        if uid is None:
            if world.faults:
                world.schedule.after(rng.choice((1.0, 20.0)), self._move)
            return
        for _ in range(rng.choice((0, 1, 3))):
            world.schedule.after(rng.choice((0.02, 0.5, 3.0, 30.0, 300.0)) * rng.random(), partial(self._move_on, uid))

    def _move_on(self, uid: str) -> None:
        """Somebody thinks better of it, or the operator is killed."""
        if "crash" in self._faults and self._rng.random() < 0.5:
            self._crash()
        else:
            self._people.move(uid)

    def _rebuild(self) -> None:
        """A Recording is lost with its etcd, and created again from its manifest."""
        world = self._world
        lost = [one for one in world.api.recordings.values() if can_be_rebuilt(world, one)]
        if lost:
            rebuild(world, self._rng.choice(lost))
        elif world.faults:
            world.schedule.after(self._rng.choice((1.0, 20.0)), self._rebuild)

    # Peace

    def _make_peace(self) -> None:
        world = self._world
        world.trace("world", "peace")
        world.faults = frozenset()
        world.api_down_until_s = 0.0
        world.labels = {"team-a": dict(GOLD), "team-b": dict(GOLD)}
        if self._rng.random() < 0.7:
            world.set_holds([])
        self._give_weight()
        if self._rng.random() < 0.5 or "locations" in self._faults:
            world.lift_quotas()
        self._imports_change(OPEN)
        world.provider.recover()
        for fate in world.fates.values():
            fate.heal()
        for namespace in ("team-a", "team-b"):
            if (namespace, "source") not in world.secrets:
                self._people.fill_secret(namespace)
        if "clock" in self._faults and self._rng.random() < 0.7:
            self._set_clock(0)
        if world.leader is None:
            world.start_operator()
        for kind in ("moves", "rebuilds"):
            for _ in range(self._rng.choice((1, 5)) if kind in self._faults else 0):
                world.schedule.after(self._rng.random() * _LATE_S, self._troubles[kind])

    def _give_weight(self) -> None:
        """So that Recordings which name no location are placed in the end."""
        world = self._world
        weights = [location.spec.placement.weight for location in world.locations.values()]
        if not any(weights) and "archive" in world.locations:
            spec = world.locations["archive"].spec.model_copy(update={"placement": LocationPlacement(weight=1)})
            world.locations["archive"] = world.locations["archive"].model_copy(update={"spec": spec})
            world.tell_of_location("archive")

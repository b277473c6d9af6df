"""One simulation: users and faults for a while, then no more faults. Then everything must be finished."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from random import Random
from typing import Final

from recording_operator.api.meta import DeletionPolicy
from recording_operator.api.names import DELETE_OBJECT_FINALIZER
from recording_operator.api.reasons import Reason
from recording_operator.api.recording import ArtifactSpec, Phase, Recording
from recording_operator.api.source_object import ImportPrefix
from recording_operator.api.storagelocation import LocationPlacement
from recording_operator.controller.clock import SETTLED_S
from recording_operator.engine.imports import source_object
from recording_operator.engine.manifest import decode, encode, manifest_key, manifest_of
from recording_operator.engine.status import TERMINAL
from recording_operator.engine.ttl_schedule import TtlSchedule
from tests.engine.builders import a_budget_hold
from tests.engine.simulation.checker import holds_back
from tests.engine.simulation.operator import Operator
from tests.engine.simulation.people import People
from tests.engine.simulation.world import GOLD, OPEN, World

FAULTS: Final = (
    "slow", "echo", "lossy", "flood", "api-down", "watch-breaks", "sources", "store-down", "locations", "weights",
    "imports", "secrets", "labels", "budget", "quota", "crash", "split-brain", "drain", "clock", "edits",
    "foreign-objects", "expiry",
)  # fmt: skip
_PEACE_S: Final = 11 * 3600.0
"""The sweep of finished Recordings comes after 6 h, then it must be quiet, and its next one has not come yet."""
_QUIET_S: Final = 4 * 3600.0
_GRACE_S: Final = 20.0
_POLL_S: Final = 0.5
_TTL_SLACK: Final = timedelta(minutes=5)


def simulate(seed: int, *, trace: list[str] | None = None) -> World:
    """Run one seed. Raises AssertionError where something does not hold."""
    rng = Random(seed)
    chosen = rng.sample(FAULTS, rng.choice((0, 1, 2, 3, 5, len(FAULTS))))
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
        }

    def run(self) -> None:
        """Trouble, peace, quiet."""
        world, rng = self._world, self._rng
        self._people.rotate_secret()
        for _ in range(rng.choice((1, 1, 2, 3))):
            self._people.create()
        world.start_operator()
        if {"crash", "edits"} <= world.faults:
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
        self._check_all_ended()
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
            key = f"p/meeting-recordings/acme/-/{uid}/{artifact}.mp4"
            if self._world.store.put(key, uid=None, artifact=artifact).uid is None:
                self._world.foreign.add(key)

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
            world.lift_quota()
        self._imports_change(OPEN)
        for fate in world.fates.values():
            fate.heal()
        for namespace in ("team-a", "team-b"):
            if (namespace, "source") not in world.secrets:
                self._people.fill_secret(namespace)
        if "clock" in self._faults and self._rng.random() < 0.7:
            self._set_clock(0)
        if world.leader is None:
            world.start_operator()

    def _give_weight(self) -> None:
        """So that Recordings which name no location are placed in the end."""
        world = self._world
        weights = [location.spec.placement.weight for location in world.locations.values()]
        if not any(weights) and "archive" in world.locations:
            spec = world.locations["archive"].spec.model_copy(update={"placement": LocationPlacement(weight=1)})
            world.locations["archive"] = world.locations["archive"].model_copy(update={"spec": spec})
            world.tell_of_location("archive")

    def _check_all_ended(self) -> None:
        world = self._world
        leader = world.leader
        assert leader is not None
        assert leader.alive
        assert not leader.transfers
        state = leader.engine.state
        assert not state.slots.running, "slots are not given back"
        assert not len(state.queue), "something waits for a slot, and nothing runs"
        world.quotas.check_end(leader)
        for recording in world.api.recordings.values():
            self._check_ended(recording)
            for one in recording.status.artifacts:
                due = (recording.metadata.uid, one.name) in world.expiries.due
                assert due == one.has_expired, f"{one.name} is {one.reason}, and its object has expired: {due}"
        legitimate = {uid for uid, recording in world.api.recordings.items() if self._may_wait(recording)}
        assert set(state.recordings) <= legitimate, f"remembers {set(state.recordings) - legitimate}"
        self._check_store(legitimate)

    def _check_ended(self, recording: Recording) -> None:
        meta, spec, status = recording.metadata, recording.spec, recording.status
        who = f"{meta.name}({meta.uid[:8]})"
        assert meta.deletion_timestamp is None, f"{who} is not let go"
        wanted = spec.deletion_policy is DeletionPolicy.DELETE
        ends_at = TtlSchedule(default_ttl=self._world.options.default_ttl).ends_at(recording)
        assert ends_at is None or ends_at > self._world.certain_time() - _TTL_SLACK, (
            f"{who} should be gone since {ends_at}"
        )
        assert (DELETE_OBJECT_FINALIZER in meta.finalizers) == wanted, f"{who} has finalizers {meta.finalizers}"
        assert status.observed_generation == meta.generation, f"{who}: the last edit was not looked at"
        if status.phase in TERMINAL:
            assert status.settled is True, f"{who} is {status.phase} and not settled"
            self._check_manifest(recording)
        assert status.claim is None, f"{who} is claimed by {status.claim}"
        assert status.started_at is None or recording.location is not None, f"{who} is stored at no location"
        assert status.phase in TERMINAL or self._may_wait(recording), f"{who} stands at {status.phase}/{status.reason}"

    def _check_manifest(self, recording: Recording) -> None:
        if recording.location is None:
            return  # it ended before it was placed
        location = self._world.locations[recording.location]
        key, states = manifest_key(recording, location), recording.status.artifacts
        thing = self._world.store.objects.get(key)
        if all(one.has_expired for one in states):
            assert (thing, recording.status.manifest_uri) == (None, None), "the manifest of expired objects is left"
        if not location.spec.manifest.enabled or not any(one.is_stored for one in states):
            return
        if thing is None and recording.status.manifest_uri is None and "locations" in self._faults:
            return  # its location did not exist when it settled
        assert thing is not None, f"there is no manifest at {key}"
        assert thing.uid == recording.metadata.uid
        # The clock may have been set between the manifest and the status.
        untimed: dict[str, None] = {"started_at": None, "completed_at": None}
        whole = decode(encode(manifest_of(recording)))
        wanted, found = (one.model_copy(update=untimed) for one in (whole, decode(thing.data)))
        assert found == wanted, f"the manifest says {found}, not {wanted}"

    def _may_wait(self, recording: Recording) -> bool:
        """Whether a person has to do something first, or a budget holds it."""
        if _is_suspended(recording):
            return True
        if recording.status.reason == Reason.QUOTA_EXCEEDED:
            return self._world.quotas.quota is not None
        if recording.status.reason == Reason.IMPORT_NOT_ALLOWED:
            return any(_is_closed(artifact, recording.metadata.namespace) for artifact in recording.spec.artifacts)
        # One that is not placed yet may be held at the location that was chosen for it.
        places = [recording.location] if recording.location else list(self._world.locations)
        held = any(holds_back(hold, recording, place) for hold in self._world.holds for place in places)
        return held and recording.status.reason == Reason.BUDGET_EXCEEDED

    def _check_store(self, legitimate: set[str]) -> None:
        world = self._world
        for upload in world.store.uploads.values():
            assert upload.uid in legitimate, f"{upload.upload_id} of {upload.uid[:8]} is still open"
        if not world.died and "clock" not in self._faults:
            assert not world.swept, "an upload was left to the sweep although no operator died"
        assert world.foreign <= world.store.objects.keys(), "somebody else's object was deleted"
        for thing in world.store.deleted:
            assert thing.uid in world.checker.asked_for_deletion, f"{thing.key} was deleted, and nobody asked for it"
        if world.split_brain:
            return  # the old operator may store an object after the new one has cleaned up
        owned = {(thing.uid, thing.artifact) for thing in world.store.objects.values()}
        for uid, recording in world.api.recordings.items():
            for state in recording.status.artifacts:
                if state.reason == Reason.QUOTA_EXCEEDED and world.died:
                    continue  # a small object of an operator that died: nothing looks for it before there is room
                if state.phase is Phase.FAILED and not (state.reason == Reason.CANCELLED and self._could_not_look()):
                    assert (uid, state.name) not in owned, f"{state.name} of {uid[:8]} is {state.reason}, and stored"
        for uid in world.checker.objects_to_delete - set(world.api.recordings):
            left = [key for key, thing in world.store.objects.items() if thing.uid == uid]
            assert not left, f"{left} should have gone with its Recording"

    def _could_not_look(self) -> bool:
        """Cancelled after a crash, without a location that serves the namespace: there is no check and no wait."""
        return self._world.died and not self._faults.isdisjoint({"locations", "labels"})


def _is_closed(artifact: ArtifactSpec, namespace: str) -> bool:
    """Whether it names an object of another namespace."""
    named = source_object(artifact)
    return named is not None and not named.key.startswith(f"in/{namespace}/")


def _is_suspended(recording: Recording) -> bool:
    return (
        recording.spec.suspend
        and recording.status.phase is Phase.PENDING
        and any(state.reason == Reason.SUSPENDED for state in recording.status.artifacts)
    )

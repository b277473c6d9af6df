"""The order of the queue: never more than the slots, fair between namespaces, by priority and expiry within one."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from recording_operator.engine.expiry import Expiry
from recording_operator.engine.queue import ArtifactKey, ArtifactQueue, Capacity, Lane, LaneLimits, Rank, Slots, rank
from tests.engine.builders import START

PLENTY = Capacity(total=1000, per_namespace=1000)


def a_rank(name: str, *, priority: int = 0, expires_s: int = 3600, stated: bool = True, created_s: int = 0) -> Rank:
    expiry = Expiry(at=START + timedelta(seconds=expires_s), stated=stated)
    created = START + timedelta(seconds=created_s)
    return rank(priority=priority, expiry=expiry, created=created, key=(name, "video"), now=START)


def a_lane(namespace: str = "team-a", location: str = "archive") -> Lane:
    return Lane(namespace=namespace, location=location)


def taken(waiting: ArtifactQueue, slots: Slots, limits: dict[str, LaneLimits] | None = None) -> list[str]:
    """All that can start now, in order."""
    names = []
    while (key := waiting.take(slots, limits or {})) is not None:
        names.append(key[0])
    return names


def test_priority_then_the_urls_that_still_live_by_expiry_then_the_oldest() -> None:
    waiting = ArtifactQueue()
    ranks = [
        a_rank("expired", expires_s=-5),
        a_rank("later", expires_s=90),
        a_rank("soon-young", expires_s=60, created_s=9),
        a_rank("soon-old", expires_s=60, created_s=3),
        a_rank("urgent", priority=1, expires_s=3000),
        a_rank("assumed-over", expires_s=-5, stated=False),
    ]
    for one in ranks:
        waiting.put(a_lane(), one)

    assert taken(waiting, Slots(PLENTY)) == ["urgent", "assumed-over", "soon-old", "soon-young", "later", "expired"]


def test_thousands_of_one_tenant_delay_the_single_one_of_another_by_one_slot_at_most() -> None:
    waiting, slots = ArtifactQueue(), Slots(Capacity(total=2, per_namespace=2))
    for number in range(3000):
        waiting.put(a_lane("crowd"), a_rank(f"crowd-{number}", priority=1000))
    assert taken(waiting, slots) == ["crowd-0", "crowd-1"]
    waiting.put(a_lane("single"), a_rank("single"))

    slots.give_back(("crowd-0", "video"))

    assert taken(waiting, slots) == ["single"]


def test_namespaces_with_equally_many_take_turns() -> None:
    waiting, slots = ArtifactQueue(), Slots(Capacity(total=1, per_namespace=1))
    for number in range(3):
        for namespace in ("a", "b", "c"):
            waiting.put(a_lane(namespace), a_rank(f"{namespace}{number}"))

    order = []
    while (key := waiting.take(slots, {})) is not None:
        order.append(key[0])
        slots.give_back(key)

    assert [name[0] for name in order] == ["a", "b", "c"] * 3
    assert order[::3] == ["a0", "a1", "a2"]


def test_a_full_location_does_not_stop_another() -> None:
    waiting, slots = ArtifactQueue(), Slots(PLENTY)
    for number in range(2):
        waiting.put(a_lane(location="full"), a_rank(f"full-{number}", priority=5))
        waiting.put(a_lane(location="free"), a_rank(f"free-{number}"))

    limits = {"full": LaneLimits(location=1)}

    assert taken(waiting, slots, limits) == ["full-0", "free-0", "free-1"]
    assert len(waiting) == 1


def test_a_bound_per_namespace_of_a_location_leaves_room_for_others() -> None:
    waiting, slots = ArtifactQueue(), Slots(PLENTY)
    for namespace in ("a", "b"):
        for number in range(2):
            waiting.put(a_lane(namespace), a_rank(f"{namespace}{number}"))

    assert taken(waiting, slots, {"archive": LaneLimits(namespace_at_location=1)}) == ["a0", "b0"]


def test_a_new_rank_replaces_the_old_one() -> None:
    waiting = ArtifactQueue()
    waiting.put(a_lane(), a_rank("a", priority=9))
    waiting.put(a_lane(), a_rank("b"))
    waiting.put(a_lane(), a_rank("a", priority=-9))

    assert taken(waiting, Slots(PLENTY)) == ["b", "a"]


def test_an_entry_added_and_removed_a_thousand_times_leaves_no_backlog() -> None:
    waiting = ArtifactQueue()
    waiting.put(a_lane(), a_rank("head", priority=10))
    for number in range(1000):
        waiting.put(a_lane(), a_rank("flapping", priority=number % 2))
        waiting.discard(("flapping", "video"))

    assert len(waiting) == 1
    assert waiting.backlog() < 200


class TakingAndGivingBack(RuleBasedStateMachine):
    """Any order of putting, dropping, taking and giving back."""

    def __init__(self) -> None:
        super().__init__()
        self.capacity = Capacity(total=3, per_namespace=2)
        self.limits = {"x": LaneLimits(location=2, namespace_at_location=1)}
        self.slots = Slots(self.capacity)
        self.waiting = ArtifactQueue()
        self.asked: dict[ArtifactKey, Lane] = {}
        self.running: dict[ArtifactKey, Lane] = {}

    @rule(
        number=st.integers(0, 9), namespace=st.sampled_from("abc"), location=st.sampled_from("xy"), p=st.integers(0, 3)
    )
    def put(self, number: int, namespace: str, location: str, p: int) -> None:
        one = a_rank(str(number), priority=p)
        if one.key not in self.running:
            self.waiting.put(a_lane(namespace, location), one)
            self.asked[one.key] = a_lane(namespace, location)

    @rule(number=st.integers(0, 9))
    def drop(self, number: int) -> None:
        self.waiting.discard((str(number), "video"))
        self.asked.pop((str(number), "video"), None)

    @rule()
    def take(self) -> None:
        startable = [key for key, lane in self.asked.items() if self.has_room(lane)]
        key = self.waiting.take(self.slots, self.limits)

        assert (key is None) == (not startable)
        if key is not None:
            fewest = min(self.of_namespace(self.asked[one].namespace) for one in startable)
            assert key in startable
            assert self.of_namespace(self.asked[key].namespace) == fewest
            self.running[key] = self.asked.pop(key)

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.running)))
        self.slots.give_back(key)
        self.slots.give_back(key)
        del self.running[key]

    @invariant()
    def agree(self) -> None:
        assert self.slots.running == self.running
        assert len(self.waiting) == len(self.asked)
        assert all(key in self.waiting for key in self.asked)

    @invariant()
    def within_bounds(self) -> None:
        assert len(self.running) <= self.capacity.total
        for namespace in "abc":
            assert self.of_namespace(namespace) <= self.capacity.per_namespace
            assert list(self.running.values()).count(a_lane(namespace, "x")) <= 1
        assert sum(lane.location == "x" for lane in self.running.values()) <= 2

    def of_namespace(self, namespace: str) -> int:
        return sum(lane.namespace == namespace for lane in self.running.values())

    def has_room(self, lane: Lane) -> bool:
        of_location = sum(one.location == lane.location for one in self.running.values())
        at_location = sum(one == lane for one in self.running.values())
        limits = self.limits.get(lane.location, LaneLimits())
        return (
            len(self.running) < self.capacity.total
            and self.of_namespace(lane.namespace) < self.capacity.per_namespace
            and (limits.location is None or of_location < limits.location)
            and (limits.namespace_at_location is None or at_location < limits.namespace_at_location)
        )


TestTakingAndGivingBack = TakingAndGivingBack.TestCase
TestTakingAndGivingBack.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(-9, 9), st.booleans(), st.integers(0, 9)), max_size=20))
def test_the_order_is_total(drawn: list[tuple[int, int, bool, int]]) -> None:
    waiting = ArtifactQueue()
    for number, (priority, expires_s, stated, created_s) in enumerate(drawn):
        one = a_rank(f"{number:02}", priority=priority, expires_s=expires_s, stated=stated, created_s=created_s)
        waiting.put(a_lane(), one)

    order = [drawn[int(name)] for name in taken(waiting, Slots(PLENTY))]

    def expected(one: tuple[int, int, bool, int]) -> tuple[int, bool, int, int]:
        priority, expires_s, stated, created_s = one
        return (-priority, stated and expires_s <= 0, expires_s, created_s)

    assert [expected(one) for one in order] == sorted(expected(one) for one in drawn)

"""Many Recordings, users who edit and delete them, and operators that are killed at any time."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from tests.e2e.chaos.stage import DEPOSED, Stage, StagedOperator
from tests.support.recordings import MIB, Artifact, Live, from_media, inline, media_url
from tests.support.waiting import eventually

JsonObject = dict[str, Any]
ENDED_WITHIN_S: Final = 180.0
_AT_WORK: Final = 10
_OPERATORS: Final = 3
_LEADER_LIVES: Final = 0.1
_MORE: Final = (0, 0, 1, 1, 2)
_TERMINAL: Final = ("Complete", "Failed")
_KINDS: Final = {"inline": 3, "small": 5, "large": 2, "several": 1, "expired": 1, "deleted": 2, "cancelled": 1}


@dataclass(slots=True, kw_only=True)
class Storm:
    """One round; the same `seed` draws the same Recordings, edits and kills (at times that are the machine's)."""

    stage: Stage
    seed: str
    made: int = 0
    kills: int = 0
    ended_by_themselves: int = 0
    _random: random.Random = field(init=False)
    _operators: list[StagedOperator] = field(default_factory=list)
    _tempers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def blow(self, kills: int) -> None:
        """Kill so many operators, then let everything come to its end."""
        for _ in range(_OPERATORS):
            self._operators.append(self.stage.launch())
        former = ""
        while self.kills < kills:
            self._create()
            self._meddle()
            former = self._strike(former)
        self._calm()

    # Kills

    def _strike(self, former: str) -> str:
        """Kill the leader, others or all, a random while after it has begun; who led, if that one is dead."""
        leader = self._wait_leader(other_than=former)
        pause_s = self._random.uniform(0.0, 1.5) ** 2  # an operator's first moments are its busiest
        eventually(_after(pause_s), within_s=pause_s + 60, poll_s=0.01)
        leading = [one for one in self._operators if one.name == leader.rpartition("_")[0]]
        standing_by = [one for one in self._operators if one not in leading]
        victims = [] if self._random.random() < _LEADER_LIVES else leading
        more = self._random.choice(_MORE) if victims else 1
        victims = [*victims, *self._random.sample(standing_by, min(more, len(standing_by)))]
        for victim in victims:
            self.stage.world.kill(victim)
            self._operators.remove(victim)
            self._operators.append(self.stage.launch())
            self.kills += 1
        return leader if leading and leading[0] in victims else former

    def _wait_leader(self, *, other_than: str) -> str:
        def another() -> str:
            self._replace_the_deposed()
            holder = self.stage.leader()
            return holder if holder != other_than else ""

        return eventually(another, within_s=60, what="a leader")

    def _replace_the_deposed(self) -> None:
        """On a busy machine a leader may be late with its Lease; it must end with its own status then."""
        for operator in [one for one in self._operators if not one.process.running]:
            status = operator.process.returncode
            assert status == DEPOSED, f"{operator.name} ended with status {status}:\n{operator.process.log_tail()}"
            self.stage.world.running.remove(operator)
            self._operators.remove(operator)
            self._operators.append(self.stage.launch())
            self.ended_by_themselves += 1

    # Recordings and people

    def _create(self) -> None:
        """Keep some ten Recordings at work."""
        for _ in range(max(1, _AT_WORK - len(self._unfinished()))):
            (kind,) = self._random.choices(list(_KINDS), weights=list(_KINDS.values()))
            live = self.stage.world.create(
                *self._artifacts(kind),
                name=f"{kind}-{self.made}",
                deletionPolicy="Delete" if kind == "deleted" else "Retain",
            )
            self._tempers[live.uid] = kind
            self.made += 1

    def _artifacts(self, kind: str) -> list[Artifact]:
        media, size = self.stage.world.media, self._random.randint(1000, MIB)
        large = self._random.randint(9, 18) * MIB
        if kind == "inline":
            return [inline(f'{{"number": {self.made}}}')]
        if kind == "several":
            audio = from_media(media, name="audio", ending="m4a", size_bytes=size, rate="256KB")
            return [inline("{}"), audio, from_media(media, size_bytes=large, rate="8MB")]
        if kind == "expired":
            return [from_media(media, size_bytes=size, valid_s=-60)]
        if kind == "large" or (kind in ("deleted", "cancelled") and self._random.random() < 0.5):
            return [from_media(media, size_bytes=large, rate="8MB")]
        return [from_media(media, size_bytes=size, rate="2MB")]

    def _meddle(self) -> None:
        """People edit and delete, some of them."""
        for uid in list(self._tempers):
            if self._random.random() < 0.4:
                self._act(uid)

    def _act(self, uid: str) -> None:
        kind, live = self._tempers[uid], self.stage.world.expected[uid].live
        deeds: dict[str, Callable[[Live], str | None]] = {
            "expired": self._refresh,
            "deleted": self._delete,
            "cancelled": self._cancel,
            "large": self._suspend,
            "suspended": self._resume,
            "small": self._append,
        }
        if deed := deeds.get(kind):
            self._tempers[uid] = deed(live) or "left alone"

    def _refresh(self, live: Live) -> str | None:
        url = str(live.spec["artifacts"][0]["source"]["url"])
        size_bytes = int(url.partition("size=")[2].partition("&")[0])
        live.edit_source(url=media_url(self.stage.world.media, "video.mp4", size_bytes=size_bytes))
        return None

    def _delete(self, live: Live) -> str | None:
        self.stage.world.removed.add(live.uid)
        live.delete()
        return None

    def _cancel(self, live: Live) -> str | None:
        live.edit(cancel=True)
        return None

    def _suspend(self, live: Live) -> str | None:
        if self._random.random() < 0.5:
            return None
        live.edit(suspend=True)
        return "suspended"

    def _resume(self, live: Live) -> str | None:
        live.edit(suspend=False)
        return None

    def _append(self, live: Live) -> str | None:
        self.stage.world.append(live, inline("{}"))
        return None

    # The end

    def _calm(self) -> None:
        """Recordings that need a person are repaired. All of them finish."""
        for uid, temper in list(self._tempers.items()):
            if temper in ("expired", "suspended"):
                self._act(uid)
        eventually(self._all_ended, within_s=ENDED_WITHIN_S, what=f"all ended: {self._unfinished()}", poll_s=0.2)

    def _all_ended(self) -> bool:
        self._replace_the_deposed()
        return not self._unfinished()

    def _unfinished(self) -> list[str]:
        return [
            f"{expected.live.name}: {expected.live.reasons()[-3:]}"
            for uid, expected in self.stage.world.expected.items()
            if not self._is_over(uid, expected.live)
        ]

    def _is_over(self, uid: str, live: Live) -> bool:
        world = self.stage.world
        if uid in world.removed:
            return world.history.is_gone(uid)
        versions = live.versions()
        if not versions:
            return False
        last = versions[-1]
        status = last.get("status", {})
        answered = status.get("observedGeneration") == last["metadata"]["generation"]
        return answered and status.get("phase") in _TERMINAL


def _after(pause_s: float) -> Callable[[], bool]:
    end_s = time.monotonic() + pause_s
    return lambda: time.monotonic() >= end_s

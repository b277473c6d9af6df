"""A world in which operators are killed: which operator runs, with which crash point, and which one follows."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from recording_operator.kube.errors import NotFound
from tests.support.nursery import ForkedOperator, Nursery
from tests.support.waiting import eventually
from tests.support.world import World, leader_of, write_settings

LOCATION: Final[dict[str, Any]] = {
    "deletionPolicies": ["Retain", "Delete"],
    "retry": {"delays": ["1s", "1s"], "refreshGrace": "10m"},
}
SETTINGS: Final[dict[str, Any]] = {
    # Long enough that a busy machine does not depose who has to be killed.
    "lease": {"duration": "5s", "renew": "4s", "retry": "300ms"},
    "sweep": {"finishedInterval": "2s", "uploadsInterval": "2s", "uploadMinAge": "2s"},
}
KILLED: Final = -9
DEPOSED: Final = 3


class StagedOperator(ForkedOperator):
    """An operator with its own identity in the Lease. `crash` has the variables that make it crash."""

    def __init__(
        self, *, nursery: Nursery, name: str, kubeconfig: Path, log: Path, policy: Path, crash: dict[str, str]
    ) -> None:
        environment = {"POD_NAME": name, "ORPHANS_EVERY_S": "2", **crash}
        super().__init__(nursery=nursery, kubeconfig=kubeconfig, log=log, policy=policy, environment=environment)
        self.name = name

    @property
    def killed_itself(self) -> bool:
        """Whether its bomb went off."""
        return self.process.returncode == KILLED


@dataclass(slots=True, kw_only=True)
class Stage:
    """The world of one test and its operators."""

    world: World
    nursery: Nursery
    kubeconfig: Path
    bombed: StagedOperator | None = None
    policy: Path = field(init=False)

    def __post_init__(self) -> None:
        self.volume.mkdir()
        self.policy = write_settings(self.world.folder, filesystem={"roots": [str(self.volume)]}, **SETTINGS)

    @property
    def volume(self) -> Path:
        """A permitted root of filesystem locations."""
        return self.world.folder / "volume"

    def launch(self) -> StagedOperator:
        """Start an operator and wait for nothing."""
        operator = self._launched({})
        self.world.running.append(operator)
        return operator

    def launch_bombed(self, **crash: str | float | Path) -> StagedOperator:
        """Start an operator with the variables CRASH_…: it may end when it likes."""
        self.bombed = self._launched({f"CRASH_{name.upper()}": str(value) for name, value in crash.items()})
        return self.bombed

    def leader(self) -> str:
        """The holder in the Lease, dead or alive; empty if there is none."""
        try:
            return leader_of(self.world)
        except NotFound:
            return ""

    def wait_leader(self, *, other_than: str = "", within_s: float = 30) -> str:
        """Wait until another process holds the Lease. Returns its identity."""

        def another() -> str:
            holder = self.leader()
            return holder if holder != other_than else ""

        return eventually(another, within_s=within_s, what="a leader")

    def _launched(self, crash: dict[str, str]) -> StagedOperator:
        name = f"operator-{len(self.world.everyone)}"
        operator = StagedOperator(
            nursery=self.nursery,
            name=name,
            kubeconfig=self.kubeconfig,
            log=self.world.folder / f"{name}.log",
            policy=self.policy,
            crash=crash,
        )
        operator.launch()
        self.world.everyone.append(operator)
        return operator

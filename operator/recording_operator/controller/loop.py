"""The engine's thread."""

import logging
import queue
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from recording_operator.controller.clock import Clock
from recording_operator.engine.actions import Action
from recording_operator.engine.engine import Engine
from recording_operator.engine.facts import Fact

Decide = Callable[[Engine, datetime], list[Action]]

_LONGEST_WAIT_S: Final = 5.0
_SHORTEST_WAIT_S: Final = 0.01
"""A tick follows each fact if something is due. If something is due even then, this pause prevents a busy loop."""
_logger = logging.getLogger(__name__)


def utc_now() -> datetime:
    """The wall clock, in UTC."""
    return datetime.now(UTC)


class ControlLoop:
    """Passes facts to the engine, one at a time, and its actions to `act`, which must not block."""

    def __init__(self, engine: Engine, *, act: Callable[[Action], None], clock: Clock) -> None:
        self._engine = engine
        self._act = act
        self._clock = clock
        self._queue: queue.SimpleQueue[Decide | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="control", daemon=True)
        self.beat_s = time.monotonic()
        """When the loop last iterated (monotonic clock). The liveness probe checks it."""

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def post(self, fact: Fact) -> None:
        """Queue a fact for the engine and return immediately. Call it from any thread."""
        self._queue.put(lambda engine, now: engine.observe(fact, now))

    def call(self, decide: Decide) -> None:
        """Let the engine's thread call `decide` and execute the actions that it returns."""
        self._queue.put(decide)

    def evaluate(self, question: "Callable[[Engine], bool]", *, timeout_s: float) -> bool:
        """The result of `question(engine)`, computed in the engine's thread; False after the timeout."""
        result: queue.SimpleQueue[bool] = queue.SimpleQueue()

        def decide(engine: Engine, _now: datetime) -> list[Action]:
            result.put(question(engine))
            return []

        self.call(decide)
        try:
            return result.get(timeout=timeout_s)
        except queue.Empty:
            return False

    def stop(self, *, timeout_s: float) -> None:
        """End the thread after it has processed what was queued before."""
        self._queue.put(None)
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while True:
            self.beat_s = time.monotonic()
            try:
                decide = self._queue.get(timeout=self._wait_s())
            except queue.Empty:
                decide = _tick
            if decide is None:
                return
            self._carry_out(decide)
            due = self._engine.next_due()
            if due is not None and due <= self._clock.now():
                self._carry_out(_tick)

    def _carry_out(self, decide: Decide) -> None:
        now = self._clock.now()
        try:
            step = self._clock.take_step()
            actions = self._engine.clock_stepped(step, now) if step else []
            actions += decide(self._engine, now)
        except Exception:
            # The engine handles errors about a single Recording itself; this one is about more.
            _logger.exception("The engine failed to process a fact")
            return
        for action in actions:
            self._act(action)

    def _wait_s(self) -> float:
        due = self._engine.next_due()
        if due is None:
            return _LONGEST_WAIT_S
        return min(max((due - self._clock.now()).total_seconds(), _SHORTEST_WAIT_S), _LONGEST_WAIT_S)


def _tick(engine: Engine, now: datetime) -> list[Action]:
    return engine.tick(now)

"""Hands each action of the engine to its handler, and the engine the facts that come back."""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Generic, TypeVar

from recording_operator.controller.recordings.fairpool import FairPool
from recording_operator.engine.actions import Action
from recording_operator.engine.facts import Fact
from recording_operator.errors import LocationError, TransferError
from recording_operator.kube.errors import Conflict, KubeError, NotFound
from recording_operator.kube.outage import level_of
from recording_operator.log_throttle import LogThrottle

RETRY_DELAY_S: Final = 2.0
A = TypeVar("A")
Later = Callable[[float, Callable[[], None]], None]
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class InlineHandler(Generic[A]):
    """An action that takes no time: it is carried out in the engine's thread, and its facts come later, if any."""

    run: Callable[[A], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolHandler(Generic[A]):
    """An action with a result: a thread of the pool carries it out, and the engine receives the result.

    `run` returns the facts that came of it. Where it raises, `failure` turns the error into a fact; without `failure`
    the action is carried out again in a moment.
    """

    run: Callable[[A], Iterable[Fact]]
    tenant: Callable[[A], str]
    """On whose behalf: tenants take turns in the pool."""
    failure: Callable[[A, Exception | None], Fact] | None = None
    """Gets None for the error where nothing was tried, because the Lease is not certain."""
    changes: bool = False
    """Whether it changes something outside of this process; then it is tried only while the Lease is certain."""


Handler = InlineHandler[Any] | PoolHandler[Any]


def call_later(delay_s: float, call: Callable[[], None]) -> None:
    """Call in a thread of its own when the time has come."""
    timer = threading.Timer(delay_s, call)
    timer.daemon = True
    timer.start()


class Dispatcher:
    """Carries out actions. Returns at once."""

    def __init__(
        self,
        handlers: Mapping[type[Action], Handler],
        *,
        post: Callable[[Fact], None],
        pool: FairPool,
        may_change: Callable[[], bool],
        later: Later,
    ) -> None:
        """`later` calls back after some seconds, in any thread."""
        self._handlers = handlers
        self._post = post
        self._pool = pool
        self._may_change = may_change
        self._later = later
        self._throttle = LogThrottle()

    def __call__(self, action: Action) -> None:
        """Carry out one action."""
        handler = self._handlers[type(action)]
        if isinstance(handler, InlineHandler):
            handler.run(action)
        else:
            self._pool.submit(handler.tenant(action), partial(self._answer, handler, action))

    def _answer(self, handler: PoolHandler[Any], action: Action) -> None:
        """The engine waits for a result, whatever happens."""
        if handler.changes and not self._may_change():
            self._fail(handler, action, None)
            return
        try:
            for fact in handler.run(action):
                self._post(fact)
        except Exception as error:  # noqa: BLE001 - a fault of one action is logged and becomes its failure
            self._log(action, error)
            self._fail(handler, action, error)

    def _fail(self, handler: PoolHandler[Any], action: Action, error: Exception | None) -> None:
        if handler.failure is None:
            self._later(RETRY_DELAY_S, partial(self, action))
        else:
            self._post(handler.failure(action, error))

    def _log(self, action: Action, error: Exception) -> None:
        what = type(action).__name__
        match error:
            case Conflict() | NotFound():
                return  # the object has changed or is gone: no fault
            case KubeError():
                level = self._throttle.level(f"{what} {type(error).__name__}", level_of(error))
                _logger.log(level, "%s failed: %s", what, error)
            case TransferError() | LocationError():
                level = self._throttle.level(f"{what} {error.reason}")
                _logger.log(level, "%s failed and will be retried: %s", what, error.message)
            case _:
                _logger.error("%s failed with an unexpected error", what, exc_info=error)

"""Passes each action of the engine to its handler, and the resulting facts to the engine."""

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
    """An action that does not block. It is executed in the engine's thread; its facts, if any, follow later."""

    run: Callable[[A], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolHandler(Generic[A]):
    """An action with a result. A thread of the pool executes it, and the engine receives the result.

    `run` returns the resulting facts. If it raises, `failure` turns the error into a fact; without `failure`, the
    action is retried after a moment.
    """

    run: Callable[[A], Iterable[Fact]]
    tenant: Callable[[A], str]
    """The tenant of the action. Tenants take turns in the pool."""
    failure: Callable[[A, Exception | None], Fact] | None = None
    """The error is None if nothing was tried, because the Lease could not be renewed in time."""
    asks_others: bool = False
    """Whether it may wait for a host other than the API server and the stores. Then it has other threads."""
    changes: bool = False
    """Whether the action changes anything outside this process. Then it is executed only while the Lease is held."""


Handler = InlineHandler[Any] | PoolHandler[Any]


def call_later(delay_s: float, call: Callable[[], None]) -> None:
    """Call a function in a separate thread after a delay."""
    timer = threading.Timer(delay_s, call)
    timer.daemon = True
    timer.start()


class Dispatcher:
    """Executes actions without blocking."""

    def __init__(
        self,
        handlers: Mapping[type[Action], Handler],
        *,
        post: Callable[[Fact], None],
        pool: FairPool,
        others_pool: FairPool,
        may_change: Callable[[], bool],
        later: Later,
    ) -> None:
        """`others_pool` is for handlers that ask others. `later` calls a function after some seconds, in any thread."""
        self._handlers = handlers
        self._post = post
        self._pool = pool
        self._others_pool = others_pool
        self._may_change = may_change
        self._later = later
        self._throttle = LogThrottle()

    def __call__(self, action: Action) -> None:
        """Execute one action."""
        handler = self._handlers[type(action)]
        if isinstance(handler, InlineHandler):
            handler.run(action)
        else:
            pool = self._others_pool if handler.asks_others else self._pool
            pool.submit(handler.tenant(action), partial(self._run, handler, action))

    def _run(self, handler: PoolHandler[Any], action: Action) -> None:
        """Run the action. The engine must receive a result even if it raises."""
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
                return  # the object has changed or was deleted: not an error
            case KubeError():
                level = self._throttle.level(f"{what} {type(error).__name__}", level_of(error))
                _logger.log(level, "%s failed: %s", what, error)
            case TransferError() | LocationError():
                level = self._throttle.level(f"{what} {error.reason}")
                _logger.log(level, "%s failed and will be retried: %s", what, error.message)
            case _:
                _logger.error("%s failed with an unexpected error", what, exc_info=error)

"""A pool without threads."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any


class InlinePool(Executor):
    """Runs what is submitted before `submit` returns."""

    def submit(self, call: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        """Run the call."""
        done: Future[Any] = Future()
        done.set_result(call(*arguments, **named))
        return done

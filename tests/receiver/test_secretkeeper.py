"""What the receiver says about a Secret that it cannot use."""

import threading
from typing import Any

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.kube.errors import Forbidden, KubeError, NotFound
from recording_operator.receiver.secretkeeper import SecretKeeper
from tests.receiver.test_sources import KEY, TOKEN, Watched


class Secrets:
    """A Secret with these values, or the error for it."""

    def __init__(self, *values: str, error: KubeError | None = None, stop: threading.Event) -> None:
        self.values = tuple(value.encode() for value in values)
        self.error = error
        self.stop = stop

    def secret_values(self, _namespace: str, _name: str) -> tuple[bytes, ...]:
        """The values. It is read only once."""
        self.stop.set()
        if self.error is not None:
            raise self.error
        return self.values


@pytest.mark.parametrize(
    ("values", "error", "expected"),
    [
        ((TOKEN, "short"), None, None),
        (("short",), None, (Reason.SECRET_NOT_USABLE, "The Secret webhook has no value of at least 16 characters.")),
        ((), None, (Reason.SECRET_NOT_USABLE, "The Secret webhook has no value of at least 16 characters.")),
        ((), NotFound("", status=404), (Reason.SECRET_NOT_FOUND, "The Secret webhook does not exist.")),
        (
            (),
            Forbidden("", status=403),
            (Reason.SECRET_NOT_FOUND, "The Secret webhook cannot be read: the receiver has no permission."),
        ),
    ],
    ids=["usable", "too short", "empty", "missing", "no permission"],
)
def test_the_problem_of_a_secret(
    values: tuple[str, ...], error: KubeError | None, expected: tuple[Reason, str] | None
) -> None:
    watched, stop = Watched(), threading.Event()
    watched.add()
    api: Any = Secrets(*values, error=error, stop=stop)
    keeper = SecretKeeper(api, register_secret=lambda _: None)
    keeper.read_soon(KEY)

    keeper.run(watched.book, stop)

    known = watched.book.get(KEY)
    assert known is not None
    problem = known.secret_problem
    assert (None if problem is None else (problem.reason, problem.message)) == expected


def test_a_secret_that_is_missing_is_read_again_soon() -> None:
    watched, stop = Watched(), threading.Event()
    watched.add()
    api: Any = ReplacedSecret(stop)
    keeper = SecretKeeper(api, register_secret=lambda _: None, missing_every_s=0.0)
    keeper.read_soon(KEY)

    keeper.run(watched.book, stop)

    assert not watched.book.is_pending(KEY)


class ReplacedSecret:
    """A Secret that is not there at first."""

    def __init__(self, stop: threading.Event) -> None:
        self.stop = stop
        self.reads = 0

    def secret_values(self, _namespace: str, _name: str) -> tuple[bytes, ...]:
        """The value, at the second read."""
        self.reads += 1
        if self.reads == 1:
            raise NotFound("", status=404)
        self.stop.set()
        return (TOKEN.encode(),)

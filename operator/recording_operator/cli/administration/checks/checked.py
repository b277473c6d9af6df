"""What a check finds, and how a check that may not look says which right is missing."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from recording_operator.cli.verb import explained
from recording_operator.kube.errors import Forbidden, KubeError
from recording_operator.user_actions.rights import right_of


class CheckState(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One line of the verb `check`."""

    name: str
    state: CheckState
    message: str


def ok(name: str, message: str) -> Checked:
    """Everything is well."""
    return Checked(name=name, state=CheckState.OK, message=message)


def warning(name: str, message: str) -> Checked:
    """Something works, and a person should look at it."""
    return Checked(name=name, state=CheckState.WARNING, message=message)


def failed(name: str, message: str) -> Checked:
    """Something does not work."""
    return Checked(name=name, state=CheckState.FAILED, message=message)


def not_checked(name: str, message: str) -> Checked:
    """The caller may not look, or there is nothing to look at."""
    return Checked(name=name, state=CheckState.NOT_CHECKED, message=message)


def run_check(name: str, check: Callable[[], Iterable[Checked]]) -> Iterator[Checked]:
    """The lines of one check. If a right is missing, one line says which right is missing."""
    try:
        yield from check()
    except Forbidden as error:
        yield not_checked(name, missing_right(error))
    except KubeError as error:
        yield failed(name, explained(error))


def missing_right(error: Forbidden) -> str:
    """Which right the caller does not have."""
    right = right_of(error.method, error.path)
    return str(error) if right is None else f"You may not {right}."

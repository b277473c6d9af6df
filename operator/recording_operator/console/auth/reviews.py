"""Requests with the console's own rights. If one is missing, the log says which, and the caller that it is not his."""

import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Final, TypeVar

from recording_operator.console.problems import Problem
from recording_operator.kube.errors import Forbidden, Invalid, Unauthorized, UnexpectedAnswer
from recording_operator.log_throttle import LogThrottle

_NOT_YOURS: Final = "The console cannot check your permissions. This is not about your request: its log says why."
_R = TypeVar("_R")

_logger = logging.getLogger(__name__)
_throttle = LogThrottle()


def with_own_rights(send: Callable[[], _R], *, right: str) -> _R:
    """What `send` returns. `right` is the right that it needs. Raises Problem 500, and KubeError for an outage."""
    try:
        return send()
    except Forbidden:
        _log(f"The console's ServiceAccount may not {right}. Grant it the ClusterRole of the chart.")
    except Unauthorized:
        _log("The API server does not accept the console's own token.")
    except (Invalid, UnexpectedAnswer) as error:
        _log(f"The API server does not understand the console ({type(error).__name__}, to {right}).")
    raise Problem(HTTPStatus.INTERNAL_SERVER_ERROR, _NOT_YOURS)


def _log(text: str) -> None:
    _logger.log(_throttle.level(text, logging.ERROR), "%s", text)

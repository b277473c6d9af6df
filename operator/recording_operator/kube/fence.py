"""Requests of a leader: changes are sent only while no other process can have taken over.

A process that was frozen wakes with requests in hand that it decided on long ago. Those about Recordings would be
refused for their resourceVersion; an Event has none. The check is in one place, so that no caller can forget it.
"""

from collections.abc import Callable
from typing import Any

from recording_operator.kube.errors import ApiUnavailable
from recording_operator.kube.rest import Rest


class NotLeading(ApiUnavailable):
    """Nothing was sent: the Lease could not be renewed in time, so another operator may work."""


class FencedClient:
    """Passes requests on; those that change something only while `may_change` says so."""

    def __init__(self, rest: Rest, *, may_change: Callable[[], bool]) -> None:
        self._rest = rest
        self._may_change = may_change

    def request(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        """As `Rest.request`. Raises NotLeading too."""
        if method != "GET" and not self._may_change():
            raise NotLeading(f"{method} {path}: not sent, because the Lease may be lost")
        return self._rest.request(method, path, **options)

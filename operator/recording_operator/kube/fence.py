"""Requests of the leader: changes are sent only while no other process can have taken over.

A process that was suspended may continue with requests that it decided on long ago. The API server would reject those
about Recordings because of their resourceVersion, but not Events. This is the only place that checks it for all
callers.
"""

from collections.abc import Callable
from typing import Any

from recording_operator.kube.errors import ApiUnavailable
from recording_operator.kube.rest import Rest


class NotLeading(ApiUnavailable):
    """Nothing was sent: the Lease could not be renewed in time, so another operator may work."""


class FencedClient:
    """Forwards requests. Those that change something are only sent while `may_change` returns True."""

    def __init__(self, rest: Rest, *, may_change: Callable[[], bool]) -> None:
        self._rest = rest
        self._may_change = may_change

    def request(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        """See `Rest.request`. Also raises NotLeading."""
        if method != "GET" and not self._may_change():
            raise NotLeading(f"{method} {path}: not sent, because the Lease may be lost")
        return self._rest.request(method, path, **options)

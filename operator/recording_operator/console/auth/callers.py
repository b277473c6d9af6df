"""Who a caller is: the API server reviews the token."""

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from recording_operator.console.auth.reviews import with_own_rights
from recording_operator.kube.rest import Rest

_PATH: Final = "/apis/authentication.k8s.io/v1/tokenreviews"
_RIGHT: Final = "create tokenreviews.authentication.k8s.io"
REMEMBERED_S: Final = 60.0
REJECTED_S: Final = 5.0
"""How long an invalid token is remembered: a token that is valid only now is soon accepted."""
_MOST_REMEMBERED: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A person or program, as the API server knows it. `repr` does not show the token."""

    username: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    token: str | None = field(default=None, repr=False)
    """None if an authenticating proxy names the caller: then nothing can be written in the caller's name."""


class TokenReviewer:
    """Asks the API server whose tokens these are, and keeps the result for a minute. Thread-safe."""

    def __init__(
        self, rest: Rest, *, audiences: Sequence[str] = (), steady_s: Callable[[], float] = time.monotonic
    ) -> None:
        """`audiences`: a token must be for one of them; without any, for the API server."""
        self._rest = rest
        self._audiences = list(audiences)
        self._steady_s = steady_s
        self._lock = threading.Lock()
        self._known: OrderedDict[bytes, tuple[float, Caller | None]] = OrderedDict()

    def was_accepted(self, token: str) -> bool:
        """Whether the last review found it to be valid, whenever that was."""
        with self._lock:
            return self._known.get(_key(token), (0.0, None))[1] is not None

    def caller(self, token: str) -> Caller | None:
        """Whose token it is; None for one that is not valid. Raises KubeError and Problem 500."""
        key = _key(token)
        with self._lock:
            until_s, known = self._known.get(key, (0.0, None))
        if self._steady_s() < until_s:
            return known
        began_s = self._steady_s()
        found = self._review(token)
        with self._lock:
            self._known[key] = (began_s + (REJECTED_S if found is None else REMEMBERED_S), found)
            self._known.move_to_end(key)
            if len(self._known) > _MOST_REMEMBERED:
                self._known.popitem(last=False)
        return found

    def _review(self, token: str) -> Caller | None:
        spec: dict[str, Any] = {"token": token} | ({"audiences": self._audiences} if self._audiences else {})
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": spec}
        reviewed = with_own_rights(lambda: self._rest.request("POST", _PATH, body=body), right=_RIGHT)
        status: dict[str, Any] = reviewed.get("status") or {}
        user = status.get("user") or {}
        if not status.get("authenticated") or not user.get("username"):
            return None
        # An API server that knows nothing of audiences names none: then it has not checked them.
        if self._audiences and not set(self._audiences) & set(status.get("audiences") or ()):
            return None
        return Caller(
            username=user["username"],
            uid=user.get("uid") or "",
            groups=tuple(user.get("groups") or ()),
            extra={name: tuple(values) for name, values in (user.get("extra") or {}).items()},
            token=token,
        )


def _key(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()

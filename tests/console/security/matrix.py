"""Who may do what over HTTP: a line for each operation of the API.

A new operation needs a line here, otherwise test_matrix.py fails. `{namespace}`, `{name}`, `{uid}` and `{artifact}` in
its path are those of a Recording in the namespace of tenant A.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

ADMIN: Final = "admin"
TENANT_A: Final = "tenant A"
TENANT_B: Final = "tenant B"
VIEWER: Final = "viewer of A"
WITHOUT_RIGHTS: Final = "without rights"
PROXY_USER: Final = "proxy user who views A"
EXPIRED: Final = "expired token"
ANONYMOUS: Final = "anonymous"
ROLES: Final = (ADMIN, TENANT_A, TENANT_B, VIEWER, WITHOUT_RIGHTS, PROXY_USER, EXPIRED, ANONYMOUS)
_KNOWN: Final = (ADMIN, TENANT_A, TENANT_B, VIEWER, WITHOUT_RIGHTS, PROXY_USER)

READERS: Final = frozenset({ADMIN, TENANT_A, VIEWER, PROXY_USER})
EDITORS: Final = frozenset({ADMIN, TENANT_A})
PRESIGNERS: Final = frozenset({ADMIN, TENANT_A})
ADMINS: Final = frozenset({ADMIN})
EVERYONE: Final = frozenset(_KNOWN)
"""With a token, or through the proxy. What they see in the response depends on their rights."""


def _no_check(_document: Any, _uid: str) -> bool:
    return True


def _is_listed(document: Any, uid: str) -> bool:
    return uid in {one["uid"] for one in document["items"]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """Who may do it, and what the response is."""

    allowed: frozenset[str]
    status: int = 200
    """For those who may."""
    denied: int = 403
    """For others with valid credentials. 404: they do not learn whether it exists."""
    query: str = ""
    body: Mapping[str, Any] | None = None
    spec: Mapping[str, Any] = field(default_factory=dict)
    """What the spec of the Recording is patched with before."""
    shows: Callable[[Any, str], bool] = _no_check
    """Whether the response shows the Recording with this uid."""
    shown_to: frozenset[str] | None = None
    """For operations that everyone may call: to whom it shows the Recording."""


_AT: Final = "/api/v1/recordings/{namespace}/{name}"
OPERATIONS: Final[Mapping[tuple[str, str], Operation]] = {
    ("GET", "/api/v1/recordings"): Operation(allowed=EVERYONE, query="limit=500", shows=_is_listed, shown_to=READERS),
    ("GET", "/api/v1/recordings/by-uid/{uid}"): Operation(allowed=READERS, denied=404),
    ("GET", _AT): Operation(allowed=READERS, denied=404),
    ("POST", _AT + "/retry"): Operation(allowed=EDITORS),
    ("POST", _AT + "/cancel"): Operation(allowed=EDITORS),
    ("POST", _AT + "/suspend"): Operation(allowed=EDITORS),
    ("POST", _AT + "/resume"): Operation(allowed=EDITORS, spec={"suspend": True}),
    ("DELETE", _AT): Operation(allowed=EDITORS, status=202),
    ("GET", _AT + "/artifacts/{artifact}/url"): Operation(allowed=PRESIGNERS, status=409),  # it is not stored
}
OPEN: Final = frozenset({("GET", "/openapi.json"), ("HEAD", "/openapi.json"), ("POST", "/login"), ("POST", "/logout")})
"""Routes outside the description of the API that need no token. /files checks the signature in its path."""
SIGNED: Final = frozenset({("GET", "/files/{token}/{name}"), ("HEAD", "/files/{token}/{name}")})

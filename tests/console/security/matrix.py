"""Who may do what over HTTP: a line for each operation of the API.

A new operation needs a line here, otherwise test_matrix.py fails. `{namespace}`, `{name}`, `{uid}` and `{artifact}` in
its path are those of a Recording in the namespace of tenant A.
"""

import re
from collections.abc import Mapping
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
    lists_for: frozenset[str] | None = None
    """For operations that everyone may call: whose response contains the name of the Recording."""


_NEW: Final = {
    "namespace": "{namespace}",
    "generateName": "created-",
    "spec": {
        "storageLocation": "archive",
        "owner": {"org": "acme"},
        "artifacts": [{"name": "video", "kind": "Video", "source": {"url": "https://media.example.com/v.mp4"}}],
    },
}
_AT: Final = "/api/v1/recordings/{namespace}/{name}"
_UPLOADS: Final = _AT + "/artifacts/{artifact}/uploads"
OPERATIONS: Final[Mapping[tuple[str, str], Operation]] = {
    ("GET", "/api/v1/recordings"): Operation(allowed=EVERYONE, query="limit=100", lists_for=READERS),
    ("GET", "/api/v1/recordings/by-uid/{uid}"): Operation(allowed=READERS, denied=404),
    ("GET", _AT): Operation(allowed=READERS, denied=404),
    ("GET", "/api/v1/recordings.csv"): Operation(allowed=EVERYONE, lists_for=READERS),
    ("POST", "/api/v1/recordings"): Operation(allowed=EDITORS, status=201, body=_NEW),
    ("GET", _AT + "/events"): Operation(allowed=READERS - {PROXY_USER}),  # read with the caller's own token
    ("POST", _AT + "/retry"): Operation(allowed=EDITORS),
    ("POST", _AT + "/cancel"): Operation(allowed=EDITORS),
    ("POST", _AT + "/suspend"): Operation(allowed=EDITORS),
    ("POST", _AT + "/resume"): Operation(allowed=EDITORS, spec={"suspend": True}),
    ("DELETE", _AT): Operation(allowed=EDITORS, status=202),
    ("GET", _AT + "/artifacts/{artifact}/url"): Operation(allowed=PRESIGNERS, status=409),  # it is not stored
    ("POST", _UPLOADS): Operation(allowed=EDITORS, status=409),  # its source is a URL
    ("GET", _UPLOADS + "/{uploadId}"): Operation(allowed=EDITORS, status=409),
    ("GET", _UPLOADS + "/{uploadId}/{partNumber}"): Operation(allowed=EDITORS, status=409),
    ("POST", _UPLOADS + "/{uploadId}/complete"): Operation(allowed=EDITORS, status=409),
    ("DELETE", _UPLOADS + "/{uploadId}"): Operation(allowed=EDITORS, status=409),
    ("GET", "/api/v1/locations"): Operation(allowed=ADMINS),
    ("GET", "/api/v1/locations/{name}"): Operation(allowed=ADMINS, status=404),
    ("GET", "/api/v1/reports"): Operation(allowed=ADMINS),
    ("GET", "/api/v1/reports/{name}"): Operation(allowed=ADMINS, status=404),
    ("GET", "/api/v1/usage"): Operation(allowed=ADMINS, query="report={name}", status=404),
    ("GET", "/api/v1/whoami"): Operation(allowed=EVERYONE),
}
OPEN: Final = frozenset({("POST", "/login"), ("POST", "/logout")})
"""Routes of the API's application that need no token, and are not in its description."""
SIGNED: Final = frozenset(
    {("GET", "/files/{token}/{name}"), ("HEAD", "/files/{token}/{name}"), ("PUT", "/upload-parts/{token}")}
)
"""Routes that need the signature in their path instead."""
ALIAS: Final = re.compile(r"(/sized/\{fileSize\})?/s3/multipart")
"""Routes with this in their path are the same as those without it."""

# ruff: noqa: N818 - errors are named like their reasons, without the suffix Error
"""The errors of requests to the API server, and the function that translates responses into them.

    KubeError
    ├── ApiUnavailable      no response, or 5xx: retry later; the write may or may not have happened
    ├── TooManyRequests     429: retry after `retry_after_s`
    ├── Unauthorized        401: the token is not accepted (expired, or not a token of this cluster)
    ├── Forbidden           403: a permission is missing
    │   └── NamespaceTerminating
    ├── NotFound            404
    ├── Conflict            409: the object changed since it was read: read it again
    │   └── AlreadyExists
    ├── Gone                410: the list or watch position is too old
    ├── Invalid             422 and 400: the request itself is wrong (a bug in the operator)
    └── UnexpectedAnswer    anything else

No message contains a value of an object: the server often quotes values, and one may be a signed URL.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

_QUOTED: Final = re.compile(
    r'Invalid value: "(?:[^"\\]|\\.)*"|Invalid value: .*?(?=: |$)|"[^"]*"|\S+://\S+',
    re.DOTALL,
)
_STRICT: Final = re.compile(r'(unknown|duplicate) field "([A-Za-z0-9_.\[\]-]{1,200})"')
_MESSAGE_BYTES: Final = 512


class KubeError(Exception):
    """A failed request to the API server. `status` is the HTTP code, 0 if there was no response."""

    def __init__(self, message: str, *, status: int = 0) -> None:
        super().__init__(message)
        self.status = status
        self.method = ""
        self.path = ""
        """Method and path of the request; empty for a request that was not sent."""


class ConnectionConfigError(Exception):
    """There is no usable connection. The message says what is missing."""


class ApiUnavailable(KubeError):
    """No response in time, a broken connection, or 5xx."""


class TooManyRequests(KubeError):
    """429. `retry_after_s` is the server's Retry-After, or 1 s without one."""

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message, status=429)
        self.retry_after_s = retry_after_s


class Unauthorized(KubeError):
    """401."""


class Forbidden(KubeError):
    """403."""


class NamespaceTerminating(Forbidden):
    """403 because the namespace is being deleted: nothing can be created in it any more."""


class NotFound(KubeError):
    """404."""


class Conflict(KubeError):
    """409: the resourceVersion or uid of the request is not the stored one."""


class AlreadyExists(Conflict):
    """409 on create."""


class Gone(KubeError):
    """410. `continue_token`, if there is one, continues a paged list from the newest state."""

    def __init__(self, message: str, *, continue_token: str | None) -> None:
        super().__init__(message, status=410)
        self.continue_token = continue_token


class Invalid(KubeError):
    """400, 413, 415, 422: the request can never succeed as it is. The message names fields, not values."""

    def __init__(self, message: str, *, status: int = 0, problems: tuple[str, ...] = ()) -> None:
        super().__init__(message, status=status)
        self.problems = problems
        """Each field with what is wrong, in the words of the API server, without values."""


class UnexpectedAnswer(KubeError):
    """A response that is not from Kubernetes (a proxy in between, a wrong address)."""


_BY_STATUS: Final[Mapping[int, type[KubeError]]] = {
    400: Invalid,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    413: Invalid,
    415: Invalid,
    422: Invalid,
}


def error_from_response(
    *, status: int, body: Mapping[str, Any] | None, retry_after: str | None, request: str
) -> KubeError:
    """Translate a response outside 2xx. `request` is verb and path, without a query; `body` is the Status object."""
    details = (body or {}).get("details") or {}
    reason = str((body or {}).get("reason") or "")
    message = _message(status=status, body=body, request=request)
    if status == 429:  # noqa: PLR2004 - an HTTP status
        return TooManyRequests(message, retry_after_s=_seconds(retry_after, details.get("retryAfterSeconds")))
    if status == 410:  # noqa: PLR2004 - an HTTP status
        return Gone(message, continue_token=((body or {}).get("metadata") or {}).get("continue") or None)
    if status >= 500:  # noqa: PLR2004 - an HTTP status
        return ApiUnavailable(message, status=status)
    if reason == "AlreadyExists":
        return AlreadyExists(message, status=status)
    if any(cause.get("reason") == "NamespaceTerminating" for cause in details.get("causes") or ()):
        return NamespaceTerminating(message, status=status)
    kind = _BY_STATUS.get(status, UnexpectedAnswer)
    if kind is Invalid:
        problems = _problems(details.get("causes") or ()) or _wrong_fields(str((body or {}).get("message") or ""))
        return Invalid(message, status=status, problems=problems)
    return kind(message, status=status)


def without_values(message: str) -> str:
    """The server's message without values from the request."""
    cut = _QUOTED.sub("…", message)
    return cut.encode()[:_MESSAGE_BYTES].decode(errors="ignore")


def _problems(causes: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Without repetitions: the API server may list a problem of a field more than once."""
    found = (_problem(str(cause["field"]), str(cause.get("message") or "")) for cause in causes if cause.get("field"))
    return tuple(dict.fromkeys(found))


def _wrong_fields(message: str) -> tuple[str, ...]:
    """Fields that the server does not know, or that are there twice, if the request has strict field validation."""
    return tuple(f"{field}: {what} field" for what, field in _STRICT.findall(message))


def _problem(field: str, message: str) -> str:
    if field == "<nil>":  # a rule of the whole object: there is no value before its message
        return without_values(message.removeprefix("Invalid value: "))
    return f"{field}: {without_values(message).removeprefix('…: ')}"


def _message(*, status: int, body: Mapping[str, Any] | None, request: str) -> str:
    if body is None:
        return f"{request}: the API server responded with {status}"
    causes = (body.get("details") or {}).get("causes") or ()
    fields = "; ".join(f"{cause.get('field')}: {cause.get('reason')}" for cause in causes if cause.get("field"))
    return f"{request}: {status} {fields or without_values(str(body.get('message') or ''))}"


def _seconds(*values: object) -> float:
    for value in values:
        try:
            return max(0.0, float(str(value)))
        except ValueError:
            continue
    return 1.0

"""Which right a request to the API server needs, in words."""

import re
from dataclasses import dataclass
from typing import Final

_PATH: Final = re.compile(
    r"/(?:api/v1|apis/(?P<group>[^/]+)/[^/]+)"
    r"(?:/namespaces/(?P<namespace>[^/]+)(?=/))?/(?P<resource>[^/]+)(?:/(?P<name>[^/]+))?(?:/(?P<subresource>[^/]+))?$"
)
_VERBS: Final = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete", "WATCH": "watch"}


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedRight:
    """A right of RBAC. As a text: `get secrets/archive in namespace recording-operator`."""

    verb: str
    resource: str
    group: str
    namespace: str | None
    name: str | None

    @property
    def check(self) -> str:
        """The command that says whether one has it."""
        resource = f"{self.resource}.{self.group}" if self.group else self.resource
        where = f" -n {self.namespace}" if self.namespace else ""
        return f"kubectl auth can-i {self.verb} {resource}{f'/{self.name}' if self.name else ''}{where}"

    def __str__(self) -> str:
        where = f" in namespace {self.namespace}" if self.namespace else ""
        return f"{self.verb} {self.resource}{f' {self.name}' if self.name else ''}{where}"


def right_of(method: str, path: str) -> NamedRight | None:
    """The right that a request needs; None for a path that names no resource."""
    match = _PATH.fullmatch(path)
    if match is None:
        return None
    name, subresource = match["name"], match["subresource"]
    return NamedRight(
        verb=_VERBS.get(method, "get" if name else "list"),
        resource=match["resource"] + (f"/{subresource}" if subresource else ""),
        group=match["group"] or "",
        namespace=match["namespace"],
        name=name,
    )

"""A real console in this process, on a port of its own, and people who call it."""

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from recording_operator.console.serving import Console
from recording_operator.kube.rest import RestClient
from tests.support.rights import user_may

HOST: Final = "127.0.0.1"
TOKEN_S: Final = 3600
_TIMEOUT_S: Final = 30.0
_NO_TLS: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Tests speak plain HTTP. Without this httpx reads every certificate authority of the machine for each request."""
_RBAC: Final = "/apis/rbac.authorization.k8s.io/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A ServiceAccount with a token."""

    namespace: str
    name: str
    token: str = field(repr=False)

    @property
    def username(self) -> str:
        """The name that the API server knows."""
        return f"system:serviceaccount:{self.namespace}:{self.name}"

    @property
    def bearer(self) -> dict[str, str]:
        """The headers of a program."""
        return {"Authorization": f"Bearer {self.token}"}


class RunningConsole:
    """A console that serves."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.port = console.port
        self.url = f"http://{HOST}:{console.port}"

    def call(
        self,
        method: str,
        path: str,
        *,
        who: Person | None = None,
        headers: Mapping[str, str] | None = None,
        **body: Any,
    ) -> httpx.Response:
        """Send one request as a program does, without cookies, on a connection of its own."""
        sent = dict(who.bearer if who else {}) | dict(headers or {})
        return send(method, self.url + path, headers=sent, **body)

    def get(self, path: str, *, who: Person | None = None, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """GET as a program."""
        return self.call("GET", path, who=who, headers=headers)

    def log_in(self, token: str, *, path: str = "/", headers: Mapping[str, str] | None = None) -> httpx.Response:
        """Send the form of the login page as a browser does."""
        return self.call(
            "POST", "/login", data={"token": token, "next": path}, headers={**self.own_headers, **(headers or {})}
        )

    @property
    def own_headers(self) -> dict[str, str]:
        """What a browser sends with a form of this console."""
        return {"Origin": self.url, "Sec-Fetch-Site": "same-origin"}


def send(method: str, url: str, **options: Any) -> httpx.Response:
    """Send one request over HTTP, on a connection of its own."""
    return httpx.request(method, url, verify=_NO_TLS, timeout=_TIMEOUT_S, trust_env=False, **options)


def fetch(url: str, headers: Mapping[str, str] | list[tuple[str, str]] | None = None) -> httpx.Response:
    """GET."""
    return send("GET", url, headers=headers)


def make_person(admin: RestClient, namespace: str, name: str) -> Person:
    """Create a ServiceAccount without any right."""
    admin.request("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts", body={"metadata": {"name": name}})
    return Person(namespace=namespace, name=name, token=make_token(admin, namespace, name))


def make_token(admin: RestClient, namespace: str, name: str, **spec: Any) -> str:
    """Create a token of a ServiceAccount."""
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
    body = {"spec": {"expirationSeconds": TOKEN_S, **spec}}
    return str(admin.request("POST", path, body=body)["status"]["token"])


def grant(
    admin: RestClient, person: Person, *verbs: str, namespace: str, resource: str = "recordings", name: str = ""
) -> None:
    """Let a person do this with a resource of this API in a namespace."""
    where = f"{_RBAC}/namespaces/{namespace}"
    named = name or f"{person.name}-{resource}-{os.urandom(4).hex()}"
    rule = {"apiGroups": ["recordings.dev"], "resources": [resource], "verbs": list(verbs)}
    admin.request("POST", f"{where}/roles", body={"metadata": {"name": named}, "rules": [rule]})
    admin.request(
        "POST",
        f"{where}/rolebindings",
        body={
            "metadata": {"name": named},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": named},
            "subjects": [{"kind": "ServiceAccount", "namespace": person.namespace, "name": person.name}],
        },
    )


def may(admin: RestClient, person: Person, verb: str, *, namespace: str) -> bool:
    """Whether the API server lets a person do this with Recordings of a namespace."""
    return user_may(admin, person.username, verb, namespace=namespace)

"""Bearer tokens: which are accepted, for how long that is remembered, and how often one may try."""

import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

import jwt
import pytest

from localcluster import ControlPlane
from recording_operator.console.auth import callers
from recording_operator.console.auth.callers import REJECTED_S, REMEMBERED_S, TokenReviewer
from recording_operator.kube.connection import connection
from recording_operator.kube.rest import RestClient
from tests.console.auth.test_login import is_valid
from tests.console.running import HOST, Person, RunningConsole, make_token
from tests.support.waiting import eventually

LIST = "/api/v1/recordings"


def status_with(running: RunningConsole, token: str, **headers: str) -> int:
    """The status of a list with this token."""
    return running.get(LIST, headers={"Authorization": f"Bearer {token}", **headers}).status_code


def test_a_token_of_the_cluster_is_accepted(running: RunningConsole, person: Person) -> None:
    assert running.get(LIST, who=person).status_code == 200
    assert running.get(LIST, headers={"authorization": f"bearer   {person.token}"}).status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer made-up",
        "Bearer a b",
        "Bearer \x7f",
        "Bearer " + "x" * 14_000,
        "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJzeXN0ZW06YWRtaW4ifQ.",  # pragma: allowlist secret
        "Basic YWRtaW46YWRtaW4=",
        "Bearer üñ",
    ],
)
def test_anything_else_is_401_with_a_problem(running: RunningConsole, header: str) -> None:
    response = running.get(LIST, headers={"Authorization": header.encode()})  # type: ignore[dict-item]  # not only ASCII
    assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["status"] == 401


def test_headers_that_are_too_long_are_not_read(running: RunningConsole) -> None:
    response = running.get(LIST, headers={"Authorization": "Bearer " + "x" * 17_000})
    assert (response.status_code, response.headers["content-type"]) == (431, "application/problem+json")
    with socket.create_connection((HOST, running.port), timeout=10) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + b"x" * 20_000)  # and no end
        assert connection.recv(100).startswith(b"HTTP/1.1 400 ")


def test_a_token_that_has_expired_or_was_signed_by_others_is_rejected(
    running: RunningConsole, cluster: ControlPlane, person: Person
) -> None:
    claims = jwt.decode(person.token, options={"verify_signature": False})
    headers = jwt.get_unverified_header(person.token)
    key = cluster.pki.path("sa.key").read_text()
    hour = timedelta(hours=1)
    past = datetime.now(UTC) - 2 * hour
    times = {"iat": past, "nbf": past, "exp": past + hour}
    expired = jwt.encode({**claims, **times}, key, algorithm="RS256", headers=headers)
    assert status_with(running, expired) == 401
    assert status_with(running, jwt.encode(claims, key, algorithm="RS256", headers=headers)) == 200
    assert status_with(running, jwt.encode(claims, "x" * 64, algorithm="HS256")) == 401
    assert status_with(running, person.token[:-4] + "AAAA") == 401


def test_a_token_for_others_is_rejected(
    running: RunningConsole, start: Callable[..., RunningConsole], admin: RestClient, person: Person
) -> None:
    token = make_token(admin, person.namespace, person.name, audiences=["console.example"])
    assert status_with(running, token) == 401
    own = start(token_audiences=["console.example"])
    assert status_with(own, token) == 200
    assert status_with(own, person.token) == 401


def test_a_token_that_was_revoked_is_rejected_when_its_minute_is_over(admin: RestClient, person: Person) -> None:
    time_s = [0.0]
    tokens = TokenReviewer(admin, steady_s=lambda: time_s[0])
    assert tokens.caller(person.token)
    admin.request("DELETE", f"/api/v1/namespaces/{person.namespace}/serviceaccounts/{person.name}")
    eventually(lambda: not is_valid(admin, person.token), what="the API server rejects the token")
    time_s[0] = REMEMBERED_S - 0.1
    assert tokens.caller(person.token)
    time_s[0] = REMEMBERED_S
    assert tokens.caller(person.token) is None
    assert REMEMBERED_S <= 60


class Counting:
    """Counts the requests."""

    def __init__(self) -> None:
        self.requests = 0

    def api_responded(self, *, verb: str, outcome: str, seconds: float) -> None:  # noqa: ARG002 - the protocol
        self.requests += 1


def test_an_invalid_token_is_remembered_for_seconds_only(cluster: ControlPlane) -> None:
    time_s, counting = [0.0], Counting()
    tokens = TokenReviewer(
        RestClient(connection(kubeconfig=cluster.kubeconfig), observer=counting), steady_s=lambda: time_s[0]
    )
    for _ in range(5):
        assert tokens.caller("made-up") is None
    assert counting.requests == 1
    time_s[0] = REJECTED_S
    assert tokens.caller("made-up") is None
    assert counting.requests == 2
    assert REJECTED_S <= 10


def test_an_address_that_sends_invalid_tokens_must_wait_but_valid_ones_that_are_known_go_on(
    start: Callable[..., RunningConsole], admin: RestClient, person: Person
) -> None:
    running = start(failures_per_minute=3)
    assert status_with(running, person.token) == 200
    assert [status_with(running, f"made-up-{number}") for number in range(4)] == [401, 401, 401, 429]
    response = running.get(LIST, headers={"Authorization": "Bearer another"})
    assert response.status_code == 429
    assert 1 <= int(response.headers["retry-after"]) <= 20
    assert status_with(running, person.token) == 200
    new = make_token(admin, person.namespace, person.name)
    assert status_with(running, new) == 429
    assert running.log_in(new).headers["location"] == "/login?problem=busy&next=%2F"
    # Only a trusted proxy says that it is another client.
    assert status_with(running, new, **{"X-Forwarded-For": "192.0.2.1"}) == 429


def test_a_token_that_was_accepted_goes_on_whatever_others_send_from_its_address(
    start: Callable[..., RunningConsole], person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callers, "REMEMBERED_S", 0.0)
    running = start(failures_per_minute=1)
    assert status_with(running, person.token) == 200
    assert [status_with(running, f"made-up-{number}") for number in range(2)] == [401, 429]
    assert status_with(running, person.token) == 200


def test_invalid_tokens_of_the_same_moment_are_counted(start: Callable[..., RunningConsole]) -> None:
    running = start(failures_per_minute=2)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: status_with(running, f"made-up-{number}"), range(8)))
    assert sorted(found) == [401] * 2 + [429] * 6


def test_valid_tokens_of_the_same_address_are_not_counted(
    start: Callable[..., RunningConsole], admin: RestClient, person: Person
) -> None:
    running = start(failures_per_minute=1)
    tokens = [make_token(admin, person.namespace, person.name) for _ in range(3)]
    assert [status_with(running, token) for token in tokens] == [200, 200, 200]


def test_the_memory_of_tokens_keeps_those_that_were_used_last(
    admin: RestClient, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callers, "_MOST_REMEMBERED", 2)
    tokens = TokenReviewer(admin)
    tokens.caller("made-up-1")
    tokens.caller(person.token)
    tokens.caller("made-up-2")
    assert tokens.was_accepted(person.token)


def test_behind_a_trusted_proxy_each_client_has_its_own_limit(
    start: Callable[..., RunningConsole],
) -> None:
    running = start(failures_per_minute=1, trusted_proxies=["127.0.0.0/8", "10.0.0.0/8"])

    def tries(forwarded: str) -> list[int]:
        headers = {"X-Forwarded-For": forwarded}
        return [status_with(running, token, **headers) for token in ("made-up-1", "made-up-2")]

    assert tries("192.0.2.1, 10.0.0.9") == [401, 429]
    assert tries("192.0.2.2, 10.0.0.9") == [401, 429]
    # What stands before the address that the proxy has seen is the client's own text.
    assert tries("198.51.100.7, 192.0.2.1, 10.0.0.9") == [429, 429]
    assert tries("nonsense, 192.0.2.1") == [429, 429]


def test_a_user_has_a_limit_and_others_are_not_affected(
    start: Callable[..., RunningConsole], admin: RestClient, person: Person, admin_token: str
) -> None:
    running = start(calls_per_minute=3)
    assert [status_with(running, person.token) for _ in range(4)] == [200, 200, 200, 429]
    response = running.get(LIST, who=person)
    assert response.status_code == HTTPStatus.TOO_MANY_REQUESTS
    assert 1 <= int(response.headers["retry-after"]) <= 20
    assert status_with(running, make_token(admin, person.namespace, person.name)) == 429  # the same user
    assert status_with(running, admin_token) == 200


def test_a_right_that_the_console_itself_lacks_is_its_own_fault_and_its_log_names_it(
    consoles: Callable[..., Any],
    cluster: ControlPlane,
    admin: RestClient,
    person: Person,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A console that may read Recordings, but not review tokens; later it may, but not review accesses."""
    kubeconfig = cluster.service_account_kubeconfig(
        namespace=person.namespace, name=person.name, path=tmp_path / "config"
    )
    give(admin, person, group="recordings.dev", resource="*", verbs=["get", "list", "watch"])
    running = RunningConsole(consoles(kubeconfig))
    response = running.get(LIST, who=person)
    assert (response.status_code, response.headers["content-type"]) == (500, "application/problem+json")
    assert "permission" in response.json()["detail"]
    assert "tokenreviews" not in response.text
    assert "may not create tokenreviews.authentication.k8s.io" in caplog.text
    give(admin, person, group="authentication.k8s.io", resource="tokenreviews", verbs=["create"])

    def is_logged() -> bool:
        assert running.get(LIST, who=person).status_code == 500
        return "may not create subjectaccessreviews.authorization.k8s.io" in caplog.text

    eventually(is_logged)
    assert person.token not in caplog.text


def give(admin: RestClient, person: Person, *, group: str, resource: str, verbs: list[str]) -> None:
    """A right in the whole cluster."""
    name = f"{person.namespace}-{resource.replace('*', 'all')}"
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    rule = {"apiGroups": [group], "resources": [resource], "verbs": verbs}
    admin.request("POST", f"{rbac}/clusterroles", body={"metadata": {"name": name}, "rules": [rule]})
    subject = {"kind": "ServiceAccount", "namespace": person.namespace, "name": person.name}
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
    body = {"metadata": {"name": name}, "roleRef": reference, "subjects": [subject]}
    admin.request("POST", f"{rbac}/clusterrolebindings", body=body)

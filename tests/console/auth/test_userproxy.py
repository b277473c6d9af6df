"""An authenticating proxy in front of the console."""

from collections.abc import Callable

import pytest

from recording_operator.kube.rest import RestClient
from tests.console.auth.test_login import cookie_of
from tests.console.running import Person, RunningConsole, fetch, grant
from tests.kube.objects import a_recording
from tests.support.waiting import eventually

LIST = "/api/v1/recordings"
LOCAL = {"addresses": ["127.0.0.1/32"]}
ALICE = {"X-Remote-User": "alice"}
ROOT = {"X-Remote-User": "root", "X-Remote-Group": "system:masters"}


def test_by_default_the_headers_are_ignored(running: RunningConsole, admin: RestClient, person: Person) -> None:
    a_recording(admin, person.namespace, "weekly")
    assert running.get(LIST, headers=ROOT).status_code == 401
    path = f"/api/v1/recordings?namespace={person.namespace}"
    assert running.get(path, who=person, headers=ROOT).json()["items"] == []
    assert running.get(f"{LIST}/{person.namespace}/weekly", who=person, headers=ROOT).status_code == 404


@pytest.mark.parametrize("addresses", [["10.0.0.0/8"], ["127.0.0.2/32"], ["::1/128"]])
def test_other_addresses_are_not_the_proxy(start: Callable[..., RunningConsole], addresses: list[str]) -> None:
    running = start(user_proxy={"addresses": addresses}, trusted_proxies=["127.0.0.1/32"])
    assert running.get(LIST, headers={**ROOT, "X-Forwarded-For": "10.0.0.1"}).status_code == 401


def test_the_proxy_names_the_user_and_the_api_server_says_what_he_may_read(
    start: Callable[..., RunningConsole], namespace: str
) -> None:
    running = start(user_proxy=LOCAL)
    assert running.get(LIST, headers=ALICE).json()["items"] == []
    assert running.get(f"{LIST}/{namespace}/none", headers=ALICE).status_code == 404
    assert running.get(LIST, headers=ROOT).status_code == 200
    assert running.get(LIST).status_code == 401


def test_his_groups_count_and_the_group_of_every_user_too(
    start: Callable[..., RunningConsole], admin: RestClient, namespace: str
) -> None:
    running = start(user_proxy=LOCAL)
    a_recording(admin, namespace, "weekly")
    path = f"{LIST}/{namespace}/weekly"
    of_team = {**ALICE, "X-Remote-Group": "team-a"}
    bind_group(admin, namespace, "team-a")
    eventually(lambda: running.get(path, headers=of_team).status_code == 200, within_s=60)
    assert running.get(path, headers={**ALICE, "X-Remote-Group": "team-b"}).status_code == 404
    bind_group(admin, namespace, "system:authenticated")
    assert running.get(path, headers={"X-Remote-User": "bob"}).status_code == 200


def bind_group(admin: RestClient, namespace: str, group: str) -> None:
    """Let a group read Recordings in a namespace."""
    rbac, name = "/apis/rbac.authorization.k8s.io/v1", group.replace(":", "-")
    rule = {"apiGroups": ["recordings.dev"], "resources": ["recordings"], "verbs": ["get", "list"]}
    admin.request("POST", f"{rbac}/namespaces/{namespace}/roles", body={"metadata": {"name": name}, "rules": [rule]})
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group}
    body = {"metadata": {"name": name}, "roleRef": reference, "subjects": [subject]}
    admin.request("POST", f"{rbac}/namespaces/{namespace}/rolebindings", body=body)


def test_two_names_are_none(start: Callable[..., RunningConsole]) -> None:
    """One of them may be the client's own, which the proxy has not removed."""
    running = start(user_proxy=LOCAL)
    headers = [("X-Remote-User", "alice"), ("X-Remote-User", "root")]
    assert fetch(running.url + LIST, headers).status_code == 401
    assert running.get(LIST, headers={"X-Remote-User": ""}).status_code == 401
    assert running.get(LIST, headers={"X_Remote_User": "alice"}).status_code == 401


def test_a_change_needs_a_token_and_the_problem_says_so(start: Callable[..., RunningConsole], namespace: str) -> None:
    running = start(user_proxy=LOCAL)
    response = running.call("POST", f"{LIST}/{namespace}/none/retry", headers=ROOT)
    assert response.status_code == 403
    assert "token" in response.json()["detail"]


def test_a_proxy_that_passes_the_token_on_needs_no_configuration(
    running: RunningConsole, admin: RestClient, person: Person
) -> None:
    """As oauth2-proxy does. A token or a session is also preferred to the name in the headers."""
    grant(admin, person, "get", "list", namespace=person.namespace)
    headers = {**ALICE, "X-Forwarded-User": "alice", "X-Forwarded-Email": "alice@example.test"}
    assert running.get(LIST, who=person, headers=headers).status_code == 200


def test_a_session_is_preferred_and_when_it_has_ended_the_proxy_counts(
    start: Callable[..., RunningConsole], person: Person
) -> None:
    running = start(user_proxy=LOCAL)
    cookie = cookie_of(running.log_in(person.token)).value
    path = f"{LIST}/{person.namespace}/none/retry"
    sent = {**ROOT, **running.own_headers, "Cookie": f"recordings-session={cookie}"}
    assert "CSRF" in running.call("POST", path, headers=sent).json()["detail"]
    sent["Cookie"] = "recordings-session=" + "A" * 43
    assert "token" in running.call("POST", path, headers=sent).json()["detail"]


def test_a_page_of_another_site_cannot_use_the_session_of_the_proxy(
    start: Callable[..., RunningConsole], namespace: str, admin_token: str
) -> None:
    """The proxy adds the user, or his token, to every request of his browser."""
    running = start(user_proxy=LOCAL)
    path = f"{LIST}/{namespace}/none/retry"
    for credentials in (ROOT, {"Authorization": f"Bearer {admin_token}"}):
        for site in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://attacker.example"}, {"Origin": "null"}):
            response = running.call("POST", path, headers={**credentials, **site})
            assert (response.status_code, "another site" in response.text) == (403, True)
    assert running.call("POST", path, headers={"Authorization": f"Bearer {admin_token}"}).status_code == 404

"""Pages of other sites cannot make the browser of a user change anything."""

import pytest

from recording_operator.console.auth.sessions import csrf_of
from tests.console.auth.test_login import COOKIE, session_of, status_with
from tests.console.running import Person, RunningConsole

FOREIGN = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "own"},
    {"Origin": "https://attacker.example"},
    {"Origin": "null"},
    {"Origin": "own.attacker.example"},
    {"Origin": "http://[::1"},
    {},
]
"""What browsers send with a form of another site; the last one is of a browser that tells nothing."""


def headers_of(running: RunningConsole, headers: dict[str, str]) -> dict[str, str]:
    return {name: value.replace("own", running.url) for name, value in headers.items()}


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_form_of_another_site_does_not_log_in(
    running: RunningConsole, person: Person, headers: dict[str, str]
) -> None:
    """The user would work in a session of the attacker."""
    response = running.call("POST", "/login", headers=headers_of(running, headers), data={"token": person.token})
    assert response.headers["location"].startswith("/login?problem=origin")
    assert "set-cookie" not in response.headers


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_form_of_another_site_changes_nothing_even_with_the_csrf_token(
    running: RunningConsole, person: Person, headers: dict[str, str]
) -> None:
    cookie = session_of(running, person)
    sent = headers_of(running, headers) | {"Cookie": f"{COOKIE}={cookie}"}
    assert running.call("POST", "/logout", headers=sent, data={"csrf": csrf_of(cookie)}).status_code == 403
    assert status_with(running, cookie) == 200


def test_a_change_needs_the_csrf_token_of_its_own_session(running: RunningConsole, person: Person) -> None:
    cookie, other = session_of(running, person), session_of(running, person)
    sent = running.own_headers | {"Cookie": f"{COOKIE}={cookie}"}
    for wrong in ("", "x", csrf_of(other), csrf_of(cookie)[:-1], "ü"):
        assert running.call("POST", "/logout", headers=sent, data={"csrf": wrong}).status_code == 403
    assert running.call("POST", "/logout", headers=sent, json={"csrf": csrf_of(cookie)}).status_code == 403
    assert status_with(running, cookie) == 200


@pytest.mark.parametrize("place", ["header", "form", "multipart"])
def test_the_csrf_token_is_a_header_or_a_field_of_a_form(running: RunningConsole, person: Person, place: str) -> None:
    cookie = session_of(running, person)
    sent = running.own_headers | {"Cookie": f"{COOKIE}={cookie}"}
    token = csrf_of(cookie)
    if place == "header":
        response = running.call("POST", "/logout", headers=sent | {"X-CSRF-Token": token})
    elif place == "form":
        response = running.call("POST", "/logout", headers=sent, data={"csrf": token})
    else:
        response = running.call("POST", "/logout", headers=sent, files={"csrf": (None, token)})
    assert response.status_code == 303
    assert status_with(running, cookie) == 401

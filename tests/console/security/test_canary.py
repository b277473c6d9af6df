"""Secrets of callers and tenants are in no log, no database, no response and no metric."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from recording_operator.console.auth.sessions import csrf_of
from recording_operator.kube.rest import RestClient
from tests.console.auth.test_login import COOKIE, session_of
from tests.console.running import Person, RunningConsole, grant, may
from tests.kube.objects import a_recording
from tests.support.canaries import Place, check_no_secret
from tests.support.waiting import eventually

LIST = "/api/v1/recordings"
INVALID = "eyJhbGciOiJSUzI1NiJ9.Y2FuYXJ5LW9mLWFuLWludmFsaWQtdG9rZW4.c2lnbmF0dXJl"  # pragma: allowlist secret
SIGNATURE = "c4n4ry"
"""In the source URL of the Recording."""


def test_no_secret_is_anywhere(
    start: Callable[..., RunningConsole],
    admin: RestClient,
    person: Person,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The log is taken before it is redacted."""
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)  # of the test itself
    caplog.set_level(logging.DEBUG)
    running = start(database_url=f"sqlite:///{tmp_path}/db", failures_per_minute=2)
    grant(admin, person, "get", "list", namespace=person.namespace)
    eventually(lambda: may(admin, person, "list", namespace=person.namespace))
    a_recording(admin, person.namespace, "weekly")
    at = f"{LIST}/{person.namespace}/weekly"
    eventually(lambda: running.get(at, who=person).status_code == 200)
    cookie = session_of(running, person)
    secrets = {"token": person.token, "cookie": cookie, "csrf": csrf_of(cookie), "invalid": INVALID, "url": SIGNATURE}
    responses = list(_requests(running, person, cookie, at))
    statuses = {response[0] for response in responses}
    assert {200, 303, 401, 403, 404, 405, 422, 429, 431, 501} <= statuses

    def places() -> Iterator[Place]:
        yield from ((f"response {number} ({one[0]})", one[1]) for number, one in enumerate(responses))
        yield "log", caplog.text
        for file in tmp_path.iterdir():
            yield f"database {file.name}", file.read_bytes().decode("latin-1")
        for item in admin.request("GET", f"/api/v1/namespaces/{person.namespace}/events")["items"]:
            yield "event", str(item)

    check_no_secret(places(), secrets=secrets.values())
    assert any("weekly" in text for place, text in places() if place.startswith("database"))


def _requests(running: RunningConsole, person: Person, cookie: str, at: str) -> Iterator[tuple[int, str]]:
    """Requests that succeed, and that fail in each way."""
    browser = {"Cookie": f"{COOKIE}={cookie}", **running.own_headers}
    calls: list[tuple[str, str, dict[str, str], dict[str, Any]]] = [
        ("GET", LIST, person.bearer, {}),
        ("GET", at, person.bearer, {}),
        ("GET", at, browser, {}),
        ("GET", f"{at}?token={INVALID}", person.bearer, {}),
        ("GET", f"{LIST}?limit={INVALID}&cursor={INVALID}", person.bearer, {}),
        ("GET", f"{LIST}/{INVALID}/{INVALID}", person.bearer, {}),
        ("GET", f"/{INVALID}", person.bearer, {}),
        ("GET", f"/files/{INVALID}/x", {}, {}),
        ("PUT", LIST, person.bearer, {"content": INVALID}),
        ("BREW", LIST, person.bearer, {"content": INVALID}),
        ("POST", f"{at}/retry", person.bearer, {"content": INVALID}),
        ("POST", f"{at}/retry", browser, {"data": {"csrf": INVALID}}),
        ("POST", "/login", running.own_headers, {"data": {"token": INVALID, "next": "/"}}),
        ("POST", "/login", {}, {"data": {"token": person.token}}),
        ("GET", LIST, {"Authorization": f"Bearer {INVALID}"}, {}),
        ("GET", LIST, {"Authorization": f"Basic {INVALID}"}, {}),
        ("GET", LIST, {"Authorization": f"Bearer {INVALID}" * 300}, {}),
        ("GET", LIST, {"Authorization": f"Bearer {INVALID}2"}, {}),
        ("GET", LIST, {"Authorization": f"Bearer {INVALID}3"}, {}),
    ]
    for method, path, headers, body in calls:
        response = running.call(method, path, headers=headers, **body)
        shown = {name: value for name, value in response.headers.items() if name != "set-cookie"}
        yield response.status_code, f"{shown} {response.text}"

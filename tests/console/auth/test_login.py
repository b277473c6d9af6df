"""Browser sessions: what begins one, what ends one, and what the database has of it."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.cookies import Morsel, SimpleCookie
from pathlib import Path

import httpx
import jwt
import pytest
from sqlalchemy import Engine, create_engine, event, text

from recording_operator.catalog.database import open_database
from recording_operator.catalog.keys import SharedKeys
from recording_operator.catalog.sessions import SessionTable
from recording_operator.console.auth import setup
from recording_operator.console.auth.sessions import BrowserSessions, SessionLimits, csrf_of
from recording_operator.kube.rest import RestClient
from tests.console.running import Person, RunningConsole, make_token
from tests.support.waiting import eventually

COOKIE = "recordings-session"
LIST = "/api/v1/recordings"
START = datetime(2026, 1, 1, tzinfo=UTC)


def cookie_of(response: httpx.Response, name: str = COOKIE) -> Morsel[str]:
    """The session cookie that a response sets."""
    return SimpleCookie(response.headers["set-cookie"])[name]


def session_of(running: RunningConsole, person: Person) -> str:
    """The cookie of a new session."""
    return cookie_of(running.log_in(person.token)).value


def status_with(running: RunningConsole, cookie: str, *, name: str = COOKIE) -> int:
    """The status of a list with this cookie."""
    return running.get(LIST, headers={"Cookie": f"{name}={cookie}"}).status_code


def rows(url: str) -> list[str]:
    """The ids of all sessions in a database."""
    with create_engine(url).connect() as connection:
        return list(connection.scalars(text("SELECT id FROM sessions")))


def is_valid(admin: RestClient, token: str) -> bool:
    """Whether the API server accepts a token."""
    body = {"spec": {"token": token}}
    return bool(
        admin.request("POST", "/apis/authentication.k8s.io/v1/tokenreviews", body=body)["status"].get("authenticated")
    )


def test_a_token_begins_a_session_whose_cookie_is_for_this_host_and_not_for_scripts(
    running: RunningConsole, person: Person
) -> None:
    response = running.log_in(person.token, path="/recordings?phase=Failed")
    assert (response.status_code, response.headers["location"]) == (303, "/recordings?phase=Failed")
    cookie = cookie_of(response)
    assert cookie["httponly"]
    assert (cookie["samesite"], cookie["path"], cookie["domain"], cookie["max-age"]) == ("strict", "/", "", "")
    assert not cookie["secure"]
    assert status_with(running, cookie.value) == 200
    assert person.token not in response.text + str(response.headers)


def test_by_https_the_cookie_has_the_prefix_that_binds_it_to_the_host(
    start: Callable[..., RunningConsole], person: Person
) -> None:
    running = start(https=True)
    cookie = cookie_of(running.log_in(person.token), f"__Host-{COOKIE}")
    assert cookie["secure"]
    assert status_with(running, cookie.value, name=f"__Host-{COOKIE}") == 200
    assert status_with(running, cookie.value) == 401  # a page of plain http could have set this one


def test_a_trusted_proxy_says_that_the_browser_uses_https_and_others_do_not(
    running: RunningConsole, start: Callable[..., RunningConsole], person: Person
) -> None:
    behind = {"X-Forwarded-Proto": "https"}
    trusting = start(trustedProxies=["127.0.0.1/32"])
    assert cookie_of(trusting.log_in(person.token, headers=behind), f"__Host-{COOKIE}")["secure"]
    assert not cookie_of(trusting.log_in(person.token))["secure"]
    assert not cookie_of(running.log_in(person.token, headers=behind))["secure"]


def test_a_token_that_is_not_valid_leads_back_to_the_form(running: RunningConsole) -> None:
    for token in ("", "made-up", "a b", "x" * 20_000, "ünïcode"):
        response = running.log_in(token, path="/costs")
        assert (response.status_code, response.headers["location"]) == (303, "/login?problem=token&next=%2Fcosts")
        assert "set-cookie" not in response.headers


def test_a_login_is_a_new_session_and_the_one_before_ends(running: RunningConsole, person: Person) -> None:
    """Nobody can give another a cookie that becomes the other one's session by the login (session fixation)."""
    planted = "A" * 43
    first = cookie_of(running.log_in(person.token, headers={"Cookie": f"{COOKIE}={planted}"})).value
    assert first != planted
    assert status_with(running, planted) == 401
    second = cookie_of(running.log_in(person.token, headers={"Cookie": f"{COOKIE}={first}"})).value
    assert status_with(running, first) == 401
    assert status_with(running, second) == 200


def test_a_logout_ends_the_session_on_the_server(running: RunningConsole, person: Person) -> None:
    cookie = session_of(running, person)
    headers = {"Cookie": f"{COOKIE}={cookie}", **running.own_headers}
    response = running.call("POST", "/logout", headers=headers, data={"csrf": csrf_of(cookie)})
    assert (response.status_code, response.headers["location"]) == (303, "/login")
    assert (cookie_of(response).value, cookie_of(response)["max-age"]) == ("", "0")
    assert status_with(running, cookie) == 401


def test_a_logout_needs_the_csrf_token(running: RunningConsole, person: Person) -> None:
    cookie = session_of(running, person)
    response = running.call("POST", "/logout", headers={"Cookie": f"{COOKIE}={cookie}", **running.own_headers})
    assert response.status_code == 403
    assert status_with(running, cookie) == 200


def test_a_session_ends_with_its_token(
    start: Callable[..., RunningConsole], admin: RestClient, person: Person, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/db"
    cookie = session_of(start(database_url=url), person)
    admin.request("DELETE", f"/api/v1/namespaces/{person.namespace}/serviceaccounts/{person.name}")
    eventually(lambda: not is_valid(admin, person.token), what="the API server rejects the token")
    assert status_with(start(database_url=url), cookie) == 401  # which has not remembered it
    assert not rows(url)


def test_a_cookie_of_one_console_is_good_for_another_with_the_same_database(
    start: Callable[..., RunningConsole], person: Person, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/db"
    one, two = start(database_url=url), start(database_url=url)
    cookie = session_of(one, person)
    assert status_with(two, cookie) == 200
    headers = {"Cookie": f"{COOKIE}={cookie}", **two.own_headers}
    two.call("POST", "/logout", headers=headers, data={"csrf": csrf_of(cookie)})
    assert status_with(one, cookie) == 401


def test_neither_the_database_nor_the_cookie_alone_gives_the_token(
    start: Callable[..., RunningConsole], person: Person, tmp_path: Path
) -> None:
    cookie = session_of(start(database_url=f"sqlite:///{tmp_path}/db"), person)
    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"sessions" in stored
    for part in (person.token, *person.token.split("."), cookie, csrf_of(cookie)):
        assert part.encode() not in stored
        assert part == cookie or part not in cookie


class SessionWorld:
    """Sessions in a database, at a time that the test moves."""

    def __init__(self, engine: Engine) -> None:
        self.time = START
        self.engine = engine
        self.table = SessionTable(engine)
        limits = SessionLimits(idle=timedelta(minutes=30), longest=timedelta(hours=2))
        self.keys = SharedKeys(engine, "sessions", period=limits.longest, now=lambda: self.time)
        self.browser = BrowserSessions(self.table, keys=self.keys.valid, now=lambda: self.time, limits=limits)

    def ids(self) -> list[str]:
        """Of the rows."""
        with self.engine.connect() as connection:
            return list(connection.scalars(text("SELECT id FROM sessions")))


@pytest.fixture(params=["sqlite", "postgresql"])
def sessions(request: pytest.FixtureRequest, tmp_path: Path) -> SessionWorld:
    url = f"sqlite:///{tmp_path}/db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    return SessionWorld(open_database(url))


def test_a_session_without_requests_ends_and_each_request_lets_it_last(
    sessions: SessionWorld,
) -> None:
    browser = sessions.browser
    cookie = browser.begin("token", owner="ada")
    for _ in range(3):
        sessions.time += timedelta(minutes=29)
        assert browser.open(cookie) == "token"
    sessions.time += timedelta(minutes=31)
    assert browser.open(cookie) is None


def test_a_session_ends_after_its_longest_time_even_if_the_database_says_otherwise(
    sessions: SessionWorld,
) -> None:
    browser = sessions.browser
    cookie = browser.begin("token", owner="ada")
    for _ in range(5):
        sessions.time += timedelta(minutes=20)
        assert browser.open(cookie) == "token"
    sessions.table.extend(sessions.ids()[0], expires=START + timedelta(days=1))
    sessions.time = START + timedelta(hours=2)
    assert browser.open(cookie) is None
    assert not sessions.ids()


def test_a_session_ends_when_its_token_expires(sessions: SessionWorld) -> None:
    browser = sessions.browser
    token = jwt.encode({"exp": START + timedelta(minutes=10)}, "x" * 32)
    cookie = browser.begin(token, owner="ada")
    sessions.time = START + timedelta(minutes=9)
    assert browser.open(cookie) == token
    sessions.time = START + timedelta(minutes=10)
    assert browser.open(cookie) is None


def test_a_session_in_the_row_of_another_is_not_opened(sessions: SessionWorld) -> None:
    browser = sessions.browser
    cookie = browser.begin("token", owner="ada")
    (session_id,) = sessions.ids()
    assert browser.open("A" * 43) is None
    assert browser.open(cookie + "A") is None
    assert browser.open(cookie[:-1] + ("A" if cookie[-1] != "A" else "B")) is None
    assert browser.open(cookie) == "token"
    browser.begin("of another", owner="ada")
    with sessions.engine.begin() as connection:
        other = next(one for one in sessions.ids() if one != session_id)
        statement = "UPDATE sessions SET sealed = (SELECT sealed FROM sessions WHERE id = :other) WHERE id = :own"
        connection.execute(text(statement), {"other": other, "own": session_id})
    assert browser.open(cookie) is None


def test_expired_sessions_are_removed(sessions: SessionWorld) -> None:
    browser = sessions.browser
    browser.begin("one", owner="ada")
    cookie = browser.begin("two", owner="ada")
    assert len(sessions.ids()) == 2
    sessions.time += timedelta(minutes=40)
    browser.open(cookie)
    assert not sessions.ids()


def test_of_one_user_only_the_sessions_that_were_used_last_are_kept(sessions: SessionWorld) -> None:
    browser = sessions.browser
    of_another = browser.begin("of another", owner="bob")
    cookies = []
    for _ in range(52):
        sessions.time += timedelta(seconds=1)
        cookies.append(browser.begin("token", owner="ada"))
    assert [browser.open(cookie) for cookie in cookies] == [None] * 2 + ["token"] * 50
    assert browser.open(of_another) == "of another"


def test_the_csrf_token_belongs_to_one_session_and_tells_nothing_about_its_cookie(
    sessions: SessionWorld,
) -> None:
    browser = sessions.browser
    one, two = browser.begin("token", owner="ada"), browser.begin("token", owner="ada")
    assert csrf_of(one) != csrf_of(two)
    assert browser.open(csrf_of(one)) is None
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", csrf_of(one))


def test_a_token_that_expires_soon_is_accepted_until_then(
    running: RunningConsole, admin: RestClient, person: Person
) -> None:
    short = make_token(admin, person.namespace, person.name, expirationSeconds=600)
    assert status_with(running, cookie_of(running.log_in(short)).value) == 200


def test_a_user_can_log_in_only_so_often(
    start: Callable[..., RunningConsole], person: Person, admin_token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setup, "_LOGINS_PER_MINUTE", 2)
    running = start()
    assert [running.log_in(person.token).headers["location"] for _ in range(3)] == [
        "/", "/", "/login?problem=busy&next=%2F",
    ]  # fmt: skip
    assert running.log_in(admin_token).headers["location"] == "/"


@pytest.mark.parametrize("made_up", ["A" * 64, "A" * 43, "", "é" * 64, "!" * 64])
def test_a_cookie_that_somebody_made_up_is_not_looked_up(sessions: SessionWorld, made_up: str) -> None:
    cookie = sessions.browser.begin("token", owner="ada")
    statements: list[str] = []
    event.listen(sessions.engine, "before_cursor_execute", lambda *one: statements.append(one[2]))
    assert sessions.browser.open(cookie[:-1] + ("A" if cookie[-1] != "A" else "B")) is None
    assert sessions.browser.open(made_up) is None
    assert statements == []
    assert sessions.browser.open(cookie) == "token"

"""After the login, the browser stays on this console, and no header of the response is the client's."""

import pytest

from recording_operator.console.auth.clients import local_path
from tests.console.auth.test_login import cookie_of
from tests.console.running import Person, RunningConsole

ELSEWHERE = [
    "https://attacker.example/",
    "//attacker.example/",
    "///attacker.example",
    "/\\attacker.example",
    "\\\\attacker.example",
    "/\t/attacker.example",
    "/\n/attacker.example",
    "/recordings\r\nSet-Cookie: a=b",
    "/recordings\r\n\r\n<script>alert(1)</script>",
    "/\x00",
    "/é",
    "http:attacker.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "recordings",
    "?next=/",
    "",
    "/login?next=/",
    "/logout",
    "/" + "x" * 3000,
]
LOCAL = [
    "/",
    "/recordings",
    "/recordings?phase=Failed&q=a%20b#top",
    "/recordings/team-a/weekly",
    "/a//b",
    "/@x",
    "/%0d%0a",
]


@pytest.mark.parametrize("wanted", ELSEWHERE)
def test_anything_but_a_path_of_this_console_leads_to_the_first_page(wanted: str) -> None:
    assert local_path(wanted) == "/"


@pytest.mark.parametrize("wanted", LOCAL)
def test_a_path_of_this_console_is_kept(wanted: str) -> None:
    assert local_path(wanted) == wanted


@pytest.mark.parametrize("wanted", ["https://attacker.example/", "//attacker.example", "/x\r\nSet-Cookie: planted=1"])
def test_a_login_goes_nowhere_else_and_sets_no_other_cookie(
    running: RunningConsole, person: Person, wanted: str
) -> None:
    response = running.log_in(person.token, path=wanted)
    assert (response.status_code, response.headers["location"]) == (303, "/")
    assert cookie_of(response).value
    assert "planted" not in str(response.headers)
    failed = running.log_in("made-up", path=wanted)
    assert failed.headers["location"] == "/login?problem=token&next=%2F"

"""The pages as a program sees them, on the real API server."""

import csv
import html
import re
from datetime import UTC, datetime

import httpx
import pytest

from localcluster import S3Server
from recording_operator.kube.resources import RECORDINGS
from recording_operator.kube.rest import RestClient
from tests.conftest import LocationFactory
from tests.console.pages.reader import Reader
from tests.console.pages.seeding import CANARIES, TITLES, complete, failed, make_recording, uploading, wait_known
from tests.console.running import Person, RunningConsole, grant
from tests.support.waiting import eventually

PAGES = ("/", "/recordings", "/costs", "/locations", "/upload")

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def reader(running: RunningConsole, keeper: Person) -> Reader:
    return Reader(running, keeper)


@pytest.mark.parametrize("path", [*PAGES, "/recordings/team/sync"])
def test_without_a_session_a_page_leads_to_the_login_and_back(running: RunningConsole, path: str) -> None:
    response = running.get(f"{path}?q=a%20b")
    assert response.status_code == 303
    assert response.headers["location"] == f"/login?next={path.replace('/', '%2F')}%3Fq%3Da%2520b"


def test_a_part_of_a_page_sends_the_whole_window_to_the_login(running: RunningConsole) -> None:
    response = running.get("/recordings", headers={"HX-Request": "true"})
    assert (response.status_code, response.headers["hx-redirect"]) == (200, "/login")


@pytest.mark.parametrize("problem", ["token", "busy", "unavailable", "origin"])
def test_the_login_page_says_what_went_wrong(running: RunningConsole, problem: str) -> None:
    page = running.get(f"/login?problem={problem}&next=/costs").text
    assert 'role="alert"' in page
    assert '<input type="hidden" name="next" value="/costs">' in page


def test_the_login_page_shows_no_text_of_its_address(running: RunningConsole) -> None:
    page = running.get("/login?problem=%3Cb%3Ecall+me%3C/b%3E&next=%22%3E%3Cscript%3E").text
    assert "call me" not in page
    assert "<script>" not in page.replace('<script src="', "")


@pytest.mark.parametrize("path", PAGES)
def test_pages_are_for_one_person_and_run_no_script_of_others(reader: Reader, path: str) -> None:
    response = reader.get(path)
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    assert not re.search(r"<script(?! src=)", response.text)
    attributes = re.sub(r'"[^"]*"', '""', " ".join(re.findall(r"<[^>]*>", response.text)))  # without texts of tenants
    assert not re.search(r"\sstyle=|\son\w+=", attributes)
    assert not re.search(r'<[^>]+="\s*javascript:', response.text)
    assert not re.search(r'(src|href)="(https?:)?//', response.text)


@pytest.mark.parametrize("path", [*PAGES, "/recordings?namespace=kube-system", "/?report=nope"])
def test_a_person_without_rights_gets_an_explanation(running: RunningConsole, person: Person, path: str) -> None:
    response = Reader(running, person).get(path)
    assert response.status_code == 200
    assert "You may not" in response.text
    assert "No source expires" not in response.text


def test_a_page_that_does_not_exist_is_a_page_and_so_is_its_error(reader: Reader) -> None:
    for path in ("/nope", "/recordings/team/nope", "/recordings/UPPER/x", "/static/nope/x.js"):
        response = reader.get(path)
        assert response.status_code in {404, 422}, path
        assert response.headers["content-type"].startswith("text/html"), path


def test_an_error_has_the_navigation_of_the_person_and_says_when_to_try_again(
    running: RunningConsole, reader: Reader
) -> None:
    for path in ("/nope", "/recordings/team/nope"):
        page = reader.get(path).text
        assert 'aria-label="Pages"' in page, path
        assert "Sign in as another user" not in page, path
    assert "Sign in as another user" in running.get("/nope").text
    response = running.call("PUT", "/costs")
    assert (response.status_code, response.headers["allow"]) == (405, "GET")


def test_names_of_locations_are_for_those_who_may_list_them(
    running: RunningConsole,
    reader: Reader,
    person: Person,
    admin: RestClient,
    namespace: str,
    location: LocationFactory,
) -> None:
    name, path = location(), f"/recordings?namespace={namespace}"
    grant(admin, person, "get", "list", namespace=namespace)
    eventually(lambda: f'<option value="{name}">' in reader.get(path).text)
    assert name not in Reader(running, person).get(path).text


def test_errors_of_the_api_stay_documents(running: RunningConsole) -> None:
    for method, path, status in (("GET", "/api/nope", 404), ("PUT", "/api/v1/recordings", 405)):
        response = running.call(method, path)
        assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")


def test_hostile_texts_are_shown_as_text(
    running: RunningConsole, admin: RestClient, keeper: Person, namespace: str
) -> None:
    message = " ".join(CANARIES)
    for number, canary in enumerate(TITLES):
        make_recording(admin, namespace, f"xss-{number}", title=canary, **failed(message))
    for number in range(len(TITLES)):
        wait_known(running, keeper, namespace, f"xss-{number}", phase="Failed")
    reader = Reader(running, keeper)
    paths = [f"/recordings?namespace={namespace}", *(f"/recordings/{namespace}/xss-{n}" for n in range(len(TITLES)))]
    for path in paths:
        page = reader.get(path).text
        assert not re.search(r"<(script(?! src)|img src=x|svg onload)", page), path
        assert "49{%" not in page
        assert "\u202e" not in page
        assert "\u0007" not in page
    assert html.escape(CANARIES[0], quote=True).replace("&#x27;", "&#39;") in reader.get(paths[0]).text


def test_the_query_of_the_page_is_hostile_too(reader: Reader) -> None:
    for canary in CANARIES:
        page = httpx.QueryParams({"q": canary, "org": canary, "namespace": canary, "cursor": ""})
        response = reader.get(f"/recordings?{page}")
        assert response.status_code == 200, canary
        assert not re.search(r"<(script(?! src)|img src=x|svg onload)", response.text), canary


@pytest.mark.parametrize("path", ["/recordings", "/costs"])
def test_a_day_that_does_not_exist_gets_a_notice(reader: Reader, path: str) -> None:
    assert "2026-02-30 is not a day" in reader.get(f"{path}?from=2026-02-30").text
    assert "is not a day" not in reader.get(f"{path}?from=2026-02-28").text


def test_search_and_filters_find_the_same_as_the_csv(
    running: RunningConsole, admin: RestClient, keeper: Person, namespace: str
) -> None:
    make_recording(admin, namespace, "one", title="Weekly sync", org="acme", **complete())
    make_recording(admin, namespace, "two", title="Board, weekly", org="globex", **failed())
    make_recording(admin, namespace, "three", title="=cmd()", org="globex", **uploading(10))
    for name, phase in (("one", "Complete"), ("two", "Failed"), ("three", "Uploading")):
        wait_known(running, keeper, namespace, name, phase=phase)
    reader = Reader(running, keeper)
    for query, expected in (
        ("q=weekly", {"one", "two"}),
        ("phase=Failed", {"two"}),
        ("org=globex", {"two", "three"}),
        ("org=globex&phase=Uploading", {"three"}),
        ("from=2999-01-01", set()),
        ("to=2999-01-01", {"one", "two", "three"}),
        (f"to={datetime.now(UTC):%Y-%m-%d}", {"one", "two", "three"}),
    ):
        table = reader.get(f"/recordings?namespace={namespace}&{query}", **{"HX-Request": "true"}).text
        assert "<html" not in table
        assert set(re.findall(rf'href="/recordings/{namespace}/([a-z]+)"', table)) == expected, query
        link = re.search(r'href="(/api/v1/recordings.csv[^"]*)"', table)
        rows = reader.get(html.unescape(link[1])).text.splitlines() if link else [""]
        assert {row.split(",")[1] for row in rows[1:]} == expected, query


def test_pages_of_the_table_lead_to_older_and_newer_ones(
    running: RunningConsole, admin: RestClient, keeper: Person, namespace: str
) -> None:
    for number in range(51):
        make_recording(admin, namespace, f"n-{number:02}")
    wait_known(running, keeper, namespace, "n-50")
    reader = Reader(running, keeper)

    def names(page: str) -> list[str]:
        return re.findall(rf'<a href="/recordings/{namespace}/(n-\d+)"', page)

    def link(page: str, rel: str) -> str | None:
        found = re.search(rf'rel="{rel}" href="([^"]+)"', page)
        return html.unescape(found[1]) if found else None

    first = reader.get(f"/recordings?namespace={namespace}").text
    older = link(first, "next")
    assert older is not None
    assert link(first, "prev") is None
    second = reader.get(older).text
    assert link(second, "next") is None
    assert len(names(first)) == 50
    assert sorted(names(first) + names(second)) == [f"n-{number:02}" for number in range(51)]
    newer = link(second, "prev")
    assert newer is not None
    again = reader.get(newer).text
    assert names(again) == names(first)
    assert f'hx-get="/recordings?namespace={namespace}"' in again, "what arrives is on the first page"


def test_a_recording_that_was_made_again_leaves_the_page_and_the_files_of_the_one_before(
    running: RunningConsole, admin: RestClient, keeper: Person, namespace: str
) -> None:
    old = make_recording(admin, namespace, "sync", title="The old one", **complete())
    wait_known(running, keeper, namespace, "sync", phase="Complete")
    admin.request("DELETE", RECORDINGS.path(namespace, "sync"))
    new = make_recording(admin, namespace, "sync", title="The new one", **complete())
    wait_known(running, keeper, namespace, "sync", uid=new)
    reader, path = Reader(running, keeper), f"/recordings/{namespace}/sync"
    table = reader.get(f"/recordings?namespace={namespace}").text
    assert set(re.findall(rf'href="({path}[^"]*)"', table)) == {path, f"{path}?uid={old}"}
    page = reader.get(f"{path}?uid={old}").text
    assert "The old one</bdi></h1>" in page
    assert f'hx-get="{path}/state?uid={old}"' in page
    assert f"/artifacts/video/url?uid={old}" in page
    assert "The new one</bdi></h1>" in reader.get(path).text
    assert reader.get(f"/recordings/{namespace}/other?uid={old}").status_code == 404
    assert "no Events" in reader.get(f"{path}/events?uid={old}").text
    refused = reader.post(f"{path}/retry", uid=old, csrf=reader.csrf())
    assert (refused.status_code, "The old one</bdi></h1>" in refused.text) == (409, True)
    rows = csv.DictReader(reader.get(f"/api/v1/recordings.csv?namespace={namespace}").text.splitlines())
    assert {row["title"]: row["in_cluster"] for row in rows} == {"The old one": "false", "The new one": "true"}


def test_a_viewer_sees_no_buttons_and_cannot_press_them(
    running: RunningConsole, admin: RestClient, keeper: Person, person: Person, namespace: str
) -> None:
    uid = make_recording(admin, namespace, "one", title="Weekly sync", **failed())
    grant(admin, person, "get", "list", namespace=namespace)
    wait_known(running, keeper, namespace, "one", phase="Failed")
    reader = Reader(running, person)
    page = reader.get(f"/recordings/{namespace}/one").text
    assert "You may read this Recording, but not change it." in page
    assert "Retry" not in page
    response = reader.post(f"/recordings/{namespace}/one/retry", uid=uid, csrf=reader.csrf())
    assert response.status_code == 403
    assert "You may not patch recordings" in response.text


def test_a_button_is_for_the_recording_that_the_page_showed(
    running: RunningConsole, admin: RestClient, keeper: Person, namespace: str
) -> None:
    make_recording(admin, namespace, "one", **failed())
    wait_known(running, keeper, namespace, "one", phase="Failed")
    reader = Reader(running, keeper)
    response = reader.post(f"/recordings/{namespace}/one/delete", uid="another", csrf=reader.csrf())
    assert response.status_code == 409
    assert "was created again" in response.text
    assert reader.post(f"/recordings/{namespace}/one/delete", uid="x", csrf="wrong").status_code == 403
    assert reader.post(f"/recordings/{namespace}/one/explode", uid="x", csrf=reader.csrf()).status_code == 404
    assert reader.get(f"/recordings/{namespace}/one").status_code == 200


def test_events_are_read_with_the_rights_of_the_person(
    running: RunningConsole, admin: RestClient, keeper: Person, person: Person, namespace: str
) -> None:
    uid = make_recording(admin, namespace, "one", **failed())
    involved = {"kind": "Recording", "namespace": namespace, "name": "one", "uid": uid}
    event = {"metadata": {"name": "e"}, "involvedObject": involved, "reason": "Seen", "message": CANARIES[0]}
    admin.request("POST", f"/api/v1/namespaces/{namespace}/events", body=event)
    grant(admin, person, "get", "list", namespace=namespace)
    wait_known(running, keeper, namespace, "one", phase="Failed")
    path = f"/recordings/{namespace}/one/events"
    mine = Reader(running, keeper).get(path).text
    assert "<strong>Seen</strong>" in mine
    assert "&lt;script&gt;" in mine
    assert "you may not list events" in Reader(running, person).get(path).text


def test_what_is_placed_while_its_page_is_open_can_be_played(
    running: RunningConsole,
    reader: Reader,
    keeper: Person,
    admin: RestClient,
    namespace: str,
    location: LocationFactory,
    s3: S3Server,
) -> None:
    location()
    make_recording(admin, namespace, "unplaced", location=None)
    wait_known(running, keeper, namespace, "unplaced")
    path = f"/recordings/{namespace}/unplaced"

    def loads_from_the_store() -> bool:
        policy = reader.get(path).headers["content-security-policy"]
        media = next(one for one in policy.split("; ") if one.startswith("media-src"))
        return s3.endpoint in media.split()

    eventually(loads_from_the_store)

"""What browsers, caches and frames of other sites are told with the pages, and with parts of them."""

import re

import pytest

from recording_operator.kube.rest import RestClient
from tests.conftest import LocationFactory
from tests.console.pages.reader import Reader
from tests.console.pages.seeding import complete, make_recording, wait_known
from tests.console.running import Person, RunningConsole, grant, make_person
from tests.console.security.test_headers import check_headers
from tests.support.waiting import eventually

PAGES = ("/", "/recordings", "/costs", "/locations", "/upload", "/login", "/nope", "/recordings/team/nope")
POISONS = {
    "X-Forwarded-Host": "attacker.example",
    "X-Forwarded-Prefix": "/attacker",
    "X-Forwarded-Proto": "attacker",
    "X-Original-URL": "/attacker",
    "X-Rewrite-URL": "/attacker",
    "X-HTTP-Method-Override": "attacker",
    "Forwarded": "host=attacker.example;proto=https",
    "Referer": "https://attacker.example/",
}

pytestmark = pytest.mark.cluster


@pytest.fixture
def reader(running: RunningConsole, person: Person) -> Reader:
    return Reader(running, person)


@pytest.mark.parametrize("path", PAGES)
def test_no_page_can_be_framed_or_kept_by_a_cache(reader: Reader, path: str) -> None:
    """Clickjacking, and pages of one person in the cache of another."""
    for headers in ({}, {"HX-Request": "true"}):
        response = reader.get(path, **headers)
        assert response.headers["content-type"].startswith("text/html")
        check_headers(dict(response.headers), page=True)


@pytest.mark.parametrize("path", PAGES)
def test_a_header_that_is_no_part_of_a_caches_key_changes_no_page(reader: Reader, path: str) -> None:
    plain = reader.get(path)
    for name, value in POISONS.items():
        poisoned = reader.get(path, **{name: value})
        assert poisoned.status_code == plain.status_code, name
        assert "attacker" not in poisoned.text + str(poisoned.headers), name


def test_the_upload_page_names_only_stores_that_the_reader_may_use(
    running: RunningConsole, reader: Reader, person: Person, admin: RestClient, location: LocationFactory
) -> None:
    location(spec={"s3": {"endpoint": "https://theirs.example"}, "allowedNamespaces": {"names": ["x"]}})
    location(spec={"s3": {"endpoint": "https://ours.example"}})  # the later one: known after the other
    uploader = make_person(admin, person.namespace, "uploader")
    grant(admin, uploader, "create", namespace=person.namespace)

    def policy(of: Reader, query: str = "") -> str:
        return str(of.get(f"/upload{query}").headers["content-security-policy"])

    eventually(lambda: "https://ours.example" in policy(Reader(running, uploader)))
    assert "theirs.example" not in policy(Reader(running, uploader), "?namespace=x")
    for query in ("", f"?namespace={person.namespace}", "?namespace=x"):
        assert ".example" not in policy(reader, query), query
    assert 'action="/upload"' in reader.get("/upload").text


def test_only_files_that_are_the_same_for_everyone_are_kept(running: RunningConsole, reader: Reader) -> None:
    """A page whose path ends like that of a file would be kept by caches that go by the ending."""
    asset = re.findall(r'(?:src|href)="(/static/[^"]+)"', reader.get("/login").text)[0]
    kept, again = running.get(asset), reader.get(asset, **POISONS)
    assert "immutable" in kept.headers["cache-control"]
    assert (kept.content, kept.headers.get("set-cookie")) == (again.content, None)
    assert "attacker" not in str(again.headers)
    for path in ("/recordings/a.css", "/recordings/team/a.js", "/a.css", f"{asset}/a.css", "/costs.css", "/login/a.js"):
        assert reader.get(path).headers["cache-control"] == "no-store", path


def test_text_of_a_request_is_no_header_of_its_response(reader: Reader) -> None:
    text = "a%0d%0aX-Planted:%201%0d%0a%0d%0a%3Cscript%3E"
    for path in (
        f"/recordings?q={text}&org={text}",
        f"/recordings/{text}/b",
        f"/login?next=/{text}",
        f"/costs?org={text}",
    ):
        for headers in ({}, {"HX-Request": "true"}):
            response = reader.get(path, **headers)
            assert "x-planted" not in response.headers, path
            assert "\n" not in "".join(response.headers.values())
    reader.cookie = ""
    response = reader.get(f"/recordings?q={text}")
    assert response.headers["location"].startswith("/login?next=%2Frecordings")
    assert "x-planted" not in response.headers


def test_a_name_from_a_tenant_is_no_header_of_an_export(
    running: RunningConsole, admin: RestClient, person: Person, namespace: str
) -> None:
    title = 'a"; filename="b.html\u00e4\u4f8b'
    make_recording(admin, namespace, "weekly", title=title, **complete())
    grant(admin, person, "get", "list", namespace=namespace)
    wait_known(running, person, namespace, "weekly", phase="Complete")
    for path in ("/api/v1/recordings.csv", "/api/v1/recordings.csv?q=b.html"):
        response = running.get(f"{path}{'&' if '?' in path else '?'}namespace={namespace}", who=person)
        assert "weekly" in response.text
        assert response.headers["content-disposition"] == 'attachment; filename="recordings.csv"'


def test_nobody_has_a_session_before_the_login_and_a_planted_one_is_not_taken_over(
    running: RunningConsole, person: Person
) -> None:
    """Session fixation."""
    for path in ("/login", "/", "/recordings", "/api/v1/whoami"):
        assert "set-cookie" not in running.get(path).headers
    planted = "A" * 43
    response = running.log_in(person.token, headers={"Cookie": f"recordings-session={planted}"})
    assert planted not in response.headers["set-cookie"]
    assert running.get("/api/v1/whoami", headers={"Cookie": f"recordings-session={planted}"}).status_code == 401
    sent = running.call(
        "POST", f"/login?session={planted}", data={"token": person.token, "recordings-session": planted}
    )
    assert planted not in sent.headers.get("set-cookie", "")

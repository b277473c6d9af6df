"""Uploads from a real browser to a real store, which the real operator completes."""

from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

from localcluster import S3Server
from recording_operator.kube.resources import RECORDINGS
from recording_operator.kube.rest import RestClient
from tests.conftest import LocationFactory
from tests.console.pages.browsing import PHONE, keep, window
from tests.console.pages.uploading import (
    PART,
    SentParts,
    allow_pages,
    choose,
    end_session_at,
    expect_state,
    fill,
    kept_by_browser,
    kill,
    lose_first_response,
    number_of,
    start,
    tab_to,
    wait_for,
    wait_noted,
    wait_recording,
    with_profile,
)
from tests.console.running import Person, RunningConsole
from tests.support.recordings import media_body
from tests.support.sending_client import PAGE
from tests.support.waiting import eventually

PAUSE_AND_RESUME = """() => {
  const button = document.querySelector("#files .uppy-Dashboard-Item-progressIndicator");
  button.click();
  button.click();
}"""

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("operator")]


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """A video of three parts."""
    path = tmp_path / "Weekly sync.mp4"
    path.write_bytes(media_body("video.mp4", 2 * PART + 1234))
    return path


def test_a_file_becomes_a_recording_with_the_keyboard_pauses_and_a_new_session(
    browser: Browser,
    running: RunningConsole,
    boss: Person,
    namespace: str,
    location: LocationFactory,
    s3: S3Server,
    bucket: str,
    film: Path,
    screenshots: Path,
) -> None:
    location(spec={"placement": {"weight": 1}})
    allow_pages(s3, bucket, running.url)
    with window(browser, running, boss) as opened:
        page = fill(opened, namespace)
        parts = SentParts(page, s3)
        keep(page, screenshots, "upload-empty")
        choose_them = page.get_by_role("button", name="choose them")
        tab_to(page, choose_them)
        with page.expect_file_chooser() as chooser:
            choose_them.press("Enter")  # not page.keyboard: Uppy may draw the button again meanwhile
        chooser.value.set_files(film)
        keep(page, screenshots, "upload-chosen")
        held = f"{s3.endpoint}/**"
        page.route(held, lambda route: route.continue_() if number_of(route.request.url) < 3 else None)
        upload = page.get_by_role("button", name="Upload 1 file")
        tab_to(page, upload)
        upload.press("Enter")
        wait_for(page, lambda: sorted(parts.numbers) == [1, 2])
        page.evaluate(PAUSE_AND_RESUME)
        page.get_by_role("button", name="Pause", exact=True).click()
        page.unroute(held)
        end_session_at(page, held)
        page.get_by_role("button", name="Resume", exact=True).click()
        ended = "Your session has ended. Load this page again and sign in"
        expect(page.get_by_role("alert")).to_contain_text(ended, timeout=30_000)
        opened.faults.clear()
        page.reload()
        page.get_by_label("Token").fill(boss.token)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("button", name="Choose the file again").click()
        choose(page, film)
        start(page)
        expect_state(page, "Complete")
        keep(page, screenshots, "upload-complete")
        assert sorted(parts.numbers) == [1, 2, 3]
        page.locator("#sent a").click()
        expect(page.locator(".state-word")).to_have_text("Complete")
        expect(page.get_by_role("heading", level=1)).to_have_text("Weekly sync")
        assert opened.faults == []


def test_a_browser_that_was_killed_goes_on_at_the_next_part(
    browser: Browser,
    running: RunningConsole,
    boss: Person,
    namespace: str,
    location: LocationFactory,
    s3: S3Server,
    bucket: str,
    tmp_path: Path,
    screenshots: Path,
) -> None:
    location(spec={"placement": {"weight": 1}})
    allow_pages(s3, bucket, running.url)
    film, profile = tmp_path / "Board.mp4", tmp_path / "profile"
    film.write_bytes(media_body("video.mp4", 4 * PART + 1234))
    with with_profile(browser, running, boss, profile) as opened:
        page = fill(opened, namespace)
        page.route(f"{s3.endpoint}/**", lambda route: route.continue_() if number_of(route.request.url) < 3 else None)
        first = SentParts(page, s3)
        choose(page, film)
        start(page)
        wait_for(page, lambda: sorted(first.numbers) == [1, 2])
        wait_for(page, lambda: namespace in kept_by_browser(page))
        assert "X-Amz-" not in kept_by_browser(page)
        kill(profile)
    with with_profile(browser, running, boss, profile) as opened:
        page = opened.go("/upload")
        expect(page.get_by_text("An upload was interrupted.")).to_be_visible()
        keep(page, screenshots, "upload-interrupted")
        second = page.context.new_page()  # does not take the upload of the first for interrupted
        second.goto(page.url)
        expect(second.get_by_text("Drop files here")).to_be_visible()
        expect(second.get_by_text("An upload was interrupted.")).to_have_count(0)
        second.close()
        rest = SentParts(page, s3)
        page.get_by_role("button", name="Choose the file again").click()
        choose(page, film)
        start(page)
        expect_state(page, "Complete")
        assert sorted(rest.numbers) == [3, 4, 5]
        assert "X-Amz-" not in kept_by_browser(page)


def test_a_recording_that_waits_has_a_button_that_leads_to_its_upload(
    browser: Browser,
    running: RunningConsole,
    admin: RestClient,
    boss: Person,
    namespace: str,
    location: LocationFactory,
    s3: S3Server,
    bucket: str,
    film: Path,
    tmp_path: Path,
    screenshots: Path,
) -> None:
    location(spec={"placement": {"weight": 1}})
    wait_recording(admin, namespace, "board", contentTypes=["video/*"], maxSize="20Mi")
    with window(browser, running, boss) as opened:
        page = opened.go(f"/recordings?namespace={namespace}")
        page.get_by_role("link", name="Board meeting").click()
        page.get_by_role("link", name="Upload video").click()
        problem = page.get_by_role("alert")

        notes = tmp_path / "notes.txt"
        notes.write_text("Agenda")
        choose(page, notes)
        expect(problem).to_contain_text("This file has another type. Accepted are: video/*.")
        large = tmp_path / "large.mp4"
        large.write_bytes(bytes(20 * 2**20 + 1))
        choose(page, large)
        expect(problem).to_contain_text("large.mp4 is larger than 21.0 MB, and larger files are not accepted.")
        assert opened.axe() == []

        choose(page, film)
        expect(problem).to_be_hidden()
        start(page)
        expect(problem).to_contain_text(f"does not let pages of {running.url} send files to it (CORS).", timeout=30_000)
        expect(page.locator("#cors-rule")).to_contain_text(f'"{running.url}"')
        keep(page, screenshots, "upload-cors")
        assert opened.axe() == []
        allow_pages(s3, bucket, running.url)
        page.locator(".uppy-StatusBar-actionBtn--retry").click()
        expect_state(page, "Complete")
        expect(problem).to_be_hidden()
        wait_noted(page, files=1)

        same_size = tmp_path / "other.mp4"
        same_size.write_bytes(film.read_bytes()[:-1] + b"?")
        opened.go(f"/upload/{namespace}/board/video")
        choose(page, same_size)
        start(page)
        expect(problem).to_contain_text("is stored already", timeout=30_000)


def test_why_a_file_was_not_stored(
    browser: Browser,
    running: RunningConsole,
    admin: RestClient,
    boss: Person,
    namespace: str,
    location: LocationFactory,
    s3: S3Server,
    bucket: str,
    tmp_path: Path,
    screenshots: Path,
) -> None:
    location(spec={"placement": {"weight": 1}})
    allow_pages(s3, bucket, running.url)
    wait_recording(admin, namespace, "late", expiresAfter="4s")
    page_of_a_login = tmp_path / "film.mp4"
    page_of_a_login.write_bytes(PAGE)
    with window(browser, running, boss, viewport=PHONE, color_scheme="dark") as opened:
        page = fill(opened, namespace)
        choose(page, page_of_a_login)
        start(page)
        expect(page.get_by_role("alert")).to_contain_text("(UnexpectedContent)", timeout=60_000)
        keep(page, screenshots, "upload-unexpected-dark-phone")
        assert opened.overflow() == 0
        assert opened.axe() == []

        late = f"{RECORDINGS.collection(namespace)}/late"
        eventually(lambda: admin.request("GET", late)["status"].get("phase") == "Failed")
        page = opened.go(f"/upload/{namespace}/late/video")
        choose(page, page_of_a_login)
        start(page)
        expect(page.get_by_role("alert")).to_contain_text("(UploadExpired)", timeout=30_000)
        expect(page.get_by_role("alert")).to_contain_text("Retry the Recording to open another upload.")


@pytest.mark.faults
def test_two_gibibytes(
    browser: Browser,
    running: RunningConsole,
    boss: Person,
    namespace: str,
    location: LocationFactory,
    s3: S3Server,
    bucket: str,
    film: Path,
) -> None:
    location(spec={"placement": {"weight": 1}})
    allow_pages(s3, bucket, running.url)
    with film.open("ab") as opened_film:
        opened_film.truncate(2 * 2**30 + 1)
    with window(browser, running, boss) as opened:
        page = fill(opened, namespace)
        parts = SentParts(page, s3)
        choose(page, film)
        start(page)
        expect_state(page, "Complete", within_s=500)
        assert sorted(parts.numbers) == list(range(1, len(parts.numbers) + 1))
    [stored] = [one for one in s3.client().list_objects_v2(Bucket=bucket)["Contents"] if one["Key"].endswith(".mp4")]
    assert stored["Size"] == 2 * 2**30 + 1


def test_several_files_become_one_recording_each_or_one_together_and_can_be_cancelled(
    browser: Browser,
    running: RunningConsole,
    admin: RestClient,
    boss: Person,
    namespace: str,
    location: LocationFactory,
    s3: S3Server,
    bucket: str,
    film: Path,
    tmp_path: Path,
) -> None:
    location(spec={"placement": {"weight": 1}})
    allow_pages(s3, bucket, running.url)
    notes = tmp_path / "Notes.vtt"
    notes.write_text("WEBVTT\n\n00:00.000 --> 00:01.000\nHello\n")
    with window(browser, running, boss) as opened:
        page = fill(opened, namespace)
        lose_first_response(page, f"{running.url}/api/v1/recordings")
        choose(page, film, notes)
        start(page)
        for row in range(2):
            expect(page.locator("#sent li p").nth(row)).to_have_text("Complete", timeout=60_000)
        wait_noted(page, files=2)
        page = fill(opened, namespace, title="Together")
        page.get_by_label("one Recording with all files").check()
        page.route(f"{s3.endpoint}/**", lambda _route: None)
        choose(page, film, notes)
        start(page)
        expect(page.locator("#sent li p").nth(1)).to_have_text("Sending", timeout=30_000)
        page.get_by_role("button", name="Remove file").first.click()
        expect_state(page, "Removed here. The Recording still waits for this file.")
        page.get_by_role("button", name="Cancel", exact=True).first.click()
        for row in range(2):
            expect(page.locator("#sent li p").nth(row)).to_have_text("Cancelled", timeout=30_000)
    specs = [one["spec"] for one in admin.request("GET", RECORDINGS.collection(namespace))["items"]]
    assert sorted((one["title"], [artifact["name"] for artifact in one["artifacts"]]) for one in specs) == [
        ("Notes", ["transcript"]),
        ("Together", ["video", "transcript"]),
        ("Weekly sync", ["video"]),
    ]
    assert [one["title"] for one in specs if one.get("cancel")] == ["Together"]


def test_parts_of_another_file_are_found_by_the_checksum(
    browser: Browser,
    running: RunningConsole,
    admin: RestClient,
    boss: Person,
    namespace: str,
    location: LocationFactory,
    s3: S3Server,
    bucket: str,
    film: Path,
) -> None:
    location(spec={"placement": {"weight": 1}})
    allow_pages(s3, bucket, running.url)
    wait_recording(admin, namespace, "board")
    at = f"/api/v1/recordings/{namespace}/board/artifacts/video/uploads"
    eventually(lambda: running.call("POST", at, who=boss, json={}).status_code == 200, what="an open upload")
    upload_id = running.call("POST", at, who=boss, json={}).json()["uploadId"]
    url = running.get(f"{at}/{upload_id}/2", who=boss).json()["url"]
    assert httpx.put(url, content=bytes(PART)).status_code == 200
    with window(browser, running, boss) as opened:
        page = opened.go(f"/upload/{namespace}/board/video")
        parts = SentParts(page, s3)
        choose(page, film)
        start(page)
        expect(page.get_by_role("alert")).to_contain_text("(ChecksumMismatch)", timeout=60_000)
        assert sorted(parts.numbers) == [1, 3]

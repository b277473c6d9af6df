"""Stored files in a real browser: a video is played by ranges, a failed Recording is tried again."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, Response, expect

from localcluster import S3Server
from recording_operator.kube.resources import RECORDINGS
from recording_operator.kube.rest import RestClient
from tests.conftest import LocationFactory
from tests.console.pages.browsing import keep, wait_until, window
from tests.console.running import Person, RunningConsole
from tests.support.lying_source import Behaviour, Content, LyingSource, SourceRequest

pytestmark = pytest.mark.cluster

FILM: Final = Path(__file__).with_name("film.webm")
"""Two seconds of VP8, which every Chromium plays. One recorded here would be shorter on a busy machine."""


@pytest.fixture
def source() -> Iterator[LyingSource]:
    """Serves the film."""
    with LyingSource(Content(body=FILM.read_bytes(), content_type="video/webm")) as serving:
        yield serving


def record(admin: RestClient, namespace: str, location: str, source: LyingSource) -> None:
    """Create a Recording of the film."""
    body = {
        "apiVersion": RECORDINGS.api_version,
        "kind": "Recording",
        "metadata": {"name": "film"},
        "spec": {
            "storageLocation": location,
            "owner": {"org": "acme"},
            "title": "Film",
            "artifacts": [{"name": "video", "kind": "Video", "source": {"url": source.url}}],
        },
    }
    admin.request("POST", RECORDINGS.collection(namespace), body=body)


@pytest.mark.usefixtures("operator")
def test_a_video_is_played_from_the_store_by_ranges(
    browser: Browser,
    running: RunningConsole,
    admin: RestClient,
    boss: Person,
    namespace: str,
    location: LocationFactory,
    s3: S3Server,
    source: LyingSource,
    screenshots: Path,
) -> None:
    record(admin, namespace, location(), source)
    with window(browser, running, boss) as opened:
        page = opened.page
        answers: list[Response] = []
        page.on("response", lambda one: answers.append(one) if one.url.startswith(s3.endpoint) else None)
        opened.go(f"/recordings?namespace={namespace}")
        page.get_by_role("link", name="Film").click()
        expect(page.locator(".state-word")).to_have_text("Complete", timeout=30_000)
        page.get_by_role("button", name="Play video").click()
        wait_until(page, "() => document.querySelector('video')?.currentTime > 0.2")
        assert page.evaluate("() => document.querySelector('video').videoWidth") == 160
        keep(page, screenshots, "playing")
        assert {one.status for one in answers} == {206}
        assert all("range" in one.request.headers for one in answers)
        with page.expect_response("**/artifacts/video/url?*"):
            page.evaluate("() => document.querySelector('video').dispatchEvent(new Event('error'))")
        wait_until(page, "() => document.querySelector('video')?.currentTime > 0.2")
        expect(page.locator("#player-problem")).to_be_hidden()
        said = [page.evaluate(f"() => whyNotPlayed({code})").partition(".")[0] for code in (2, 3, 4)]
        assert said == [
            "The connection to the store failed",
            "The browser cannot play this file",
            "The browser cannot play this file, or cannot reach it in the store",
        ]
        page.get_by_role("button", name="Close").click()
        assert page.locator("video").count() == 0
        expect(page.get_by_role("button", name="Play video")).to_be_focused()
        with page.expect_download() as downloading:
            page.get_by_role("button", name="Download video").click()
        assert downloading.value.path().read_bytes() == source.content.body
        expect(page.get_by_role("button", name="Download video")).to_be_focused()
        assert opened.faults == []


@pytest.mark.usefixtures("operator")
def test_a_failed_recording_is_tried_again_and_completes_before_ones_eyes(
    browser: Browser,
    running: RunningConsole,
    admin: RestClient,
    boss: Person,
    namespace: str,
    location: LocationFactory,
    source: LyingSource,
) -> None:
    gone = threading.Event()
    gone.set()

    def behave(_request: SourceRequest) -> Behaviour:
        return Behaviour(status=410, body=b"") if gone.is_set() else Behaviour()

    source.behave = behave
    record(admin, namespace, location(spec={"retry": {"delays": []}}), source)
    with window(browser, running, boss) as opened:
        page = opened.go(f"/recordings?namespace={namespace}")
        expect(page.get_by_role("link", name="Film")).to_be_visible()
        page.get_by_role("link", name="Film").click()
        expect(page.locator(".state-word")).to_have_text("Failed SourceNotFound", timeout=30_000)
        gone.clear()
        page.get_by_role("button", name="Retry").click()
        page.evaluate("() => { window.marked = true }")
        expect(page.locator(".state-word")).to_have_text("Complete", timeout=30_000)
        assert page.evaluate("() => window.marked") is True
        assert opened.faults == []

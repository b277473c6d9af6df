"""Uploads from a real browser to a real store, which the real operator completes."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from localcluster import S3Server
from tests.conftest import LocationFactory
from tests.console.pages.browsing import keep, window
from tests.console.pages.uploading import PART, SentParts, allow_pages, choose, expect_state, fill, start
from tests.console.running import Person, RunningConsole
from tests.support.recordings import media_body

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("operator")]


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """A video of three parts."""
    path = tmp_path / "Weekly sync.mp4"
    path.write_bytes(media_body("video.mp4", 2 * PART + 1234))
    return path


def test_a_file_becomes_a_recording(
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
        choose(page, film)
        keep(page, screenshots, "upload-chosen")
        start(page)
        expect_state(page, "Complete")
        keep(page, screenshots, "upload-complete")
        assert sorted(parts.numbers) == [1, 2, 3]
        page.locator("#sent a").click()
        expect(page.locator(".state-word")).to_have_text("Complete")
        expect(page.get_by_role("heading", level=1)).to_have_text("Weekly sync")
        assert opened.faults == []

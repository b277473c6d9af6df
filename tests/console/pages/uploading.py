"""A person with files to upload."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, Locator, Page, Request, Route, expect
from playwright.sync_api import Error as PlaywrightError

from localcluster import S3Server
from recording_operator.kube.resources import RECORDINGS
from recording_operator.kube.rest import RestClient
from tests.console.pages.browsing import Window, sign_in
from tests.console.pages.conftest import CHROMIUM
from tests.console.running import Person, RunningConsole

PART: Final = 8 * 2**20
"""The size of the parts of small files."""
CHECKED_S: Final = 60.0
KEPT: Final = """async () => {
  const found = [JSON.stringify(localStorage), JSON.stringify(sessionStorage)];
  for (const { name } of await indexedDB.databases()) {
    const open = indexedDB.open(name);
    const database = await new Promise((resolve) => (open.onsuccess = () => resolve(open.result)));
    for (const store of database.objectStoreNames) {
      const all = database.transaction(store).objectStore(store).getAll();
      found.push(JSON.stringify(await new Promise((resolve) => (all.onsuccess = () => resolve(all.result)))));
    }
    database.close();
  }
  return found.join("\\n");
}"""


def allow_pages(s3: S3Server, bucket: str, origin: str) -> None:
    """The CORS rule of docs/client-uploads.md."""
    rule = {
        "AllowedOrigins": [origin],
        "AllowedMethods": ["PUT"],
        "AllowedHeaders": ["content-md5", "content-type"],
        "ExposeHeaders": ["ETag"],
        "MaxAgeSeconds": 3600,
    }
    s3.client().put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})


class SentParts:
    """The parts that the store has taken from a page."""

    def __init__(self, page: Page, s3: S3Server) -> None:
        self.numbers: list[int] = []
        self._store = s3.endpoint
        page.on("requestfinished", self._note)

    def _note(self, request: Request) -> None:
        response = request.response() if request.method == "PUT" and request.url.startswith(self._store) else None
        if response is not None and response.ok:
            self.numbers.append(number_of(request.url))


def number_of(url: str) -> int:
    """The number of the part that a URL is for."""
    return int(url.partition("partNumber=")[2].partition("&")[0])


def choose(page: Page, *files: Path) -> None:
    """Choose files as in the dialog of the browser."""
    page.locator("#files input[type=file]").first.set_input_files(list(files))


def tab_to(page: Page, wanted: Locator) -> None:
    """Press the tab key until an element has the focus."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if wanted.evaluate("(element) => element === document.activeElement"):
            return
    raise AssertionError(f"the tab key does not lead to {wanted}")


def lose_first_response(page: Page, url: str) -> None:
    """The server does what the page wants, and the page does not learn of it."""

    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    page.route(url, lose, times=1)


def end_session_at(page: Page, url: str) -> None:
    """The session ends while the page sends a request to this URL."""

    def end(route: Route) -> None:
        page.context.clear_cookies()
        route.continue_()

    page.route(url, end, times=1)


def fill(opened: Window, namespace: str, **fields: str) -> Page:
    """Open the page, and say what the Recording is."""
    page = opened.go("/upload")
    page.get_by_label("Namespace").fill(namespace)
    page.get_by_label("Organisation").fill("acme")
    for label, text in fields.items():
        page.get_by_label(label.capitalize(), exact=True).fill(text)
    return page


def start(page: Page) -> None:
    """Press the button of Uppy."""
    page.locator("#files .uppy-StatusBar-actionBtn--upload").click()


def expect_state(page: Page, text: str, *, within_s: float = CHECKED_S) -> None:
    """What the list of Recordings says in the end."""
    expect(page.locator("#sent li p").first).to_have_text(text, timeout=within_s * 1000)


def wait_for(page: Page, reached: Callable[[], bool], *, within_s: float = 60.0) -> None:
    """Wait while the page goes on. Playwright passes events on only while it is called."""
    for _ in range(round(within_s * 20)):
        if reached():
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"not within {within_s:g} s")


def kept_by_browser(page: Page) -> str:
    """Everything that the page has stored in the browser."""
    return str(page.evaluate(KEPT))


def wait_recording(admin: RestClient, namespace: str, name: str, **upload: Any) -> None:
    """Create a Recording that waits for a video from a client."""
    source = {"upload": {"maxSize": "1Gi", **upload}}
    body = {
        "apiVersion": RECORDINGS.api_version,
        "kind": "Recording",
        "metadata": {"name": name},
        "spec": {
            "owner": {"org": "acme"},
            "title": "Board meeting",
            "artifacts": [{"name": "video", "kind": "Video", "contentType": "video/mp4", "source": source}],
        },
    }
    admin.request("POST", RECORDINGS.collection(namespace), body=body)


@contextmanager
def with_profile(browser: Browser, running: RunningConsole, person: Person, profile: Path) -> Iterator[Window]:
    """A browser of its own that keeps what pages store, as that of a person does. It may be killed."""
    context = browser.browser_type.launch_persistent_context(
        profile, executable_path=CHROMIUM, args=["--no-sandbox"], locale="en-GB"
    )
    try:
        sign_in(context, running, person)
        yield Window(page=context.new_page(), url=running.url)
    finally:
        with suppress(PlaywrightError):
            context.close()


def kill(profile: Path) -> None:
    """End the browser with this profile as a power failure does."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"--user-data-dir={profile}" in (process / "cmdline").read_text(errors="replace").split("\0"):
                os.kill(int(process.name), signal.SIGKILL)


def wait_noted(page: Page, *, files: int) -> None:
    """Wait until Uppy has noted that the files are complete. Otherwise the next page takes them for interrupted."""
    wait_for(page, lambda: kept_by_browser(page).count(r"complete\":true") == files)

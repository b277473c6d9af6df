"""A person with files to upload."""

from pathlib import Path
from typing import Final

from playwright.sync_api import Page, Request, expect

from localcluster import S3Server
from tests.console.pages.browsing import Window

PART: Final = 8 * 2**20
"""The size of the parts of small files."""
CHECKED_MS: Final = 60_000


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
            self.numbers.append(int(request.url.partition("partNumber=")[2].partition("&")[0]))


def choose(page: Page, *files: Path) -> None:
    """Choose files as in the dialog of the browser."""
    page.locator("#files input[type=file]").first.set_input_files(list(files))


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


def expect_state(page: Page, text: str) -> None:
    """What the list of Recordings says in the end."""
    expect(page.locator("#sent li p").first).to_have_text(text, timeout=CHECKED_MS)

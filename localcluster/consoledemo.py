"""The last part of `make demo`: the console lists what was stored, and is opened in a browser where there is one.

Errors: ComponentError (the console does not respond as it should).
"""

import json
import urllib.request
from pathlib import Path
from typing import Any, Final

from localcluster.process import ComponentError

CHROMIUM: Final = Path("/usr/bin/chromium")
_HTTP_TIMEOUT_S: Final = 30.0
_PAGE_TIMEOUT_MS: Final = 60_000
_WIDTH: Final = 1280
_HEIGHT: Final = 900


class ConsoleDemo:
    """Uses a console as a person with a token does."""

    def __init__(self, *, url: str, token: str) -> None:
        self._url = url
        self._token = token

    def names(self) -> set[str]:
        """Return the names of the Recordings that the token may see. Raises ComponentError."""
        return {str(item["name"]) for item in self._get("/api/v1/recordings?limit=100")["items"]}

    def screenshot(self, path: Path) -> Path:
        """Log in with Chromium, and save what the first page shows. Raises ComponentError."""
        from playwright.sync_api import Error as PlaywrightError  # noqa: PLC0415 - large, for this only
        from playwright.sync_api import sync_playwright  # noqa: PLC0415 - the same

        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
                page = browser.new_page(viewport={"width": _WIDTH, "height": _HEIGHT})
                page.set_default_timeout(_PAGE_TIMEOUT_MS)
                page.goto(f"{self._url}/login")
                page.locator("[name=token]").fill(self._token)
                page.locator("[name=token]").locator("xpath=ancestor::form").locator("[type=submit]").click()
                page.wait_for_url(f"{self._url}/", wait_until="networkidle")
                page.screenshot(path=path, full_page=True)
                browser.close()
        except PlaywrightError as error:
            raise ComponentError(f"The console cannot be shown in {CHROMIUM}: {error.message}") from None
        return path

    def _get(self, path: str) -> Any:
        request = urllib.request.Request(self._url + path, headers={"Authorization": f"Bearer {self._token}"})
        try:
            with urllib.request.urlopen(request, timeout=_HTTP_TIMEOUT_S) as response:
                return json.load(response)
        except (OSError, ValueError) as error:  # ValueError: it is not JSON
            raise ComponentError(f"The console does not respond to {path}: {error}") from None

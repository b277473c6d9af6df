"""A person with a browser: Chromium, driven by Playwright."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

from localcluster.npm import AXE
from tests.console.running import Person, RunningConsole

DESKTOP: Final = {"width": 1280, "height": 900}
PHONE: Final = {"width": 360, "height": 740}
SERIOUS: Final = ("serious", "critical")


@dataclass(kw_only=True)
class Window:
    """A page of the browser, and what went wrong in it."""

    page: Page
    url: str
    faults: list[str] = field(default_factory=list)

    def go(self, path: str) -> Page:
        """Open a page of the console."""
        self.page.goto(self.url + path)
        return self.page

    def axe(self, *rules: str) -> list[str]:
        """Serious findings about the accessibility of the page; `rules`: only those of these rules."""
        # A page of the console runs no script of others: it is given to the browser, not to the page.
        if not self.page.evaluate("() => 'axe' in window"):
            self.page.evaluate(AXE.cached().read_text(encoding="utf-8"))
        options = {"runOnly": list(rules)} if rules else {}
        found: dict[str, Any] = self.page.evaluate("(options) => axe.run(document, options)", options)
        return [
            f"{one['id']}: {one['help']}: {[node['html'][:120] for node in one['nodes']]}"
            for one in found["violations"]
            if one["impact"] in SERIOUS
        ]

    def overflow(self) -> int:
        """How many pixels the page is wider than the window."""
        return int(
            self.page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
        )


@contextmanager
def window(browser: Browser, running: RunningConsole, person: Person | None = None, **options: Any) -> Iterator[Window]:
    """A window, signed in as the person."""
    context = browser.new_context(**{"viewport": DESKTOP, "locale": "en-GB", **options})
    try:
        if person is not None:
            sign_in(context, running, person)
        opened = Window(page=context.new_page(), url=running.url)
        opened.page.on("pageerror", lambda error: opened.faults.append(str(error)))
        opened.page.on("console", lambda one: opened.faults.append(one.text) if _is_fault(one) else None)
        opened.page.on("dialog", lambda one: opened.faults.append(f"dialog {one.message}"))
        yield opened
    finally:
        context.close()


def _is_fault(message: ConsoleMessage) -> bool:
    """Browsers log every 409, also the one that says that the operator has not opened the upload yet."""
    is_expected = "409 (Conflict)" in message.text and urlsplit(message.location["url"]).path.endswith("/uploads")
    return message.type == "error" and not is_expected


def sign_in(context: BrowserContext, running: RunningConsole, person: Person) -> None:
    """Give the browser the cookie of a new session."""
    for name, morsel in cookie_of(running, person).items():
        context.add_cookies([{"name": name, "value": morsel.value, "url": running.url}])


def cookie_of(running: RunningConsole, person: Person) -> SimpleCookie:
    """The cookie of a new session."""
    return SimpleCookie(running.log_in(person.token).headers["set-cookie"])


def wait_until(page: Page, script: str, *, within_s: float = 30.0) -> None:
    """Wait until a script returns true. Playwright's own waiting is a script of the page, which its policy forbids."""
    for _ in range(round(within_s * 20)):
        if page.evaluate(script):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"not within {within_s:g} s: {script}")


def keep(page: Page, folder: Path, name: str) -> None:
    """Write a screenshot, for people to look at."""
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"{name}.png", full_page=True)

"""The pages in a real browser: what people do with them."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from recording_operator.kube.rest import RestClient
from tests.cli.conftest import People
from tests.cli.reported import growing, in_cluster, refreshed
from tests.console.pages.browsing import PHONE, Window, keep, window
from tests.console.pages.seeding import (
    TITLES,
    complete,
    failed,
    make_recording,
    set_status,
    uploading,
    wait_known,
)
from tests.console.running import Person, RunningConsole
from tests.support.waiting import eventually

pytestmark = pytest.mark.cluster

FIRST_VIEW_BYTES = 300_000
FIRST_VIEW_REQUESTS = 12
REPORT = "browsed"
COUNTED = datetime.now(UTC) - timedelta(minutes=1)
"""When the report was counted last: the pages call the month of another day an earlier one."""
FROM, TO = COUNTED.date() - timedelta(days=30), COUNTED.date() - timedelta(days=17)


@pytest.fixture
def mine(browser: Browser, running: RunningConsole, keeper: Person) -> Iterator[Window]:
    """A window of an administrator in which nothing goes wrong."""
    with window(browser, running, keeper) as opened:
        yield opened
        assert opened.faults == []


@pytest.fixture
def seeded(running: RunningConsole, admin: RestClient, keeper: Person, namespace: str) -> str:
    """A namespace with Recordings in several states."""
    make_recording(admin, namespace, "weekly", title="Weekly sync", labels={"team": "sales"}, **complete())
    make_recording(admin, namespace, "board", title="Board meeting", org="globex", **uploading(10))
    make_recording(admin, namespace, "call", title="Customer call", org="globex", **failed())
    for name, phase in (("weekly", "Complete"), ("board", "Uploading"), ("call", "Failed")):
        wait_known(running, keeper, namespace, name, phase=phase)
    return namespace


@pytest.fixture
def report(admin: RestClient, running: RunningConsole, keeper: Person) -> Iterator[str]:
    """A StorageReport with two months of usage, that no operator refreshes."""
    orgs = ("acme", "globex", "initech", "<b>umbrella</b>")
    made = refreshed(
        growing(*orgs, days=56, first=f"{COUNTED - timedelta(days=55):%Y-%m-%dT%H:%M}"),
        name=REPORT,
        budget={"amount": "120"},
        compare=["wasabi", "cloudflare-r2"],
        suspend=True,
    )
    in_cluster(admin, made)
    eventually(lambda: running.get(f"/api/v1/usage?report={REPORT}", who=keeper).status_code == 200)
    yield REPORT
    admin.request("DELETE", f"/apis/recordings.dev/v1alpha1/storagereports/{REPORT}")


def pages(report: str) -> tuple[str, ...]:
    """The pages, with numbers."""
    return f"/?report={report}", "/recordings", f"/costs?report={report}", "/locations"


def titles(page: Page) -> list[str]:
    """The titles in the table."""
    return page.locator("#results tbody th a").all_inner_texts()


def mark(page: Page) -> Callable[[], bool]:
    """Mark the document; the result says whether it is still the same, so was not loaded again."""
    page.evaluate("() => { window.marked = true }")
    return lambda: bool(page.evaluate("() => window.marked === true"))


def test_a_token_that_is_pasted_opens_the_page_that_was_wanted(
    browser: Browser, running: RunningConsole, keeper: Person, seeded: str, screenshots: Path
) -> None:
    with window(browser, running) as opened:
        page = opened.go(f"/recordings/{seeded}/weekly")
        expect(page).to_have_title("Sign in · Recordings")
        keep(page, screenshots, "login")
        page.get_by_label("Token").fill("not a token")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_contain_text("not valid")
        page.get_by_label("Token").fill(f"{keeper.token}\n")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Weekly sync")
        page.get_by_label("Account").click()
        expect(page.get_by_text(keeper.username)).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_label("Token")).to_be_focused()
        opened.go("/costs")
        expect(page).to_have_title("Sign in · Recordings")
        assert opened.faults == []


def test_search_and_filters_change_the_table_and_the_address(mine: Window, seeded: str, screenshots: Path) -> None:
    page = mine.go(f"/recordings?namespace={seeded}")
    assert sorted(titles(page)) == ["Board meeting", "Customer call", "Weekly sync"]
    same = mark(page)
    found = page.locator("#results tbody th a")
    page.get_by_label("Search").fill("board")
    expect(found).to_have_text(["Board meeting"])
    page.get_by_label("Search").fill("")
    page.get_by_label("Phase").select_option("Failed")
    expect(found).to_have_text(["Customer call"])
    assert same()
    expect(page).to_have_url(f"{mine.url}/recordings?phase=Failed&namespace={seeded}")
    page.reload()
    expect(found).to_have_text(["Customer call"])
    page.get_by_label("Phase").select_option("")
    expect(found).to_have_count(3)
    keep(page, screenshots, "recordings")


def test_progress_moves_without_a_reload(mine: Window, admin: RestClient, seeded: str, screenshots: Path) -> None:
    page = mine.go(f"/recordings?namespace={seeded}")
    same = mark(page)
    expect(page.locator("#results")).to_contain_text("10.0 %")
    set_status(admin, seeded, "board", **uploading(55))
    expect(page.locator("#results")).to_contain_text("55.0 %")
    assert same()
    page.get_by_role("link", name="Board meeting").click()
    expect(page.locator("#percent")).to_have_text("55.0 %")
    same = mark(page)
    for percent in (60, 75, 90):
        set_status(admin, seeded, "board", **uploading(percent))
        expect(page.locator("#percent")).to_have_text(f"{percent}.0 %")
    keep(page, screenshots, "uploading")
    set_status(admin, seeded, "board", **complete())
    expect(page.locator(".state-word")).to_have_text("Complete")
    assert same()


def test_what_is_refused_says_so_itself_and_is_not_asked_for_again(
    browser: Browser, running: RunningConsole, keeper: Person, seeded: str
) -> None:
    with window(browser, running, keeper) as opened:
        page = opened.page
        page.route("**/state?*", lambda route: route.continue_(url=route.request.url.replace("board/", "gone/")))
        opened.go(f"/recordings/{seeded}/board")
        expect(page.get_by_role("alert")).to_contain_text(f"Recording {seeded}/gone does not exist.")
        expect(page.locator("#offline")).to_be_hidden()
        assert page.locator("#state").count() == 0
        page.route("**/recordings?*", lambda route: route.fulfill(status=503))
        opened.go("/recordings")
        page.get_by_label("Search").fill("board")
        expect(page.locator("#offline")).to_be_visible()


def test_what_may_be_done_is_done_after_a_confirmation(mine: Window, admin: RestClient, seeded: str) -> None:
    path = f"/apis/recordings.dev/v1alpha1/namespaces/{seeded}/recordings/"
    page = mine.go(f"/recordings/{seeded}/board")
    page.get_by_role("button", name="Suspend").click()
    expect(page.get_by_text("The Recording is suspended.")).to_be_visible()
    assert admin.request("GET", f"{path}board")["spec"]["suspend"] is True
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text("The Recording is resumed.")).to_be_visible()
    page.get_by_role("button", name="Cancel upload").click()
    page.get_by_role("button", name="Keep it").click()
    assert not admin.request("GET", f"{path}board")["spec"].get("cancel")
    mine.go(f"/recordings/{seeded}/call")
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_text("The Recording is being retried.")).to_be_visible()
    assert admin.request("GET", f"{path}call")["spec"]["retryToken"].startswith("console-")
    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("status").filter(has_text="is being deleted")).to_be_visible()
    assert "call" not in [
        one["metadata"]["name"]
        for one in admin.request("GET", path.rstrip("/"))["items"]
        if not one["metadata"].get("deletionTimestamp")
    ]


def test_costs_have_a_range_steps_and_organisations(mine: Window, report: str, screenshots: Path) -> None:
    page = mine.go(f"/costs?report={report}")
    expect(page.locator("figure canvas")).to_be_visible()
    keep(page, screenshots, "costs")
    page.get_by_label("From", exact=True).fill(f"{FROM}")
    page.get_by_label("To", exact=True).fill(f"{TO}")
    page.get_by_role("combobox", name="By").select_option("week")
    page.get_by_role("combobox", name="Organisation").select_option("globex")
    page.get_by_role("button", name="Show").click()
    expect(page).to_have_url(re.compile("by=week"))
    page.get_by_text("As a table").click()
    weeks = page.get_by_role("region", name="Costs by week").locator("tbody th").all_inner_texts()
    mondays = {day - timedelta(days=day.weekday()) for day in (FROM + timedelta(days=n) for n in range(14))}
    assert [week.split()[0] for week in weeks] == [f"{monday}" for monday in sorted(mondays)]
    organisations = page.get_by_role("region", name="By organisation").locator("tbody th").all_inner_texts()
    assert organisations == ["globex"]
    providers = page.get_by_role("region", name="This month at other providers").locator("tbody th")
    assert set(providers.all_inner_texts()) == {"wasabi", "cloudflare-r2"}


def test_the_csv_is_that_of_the_command_line(mine: Window, report: str, people: People) -> None:
    page = mine.go(f"/costs?report={report}&from={FROM}&to={TO}&by=week")
    with page.expect_download() as downloading:
        page.get_by_role("link", name="CSV").click()
    saved = downloading.value
    assert saved.suggested_filename == "usage.csv"
    printed = people.admin.output("report", report, "-o", "csv", "--from", f"{FROM}", "--to", f"{TO}", "--by", "week")
    assert saved.path().read_text(encoding="utf-8") == printed
    assert "'<b>" not in printed
    assert "<b>umbrella</b>" in printed


def test_the_overview_has_cards_charts_and_their_tables(
    mine: Window,
    report: str,
    seeded: str,
    admin: RestClient,
    screenshots: Path,
) -> None:
    soon = datetime.now(UTC) + timedelta(hours=3)
    set_status(admin, seeded, "board", expiresAt=f"{soon:%Y-%m-%dT%H:%M:%SZ}")
    page = mine.go(f"/?report={report}")
    expect(page.locator("figure canvas")).to_have_count(2)
    assert page.locator(".figure h2").all_inner_texts() == ["Stored", "This month so far", "Projected", "Recordings"]
    for name in ("Stored GB by day", "Cost by day"):
        assert page.get_by_role("region", name=name, include_hidden=True).locator("tbody tr").count() > 50
    drawn = page.evaluate(
        """() => [...document.querySelectorAll("canvas")].map((canvas) => {
             const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
             return data.some((value) => value !== 0) && canvas.clientWidth > 200; })"""
    )
    assert drawn == [True, True]
    expect(page.get_by_role("link", name="Board meeting")).to_be_visible()
    keep(page, screenshots, "overview")


def test_dark_mode_is_the_systems_and_can_be_switched(
    browser: Browser, running: RunningConsole, keeper: Person, report: str, screenshots: Path
) -> None:
    def background(page: Page) -> str:
        return str(page.evaluate("() => getComputedStyle(document.body).backgroundColor"))

    with window(browser, running, keeper, color_scheme="dark") as opened:
        page = opened.go(f"/?report={report}")
        dark = background(page)
        keep(page, screenshots, "overview-dark")
        switch = page.get_by_role("button", name="Dark mode")
        expect(switch).to_have_attribute("aria-pressed", "true")
        switch.click()
        light = background(page)
        assert light != dark
        expect(switch).to_have_attribute("aria-pressed", "false")
        figure = page.locator("figure").first
        figure.locator(".u-over").hover()
        expect(figure.locator(".readout")).to_contain_text(f"{COUNTED:%Y}-")
        page.keyboard.press("Enter")  # the switch has the focus
        page.mouse.move(0, 0)
        expect(figure.locator(".readout")).to_have_text("Stored")
        switch.click()
        opened.go("/recordings")
        assert background(page) == light
        assert opened.faults == []


def test_everything_fits_a_narrow_screen(
    browser: Browser, running: RunningConsole, keeper: Person, report: str, seeded: str, screenshots: Path
) -> None:
    with window(browser, running, keeper, viewport=PHONE) as opened:
        for path in (*pages(report), "/login", f"/recordings/{seeded}/weekly", f"/recordings/{seeded}/call"):
            page = opened.go(path)
            for details in page.locator("details.as-table summary").all():
                details.click()
            assert opened.overflow() <= 0, path
            keep(page, screenshots, f"phone{path.partition('?')[0].replace('/', '-').replace(seeded, 'one')}")


def test_the_keyboard_is_enough(browser: Browser, running: RunningConsole, keeper: Person, seeded: str) -> None:
    with window(browser, running) as opened:
        page = opened.go(f"/recordings?namespace={seeded}")
        expect(page.get_by_label("Token")).to_be_focused()
        page.keyboard.insert_text(keeper.token)
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Recordings")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("main")).to_be_focused()
        page.keyboard.press("/")
        expect(page.locator("main")).to_be_focused()
        page.keyboard.press("Control+/")
        expect(page.get_by_label("Search")).to_be_focused()
        page.keyboard.type("customer")
        expect(page.locator("#results tbody tr")).to_have_count(1)
        expect(page.locator("#results [role=status]")).to_have_text("1 found")
        tab_to(page, "a", "Customer call")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Customer call")
        tab_to(page, "button", "Delete…")
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_be_hidden()
        expect(page.get_by_role("button", name="Delete…")).to_be_focused()
        assert opened.faults == []


def tab_to(page: Page, tag: str, text: str) -> None:
    """Press the tab key until this element has the focus."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.locator(f"{tag}:focus").all_inner_texts() == [text]:
            return
    raise AssertionError(f"{tag} {text!r} cannot be reached with the tab key")


def test_there_are_no_serious_findings_about_accessibility(
    browser: Browser, running: RunningConsole, keeper: Person, report: str, seeded: str
) -> None:
    with window(browser, running, keeper, color_scheme="light") as opened:
        for path in (
            *pages(report),
            "/login?problem=token",
            "/nope",
            f"/recordings?namespace={seeded}&q=nothing",
            *(f"/recordings/{seeded}/{name}" for name in ("weekly", "board", "call")),
        ):
            page = opened.go(path)
            for details in page.locator("details.as-table summary").all():
                details.click()
            assert opened.axe() == [], path
            page.emulate_media(color_scheme="dark")
            assert opened.axe("color-contrast") == [], f"{path} in the dark"
            page.emulate_media(color_scheme="light")


def test_hostile_texts_do_nothing(
    browser: Browser, running: RunningConsole, admin: RestClient, keeper: Person, namespace: str
) -> None:
    for number, canary in enumerate(TITLES):
        make_recording(admin, namespace, f"xss-{number}", title=canary, **failed(" ".join(TITLES)))
    for number in range(len(TITLES)):
        wait_known(running, keeper, namespace, f"xss-{number}", phase="Failed")
    with window(browser, running, keeper) as opened:
        page = opened.go(f"/recordings?namespace={namespace}")
        assert sorted(titles(page)) == sorted(TITLES)
        assert page.title() == "Recordings · Recordings"
        for number, canary in enumerate(TITLES):
            opened.go(f"/recordings/{namespace}/xss-{number}")
            expect(page.get_by_role("heading", level=1)).to_have_text(canary)
            assert page.title() == f"{canary} · Recordings"
            assert page.locator("main script, main img, main svg").count() == 0
        assert opened.faults == []


@pytest.mark.usefixtures("seeded")
def test_the_first_view_is_small_and_takes_few_requests(mine: Window, report: str) -> None:
    page = mine.page
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    loaded: list[float] = []
    session.on("Network.loadingFinished", lambda event: loaded.append(event["encodedDataLength"]))
    mine.go(f"/?report={report}")
    page.wait_for_load_state("networkidle")
    assert 5 <= len(loaded) <= FIRST_VIEW_REQUESTS
    assert sum(loaded) <= FIRST_VIEW_BYTES

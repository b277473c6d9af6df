"""The numbers on the page of the costs, beside those of the API."""

import re
from collections.abc import Iterator
from decimal import Decimal

import pytest

from recording_operator.kube.resources import REPORTS
from recording_operator.kube.rest import RestClient
from tests.cli.reported import growing, in_cluster, refreshed
from tests.console.pages.reader import Reader
from tests.console.running import Person, RunningConsole
from tests.support.waiting import eventually

pytestmark = pytest.mark.cluster

ORGS = tuple(f"org-{number}" for number in range(30))


@pytest.fixture(scope="module")
def reader(running: RunningConsole, keeper: Person, admin: RestClient) -> Iterator[Reader]:
    """Someone who reads a report with more organisations than it names, one that is new, and one of a namespace."""
    for report in (
        refreshed(growing(*ORGS, days=12), name="crowded"),
        refreshed(growing(), scope={"namespaces": ["team"]}, name="team"),
    ):
        in_cluster(admin, report)
    admin.request(
        "POST",
        REPORTS.collection(None),
        body={
            "apiVersion": REPORTS.api_version,
            "kind": "StorageReport",
            "metadata": {"name": "a-new-one"},
            "spec": {},
        },
    )
    made = Reader(running, keeper)
    eventually(
        lambda: all(f"<option>{name}" in made.get("/costs?report=crowded").text for name in ("team", "a-new-one"))
    )
    yield made
    for name in ("crowded", "team", "a-new-one"):
        admin.request("DELETE", REPORTS.path(None, name))


def amounts(page: str) -> list[Decimal]:
    """The cards: all costs, then each kind."""
    return [Decimal(one.replace(",", "")) for one in re.findall(r'<p class="value">([\d,.]+) USD', page)]


def test_what_may_be_among_the_others_is_said_and_no_file_is_too_low(reader: Reader) -> None:
    page = reader.get("/costs?report=crowded&org=org-0").text
    assert "StorageReport crowded has org-0 in (other) for " in page
    assert "format=csv" not in page
    assert '<option value="org-0" selected>' in page
    file = reader.get("/api/v1/usage?report=crowded&org=org-0&format=csv")
    assert (file.status_code, "spec.scope.orgs names it always" in file.text) == (409, True)


@pytest.mark.parametrize("query", ["org=org-29", "by=month", "org=org-29&by=week&from=2026-10-07"])
def test_the_sums_are_those_of_the_api(reader: Reader, query: str) -> None:
    page = reader.get(f"/costs?report=crowded&{query}").text
    total = Decimal(reader.get(f"/api/v1/usage?report=crowded&{query}").json()["totalCost"])
    assert abs(amounts(page)[0] - total) <= Decimal("0.01")
    assert total > 1
    assert "(other) for" not in page


def test_a_report_that_does_not_exist_is_not_replaced_by_another(reader: Reader) -> None:
    for path in ("/costs?report=nope", "/?report=nope", "/api/v1/usage?report=nope&format=csv"):
        response = reader.get(path)
        assert response.status_code == 404, path
        assert "StorageReport nope does not exist." in response.text


def test_a_report_without_numbers_can_be_left_for_another(reader: Reader) -> None:
    for path in ("/costs", "/"):
        page = reader.get(f"{path}?report=a-new-one").text
        assert "StorageReport a-new-one has not been refreshed yet." in page
        assert "<option>crowded</option>" in page
        assert "StorageReport crowded" in reader.get(path).text, "the first with numbers of everything"


def test_what_a_report_includes_is_said(reader: Reader) -> None:
    for path in ("/costs", "/"):
        assert "includes only namespaces team" in reader.get(f"{path}?report=team").text
        assert "includes only" not in reader.get(f"{path}?report=crowded").text


def test_months_are_in_the_table_but_no_bars_among_days(reader: Reader, admin: RestClient) -> None:
    in_cluster(admin, refreshed(growing(days=250, first="2026-01-05T01:00"), name="long"))
    try:
        eventually(lambda: reader.get("/costs?report=long").status_code == 200)
        page = reader.get("/costs?report=long").text
        periods = re.findall(r'<tr( data-x="\d+")?><th scope="row" class="tnum">(2026[-\d]+)', page)
        assert {len(when) for in_chart, when in periods if in_chart} == {len("2026-08-01")}
        assert {len(when) for in_chart, when in periods if not in_chart} == {len("2026-08")}
        months = reader.get("/costs?report=long&by=month").text
        assert not re.search(r'<tr><th scope="row" class="tnum">', months)
    finally:
        admin.request("DELETE", REPORTS.path(None, "long"))

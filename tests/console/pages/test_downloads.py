"""How often Recordings were downloaded, on pages and in the API, where a location reads access logs."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from recording_operator.catalog.database import open_database
from recording_operator.catalog.downloads import DownloadSum, DownloadTable, LocationDownloads
from recording_operator.kube.rest import RestClient
from tests.cli.reported import growing, in_cluster, refreshed
from tests.conftest import LocationFactory
from tests.console.pages.reader import Reader
from tests.console.pages.seeding import complete, make_recording, wait_known
from tests.console.running import Person, RunningConsole, make_person
from tests.support.waiting import eventually

pytestmark = pytest.mark.cluster

SINCE = datetime(2026, 10, 26, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Downloaded:
    """Three Recordings of a location with access logs, and one of another."""

    running: RunningConsole
    who: Person
    namespace: str
    place: str
    table: DownloadTable

    @property
    def reader(self) -> Reader:
        """Someone who reads pages."""
        return Reader(self.running, self.who)

    def api(self, query: str) -> list[tuple[str, int | None, int | None]]:
        """Names, downloads and bytes, in the order of the API."""
        path = f"/api/v1/recordings?namespace={self.namespace}&{query}"
        items = self.running.get(path, who=self.who).json()["items"]
        return [(one["name"], one["downloads"], one["downloadedBytes"]) for one in items]

    def put(self, sums: dict[str, DownloadSum], *, rest: DownloadSum) -> None:
        """What a sample says, as the feed writes it."""
        self.table.put(self.place, LocationDownloads(since=SINCE, by_uid=sums, rest=rest))
        self.table.keep_only(self.table.locations())


@pytest.fixture
def downloaded(
    start: Callable[..., RunningConsole],
    tmp_path: Path,
    admin: RestClient,
    boss: Person,
    namespace: str,
    location: LocationFactory,
) -> Iterator[Downloaded]:
    """They have 9, 2 and no downloads."""
    place = location(spec={"prices": {"profile": "aws-s3/us-east-1", "accessLogs": {"bucket": "no-such-logs"}}})
    url = f"sqlite:///{tmp_path}/catalog.db"
    running = start(database_url=url)
    uids = {}
    for name in ("quiet", "watched", "seen", "elsewhere"):
        where = "another" if name == "elsewhere" else place
        uids[name] = make_recording(admin, namespace, name, location=where, **complete())
        wait_known(running, boss, namespace, name, phase="Complete")
    engine = open_database(url)
    made = Downloaded(running=running, who=boss, namespace=namespace, place=place, table=DownloadTable(engine))
    made.put(
        {uids["watched"]: DownloadSum(9, 3_000_000_000), uids["seen"]: DownloadSum(2, 1_000_000_000)},
        rest=DownloadSum(5, 500_000_000),
    )
    yield made
    engine.dispose()


@contextmanager
def one_report(admin: RestClient, person: Person, report: str) -> Iterator[None]:
    """This person may read one StorageReport, and all StorageLocations."""
    rbac, name = "/apis/rbac.authorization.k8s.io/v1", f"{person.name}-{report}"
    group = {"apiGroups": ["recordings.dev"]}
    rules = [
        {**group, "resources": ["storagereports"], "resourceNames": [report], "verbs": ["get"]},
        {**group, "resources": ["storagelocations"], "verbs": ["get", "list"]},
    ]
    subject = {"kind": "ServiceAccount", "namespace": person.namespace, "name": person.name}
    binding = {
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
        "subjects": [subject],
    }
    admin.request("POST", f"{rbac}/clusterroles", body={"metadata": {"name": name}, "rules": rules})
    admin.request("POST", f"{rbac}/clusterrolebindings", body=binding)
    yield
    admin.request("DELETE", f"{rbac}/clusterrolebindings/{name}")
    admin.request("DELETE", f"{rbac}/clusterroles/{name}")


def test_the_api_counts_and_sorts(downloaded: Downloaded) -> None:
    assert downloaded.api("sort=downloads") == [
        ("watched", 9, 3_000_000_000),
        ("seen", 2, 1_000_000_000),
        ("elsewhere", None, None),
        ("quiet", 0, 0),
    ]
    assert downloaded.api("sort=downloads&ascending=true&limit=1") == [("quiet", 0, 0)]


def test_the_table_has_a_column_and_an_order(downloaded: Downloaded) -> None:
    page = downloaded.reader.get(f"/recordings?namespace={downloaded.namespace}&sort=downloads").text
    assert re.findall(r'href="/recordings/[^/"]+/([a-z]+)"', page) == ["watched", "seen", "elsewhere", "quiet"]
    assert re.findall(r'data-label="Downloads" class="num">(\d*)', page) == ["9", "2", "", "0"]
    assert '<option value="downloads" selected>' in page
    assert "sort=downloads" in re.findall(r'hx-get="([^"]+)" hx-trigger="every', page)[0]


def test_nothing_of_it_is_shown_where_no_access_logs_are_read(downloaded: Downloaded) -> None:
    downloaded.table.keep_only(())
    page = downloaded.reader.get(f"/recordings?namespace={downloaded.namespace}").text
    assert "watched" in page
    assert "Downloads" not in page
    assert "downloads" not in page


def test_the_costs_of_the_most_downloaded_and_of_all_others(downloaded: Downloaded, admin: RestClient) -> None:
    made = refreshed(growing("acme", days=3), name=f"costs-{downloaded.namespace}", suspend=True)
    in_cluster(admin, made)
    path = f"/costs?report=costs-{downloaded.namespace}"
    eventually(lambda: "Most downloaded since 2026-10-26" in downloaded.reader.get(path).text)
    page = downloaded.reader.get(path).text
    table = page[page.index("Most downloaded since") :]
    rows = re.findall(r"<tr data-location.*?</tr>", table)
    assert [re.findall(r'class="num">([^<]*)<', row) for row in rows] == [
        ["9", "3.0 GB", "0.2515 USD"],
        ["2", "1.0 GB", "0.0838 USD"],
        ["5", "500.0 MB", "0.0419 USD"],
    ]
    assert [re.findall(r">(watched|seen|All others)<", row) for row in rows] == [["watched"], ["seen"], ["All others"]]
    total = table[table.index(">Total<") :]
    assert re.findall(r'class="num">([^<]+)<', total)[:2] == ["16", "4.5 GB"]
    auditor = make_person(admin, downloaded.namespace, "auditor")
    with one_report(admin, auditor, f"costs-{downloaded.namespace}"):
        page = Reader(downloaded.running, auditor).get(path).text
        assert "All costs" in page
        assert "Most downloaded" not in page, "it is about more than the one report"
    admin.request("DELETE", f"/apis/recordings.dev/v1alpha1/storagereports/costs-{downloaded.namespace}")

"""From a cluster made late in a month to the next month, on a strict store: every figure is recomputed by hand.

The prices are those of the profile `default`: 0.023 USD for a GB-month of thirty days, 0.09 USD for a GB downloaded, of
which half of what is stored is downloaded in a month. So a GB stored for a day costs 0.023 / 30 USD, and its downloads
0.09 * 0.5 / 30 USD.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from recording_operator.controller.reports.keeper import ReportKeeper
from recording_operator.controller.reports.prices import PriceBook
from recording_operator.controller.reports.refresher import Refresher
from recording_operator.controller.usage.archive import LocationArchive
from recording_operator.controller.usage.counter import UsageCounter
from recording_operator.controller.usage.keeper import UsageKeeper
from recording_operator.controller.usage.migration import Migration
from recording_operator.kube.client import KubeApi
from recording_operator.kube.errors import NotFound
from recording_operator.reportmetrics import ReportMetrics
from tests.controller.usage.world import CountingWorld, JsonObject
from tests.support.strict_store import StrictStore

GB = 10**9
STORED = Decimal("0.023") / 30
DOWNLOADED = Decimal("0.09") / 2 / 30
MICRO = Decimal("0.000003")
REPORTS = "/apis/recordings.dev/v1alpha1/storagereports"


class Sized(bytes):
    """Bytes that are said to be more than they are."""

    size: int = 0

    def __len__(self) -> int:
        return self.size


def sized(size_bytes: int) -> Sized:
    body = Sized(b"x")
    body.size = size_bytes
    return body


def merged(into: JsonObject, patch: Mapping[str, Any]) -> JsonObject:
    """A JSON merge patch (RFC 7386)."""
    found = dict(into)
    for key, value in patch.items():
        found[key] = merged(found.get(key) or {}, value) if isinstance(value, dict) else value
    return {key: value for key, value in found.items() if value is not None}


@dataclass
class Server:
    """An API server with StorageReports, StorageLocations and nothing else."""

    world: CountingWorld
    reports: dict[str, JsonObject] = field(default_factory=dict)

    def request(self, method: str, path: str, *, body: Mapping[str, Any] | None = None, **_: Any) -> JsonObject:
        name = path.removeprefix(f"{REPORTS}/").removesuffix("/status")
        if method == "PATCH" and name in self.reports:
            report = self.reports[name]
            report["status"] = merged(report.get("status", {}), dict(body or {})["status"])
            report["metadata"]["resourceVersion"] = str(int(report["metadata"]["resourceVersion"]) + 1)
            return json.loads(json.dumps(report))  # type: ignore[no-any-return]
        if method == "GET" and name in self.reports:
            return json.loads(json.dumps(self.reports[name]))  # type: ignore[no-any-return]
        if path.endswith("/storagelocations"):
            items = [one.model_dump(mode="json", by_alias=True, exclude_none=True) for one in self.world.locations]
            return {"items": items, "metadata": {}}
        if path.endswith(("/recordings", "/storagereports")):
            return {"items": list(self.reports.values()) if path == REPORTS else [], "metadata": {}}
        raise NotFound("not found", status=404)


class Events:
    """Collects the reasons of Events."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def emit(self, _raw: JsonObject, *, reason: str, **_: Any) -> None:
        self.reasons.append(str(reason))


class Path:
    """The operator's part that counts and reports, at times that the test gives."""

    def __init__(self, world: CountingWorld) -> None:
        self.world = world
        self.now = datetime(2026, 11, 28, 18, tzinfo=UTC)
        self.server, self.events = Server(world), Events()
        rest: Any = self.server
        events: Any = self.events
        kube = KubeApi(rest)
        prices = PriceBook(kube=kube, operator_namespace="operator")
        archive = LocationArchive(
            stores=world, kube=kube, operator_namespace="operator", keep_months=36, now=lambda: self.now
        )
        counter = UsageCounter(kube=kube, stores=world, classes_of=prices.classes_of, stopping=lambda: False)
        usage = UsageKeeper(
            archive=archive,
            counter=counter,
            first_samples=Migration(kube=kube, classes_of=prices.classes_of),
            interval=timedelta(days=1),
            observer=world,
            post=world.posted.append,
        )
        self.keeper = ReportKeeper(
            kube=kube,
            refresher=Refresher(kube=kube, usage=usage, prices=prices),
            events=events,
            metrics=ReportMetrics(CollectorRegistry()),
            metric_orgs=0,
            now=lambda: self.now,
        )

    def apply(self, name: str, **spec: Any) -> None:
        """Create or edit a report."""
        made = self.server.reports.setdefault(
            name,
            {
                "apiVersion": "recordings.dev/v1alpha1",
                "kind": "StorageReport",
                "metadata": {"name": name, "uid": name, "generation": 0, "resourceVersion": "1"},
                "spec": {},
            },
        )
        made["metadata"]["generation"] += 1
        made["spec"] |= spec
        self.keeper.seen(json.loads(json.dumps(made)))

    def at(self, text: str) -> None:
        """It is this time, and what is due is done."""
        self.now = datetime.fromisoformat(text).replace(tzinfo=UTC)
        self.keeper.learn()
        self.keeper.refresh_due()

    def status(self, name: str = "all") -> JsonObject:
        status: JsonObject = self.server.reports[name]["status"]
        [ready] = [one for one in status["conditions"] if one["type"] == "Ready"]
        assert ready["reason"] == "Refreshed", ready
        return status

    def day(self, when: str, name: str = "all") -> JsonObject:
        found: JsonObject = next(entry for entry in self.status(name)["history"] if entry["date"] == when)
        return found

    def put(self, when: str, gigabytes: int, org: str) -> None:
        at = datetime.fromisoformat(when).replace(tzinfo=UTC)
        key = self.world.put(at, 1, org=org)
        versions = self.world.strict.bucket.versions
        versions[key] = [replace(version, body=sized(gigabytes * GB)) for version in versions[key]]

    def counts(self) -> int:
        """How often the bucket was listed for a count: each count lists open uploads once."""
        return self.world.strict.count("ListMultipartUploads")


@pytest.fixture
def path() -> Iterator[Path]:
    with StrictStore() as strict:
        world = CountingWorld(strict=strict)
        world.location("archive", status={"capabilities": {"versioning": True}})
        yield Path(world)


def cost(gb_days_stored: str, gb_days_read: str) -> Decimal:
    return Decimal(gb_days_stored) * STORED + Decimal(gb_days_read) * DOWNLOADED


def assert_cost(found: str, expected: Decimal) -> None:
    assert abs(Decimal(found) - expected) <= MICRO, (found, expected)


def test_the_whole_path(path: Path) -> None:
    path.put("2026-11-28T06:00", 20, "acme")
    upload = path.world.open_upload(datetime(2026, 11, 28, 12, tzinfo=UTC), 1, 1, org="globex")
    parts = path.world.strict.bucket.uploads[upload].parts
    for number, part in parts.items():
        parts[number] = replace(part, body=sized(5 * GB))

    # While the upload is open: 20 GB for 12 hours, and 10 GB for 6 hours, which cannot be read.
    path.apply("all")
    path.at("2026-11-28T18:00")
    status = path.status()
    assert (status["totals"]["objects"], status["totals"]["bytes"]) == (1, 20 * GB)
    assert status["totals"]["incompleteUploadBytes"] == 10 * GB
    assert_cost(path.day("2026-11-28")["cost"], cost("12.5", "10"))
    assert status["cost"]["monthToDate"] == "0.02"
    assert path.counts() == 1

    # After it is complete: 20 GB for 16 hours, 10 GB for 10 hours; readable on average half of the last 4 hours.
    path.world.complete(upload)
    versions = path.world.strict.bucket.versions
    [key] = [key for key in versions if key.startswith("globex")]
    versions[key] = [replace(version, body=sized(10 * GB)) for version in versions[key]]
    path.apply("all", refreshToken="complete")
    path.at("2026-11-28T22:00")
    status = path.status()
    assert (status["totals"]["objects"], status["totals"]["bytes"]) == (2, 30 * GB)
    assert status["totals"]["incompleteUploadBytes"] == 0
    assert_cost(path.day("2026-11-28")["cost"], cost("17.5", str(Decimal(20 * 16 + 10 * 2) / 24)))
    assert Decimal(path.day("2026-11-28")["uploadGB"]) == 30
    assert path.day("2026-11-28")["apiRequests"] == 1 + 4
    assert path.counts() == 2

    # The next day, by schedule: 20 GB for 18 hours, 10 GB for 12 hours.
    path.at("2026-11-29T00:00:05")
    assert_cost(path.day("2026-11-28")["cost"], cost("20", str(Decimal(20 * 18 + 10 * 4) / 24)))
    path.put("2026-11-29T12:00", 40, "acme")
    path.at("2026-11-30T00:00:00")
    assert_cost(path.day("2026-11-29")["cost"], cost("50", "50"))
    assert path.day("2026-11-29")["estimated"] is False

    # The next month: three days of November, and nothing yet of December.
    path.at("2026-12-01T00:00:00")
    november = cost("20", str(Decimal(400) / 24)) + cost("50", "50") + cost("70", "70")
    assert path.status()["cost"]["lastMonth"] == str(november.quantize(Decimal("0.01"))) == "0.31"
    assert path.status()["cost"]["monthToDate"] == "0.00"
    path.at("2026-12-02T00:00:00")
    assert path.status()["cost"]["monthToDate"] == str(cost("70", "70").quantize(Decimal("0.01"))) == "0.16"
    assert Decimal(path.status()["cost"]["projectedMonth"]) == (cost("70", "70") * 31).quantize(Decimal("0.01"))
    assert path.counts() == 6

    # Reports of single organisations, made now, have the same history at once, without a count.
    path.apply("acme", scope={"orgs": ["acme"]})
    path.apply("globex", scope={"orgs": ["globex"]})
    path.at("2026-12-02T12:00:00")
    assert path.counts() == 6
    for entry in path.status()["history"]:
        parts_of_day = [Decimal(path.day(entry["date"], name)["cost"]) for name in ("acme", "globex")]
        assert sum(parts_of_day) == Decimal(entry["cost"]), entry["date"]
    assert_cost(path.day("2026-11-30", "globex")["cost"], cost("10", "10"))

    # Samples are joined: a file for November, and those of December.
    folder = ".recording-operator/usage/archive/"
    keys = path.world.strict.keys()
    assert [key.removeprefix(folder) for key in keys if key.startswith(folder)] == [
        "2026/11.json.gz",
        "2026/12/01T000000Z.json.gz",
        "2026/12/02T000000Z.json.gz",
    ]
    assert path.events.reasons.count("Refreshed") == 3


def test_a_location_that_fails_keeps_the_old_numbers_and_the_token(path: Path) -> None:
    path.put("2026-11-28T06:00", 20, "acme")
    path.apply("all")
    path.at("2026-11-28T18:00")
    good = path.status()
    path.world.strict.denied = {"ListMultipartUploads"}
    path.apply("all", refreshToken="now")
    path.at("2026-11-28T19:00")
    failed = path.server.reports["all"]["status"]
    assert {name: failed[name] for name in ("asOf", "totals", "cost", "history")} == {
        name: good[name] for name in ("asOf", "totals", "cost", "history")
    }
    [ready] = [one for one in failed["conditions"] if one["type"] == "Ready"]
    assert ready["reason"] == "RefreshFailed"
    assert ready["message"].startswith("StorageLocation archive: ")
    assert (failed["failures"], failed.get("lastRefreshToken")) == (1, None)
    path.world.strict.denied = set()
    path.at("2026-11-28T19:01")
    assert path.status()["lastRefreshToken"] == "now"
    assert path.status()["asOf"] == "2026-11-28T19:01:00Z"


def test_a_token_is_about_what_is_stored_when_it_is_seen(path: Path) -> None:
    path.put("2026-11-28T06:00", 20, "acme")
    path.apply("all")
    path.at("2026-11-28T18:00:05.200")
    path.put("2026-11-28T18:00:05.500", 1, "acme")
    path.apply("all", refreshToken="now")
    path.at("2026-11-28T18:00:05.800")  # a count would have the name of the one that there is
    assert path.status().get("lastRefreshToken") is None
    path.at("2026-11-28T18:00:06.800")
    assert path.status()["lastRefreshToken"] == "now"
    assert path.status()["totals"]["bytes"] == 21 * GB


def test_a_token_is_not_forgotten_when_the_clock_is_set_back(path: Path) -> None:
    path.put("2026-11-28T06:00", 20, "acme")
    path.apply("all")
    path.at("2026-11-28T18:00:00")
    path.apply("all", refreshToken="now")
    path.at("2026-11-28T21:00:00.500")
    path.at("2026-11-28T19:00:00.500")
    path.at("2026-11-28T19:00:01.500")
    assert path.status()["lastRefreshToken"] == "now"
    assert path.status()["asOf"] == "2026-11-28T19:00:01Z"


def test_samples_that_vanish_before_a_refresh_are_counted_again(path: Path) -> None:
    path.put("2026-11-28T06:00", 20, "acme")
    path.apply("all")
    path.at("2026-11-28T18:00")
    for key in [key for key in path.world.strict.bucket.versions if "/usage/" in key]:
        del path.world.strict.bucket.versions[key]
    path.apply("all", scope={"orgs": ["acme"]})
    path.at("2026-11-28T18:01")
    failed = path.server.reports["all"]["status"]
    assert failed["totals"]["bytes"] == 20 * GB, "the old numbers"
    [ready] = [one for one in failed["conditions"] if one["type"] == "Ready"]
    assert ready["message"] == "StorageLocation archive: Its newest usage samples cannot be read any more."
    path.at("2026-11-28T18:02")
    assert path.status()["asOf"] == "2026-11-28T18:02:00Z"
    assert path.status()["totals"]["bytes"] == 20 * GB


def test_a_deleted_location_is_named_until_the_next_month_is_over(path: Path) -> None:
    kept, gone = path.world.locations[0], path.world.location("vault", s3={"prefix": "vault/"})
    path.put("2026-11-27T00:00", 20, "acme")
    path.apply("all")
    path.apply("archive-only", scope={"storageLocations": ["archive"]})
    path.at("2026-11-28T18:00")
    assert path.status()["notes"] == []

    path.world.locations = [kept]
    for when, day in (("2026-11-29T00:00", "2026-11-29"), ("2026-12-31T00:00", "2026-11-29")):
        path.at(when)
        [note] = path.status()["notes"]
        assert note.startswith(
            f"StorageLocation vault was deleted (noticed on {day}). Its usage samples cannot be read"
        )
        assert path.status("archive-only")["notes"] == []
    path.world.locations = [kept, gone]
    path.at("2027-01-01T00:00")
    assert path.status()["notes"] == []

    path.world.locations = [kept]
    path.at("2027-01-02T00:00")
    path.at("2027-02-28T00:00")
    assert len(path.status()["notes"]) == 1
    path.at("2027-03-01T00:00")
    assert path.status()["notes"] == []

"""The operator's part that counts and reports, on a strict store, at times that the test gives.

The prices are those of the profile `default`: 0.023 USD for a GB-month of thirty days, 0.09 USD for a GB downloaded, of
which half of what is stored is downloaded in a month. So a GB stored for a day costs 0.023 / 30 USD, and its downloads
0.09 * 0.5 / 30 USD.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from prometheus_client import CollectorRegistry

from recording_operator.controller.reports.keeper import ReportKeeper
from recording_operator.controller.reports.prices import PriceBook
from recording_operator.controller.reports.refresher import Refresher
from recording_operator.controller.usage.archive import LocationArchive
from recording_operator.controller.usage.copies import UsageCopies
from recording_operator.controller.usage.counter import UsageCounter
from recording_operator.controller.usage.entries import MapEntries
from recording_operator.controller.usage.keeper import UsageKeeper
from recording_operator.controller.usage.migration import Migration
from recording_operator.kube.client import KubeApi
from recording_operator.kube.errors import NotFound
from recording_operator.reportmetrics import ReportMetrics
from tests.controller.usage.world import CountingWorld, JsonObject

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
    """An API server with StorageReports, StorageLocations, ConfigMaps and nothing else."""

    world: CountingWorld
    reports: dict[str, JsonObject] = field(default_factory=dict)

    def request(self, method: str, path: str, *, body: Mapping[str, Any] | None = None, **more: Any) -> JsonObject:
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
        if "/configmaps" in path:
            return self.world.config_maps.request(method, path, body=body, **more)
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
        self.start()

    def start(self) -> None:
        """A new process, as the one before has ended."""
        world = self.world
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
            copies=UsageCopies(MapEntries(kube=kube, namespace="operator")),
            keep_months=36,
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
        for report in self.server.reports.values():
            self.keeper.seen(json.loads(json.dumps(report)))

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

    def put(self, when: str, gigabytes: int, org: str, *, prefix: str = "") -> None:
        at = datetime.fromisoformat(when).replace(tzinfo=UTC)
        key = self.world.put(at, 1, org=org, prefix=prefix)
        versions = self.world.strict.bucket.versions
        versions[key] = [replace(version, body=sized(gigabytes * GB)) for version in versions[key]]

    def counts(self) -> int:
        """How often the bucket was listed for a count: each count lists open uploads once."""
        return self.world.strict.count("ListMultipartUploads")


def cost(gb_days_stored: str, gb_days_read: str) -> Decimal:
    return Decimal(gb_days_stored) * STORED + Decimal(gb_days_read) * DOWNLOADED


def assert_cost(found: str, expected: Decimal) -> None:
    assert abs(Decimal(found) - expected) <= MICRO, (found, expected)

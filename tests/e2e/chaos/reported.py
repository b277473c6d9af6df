"""The scenarios of StorageReports and of the usage samples that they are computed from."""

from base64 import b64decode
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from localcluster.install import OPERATOR_NAMESPACE
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.api.storagereport import ReportSource
from recording_operator.controller.usage.copies import copy_name
from recording_operator.kube.rest import MERGE_PATCH
from recording_operator.usage.codec import decode_month, encode, folder_name, sample_name
from recording_operator.usage.sample import UsageSample
from tests.e2e.chaos.stage import Stage
from tests.support.waiting import eventually
from tests.support.world import World

_PATIENCE_S: Final = 60.0
_DAY: Final = timedelta(days=1)
_REPORTS: Final = "/apis/recordings.dev/v1alpha1/storagereports"


def report_before(stage: Stage) -> None:
    """The location was counted twice on a past day."""
    world, first = stage.world, datetime.now(UTC).replace(hour=1, minute=0, second=0, microsecond=0) - 3 * _DAY
    since: datetime | None = None
    for at in (first, first + timedelta(hours=1)):
        sample = UsageSample(location=world.location, at=at, since=since, source=ReportSource.INVENTORY)
        key, since = sample_name(world.location, at), at
        world.s3.client().put_object(Bucket=world.bucket, Key=key, Body=encode(sample))


def report(stage: Stage) -> None:
    """A StorageReport is refreshed twice. The two samples of the past day are one file then."""
    world = stage.world
    stage.wait_leader()
    path = _report(world)
    try:
        eventually(lambda: _refreshed(world, path), within_s=_PATIENCE_S, what="a refreshed report")
        world.admin.request("PATCH", path, body={"spec": {"refreshToken": "again"}}, content_type=MERGE_PATCH)
        eventually(lambda: _status(world, path).get("lastRefreshToken"), within_s=_PATIENCE_S, what="a second refresh")
    finally:
        world.admin.request("DELETE", path)
    first, second = _usage(world)[:2]
    assert (len(first), len(second)) == (2, 1), "the samples of the past day are apart"
    _assert_chained(world)
    eventually(lambda: _copied(world) == _usage_times(world), within_s=_PATIENCE_S, what="a copy of all samples")


def migration_before(stage: Stage) -> None:
    """An earlier version has left its account of yesterday in a StorageReport that is due."""
    world, at = stage.world, datetime.now(UTC).replace(hour=1, minute=0, second=0, microsecond=0) - _DAY
    place = {"storageLocation": world.location, "storageClass": "STANDARD"}
    ledger = {
        "sampledAt": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "cells": [{**place, "org": "acme", "bytes": 1000, "billableBytes": 1000}],
        "meters": [{**place, "byteSeconds": "3600000"}],
        "traffic": [{"storageLocation": world.location, "downloadBytes": 0, "writes": 7}],
    }
    left = {"observedGeneration": 1, "asOf": ledger["sampledAt"], "lastScheduleTime": f"{at:%Y-%m-%dT00:00:00Z}"}
    path = f"{_report(world)}/status"
    world.admin.request("PATCH", path, body={"status": {**left, "ledger": ledger}}, content_type=MERGE_PATCH)


def migration(stage: Stage) -> None:
    """The account becomes the first sample of the location."""
    world, path = stage.world, f"{_REPORTS}/report-{stage.world.namespace}"
    try:
        eventually(lambda: "ledger" not in _status(world, path), within_s=_PATIENCE_S, what="a converted account")
    finally:
        world.admin.request("DELETE", path)
    assert [len(samples) for samples in _usage(world)] == [1, 1]
    _assert_chained(world)
    samples = [sample for file in _usage(world) for sample in file]
    assert [sum(row.writes for row in sample.past) for sample in samples] == [7, 0]


def _report(world: World) -> str:
    """A StorageReport of the location, by its path."""
    manifest: dict[str, Any] = {
        "apiVersion": "recordings.dev/v1alpha1",
        "kind": "StorageReport",
        "metadata": {"name": f"report-{world.namespace}"},
        "spec": {"scope": {"storageLocations": [world.location]}},
    }
    world.admin.request("POST", _REPORTS, body=manifest)
    return f"{_REPORTS}/{manifest['metadata']['name']}"


def _status(world: World, path: str) -> dict[str, Any]:
    return dict(world.admin.request("GET", path).get("status", {}))


def _refreshed(world: World, path: str) -> bool:
    conditions = _status(world, path).get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _usage(world: World) -> list[tuple[UsageSample, ...]]:
    """The samples in each usage file of the location, in order."""
    client, folder = world.s3.client(), folder_name(world.location)
    keys = [one["Key"] for one in client.list_objects_v2(Bucket=world.bucket, Prefix=folder).get("Contents", [])]
    return [decode_month(client.get_object(Bucket=world.bucket, Key=key)["Body"].read()) for key in sorted(keys)]


def _usage_times(world: World) -> list[datetime]:
    return [sample.at for file in _usage(world) for sample in file]


def _copied(world: World) -> list[datetime]:
    """The times of the samples in the copy that reports use after a deletion of the location."""
    stored = world.admin.request("GET", f"/apis/recordings.dev/v1alpha1/storagelocations/{world.location}")
    name = copy_name(StorageLocation.model_validate(stored))
    copy = world.admin.request("GET", f"/api/v1/namespaces/{OPERATOR_NAMESPACE}/configmaps/{name}")
    files = [data for key, data in sorted(copy["binaryData"].items()) if key.endswith(".json.gz")]
    return [sample.at for data in files for sample in decode_month(b64decode(data))]


def _assert_chained(world: World) -> None:
    """Each sample begins where the one before it ends: nothing is missing, and nothing is there twice."""
    samples = [sample for file in _usage(world) for sample in file]
    assert [sample.since for sample in samples[1:]] == [sample.at for sample in samples[:-1]]

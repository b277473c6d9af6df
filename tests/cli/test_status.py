"""`kubectl recordings status`, on a real API server, as three people, and its page as it is read."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from localcluster import ControlPlane
from recording_operator.cli.recordings.status_page import status_page
from recording_operator.cli.screen.page import PageStyle
from recording_operator.kube.events import EventRecorder, EventType
from recording_operator.kube.rest import RestClient
from recording_operator.user_actions.object_events import ObjectEvent, ObjectEvents
from tests.cli.conftest import PROGRAM, People
from tests.kube.objects import a_recording, set_status
from tests.support.terminal import Terminal
from tests.support.waiting import eventually

NOW = datetime(2026, 11, 30, 10, 0, tzinfo=UTC)
RECORDING: dict[str, Any] = {
    "metadata": {
        "namespace": "team-a",
        "name": "standup",
        "generation": 3,
        "creationTimestamp": "2026-11-30T09:50:00Z",
        "managedFields": [
            {"subresource": "status", "time": "2026-11-30T09:59:55Z"},
            {"time": "2026-11-30T09:59:59Z"},
        ],
    },
    "spec": {
        "title": "Weekly \x1b[2J\x1b]0;owned\x07sync",
        "owner": {"org": "acme", "user": "u-17", "project": "apollo"},
        "artifacts": [
            {
                "name": "video",
                "kind": "Video",
                "source": {
                    "url": "https://user:pass@media.example.com/v.mp4?X-Amz-Signature=c4n4ry",
                    "expiresAt": "2026-11-30T10:20:00Z",
                },
            },
            {"name": "audio", "kind": "Audio", "source": {"urlSecretRef": {"name": "urls", "key": "audio"}}},
            {
                "name": "transcript",
                "kind": "Transcript",
                "optional": True,
                "source": {"provider": {"recordingSource": "calls", "id": "r-1"}},
            },
        ],
    },
    "status": {
        "phase": "Uploading",
        "reason": "Uploading",
        "message": "1 of 3 artifacts are stored.",
        "observedGeneration": 2,
        "progress": "45.1%",
        "bytesDone": 216_480_000,
        "bytesTotal": 480_000_000,
        "attempts": 3,
        "nextRetryTime": "2026-11-30T10:02:00Z",
        "expiresAt": "2026-11-30T10:20:00Z",
        "startedAt": "2026-11-30T09:51:00Z",
        "storageLocation": "archive",
        "bucket": "recordings",
        "prefix": "acme/standup/",
        "manifestUri": "s3://recordings/acme/standup/metadata.json",
        "conditions": [
            {"type": "Ready", "status": "False", "reason": "Uploading"},
            {"type": "IntegrityVerified", "status": "Unknown", "reason": "NotStoredYet"},
            {"type": "ManifestWritten", "status": "False", "reason": "StoreDenied", "message": "It was rejected."},
        ],
        "move": {
            "to": "cold",
            "artifacts": [{"name": "audio", "phase": "Uploading", "bytesDone": 1_000_000, "bytesTotal": 60_000_000}],
        },
        "notifications": [
            {"sink": "billing", "event": "Completed", "phase": "Delivered"},
            {
                "sink": "crm",
                "event": "SourceExpired",
                "phase": "Pending",
                "attempts": 2,
                "nextRetryTime": "2026-11-30T10:03:00Z",
                "message": "The sink responded with 503.",
            },
            {
                "sink": "erp",
                "event": "SourceExpired",
                "phase": "Failed",
                "attempts": 8,
                "message": "The sink responded with 410.",
            },
        ],
        "artifacts": [
            {
                "name": "video",
                "phase": "Uploading",
                "reason": "Uploading",
                "bytesDone": 156_480_000,
                "bytesTotal": 420_000_000,
                "uri": "s3://recordings/acme/standup/video.mp4",
            },
            {
                "name": "audio",
                "phase": "Complete",
                "reason": "Stored",
                "bytesDone": 60_000_000,
                "bytesTotal": 60_000_000,
                "uri": "s3://recordings/acme/standup/audio.m4a",
                "checksum": "crc64nvme:0123456789abcdef",
                "integrity": "FullObjectCRC64NVME",
                "provedChecksum": "sha256",
            },
            {
                "name": "transcript",
                "phase": "Pending",
                "reason": "SourceNotFound",
                "message": "The source responded with 404.",
                "attempts": 3,
                "nextRetryTime": "2026-11-30T10:02:00Z",
            },
        ],
    },
}
EVENTS = ObjectEvents(
    found=(
        ObjectEvent(time="2026-11-30T09:51:00Z", type="Normal", reason="Uploading", note="The upload began.", count=1),
        ObjectEvent(
            time="2026-11-30T09:57:00.5Z",
            type="Warning",
            reason="SourceNotFound",
            note="transcript: The source responded with 404. \x1b[31mIt is tried again, and this text is long.",
            count=3,
        ),
    )
)
ON_80_COLUMNS = """\
Recording   team-a/standup
Title       Weekly [2J]0;ownedsync
Owner       acme, user u-17, project apollo
Created     10m ago
Phase       Uploading
Reason      Uploading: Artifacts are being uploaded.
Message     1 of 3 artifacts are stored.
Note        The operator has not processed the last edit yet.
Progress    █████████████░░░░░░░░░░░░░░░░░ 45.1%, 216.5 MB of 480.0 MB
Speed       404.6 kB/s on average in 8m55s, at this rate 10m more
Retries     3 failed attempts, next one in 2m
URL         expires in 20m
Location    archive (bucket recordings, prefix acme/standup/)
Manifest    s3://recordings/acme/standup/metadata.json

Artifacts
  video       Uploading  ███████░░░░░░░░░░░░░ 37.3%, 156.5 MB of 420.0 MB  Video
              s3://recordings/acme/standup/video.mp4
              From media.example.com. The URL expires in 20m.
  audio       Complete   60.0 MB  Audio
              s3://recordings/acme/standup/audio.m4a
              crc64nvme:0123456789abcdef, verified: the CRC64NVME that the store
              computed matches, the sha256 in the spec matches too
  transcript  Pending    Transcript, optional
              SourceNotFound: The source responded with 404.
              3 failed attempts, next attempt in 2m.
              From recording r-1 of RecordingSource calls.

Move
  The objects are being copied to StorageLocation cold.
    audio: Uploading, 1.0 MB of 60.0 MB

Notifications
  Completed      to billing  delivered
  SourceExpired  to crm      pending after 2 failed attempts, next one in 3m.
                             The sink responded with 503.
  SourceExpired  to erp      given up after 8 failed attempts. The sink
                             responded with 410.

Conditions
  ManifestWritten is False: StoreDenied. It was rejected.

Events
  9m          Normal   Uploading       The upload began.
  2m59s (x3)  Warning  SourceNotFound  transcript: The source responded with
                                       404. [31mIt is tried again, and this text
                                       is long.
"""


def page(*, columns: int | None, bars: bool = True, recording: dict[str, Any] | None = None) -> str:
    style = PageStyle(columns=columns, has_bars=bars, has_colour=False)
    return status_page(recording or RECORDING, EVENTS, now=NOW, style=style)


def test_the_page_on_80_columns() -> None:
    assert page(columns=80) == ON_80_COLUMNS
    assert max(map(len, ON_80_COLUMNS.splitlines())) <= 80


def test_without_a_terminal_nothing_is_wrapped_and_there_are_no_bars() -> None:
    shown = page(columns=None, bars=False)
    assert "█" not in shown
    assert "Progress    45.1%, 216.5 MB of 480.0 MB\n" in shown
    assert "\x1b" not in shown
    assert "given up after 8 failed attempts. The sink responded with 410.\n" in shown


def test_no_part_of_a_url_that_is_secret_is_shown() -> None:
    shown = page(columns=200)
    assert "c4n4ry" not in shown
    assert "pass" not in shown


def test_a_new_recording_and_one_that_is_deleted() -> None:
    metadata = {**RECORDING["metadata"], "deletionTimestamp": "2026-11-30T09:55:00Z"}
    shown = page(columns=200, recording={"metadata": metadata, "spec": RECORDING["spec"]})
    assert "Phase       Pending\n" in shown
    assert "Note        It is being deleted since 5m, with deletionPolicy Retain.\n" in shown
    assert "Note        The operator has not processed it yet." in shown
    assert "Location    not chosen yet\n" in shown
    assert "Speed" not in shown


UPLOADING = {
    "phase": "Uploading",
    "reason": "Uploading",
    "progress": "45.1%",
    "bytesDone": 27_060_000,
    "bytesTotal": 60_000_000,
    "message": "0 of 1 artifacts are stored. \x1b]0;owned\x07",
    "artifacts": [{"name": "video", "phase": "Uploading", "bytesDone": 27_060_000, "bytesTotal": 60_000_000}],
}
FAILED = {
    "phase": "Failed",
    "reason": "SourceNotFound",
    "message": "video: The source responded with 404.",
    "observedGeneration": 1,
    "artifacts": [{"name": "video", "phase": "Failed", "reason": "SourceNotFound", "attempts": 3}],
}


@pytest.mark.cluster
@pytest.mark.parametrize("person", ["admin", "tenant", "viewer"])
def test_each_person_sees_the_page_and_the_events(
    person: str, people: People, admin: RestClient, namespace: str
) -> None:
    stored = set_status(admin, a_recording(admin, namespace, "r"), FAILED)
    emit(admin, stored)
    shown = getattr(people, person).output("status", "r")
    assert f"Recording   {namespace}/r\n" in shown
    assert "Reason      SourceNotFound: The source responded with 404 or 410" in shown
    assert "Warning  SourceNotFound  video: The source responded with 404.\n" in shown
    assert "\x1b" not in shown
    assert "Events" not in getattr(people, person).output("status", f"{namespace}/r", "--events", "0")


def emit(admin: RestClient, stored: dict[str, Any]) -> None:
    recorder = EventRecorder(admin, instance="test")
    recorder.emit(
        stored,
        reason="SourceNotFound",
        action="Upload",
        note="video: The source responded with 404.",
        event_type=EventType.WARNING,
    )
    recorder.close(timeout_s=20)


@pytest.mark.cluster
def test_without_the_right_to_list_events_one_line_says_so(
    people: People, cluster: ControlPlane, admin: RestClient, namespace: str
) -> None:
    emit(admin, a_recording(admin, namespace, "r"))
    rules = [{"apiGroups": ["recordings.dev"], "resources": ["recordings"], "verbs": ["get"]}]
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "reader", "namespace": namespace},
        "rules": rules,
    }
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "reader", "namespace": namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "reader"}],
    }
    cluster.kubectl.apply(role, binding)
    eventually(lambda: people.admin.run("status", "r", "--as", "reader").returncode == 0)
    shown = people.admin.output("status", "r", "--as", "reader")
    assert shown.endswith(f"Events\n  They are not shown: you may not list events in namespace {namespace}.\n")

    lists_newer = {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["list"]}
    newer = {**role, "rules": [*rules, lists_newer]}
    cluster.kubectl.apply(newer)
    eventually(lambda: "SourceNotFound" in people.admin.output("status", "r", "--as", "reader"))


@pytest.mark.cluster
def test_the_object_for_programs(people: People, admin: RestClient, namespace: str, cluster: ControlPlane) -> None:
    set_status(admin, a_recording(admin, namespace, "r"), FAILED)
    from_kubectl: dict[str, Any] = cluster.kubectl.json("get", "recording", "r", "-n", namespace)
    assert json.loads(people.viewer.output("status", "r", "-o", "json")) == from_kubectl
    assert yaml.safe_load(people.viewer.output("status", "r", "-o", "yaml")) == from_kubectl


@pytest.mark.cluster
def test_what_cannot_be_read_is_one_line(people: People, namespace: str) -> None:
    missing = people.viewer.run("status", "r")
    assert (missing.returncode, missing.stdout) == (1, "")
    assert missing.stderr == (
        f"kubectl recordings: There is no Recording r in namespace {namespace}. Check the name and -n.\n"
    )
    refused = people.viewer.run("status", "default/r")
    assert refused.returncode == 1
    assert "You may not get recordings r in namespace default." in refused.stderr


@pytest.mark.cluster
def test_in_a_terminal_there_are_bars_and_colours_unless_they_are_not_wanted(
    people: People, admin: RestClient, namespace: str
) -> None:
    stored = a_recording(admin, namespace, "r")
    set_status(admin, stored, UPLOADING)
    for columns in (80, 200):
        with Terminal([PROGRAM, "status", "r"], env=people.tenant.environment, columns=columns, lines=60) as terminal:
            assert terminal.wait_exit() == 0
            assert "Progress    █████████████░░░░░░░░░░░░░░░░░ 45.1%" in terminal.text
            assert b"\x1b[34mUploading\x1b[0m" in terminal.received
            assert b"]0;owned\x07" not in terminal.received
    plain = {**people.tenant.environment, "NO_COLOR": "1"}
    with Terminal([PROGRAM, "status", "r"], env=plain, lines=60) as terminal:
        assert terminal.wait_exit() == 0
        assert "█" not in terminal.text
        assert b"\x1b" not in terminal.received

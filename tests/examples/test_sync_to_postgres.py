"""examples/sync-to-postgres, as a process, against a real PostgreSQL."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from localcluster.ports import free_port
from tests.support.fake_providers.signing import Scheme, SignedDelivery, forgeries, send, signed
from tests.support.postgres import Postgres, a_postgres
from tests.support.waiting import eventually

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "sync-to-postgres"
SECRETS = ("whsec_b2xkLXNlY3JldC1vZi10aGUtc3luYy10ZXN0", "whsec_bmV3LXNlY3JldC1vZi10aGUtc3luYy10ZXN0")
UID = "0d8f2f0e-6a52-4d0e-9a34-2f1c5a3b7d10"
NOON = "2026-01-01T12:00:00Z"
LATER = "2026-01-01T12:05:00Z"


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with a_postgres() as server:
        yield server


@pytest.fixture(scope="module")
def url(postgres: Postgres) -> Iterator[str]:
    """The address of the consumer."""
    port = free_port()
    settings = {"DATABASE_URL": postgres.url, "WEBHOOK_SECRETS": " ".join(SECRETS), "PORT": str(port)}
    process = subprocess.Popen(
        [sys.executable, EXAMPLE / "sync.py"], env={**os.environ, **settings}, stderr=subprocess.DEVNULL
    )
    try:
        address = f"http://127.0.0.1:{port}/"
        eventually(lambda: _listens(address), what="the consumer listens")
        yield address
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(autouse=True)
def _empty_tables(postgres: Postgres) -> None:
    with psycopg.connect(postgres.url) as connection:
        connection.execute((EXAMPLE / "schema.sql").read_bytes())
        connection.execute("TRUNCATE meetings, recording_events")


def _listens(address: str) -> bool:
    try:
        return send(address, SignedDelivery(headers={}, body=b"")).status == 401
    except ConnectionError:
        return False


def an_event(name: str = "completed", *, at: str = NOON, number: int = 1, **data: Any) -> dict[str, Any]:
    """An event as docs/events.md describes it."""
    artifacts = [
        {"name": "video", "kind": "Video", "phase": "Complete", "uri": "s3://archive/a/video.mp4", "size": 1000},
        {"name": "audio", "kind": "Audio", "phase": "Failed", "reason": "SourceGone"},
    ]
    recording = {
        "namespace": "team-a",
        "name": "calls-1",
        "uid": UID,
        "providerId": "bot-1",
        "owner": {"org": "acme", "user": "u-17"},
        "title": "Weekly sync",
        "phase": "Complete",
        "artifacts": artifacts,
    }
    return {
        "specversion": "1.0",
        "id": f"{UID}/{name}/{number}",
        "source": "/apis/recordings.dev/v1alpha1/namespaces/team-a/recordings/calls-1",
        "type": f"dev.recordings.recording.{name}.v1",
        "subject": "calls-1",
        "time": at,
        "orgid": "acme",
        "datacontenttype": "application/json",
        "data": {"recording": recording, **data},
    }


def an_attempt(event: Mapping[str, Any], *, secret: str = SECRETS[0]) -> SignedDelivery:
    return signed(Scheme.STANDARD_WEBHOOKS, event, secret=secret, delivery_id=str(event["id"]), at_s=time.time())


def meetings(postgres: Postgres) -> list[dict[str, Any]]:
    with psycopg.connect(postgres.url, row_factory=dict_row) as connection:
        return connection.execute("SELECT * FROM meetings").fetchall()


def test_an_event_becomes_a_row(url: str, postgres: Postgres) -> None:
    assert send(url, an_attempt(an_event())).status == 204
    [row] = meetings(postgres)
    assert (str(row["recording_uid"]), row["provider_id"], row["org"], row["state"]) == (
        UID,
        "bot-1",
        "acme",
        "Complete",
    )
    assert (row["video_uri"], row["audio_uri"], row["transcript_uri"]) == ("s3://archive/a/video.mp4", None, None)


@pytest.mark.parametrize(
    ("names", "kept"),
    [
        (("video-gallery", "video", "video-speaker"), "video"),
        (("video-speaker", "video-gallery"), "video-speaker"),
        (("video-speaker", "video-failed"), "video-speaker"),
    ],
)
def test_of_several_videos_the_plain_one_or_the_first_is_kept(
    names: tuple[str, ...], kept: str, url: str, postgres: Postgres
) -> None:
    event = an_event()
    event["data"]["recording"]["artifacts"] = [
        {"name": name, "kind": "Video", "phase": "Failed"}
        if name == "video-failed"
        else {"name": name, "kind": "Video", "phase": "Complete", "uri": f"s3://archive/a/{name}.mp4"}
        for name in names
    ]
    assert send(url, an_attempt(event)).status == 204
    assert meetings(postgres)[0]["video_uri"] == f"s3://archive/a/{kept}.mp4"


def test_a_second_delivery_changes_nothing(url: str, postgres: Postgres) -> None:
    event = an_event()
    assert [send(url, an_attempt(event)).status for _ in range(3)] == [204, 204, 204]
    with psycopg.connect(postgres.url) as connection:
        counts = connection.execute(
            "SELECT (SELECT count(*) FROM meetings), (SELECT count(*) FROM recording_events)"
        ).fetchone()
    assert counts == (1, 1)


def test_an_older_event_that_arrives_late_changes_nothing(url: str, postgres: Postgres) -> None:
    send(url, an_attempt(an_event("deleted", at=LATER, objects="Deleted")))
    assert send(url, an_attempt(an_event("completed", at=NOON))).status == 204
    [row] = meetings(postgres)
    assert (row["state"], row["video_uri"]) == ("Deleted", None)


def test_stored_files_that_are_kept_stay_in_the_row(url: str, postgres: Postgres) -> None:
    send(url, an_attempt(an_event("completed", at=NOON)))
    send(url, an_attempt(an_event("deleted", at=LATER, objects="Kept")))
    [row] = meetings(postgres)
    assert (row["state"], row["video_uri"]) == ("Deleted", "s3://archive/a/video.mp4")


def test_forged_events_are_rejected(url: str, postgres: Postgres) -> None:
    forged = forgeries(an_attempt(an_event()))
    assert {name: send(url, attempt).status for name, attempt in forged.items()} == dict.fromkeys(forged, 401)
    old = signed(Scheme.STANDARD_WEBHOOKS, an_event(), secret=SECRETS[0], at_s=time.time() - 301)
    assert send(url, old).status == 401
    assert meetings(postgres) == []


def test_both_secrets_are_valid_while_one_is_replaced(url: str) -> None:
    statuses = [send(url, an_attempt(an_event(), secret=secret)).status for secret in SECRETS]
    assert statuses == [204, 204]


def test_events_about_other_things_are_ignored(url: str, postgres: Postgres) -> None:
    event = {**an_event(), "type": "dev.recordings.budget.exceeded.v1", "data": {"report": "acme"}}
    assert send(url, an_attempt(event)).status == 204
    assert meetings(postgres) == []


def test_while_the_database_is_away_events_stay_with_the_operator(url: str, postgres: Postgres) -> None:
    postgres.stop()
    try:
        assert send(url, an_attempt(an_event())).status == 503
    finally:
        postgres.start()
    assert send(url, an_attempt(an_event())).status == 204
    assert len(meetings(postgres)) == 1

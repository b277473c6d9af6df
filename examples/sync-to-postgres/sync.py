"""Keeps the table `meetings` in PostgreSQL up to date with the events of an EventSink. README.md says how to run it."""

import json
import os
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.simple_server import make_server

import psycopg
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

DATABASE_URL = os.environ["DATABASE_URL"]
KEYS = [Webhook(secret) for secret in os.environ["WEBHOOK_SECRETS"].split()]  # two while a secret is replaced
LONGEST_BODY = 2**20
UPSERT = """
    INSERT INTO meetings (recording_uid, provider_id, namespace, name, org, user_id, title, state,
                          video_uri, audio_uri, transcript_uri, event_time)
    VALUES (%(uid)s, %(providerId)s, %(namespace)s, %(name)s, %(org)s, %(user)s, %(title)s, %(state)s,
            %(Video)s, %(Audio)s, %(Transcript)s, %(time)s)
    ON CONFLICT (recording_uid) DO UPDATE
    SET (provider_id, org, user_id, title, state, video_uri, audio_uri, transcript_uri, event_time)
      = (excluded.provider_id, excluded.org, excluded.user_id, excluded.title, excluded.state,
         excluded.video_uri, excluded.audio_uri, excluded.transcript_uri, excluded.event_time)
    WHERE meetings.event_time <= excluded.event_time"""  # an older event that arrives late changes nothing


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Respond to one request (WSGI)."""
    body = environ["wsgi.input"].read(min(int(environ.get("CONTENT_LENGTH") or 0), LONGEST_BODY))
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    headers = {name: environ.get(f"HTTP_{name.upper().replace('-', '_')}", "") for name in names}
    status = respond(body, headers)
    start_response(status, [("Content-Length", "0")])
    return [b""]


def respond(body: bytes, headers: dict[str, str]) -> str:
    """After a status of 2xx the operator does not send the event again; after others it does, for 24 hours."""
    if not any(is_signed(body, headers, key) for key in KEYS):
        return "401 Unauthorized"
    event = json.loads(body)
    if not event["type"].startswith("dev.recordings.recording."):
        return "204 No Content"
    try:
        with psycopg.connect(DATABASE_URL) as connection:  # one transaction: both rows are written, or none
            is_new = connection.execute(
                "INSERT INTO recording_events (id) VALUES (%s) ON CONFLICT DO NOTHING", [event["id"]]
            ).rowcount
            if is_new:
                connection.execute(UPSERT, row_of(event))
    except psycopg.OperationalError:  # the database is unavailable
        return "503 Service Unavailable"
    return "204 No Content"


def is_signed(body: bytes, headers: dict[str, str], key: Webhook) -> bool:
    """Whether the event was signed with this key within the last five minutes."""
    try:
        key.verify(body, headers)
    except (WebhookVerificationError, ValueError):
        return False
    return True


def row_of(event: dict[str, Any]) -> dict[str, Any]:
    """The parameters of UPSERT."""
    recording = event["data"]["recording"]
    stored = [one for one in recording.get("artifacts", []) if one.get("uri")]
    if event["data"].get("objects") == "Deleted":
        stored = []
    # Of several videos, such as those of Zoom: the one that is named video, or else the first.
    best_first = sorted(stored, key=lambda one: one["name"] != one["kind"].lower())
    uris = {one["kind"]: one["uri"] for one in reversed(best_first)}
    state = "Deleted" if ".recording.deleted." in event["type"] else recording.get("phase")
    columns = dict.fromkeys(("providerId", "title", "user", "Video", "Audio", "Transcript"))
    return {**columns, **recording, **recording["owner"], **uris, "state": state, "time": event["time"]}


if __name__ == "__main__":
    make_server(os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "8000")), app).serve_forever()

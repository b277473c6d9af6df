"""URLs in events, of a real store."""

from typing import Any, cast

from recording_operator.api.eventsink import EventSink
from recording_operator.api.recording import Phase
from recording_operator.controller.executors.executor import StoreSource
from recording_operator.controller.notifications.payloads import Payloads
from recording_operator.engine.actions import SendNotification
from recording_operator.notify.payloads import RecordingEvent
from recording_operator.stores.presigning import CdnKey
from tests.cli.conftest import strict, strict_server  # noqa: F401 - fixtures
from tests.cli.test_presign import KEY, PEM, put
from tests.controller.notifications.sinks import a_raw_sink
from tests.engine.builders import START, a_finished_recording, a_location, an_artifact, an_artifact_status
from tests.support.strict_store import StrictStore
from tests.support.transfers import store_of

SINK = EventSink.model_validate(a_raw_sink(presign={"expiresAfter": "5m"}))
CDN = CdnKey(domain="media.example.com", key_pair_id="K2JCJMDEHXQW5F", private_key_pem=PEM)


class Stores:
    """One store for all locations."""

    def __init__(self, store: StrictStore) -> None:
        self._store = store

    def store_named(self, location: str, *, uid: str) -> Any:  # noqa: ARG002 - as StoreSource
        return store_of(self._store, region="eu-west-2")


def urls_of(store: StrictStore, *, cdn: CdnKey | None = None) -> dict[str, str | None]:
    """The URL of each artifact: the video is stored, the notes are gone from the store."""
    artifacts = [
        an_artifact_status(name, phase=Phase.COMPLETE, key=key, uri=f"s3://recordings/{key}", etag="e")
        for name, key in (("video", KEY), ("notes", "gone.txt"))
    ]
    recording = a_finished_recording(
        artifacts=[an_artifact(one.name) for one in artifacts],
        status={"bucket": store.bucket_name, "artifacts": artifacts},
    )
    metadata = recording.metadata.model_copy(update={"uid": "uid-1"})
    recording = recording.model_copy(update={"metadata": metadata})
    action = SendNotification(
        recording=recording,
        sink="app",
        event="Completed",
        id="uid-1/completed/1",
        time=START,
        location=a_location(bucket=store.bucket_name),
    )
    payloads = Payloads(cast("StoreSource", Stores(store)), cdn=lambda _: cdn)
    data = payloads.event(action, SINK).data
    assert isinstance(data, RecordingEvent)
    return {one.name: one.url for one in data.recording.artifacts}


def test_a_file_that_is_gone_does_not_take_the_url_of_another(strict: StrictStore) -> None:  # noqa: F811 - a fixture
    put(strict)
    urls = urls_of(strict)
    assert str(urls["video"]).startswith(f"{strict.endpoint}/{strict.bucket_name}/{KEY}?")
    assert urls["notes"] is None


def test_a_location_with_a_cdn_gives_its_urls(strict: StrictStore) -> None:  # noqa: F811 - a fixture
    put(strict)
    assert str(urls_of(strict, cdn=CDN)["video"]).startswith(f"https://media.example.com/{KEY}?Expires=")

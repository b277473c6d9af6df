"""How fast an upload is, from the updates of its status."""

from datetime import UTC, datetime
from typing import Any

from recording_operator.cli.recordings.filters import RecordingFilter
from recording_operator.cli.recordings.speed import Speedometer
from recording_operator.cli.recordings.watched import WatchedRecordings
from recording_operator.kube.resources import ChangeType, ObjectChange, ObjectSnapshot


def measured(*samples: tuple[float, int]) -> Speedometer:
    speed = Speedometer()
    for at_s, bytes_done in samples:
        speed.add(bytes_done, now_s=at_s)
    return speed


def test_the_rate_is_that_of_the_last_minute() -> None:
    assert measured().rate(now_s=0) is None
    assert measured((0, 100)).rate(now_s=0) is None
    assert measured((0, 0), (10, 1000)).rate(now_s=10) == 100
    assert measured((0, 0), (50, 50), (100, 5050), (110, 6050)).rate(now_s=110) == 100


def test_an_update_without_new_bytes_is_no_measurement() -> None:
    assert measured((0, 0), (10, 1000), (15, 1000)).rate(now_s=15) == 100


def test_nothing_is_known_after_missed_updates_and_after_a_new_start() -> None:
    assert measured((0, 0), (10, 1000)).rate(now_s=60) is None
    assert measured((0, 0), (10, 1000), (20, 10)).rate(now_s=20) is None


def test_the_time_that_is_left_passes_between_updates() -> None:
    speed = measured((0, 0), (10, 1000))
    assert speed.left_s(3000, now_s=10) == 20
    assert speed.left_s(3000, now_s=15) == 15
    assert speed.left_s(3000, now_s=40) == 0
    assert speed.left_s(None, now_s=10) is None


def recording(bytes_done: int) -> dict[str, Any]:
    status = {"phase": "Uploading", "bytesDone": bytes_done}
    return {"metadata": {"namespace": "a", "name": "r", "uid": "u"}, "spec": {}, "status": status}


def test_a_list_is_no_measurement_because_its_objects_were_written_earlier() -> None:
    moments = iter((100.0, 110.0))
    watched = WatchedRecordings(
        chosen=RecordingFilter(), names=frozenset(), clock=lambda: next(moments), exists=lambda _: False
    )
    watched.take(ObjectSnapshot(items=(recording(0),), version="1"), namespace="a")
    for bytes_done in (5000, 6000):
        change = ObjectChange(type=ChangeType.MODIFIED, object=recording(bytes_done))
        watched.take(change, namespace="a")
    [shown] = watched.shown(now=datetime.now(UTC))
    assert shown.speed.rate(now_s=110) == 100

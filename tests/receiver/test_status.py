"""The status of a RecordingSource: counts of several receivers, and why it is not ready."""

from collections.abc import Callable
from typing import Any

import pytest

from localcluster.receiverprocess import ReceiverProcess
from tests.receiver.conftest import SOURCE, Meetings
from tests.receiver.sending import SECRET, completed, failed, post, secret_manifest, source_manifest
from tests.support.waiting import eventually

pytestmark = pytest.mark.cluster


def ready(meetings: Meetings, reason: str) -> dict[str, Any]:
    """The condition Ready, as soon as it has this reason."""

    def condition() -> dict[str, Any] | None:
        found = (meetings.source().get("status") or {}).get("conditions") or [{}]
        return found[0] if found[0].get("reason") == reason else None

    return eventually(condition, within_s=60, what=reason)


def counts(meetings: Meetings) -> dict[str, int]:
    """What was counted."""
    status = meetings.source().get("status") or {}
    return {name: status.get(name, 0) for name in ("accepted", "duplicates", "rejected", "failed")}


def test_the_counts_of_two_receivers_add_up(receivers: Callable[..., ReceiverProcess], meetings: Meetings) -> None:
    """The second one ends with SIGTERM: it writes what it has counted."""
    first, second = receivers(), receivers()
    for receiver in (first, second):
        receiver.start()
    for number in range(4):
        body = completed(f"bot-{number % 2}", sent_at="2026-11-29T10:00:00+00:00")
        for receiver in (first, second):
            assert meetings.send(receiver, body, message_id=f"msg_{number % 2}").status == 200
            assert post(receiver.url, meetings.path, body).status == 401
    assert meetings.send(first, failed()).status == 200
    second.terminate()
    assert second.wait(timeout_s=30) == 0
    expected = {"accepted": 2, "duplicates": 6, "rejected": 8, "failed": 0}
    eventually(lambda: counts(meetings) == expected, within_s=40, what=str(expected))
    status = meetings.source()["status"]
    assert status["path"] == meetings.path
    assert status["lastEventTime"] == "2026-11-29T10:00:00Z"
    assert status["lastDeliveryTime"] > status["lastEventTime"]
    assert status["observedGeneration"] == meetings.source()["metadata"]["generation"]
    assert ready(meetings, "Receiving")["status"] == "True"


def test_ready_says_what_is_missing(receivers: Callable[..., ReceiverProcess], meetings: Meetings) -> None:
    namespace = f"--namespace={meetings.namespace}"
    meetings.cluster.kubectl("delete", "secret", "webhook", namespace)
    receiver = receivers()
    receiver.start()
    missing = ready(meetings, "SecretNotFound")
    assert (missing["status"], missing["message"]) == ("False", "The Secret webhook does not exist.")
    assert meetings.send(receiver, completed()).status == 503
    # Another Secret: it is read at once. The first one would be read within a minute.
    spec = {"recording": {"owner": {"org": {"from": "extra.["}}}}
    meetings.cluster.kubectl.apply(
        secret_manifest("other", meetings.namespace, current=SECRET),
        source_manifest(SOURCE, meetings.namespace, secret="other", spec=spec),
    )
    invalid = ready(meetings, "MappingInvalid")
    assert "spec.recording.owner.org.from" in invalid["message"]
    assert meetings.send(receiver, completed()).status == 503
    meetings.cluster.kubectl.apply(
        source_manifest(SOURCE, meetings.namespace, secret="other", spec={"suspend": True}),
    )
    assert ready(meetings, "Suspended")["status"] == "False"
    assert meetings.send(receiver, completed()).status == 404


def test_a_deleted_source_receives_nothing(receiver: ReceiverProcess, meetings: Meetings) -> None:
    assert meetings.send(receiver, completed()).status == 200
    meetings.cluster.kubectl("delete", "recordingsource", SOURCE, f"--namespace={meetings.namespace}")
    eventually(lambda: meetings.send(receiver, completed()).status == 404, what="the source is gone")


def test_a_namespace_without_rights_is_reported(receivers: Callable[..., ReceiverProcess], meetings: Meetings) -> None:
    meetings.cluster.kubectl("delete", "rolebinding", "--all", f"--namespace={meetings.namespace}")
    receiver = receivers()
    receiver.start()
    assert "no permission" in ready(meetings, "SecretNotFound")["message"]

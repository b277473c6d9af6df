"""A leader that may have been replaced makes no changes."""

import pytest

from recording_operator.kube.client import KubeApi
from recording_operator.kube.events import EventRecorder
from recording_operator.kube.fence import FencedClient, NotLeading
from recording_operator.kube.rest import RestClient
from tests.kube.objects import a_recording
from tests.support.waiting import eventually

pytestmark = pytest.mark.cluster


class Right:
    """Whether the process still leads."""

    def __init__(self, *, held: bool) -> None:
        self.held = held

    def __call__(self) -> bool:
        return self.held


def test_without_the_lease_it_reads_and_changes_nothing(rest: RestClient, admin: RestClient, namespace: str) -> None:
    right = Right(held=False)
    api = KubeApi(FencedClient(rest, may_change=right))
    stored = a_recording(admin, namespace, "r")
    version = stored["metadata"]["resourceVersion"]

    assert api.get_recording(namespace, "r")["metadata"]["resourceVersion"] == version
    with pytest.raises(NotLeading):
        api.patch_recording_status(namespace, "r", resource_version=version, status={"phase": "Pending"})
    with pytest.raises(NotLeading):
        api.delete_recording(namespace, "r", uid=stored["metadata"]["uid"])
    assert api.get_recording(namespace, "r")["metadata"]["resourceVersion"] == version

    right.held = True
    api.patch_recording_status(namespace, "r", resource_version=version, status={"phase": "Pending"})


def test_no_event_is_posted_without_the_lease(rest: RestClient, admin: RestClient, namespace: str) -> None:
    right = Right(held=False)
    recorder = EventRecorder(FencedClient(rest, may_change=right), instance="operator-0")
    try:
        stored = a_recording(admin, namespace, "r")
        recorder.emit(stored, reason="Uploading", action="Upload", note="Bytes are moving.")
        events = f"/apis/events.k8s.io/v1/namespaces/{namespace}/events"
        recorder.close(timeout_s=0.5)
        assert admin.request("GET", events)["items"] == []
    finally:
        recorder.close(timeout_s=1)

    right.held = True
    recorder = EventRecorder(FencedClient(rest, may_change=right), instance="operator-0")
    try:
        recorder.emit(stored, reason="Uploading", action="Upload", note="Bytes are moving.")
        eventually(lambda: admin.request("GET", events)["items"])
    finally:
        recorder.close(timeout_s=10)

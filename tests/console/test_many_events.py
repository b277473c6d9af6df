"""Anyone who may create Events can create many and large ones: only some of them are read."""

import pytest

from localcluster import ControlPlane
from recording_operator.kube.connection import connection
from recording_operator.kube.resources import Resources
from recording_operator.kube.rest import RestClient
from recording_operator.user_actions import object_events
from recording_operator.user_actions.object_events import events_of
from tests.console.auth.test_tokens import Counting


def test_of_many_large_events_only_some_are_read(
    cluster: ControlPlane, admin: RestClient, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_events, "_MOST_READ", 30)
    about = {"kind": "Recording", "namespace": namespace, "name": "weekly", "uid": "the-uid"}
    for number in range(50):
        event = {
            "metadata": {"name": f"event-{number:02}"},
            "involvedObject": about,
            "message": "x" * 20_000,
            "lastTimestamp": f"2026-11-30T12:00:{number:02}Z",
        }
        admin.request("POST", f"/api/v1/namespaces/{namespace}/events", body=event)
    counting = Counting()
    resources = Resources(RestClient(connection(kubeconfig=cluster.kubeconfig), observer=counting))
    found = events_of(resources, {"namespace": namespace, "uid": "the-uid"}, most=3).found
    assert [one.time for one in found] == [f"2026-11-30T12:00:{second}Z" for second in (27, 28, 29)]
    assert counting.requests == 2
    assert max(len(one.note) for one in found) == 1024

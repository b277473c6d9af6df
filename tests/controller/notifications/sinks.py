"""EventSinks for tests of the controller, as the API server returns them."""

from typing import Any

from recording_operator.kube.errors import NotFound

JsonObject = dict[str, Any]
CREATED = "2026-11-21T09:00:00Z"


def a_raw_sink(
    name: str = "app",
    *,
    namespace: str = "team-a",
    uid: str = "sink-1",
    generation: int = 1,
    events: tuple[str, ...] = ("Completed",),
    status: JsonObject | None = None,
    **spec: Any,
) -> JsonObject:
    """An EventSink."""
    return {
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": uid,
            "generation": generation,
            "resourceVersion": "1",
            "creationTimestamp": CREATED,
        },
        "spec": {"uri": "https://app.example.com/hook", "secretRef": {"name": "keys"}, "events": list(events), **spec},
        "status": status or {},
    }


class FakeSinkApi:
    """The EventSinks of an API server."""

    def __init__(self, *sinks: JsonObject) -> None:
        self.sinks = {(one["metadata"]["namespace"], one["metadata"]["name"]): one for one in sinks}

    def get_event_sink(self, namespace: str, name: str) -> JsonObject:
        """The sink. Raises NotFound."""
        if (namespace, name) not in self.sinks:
            raise NotFound("no such sink", status=404)
        return self.sinks[namespace, name]

    def patch_event_sink_status(
        self,
        namespace: str,
        name: str,
        *,
        resource_version: str,  # noqa: ARG002 - as KubeApi
        status: JsonObject,
    ) -> JsonObject:
        """Merge the status."""
        sink = self.sinks[namespace, name]
        sink["status"] = {**sink["status"], **status}
        return sink

"""EventSinks of end-to-end tests."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tests.support.sinks import KEY, SinkServer
from tests.support.world import World

JsonObject = dict[str, Any]
_API: Final = "/apis/recordings.dev/v1alpha1"


def add_sink(
    world: World,
    app: SinkServer,
    *,
    events: Sequence[str],
    name: str = "app",
    keys: Mapping[str, str] | None = None,
    **spec: Any,
) -> None:
    """Create an EventSink and its Secret."""
    world.put_secret(f"{name}-keys", dict(keys or {"key": KEY}))
    body = {
        "apiVersion": "recordings.dev/v1alpha1",
        "kind": "EventSink",
        "metadata": {"name": name, "namespace": world.namespace},
        "spec": {"uri": app.url, "secretRef": {"name": f"{name}-keys"}, "events": list(events), **spec},
    }
    world.admin.request("POST", _path(world), body=body)


def sink_status(world: World, name: str = "app") -> JsonObject:
    """The status of an EventSink."""
    return dict(world.admin.request("GET", f"{_path(world)}/{name}").get("status") or {})


def _path(world: World) -> str:
    return f"{_API}/namespaces/{world.namespace}/eventsinks"

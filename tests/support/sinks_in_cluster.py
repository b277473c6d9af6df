"""EventSinks of end-to-end tests."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from localcluster.install import secrets_binding
from tests.support.announced import KnownSink
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
    namespace: str = "",
    keys: Mapping[str, str] | None = None,
    **spec: Any,
) -> None:
    """Create an EventSink and its Secret."""
    where = namespace or world.namespace
    world.put_secret(f"{name}-keys", dict(keys or {"key": KEY}), namespace=where)
    body = {
        "apiVersion": "recordings.dev/v1alpha1",
        "kind": "EventSink",
        "metadata": {"name": name, "namespace": where},
        "spec": {"uri": app.url, "secretRef": {"name": f"{name}-keys"}, "events": list(events), **spec},
    }
    world.cluster.kubectl.apply(secrets_binding(where))
    world.admin.request("POST", _path(where), body=body)
    world.sinks[name] = KnownSink(app=app, events=frozenset(events))


def sink_status(world: World, name: str = "app") -> JsonObject:
    """The status of an EventSink."""
    return dict(world.admin.request("GET", f"{_path(world.namespace)}/{name}").get("status") or {})


def _path(namespace: str) -> str:
    return f"{_API}/namespaces/{namespace}/eventsinks"

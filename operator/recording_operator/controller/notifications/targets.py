"""Where the events of an EventSink are sent, and with which keys they are signed."""

from collections.abc import Callable
from typing import Any

from recording_operator.api.eventsink import EventSink, SinkRef
from recording_operator.api.reasons import Reason
from recording_operator.kube.client import KubeApi
from recording_operator.kube.errors import Forbidden, KubeError, NotFound
from recording_operator.notify.sender import NotAcceptedError, SinkTarget
from recording_operator.notify.signing import SigningKeyError, signing_keys


class TargetResolver:
    """Reads what an EventSink names in its namespace. `register_secret`: called with what must never be logged."""

    def __init__(self, kube: KubeApi, *, register_secret: Callable[[str], None]) -> None:
        self._kube = kube
        self._register_secret = register_secret

    def resolve(self, sink: EventSink) -> SinkTarget:
        """The target. Raises NotAcceptedError."""
        try:
            url = sink.spec.uri or self._address(sink.metadata.namespace, sink.spec.ref)
            return SinkTarget(url=url, keys=self._keys(sink))
        except KubeError:
            raise NotAcceptedError(
                Reason.SINK_UNAVAILABLE, "The API server did not respond when the address was read. It is retried."
            ) from None

    def _keys(self, sink: EventSink) -> tuple[bytes, ...]:
        if sink.spec.secret_ref is None:
            return ()
        name, namespace = sink.spec.secret_ref.name, sink.metadata.namespace
        try:
            secret = self._kube.read_secret(namespace, name)
        except NotFound:
            raise NotAcceptedError(
                Reason.SECRET_NOT_FOUND, f"Secret {name!r} does not exist in this namespace."
            ) from None
        except Forbidden:
            raise NotAcceptedError(
                Reason.SECRET_NOT_FOUND,
                f"The operator may not read Secret {name!r} in this namespace. "
                "Bind the ClusterRole recording-operator-secrets to it with a RoleBinding here.",
            ) from None
        for value in secret.data.values():
            self._register_secret(value.decode("latin-1").strip())
        try:
            return signing_keys(secret.data.values())
        except SigningKeyError as error:
            raise NotAcceptedError(Reason.SECRET_NOT_USABLE, f"Secret {name!r}: {error}") from None

    def _address(self, namespace: str, ref: SinkRef | None) -> str:
        if ref is None:
            raise NotAcceptedError(Reason.SINK_NOT_FOUND, "The EventSink has neither spec.uri nor spec.ref.")
        what = f"{ref.kind} {ref.name}"
        try:
            found = self._kube.get_named(ref.api_version, ref.kind, namespace, ref.name)
        except NotFound:
            raise NotAcceptedError(
                Reason.SINK_NOT_FOUND, f"{what} ({ref.api_version}) does not exist in this namespace."
            ) from None
        except Forbidden:
            raise NotAcceptedError(
                Reason.SINK_NOT_FOUND,
                f"The operator may not read {what} ({ref.api_version}). Grant it get with a ClusterRole that has the "
                "label duck.knative.dev/addressable=true.",
            ) from None
        return _url_of(found, what)


def _url_of(found: dict[str, Any], what: str) -> str:
    status = found.get("status")
    address = status.get("address") if isinstance(status, dict) else None
    url = address.get("url") if isinstance(address, dict) else None
    if not isinstance(url, str) or not url:
        raise NotAcceptedError(Reason.SINK_NOT_FOUND, f"{what} has no status.address.url. It may not be ready yet.")
    return url

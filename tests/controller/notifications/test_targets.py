"""Where the events of an EventSink are sent: a URL, or the address of an object, and the keys of its Secret."""

from typing import Any, cast

import pytest

from recording_operator.api.eventsink import EventSink
from recording_operator.api.reasons import Reason
from recording_operator.controller.notifications.targets import TargetResolver
from recording_operator.kube.client import KubeApi, SecretData
from recording_operator.kube.errors import ApiUnavailable, Forbidden, KubeError, NotFound
from recording_operator.notify.sender import NotAcceptedError
from tests.controller.notifications.sinks import a_raw_sink
from tests.support.sinks import KEY, NEXT_KEY

REF = {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": "default"}


class FakeApi:
    """A Secret and an Addressable of a namespace."""

    def __init__(self) -> None:
        self.secret: dict[str, bytes] | KubeError = {"old": KEY.encode(), "new": NEXT_KEY.encode()}
        self.object: dict[str, Any] | KubeError = {"status": {"address": {"url": "http://broker.knative.svc/team-a"}}}
        self.asked: list[tuple[str, ...]] = []

    def read_secret(self, namespace: str, name: str) -> SecretData:
        self.asked.append((namespace, name))
        if isinstance(self.secret, KubeError):
            raise self.secret
        return SecretData(name=name, labels={}, annotations={}, data=self.secret)

    def get_named(self, api_version: str, kind: str, namespace: str, name: str) -> dict[str, Any]:
        self.asked.append((api_version, kind, namespace, name))
        if isinstance(self.object, KubeError):
            raise self.object
        return self.object


def problem_of(api: FakeApi, **spec: Any) -> NotAcceptedError:
    sink = EventSink.model_validate(a_raw_sink(**spec))
    with pytest.raises(NotAcceptedError) as caught:
        TargetResolver(cast("KubeApi", api), register_secret=lambda _: None).resolve(sink)
    return caught.value


def test_a_url_and_the_keys_of_a_secret_which_are_never_logged() -> None:
    api, hidden = FakeApi(), list[str]()
    resolver = TargetResolver(cast("KubeApi", api), register_secret=hidden.append)

    target = resolver.resolve(EventSink.model_validate(a_raw_sink()))

    assert target.url == "https://app.example.com/hook"
    assert len(target.keys) == 2
    assert hidden == [KEY, NEXT_KEY]
    assert api.asked == [("team-a", "keys")]
    assert "app.example.com" not in repr(target)


def test_the_address_of_an_object_of_the_same_namespace_without_a_signature() -> None:
    api = FakeApi()
    resolver = TargetResolver(cast("KubeApi", api), register_secret=lambda _: None)

    target = resolver.resolve(EventSink.model_validate(a_raw_sink(uri=None, ref=REF, secretRef=None)))

    assert (target.url, target.keys) == ("http://broker.knative.svc/team-a", ())
    assert api.asked == [("eventing.knative.dev/v1", "Broker", "team-a", "default")]


@pytest.mark.parametrize(
    ("secret", "reason"),
    [
        (NotFound("no", status=404), Reason.SECRET_NOT_FOUND),
        (Forbidden("no", status=403), Reason.SECRET_NOT_FOUND),
        (ApiUnavailable("no"), Reason.SINK_UNAVAILABLE),
        ({}, Reason.SECRET_NOT_USABLE),
        ({"key": b"hunter2"}, Reason.SECRET_NOT_USABLE),
    ],
)
def test_a_secret_that_cannot_be_used(secret: dict[str, bytes] | KubeError, reason: Reason) -> None:
    api = FakeApi()
    api.secret = secret

    found = problem_of(api)

    assert found.reason is reason
    assert "hunter2" not in found.message


@pytest.mark.parametrize(
    "found",
    [
        NotFound("no", status=404),
        Forbidden("no", status=403),
        {},
        {"status": {"address": {}}},
        {"status": {"address": {"url": ""}}},
        {"status": "odd"},
    ],
)
def test_an_object_without_an_address(found: dict[str, Any] | KubeError) -> None:
    api = FakeApi()
    api.object = found

    assert problem_of(api, uri=None, ref=REF, secretRef=None).reason is Reason.SINK_NOT_FOUND

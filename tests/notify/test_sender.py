"""What the response of a receiver means, and where events may be sent."""

import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.egress.addresses import parse_address
from recording_operator.notify.events import EncodedEvent
from recording_operator.notify.policy import SinkPolicy
from recording_operator.notify.sender import NotAcceptedError, Sender, SinkTarget
from recording_operator.notify.signing import signing_keys
from tests.support.sinks import KEY, Reply, SinkServer, a_sink

EVENT = EncodedEvent(content_type="application/cloudevents+json", body=b'{"type": "dev.recordings.test.v1"}')


def _now() -> datetime:
    return datetime.now(UTC)


def a_policy(**more: object) -> SinkPolicy:
    loopback = {"schemes": ["http"], "ports": [], "allowPrivateCIDRs": ["127.0.0.0/8"]}
    return SinkPolicy.model_validate({**loopback, **more})


def send(sink: SinkServer, *, policy: SinkPolicy | None = None, deadline_s: float = 15.0) -> None:
    sender = Sender(policy or a_policy(), now=_now, deadline_s=deadline_s)
    target = SinkTarget(url=sink.url, keys=signing_keys([KEY.encode()]))
    sender.send(EVENT, event_id="id-1", target=target, stop=threading.Event())


def rejected(*replies: Reply) -> NotAcceptedError:
    with a_sink(*replies) as sink, pytest.raises(NotAcceptedError) as caught:
        send(sink)
    return caught.value


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_2xx_is_delivered_and_genuine(status: int) -> None:
    with a_sink(Reply(status=status)) as sink:
        send(sink)

    assert [one["type"] for one in sink.accepted] == ["dev.recordings.test.v1"]
    assert sink.headers[0]["content-type"] == "application/cloudevents+json"
    assert sink.forged == 0


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (410, Reason.SINK_GONE),
        (415, Reason.SINK_REJECTED),
        (400, Reason.SINK_REJECTED),
        (401, Reason.SINK_REJECTED),
        (429, Reason.SINK_UNAVAILABLE),
        (500, Reason.SINK_UNAVAILABLE),
        (503, Reason.SINK_UNAVAILABLE),
    ],
)
def test_other_responses(status: int, reason: Reason) -> None:
    assert rejected(Reply(status=status)).reason is reason


def test_a_redirect_is_a_failure_and_not_followed() -> None:
    with a_sink() as other:
        error = rejected(Reply(status=307, headers=(("Location", other.url),)))

    assert error.reason is Reason.SINK_REJECTED
    assert "redirect" in error.message
    assert other.received == []


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        ("999999999", 24 * 3600.0),
        ("soon", None),
    ],
)
def test_retry_after_is_honoured(text: str, seconds: float | None) -> None:
    assert rejected(Reply(status=503, headers=(("Retry-After", text),))).retry_after_s == seconds


def test_retry_after_may_be_a_date() -> None:
    text = format_datetime(_now() + timedelta(seconds=90), usegmt=True)
    seconds = rejected(Reply(status=503, headers=(("Retry-After", text),))).retry_after_s
    assert seconds is not None
    assert 60 < seconds <= 90


def test_a_receiver_that_does_not_respond_is_given_up_at_the_deadline() -> None:
    with a_sink(Reply(pause=threading.Event())) as sink, pytest.raises(NotAcceptedError) as caught:
        send(sink, deadline_s=0.5)

    assert caught.value.reason is Reason.SINK_UNAVAILABLE
    assert "did not respond" in caught.value.message


def test_nothing_listens() -> None:
    with a_sink() as sink:
        pass
    with pytest.raises(NotAcceptedError) as caught:
        send(sink)

    assert caught.value.reason is Reason.SINK_UNAVAILABLE


@pytest.mark.parametrize(
    "policy",
    [SinkPolicy(), a_policy(schemes=["https"]), a_policy(allowPrivateCIDRs=[]), a_policy(denyCIDRs=["127.0.0.0/8"])],
    ids=["default", "https only", "no private addresses", "denied"],
)
def test_the_policy_applies(policy: SinkPolicy) -> None:
    with a_sink() as sink, pytest.raises(NotAcceptedError) as caught:
        send(sink, policy=policy)

    assert caught.value.reason is Reason.SINK_BLOCKED
    assert sink.received == []


class TestServices:
    """Services of the cluster, by name."""

    @pytest.mark.parametrize("patterns", [["*"], ["*.svc"], ["a b"]])
    def test_patterns_that_are_too_wide(self, patterns: Sequence[str]) -> None:
        with pytest.raises(ValueError, match="write"):
            SinkPolicy.model_validate({"services": patterns})

    def test_private_addresses_are_allowed_for_them_only(self) -> None:
        policy = SinkPolicy.model_validate({"services": ["*.team-a.svc", "broker.knative.svc.cluster.local"]})
        services = policy.for_services()

        assert services is not None
        assert services.permits_host("app.team-a.svc")
        assert not services.permits_host("app.team-b.svc")
        assert not policy.permits_host("app.team-a.svc")

    @pytest.mark.parametrize("address", ["169.254.169.254", "127.0.0.1", "fe80::1"])
    def test_never_metadata_services_or_the_pod_itself(self, address: str) -> None:
        services = SinkPolicy.model_validate({"services": ["app.team-a.svc"]}).for_services()
        found = parse_address(address)

        assert services is not None
        assert found is not None
        assert not services.permits_address(found)

    def test_a_url_that_cannot_be_parsed_is_no_service(self) -> None:
        sender = Sender(a_policy(services=["app.team-a.svc"]), now=_now)
        with pytest.raises(NotAcceptedError):
            sender.send(EVENT, event_id="a", target=SinkTarget(url="nonsense", keys=()), stop=threading.Event())

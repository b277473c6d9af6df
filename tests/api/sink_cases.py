"""EventSinks: what the API server rejects, with the expected messages, and what it accepts."""

from typing import Any, Final

from recording_operator.api.names import API_VERSION
from tests.api.bad_sources import ABSOLUTE, ADDRESS, OBJECT_NAME, PRINTABLE
from tests.api.cases import Case, blocked, missing, rejected, too_long, unsupported
from tests.api.manifests import CANARY, JsonObject

URI: Final = "spec.uri"
ONE_ADDRESS: Final = "set exactly one of uri and ref"
PRESIGN: Final = "write a duration of 1m to 168h"
EVENTS: Final = (
    "Completed",
    "Failed",
    "SourceExpired",
    "Deleted",
    "Moved",
    "BudgetExceeded",
    "ForecastExceedsBudget",
    "LocationNotReady",
)
BROKER: Final = {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": "default"}


def a_sink(*, name: str = "app", **spec: Any) -> JsonObject:
    """An EventSink; a field given as None is left out."""
    fields = {
        "uri": "https://app.example.com/hooks/recordings",
        "secretRef": {"name": "app"},
        "events": ["Completed"],
        **spec,
    }
    return {
        "apiVersion": API_VERSION,
        "kind": "EventSink",
        "metadata": {"name": name},
        "spec": {key: value for key, value in fields.items() if value is not None},
    }


def with_uri(uri: str) -> JsonObject:
    """An EventSink with this address."""
    return a_sink(uri=uri)


STORED_SINK: Final = a_sink(name="stored-sink")
GOOD_SINKS: Final = {
    "an application": a_sink(),
    "every event": a_sink(events=list(EVENTS)),
    "a token in the address": with_uri("https://hooks.example.com/services/T0/B0?token=a%20b"),
    "a service of the cluster": with_uri("http://app.team-a.svc.cluster.local:8080/hooks"),
    "a broker without a signature": a_sink(uri=None, secretRef=None, ref=BROKER),
    "a broker with a signature": a_sink(uri=None, ref=BROKER),
    "a Service of Kubernetes": a_sink(uri=None, ref={"apiVersion": "v1", "kind": "Service", "name": "app"}),
    "everything": a_sink(
        selector={"matchLabels": {"team": "a", "recordings.dev/source": "calls"}},
        presign={"expiresAfter": "168h"},
        suspend=True,
    ),
    "the longest address": with_uri("https://h/" + "a" * 2038),
    "longest name": a_sink(name="n" * 63),
}
BAD_SINKS: Final = (
    Case("no address", a_sink(uri=None), rejected("spec", ONE_ADDRESS)),
    Case("two addresses", a_sink(ref=BROKER), rejected("spec", ONE_ADDRESS)),
    Case(
        "no secret",
        a_sink(secretRef=None),
        rejected("spec.secretRef", "set secretRef: events that are sent to a uri are signed"),
    ),
    Case(
        "secret instead of its name",
        a_sink(secretRef={"name": f"whsec_{CANARY}"}),
        rejected("spec.secretRef.name", OBJECT_NAME),
    ),
    Case("no events", a_sink(events=None), blocked(missing("spec.events"))),
    Case(
        "an empty list of events",
        a_sink(events=[]),
        rejected("spec.events", "write at least one event, such as Completed"),
    ),
    Case("an unknown event", a_sink(events=["Done"]), blocked(unsupported("spec.events[0]", "Done", *EVENTS))),
    Case("an address without a scheme", with_uri(f"app.example.com/{CANARY}"), rejected(URI, ABSOLUTE)),
    Case("an address of another scheme", with_uri(f"ftp://app.example.com/{CANARY}"), rejected(URI, ABSOLUTE)),
    Case("an empty address", with_uri(""), rejected(URI, ABSOLUTE)),
    Case(
        "an address with a line break",
        with_uri(f"https://app.example.com/{CANARY}\r\nHost: x"),
        rejected(URI, PRINTABLE),
    ),
    Case("an address with a number as host", with_uri(f"http://2130706433/{CANARY}"), rejected(URI, ADDRESS)),
    Case(
        "an address with a password",
        with_uri(f"https://me:{CANARY}@app.example.com"),
        rejected(
            URI,
            "must not contain a user name or password; the receiver verifies the signature that secretRef makes",
        ),
    ),
    Case(
        "an address with a fragment",
        with_uri(f"https://app.example.com/#{CANARY}"),
        rejected(URI, "must not contain a fragment ('#…'), which is never sent to a server"),
    ),
    Case("an address too long", with_uri("https://h/" + "a" * 2039), blocked(too_long(URI, 2048))),
    Case(
        "a bad apiVersion",
        a_sink(uri=None, ref={**BROKER, "apiVersion": "knative"}),
        rejected(
            "spec.ref.apiVersion",
            "write the apiVersion of the object, such as serving.knative.dev/v1",
            value="knative",
        ),
    ),
    Case(
        "a bad kind",
        a_sink(uri=None, ref={**BROKER, "kind": "broker/../x"}),
        rejected("spec.ref.kind", "write the kind of the object, such as Service", value="broker/../x"),
    ),
    Case(
        "URLs that expire too late",
        a_sink(presign={"expiresAfter": "169h"}),
        rejected("spec.presign.expiresAfter", PRESIGN, value="169h"),
    ),
    Case(
        "URLs that expire at once",
        a_sink(presign={"expiresAfter": "1s"}),
        rejected("spec.presign.expiresAfter", PRESIGN, value="1s"),
    ),
    Case(
        "a long name",
        a_sink(name="n" * 64),
        rejected("<nil>", "metadata.name must have at most 63 characters and no '.'"),
    ),
)
GOOD_SINK_UPDATES: Final = {
    "another address": {"spec": {"uri": "https://other.example.com"}},
    "a broker instead": {"spec": {"uri": None, "ref": BROKER}},
    "suspended": {"spec": {"suspend": True}},
}

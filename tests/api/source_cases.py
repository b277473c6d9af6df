"""RecordingSources: what the API server rejects, with the expected messages, and what it accepts."""

from typing import Any, Final

from recording_operator.api.names import API_VERSION
from tests.api.bad_sources import ABSOLUTE, OBJECT_NAME
from tests.api.cases import Case, blocked, missing, out_of_bounds, rejected, too_long, unknown, unsupported
from tests.api.manifests import CANARY, JsonObject

EXPRESSION: Final = "write a JMESPath expression, such as extra.org_id"
LABEL_KEY: Final = "write the key of a label, such as team or example.com/team"
KINDS: Final = ("Video", "Audio", "Transcript", "Summary", "Requirements", "Metadata", "Other")
MAPPING: Final = {"id": "id", "artifacts": [{"name": "video", "kind": "Video", "url": "video.url"}]}
HMAC: Final = {"header": "X-Hub-Signature-256", "prefix": "sha256=", "encoding": "Hex"}
OWNER: Final = {"org": {"from": "extra.org_id", "default": "acme"}}


def a_source(provider: str = "MeetingBaaS", *, name: str = "calls", **spec: Any) -> JsonObject:
    """A RecordingSource; a field given as None is left out."""
    fields = {
        "provider": provider,
        "webhook": {"secretRef": {"name": "calls"}},
        "recording": {"owner": OWNER},
        **spec,
    }
    return {
        "apiVersion": API_VERSION,
        "kind": "RecordingSource",
        "metadata": {"name": name},
        "spec": {key: value for key, value in fields.items() if value is not None},
    }


def a_generic_source(*, signature: str = "HMAC", hmac: JsonObject | None = HMAC, **spec: Any) -> JsonObject:
    """A RecordingSource of provider Generic."""
    webhook: JsonObject = {"secretRef": {"name": "calls"}, "signature": signature}
    if hmac is not None:
        webhook["hmac"] = hmac
    return a_source("Generic", **{"webhook": webhook, "mapping": MAPPING, **spec})


def with_recording(provider: str = "MeetingBaaS", **fields: Any) -> JsonObject:
    """A RecordingSource with these fields in its recording."""
    return a_source(provider, recording={"owner": OWNER, **fields})


def with_org(**fields: Any) -> JsonObject:
    """A RecordingSource with this organisation."""
    return a_source(recording={"owner": {"org": fields}})


def with_mapping(**fields: Any) -> JsonObject:
    """A Generic RecordingSource with these fields in its mapping."""
    return a_generic_source(mapping={**MAPPING, **fields})


def _api(endpoint: str | None = None, *, name: str = "api") -> JsonObject:
    return {"secretRef": {"name": name}, **({} if endpoint is None else {"endpoint": endpoint})}


STORED_SOURCE: Final = a_source(name="stored-source")
GOOD_SOURCES: Final = {
    "the least": a_source(),
    "with an API": a_source(api=_api("https://api.example.com/v2")),
    "suspended, with failures": a_source(suspend=True, failures="Record"),
    "Recall": a_source("Recall", api=_api("https://us-west-2.recall.ai")),
    "Zoom": a_source("Zoom"),
    "Zoom with an API": a_source("Zoom", api=_api()),
    "Gladia": a_source("Gladia", api=_api()),
    "Fireflies": a_source("Fireflies", api=_api()),
    "LiveKit": with_recording("LiveKit", importFrom={"storageLocation": "egress"}),
    "Generic with HMAC": a_generic_source(),
    "Generic with Standard Webhooks": a_generic_source(signature="StandardWebhooks", hmac=None),
    "Generic without a signature": a_generic_source(signature="None", hmac=None),
    "every field of a mapping": with_mapping(
        event="type",
        mediaEvents=["done", "transcript.done"],
        failedEvents=["failed"],
        failure="error.message",
        title="meeting.title",
        artifacts=[
            {
                "name": "video",
                "kind": "Video",
                "optional": True,
                "contentType": "video/mp4",
                "url": "files[?kind=='video'] | [0].url",
                "size": "files[0].bytes",
                "expiresAt": "files[0].expires",
            },
            {"name": "transcript", "kind": "Transcript", "content": "transcript"},
        ],
    ),
    "16 artifacts with the longest expressions": with_mapping(
        artifacts=[
            {"name": f"f{number}", "kind": "Audio", "url": "a" * 256, "size": "b" * 256, "expiresAt": "c" * 256}
            for number in range(16)
        ]
    ),
    "every field of the recordings": a_source(
        recording={
            "storageLocation": "archive",
            "deletionPolicy": "Delete",
            "ttlAfterFinished": "24h",
            "priority": 10,
            "labels": {"team": "a", "example.com/cost-center": "", "a" * 63: "V_1.x-y", "Y": "z" * 63},
            "owner": {
                "org": {"value": "Müller & Söhne"},
                "user": {"from": "extra.user || data.extra.user", "default": "auth0|5f7c8ec7"},
                "project": {"from": "extra.project"},
            },
            "artifacts": list(KINDS),
        },
    ),
    "16 labels": with_recording(labels={f"label-{number}.example.com/{'k' * 63}": "v" * 63 for number in range(16)}),
    "longest name": a_source(name="n" * 63),
}
ENDPOINT: Final = "spec.api.endpoint"
BAD_SOURCES_OF_RECORDINGS: Final = (
    Case("no webhook", a_source(webhook=None), blocked(missing("spec.webhook"))),
    Case("no secret", a_source(webhook={}), blocked(missing("spec.webhook.secretRef"))),
    Case(
        "secret instead of its name",
        a_source(webhook={"secretRef": {"name": f"whsec_{CANARY}"}}),
        rejected("spec.webhook.secretRef.name", OBJECT_NAME),
    ),
    Case(
        "key instead of the name of the secret of the API",
        a_source(api=_api(name=f"Token {CANARY}")),
        rejected("spec.api.secretRef.name", OBJECT_NAME),
    ),
    Case(
        "secret of another namespace",
        a_source(webhook={"secretRef": {"name": "s", "namespace": "kube-system"}}),
        unknown("RecordingSource", "spec.webhook.secretRef.namespace"),
    ),
    Case(
        "unknown provider",
        a_source("Teams"),
        blocked(
            unsupported(
                "spec.provider", "Teams", "MeetingBaaS", "Recall", "Zoom", "LiveKit", "Gladia", "Fireflies", "Generic"
            )
        ),
    ),
    Case("no owner", a_source(recording={}), blocked(missing("spec.recording.owner"))),
    Case(
        "owner without an organisation",
        a_source(recording={"owner": {"user": {"value": "u"}}}),
        blocked(missing("spec.recording.owner.org")),
    ),
    Case(
        "organisation that is empty",
        with_org(),
        rejected("spec.recording.owner.org", "set exactly one of value and from"),
    ),
    Case(
        "organisation with both",
        with_org(value="acme", **{"from": "extra.org_id"}),
        rejected("spec.recording.owner.org", "set exactly one of value and from"),
    ),
    Case(
        "default of a value",
        with_org(value="acme", default="other"),
        rejected(
            "spec.recording.owner.org.default",
            "default applies to an expression: set it with from, or use value",
        ),
    ),
    Case(
        "blank expression",
        with_org(**{"from": " "}),
        rejected("spec.recording.owner.org.from", EXPRESSION, value=" "),
    ),
    Case(
        "expression too long",
        with_org(**{"from": "a" * 257}),
        blocked(too_long("spec.recording.owner.org.from", 256)),
    ),
    Case(
        "default that is no owner",
        with_org(**{"from": "extra.org_id", "default": "(unknown)"}),
        rejected(
            "spec.recording.owner.org.default",
            "must not begin with '('; reports use (unknown) and (other)",
            value="(unknown)",
        ),
    ),
    Case(
        "no kinds",
        with_recording(artifacts=[]),
        rejected("spec.recording.artifacts", "write at least one kind of artifact, such as Video"),
    ),
    Case(
        "unknown kind",
        with_recording(artifacts=["Film"]),
        blocked(unsupported("spec.recording.artifacts[0]", "Film", *KINDS)),
    ),
    Case(
        "priority too high",
        with_recording(priority=1001),
        out_of_bounds("spec.recording.priority", 1001, "be less than or equal to 1000"),
    ),
    Case(
        "label of the operator",
        with_recording(labels={"recordings.dev/source": "other"}),
        rejected(
            "spec.recording.labels", "keys that begin with recordings.dev/ are set by the operator; use another key"
        ),
    ),
    Case(
        "label with a bad key",
        with_recording(labels={"-team": "a"}),
        rejected("spec.recording.labels", LABEL_KEY),
    ),
    Case(
        "label with a long key",
        with_recording(labels={"k" * 64: "a"}),
        rejected("spec.recording.labels", LABEL_KEY),
    ),
    Case(
        "label with a bad value",
        with_recording(labels={"team": "a b"}),
        rejected(
            "spec.recording.labels[team]",
            "write the value of a label: at most 63 letters, digits, '-', '_' and '.', beginning and ending with a "
            "letter or digit",
            value="a b",
        ),
    ),
    Case(
        "endpoint without a scheme",
        a_source(api=_api(f"api.example.com/{CANARY}")),
        rejected(ENDPOINT, ABSOLUTE),
    ),
    Case(
        "endpoint with a password",
        a_source(api=_api(f"https://me:{CANARY}@api.example.com")),
        rejected(ENDPOINT, "must not contain a user name or password; use secretRef"),
    ),
    Case(
        "endpoint with a query",
        a_source(api=_api(f"https://api.example.com/v2?key={CANARY}")),
        rejected(ENDPOINT, "must not contain a query ('?…'); use secretRef for credentials"),
    ),
    Case("endpoint too long", a_source(api=_api(f"https://h/{'a' * 512}")), blocked(too_long(ENDPOINT, 512))),
    Case(
        "Recall without an API",
        a_source("Recall"),
        rejected(
            "spec.api", "set api: the events of this provider contain no URL, so the operator requests it from the API"
        ),
    ),
    Case(
        "Recall without a region",
        a_source("Recall", api=_api()),
        rejected(ENDPOINT, "set endpoint to the address of your region, such as https://us-west-2.recall.ai"),
    ),
    Case(
        "Generic with an API",
        a_generic_source(api=_api()),
        rejected("spec.api", "leave api out: the operator does not use an API of this provider"),
    ),
    Case(
        "Generic without a signature method",
        a_source("Generic", mapping=MAPPING),
        rejected(
            "spec.webhook.signature",
            "set signature if provider is Generic, and only then: the signatures of all others are known",
        ),
    ),
    Case(
        "another provider with a signature method",
        a_source(webhook={"secretRef": {"name": "s"}, "signature": "None"}),
        rejected(
            "spec.webhook.signature",
            "set signature if provider is Generic, and only then: the signatures of all others are known",
        ),
    ),
    Case(
        "HMAC without its header",
        a_generic_source(hmac=None),
        rejected("spec.webhook.hmac", "set hmac if signature is HMAC, and only then"),
    ),
    Case(
        "a header without HMAC",
        a_generic_source(signature="StandardWebhooks"),
        rejected("spec.webhook.hmac", "set hmac if signature is HMAC, and only then"),
    ),
    Case(
        "a header with a space",
        a_generic_source(hmac={"header": "X Signature"}),
        rejected(
            "spec.webhook.hmac.header",
            "write the name of an HTTP header, such as X-Signature: letters, digits and '-'",
            value="X Signature",
        ),
    ),
    Case(
        "a prefix with a space",
        a_generic_source(hmac={"header": "X-Signature", "prefix": "sha256 "}),
        rejected(
            "spec.webhook.hmac.prefix",
            "write printable ASCII characters without spaces, such as sha256=",
            value="sha256 ",
        ),
    ),
    Case(
        "Generic without a mapping",
        a_generic_source(mapping=None),
        rejected("spec.mapping", "set mapping if provider is Generic, and only then"),
    ),
    Case(
        "another provider with a mapping",
        a_source(mapping=MAPPING),
        rejected("spec.mapping", "set mapping if provider is Generic, and only then"),
    ),
    Case(
        "mapping without artifacts",
        with_mapping(artifacts=[]),
        rejected("spec.mapping.artifacts", "write at least one artifact"),
    ),
    Case(
        "a kind that is not stored",
        with_mapping(artifacts=[{"name": "notes", "kind": "Summary", "url": "notes"}]),
        rejected(
            "spec.recording.artifacts",
            "recording.artifacts must contain the kind of each artifact in mapping; the others are not stored",
        ),
    ),
    Case(
        "mapped artifact without content",
        with_mapping(artifacts=[{"name": "video", "kind": "Video"}]),
        rejected("spec.mapping.artifacts[0]", "set exactly one of url and content"),
    ),
    Case(
        "events without their expression",
        with_mapping(mediaEvents=["done"]),
        rejected(
            "spec.mapping.event",
            "mediaEvents and failedEvents need event: the expression that yields the name of the event",
        ),
    ),
    Case(
        "LiveKit without a location",
        a_source("LiveKit"),
        rejected(
            "spec.recording.importFrom",
            "set importFrom if provider is LiveKit, and only then: the location that holds the files of its egress",
        ),
    ),
    Case(
        "another provider with a location of files",
        with_recording(importFrom={"storageLocation": "egress"}),
        rejected(
            "spec.recording.importFrom",
            "set importFrom if provider is LiveKit, and only then: the location that holds the files of its egress",
        ),
    ),
    Case(
        "a long name",
        a_source(name="n" * 64),
        rejected("<nil>", "metadata.name must have at most 63 characters and no '.'"),
    ),
)
BAD_SOURCE_UPDATES: Final = (
    Case(
        "another provider",
        {"spec": {"provider": "Zoom"}},
        rejected("spec.provider", "provider cannot be changed; create a new RecordingSource"),
    ),
)
GOOD_SOURCE_UPDATES: Final = {
    "another secret": {"spec": {"webhook": {"secretRef": {"name": "other"}}}},
    "an API": {"spec": {"api": _api()}},
    "another owner": {"spec": {"recording": {"owner": {"org": {"from": None, "default": None, "value": "acme"}}}}},
    "suspended": {"spec": {"suspend": True}},
}

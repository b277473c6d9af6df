"""Recordings of providers, and contents in Secrets: what the API server rejects and accepts."""

from typing import Any, Final

from tests.api.bad_sources import OBJECT_NAME, ONE_SOURCE, SECRET_KEY
from tests.api.cases import Case, blocked, missing, rejected, too_long
from tests.api.manifests import CANARY, SHA256, URL, JsonObject, a_recording, a_source, an_artifact

PROVIDER: Final = {"recordingSource": "calls", "id": "9b2d1a54-6c0e", "media": "video"}
FIELD: Final = "spec.artifacts[0].source.provider"
ONE_CONTENT: Final = "set exactly one of source, inline and contentSecretRef"
OF_URLS: Final = "headersSecretRef and expiresAt belong to a URL; leave them out if there is none"
NO_RECORDING: Final = "failure says that there is no recording; leave out url, urlSecretRef, size and checksum"
ID: Final = "write the provider's id of the recording, 1 to 512 printable characters"
MEDIA: Final = "write the name of one of the recording's files, such as video; docs/providers lists them"
CONTENT: Final = {"name": "s", "key": "transcript"}


def of_provider(*, beside: JsonObject | None = None, **fields: Any) -> JsonObject:
    """A Recording of a provider. `beside` has more fields of the source."""
    return a_recording(an_artifact(source={"provider": {**PROVIDER, **fields}, **(beside or {})}))


def with_content(content: JsonObject = CONTENT, **fields: Any) -> JsonObject:
    """A Recording whose content is in a Secret."""
    return a_recording(an_artifact(source=None, contentSecretRef=content, **fields))


GOOD_PROVIDER_RECORDINGS: Final = {
    "a provider": of_provider(),
    "a provider with size and checksum": of_provider(beside={"size": 7, "checksum": SHA256}),
    "a provider beside a URL": of_provider(beside=a_source(expiresAt="2026-11-21T12:00:00Z")),
    "a provider beside a URL in a Secret": of_provider(
        beside={"urlSecretRef": {"name": "s", "key": "k"}, "headersSecretRef": {"name": "s"}}
    ),
    "the failure of a provider": of_provider(failure="BOT_NOT_ACCEPTED: The host did not admit the bot"),
    "an id in any script": of_provider(id="q1w2E3r4/T5y6u7I8+o9P0aA== 会議"),
    "64 artifacts of a provider": a_recording(
        *[
            an_artifact(
                name=f"v{number}",
                source={
                    "provider": {"recordingSource": "n" * 253, "id": "i" * 512, "media": "m" * 63, "failure": "f" * 256}
                },
            )
            for number in range(64)
        ]
    ),
    "64 artifacts of a provider with long URLs": a_recording(
        *[
            an_artifact(
                name=f"v{number}",
                source={"url": "https://h/" + "a" * 8000, "provider": {**PROVIDER, "id": "i" * 512}},
            )
            for number in range(64)
        ]
    ),
    "a content": with_content(),
    "64 contents": a_recording(
        *[
            an_artifact(name=f"v{number}", source=None, contentSecretRef={"name": "n" * 253, "key": "k" * 253})
            for number in range(64)
        ]
    ),
}
BAD_PROVIDER_RECORDINGS: Final = (
    Case(
        "provider with both URLs",
        of_provider(beside=a_source(urlSecretRef={"name": "s", "key": "k"})),
        rejected("spec.artifacts[0].source", ONE_SOURCE),
    ),
    Case(
        "provider and object",
        of_provider(beside={"object": {"storageLocation": "egress", "key": "a"}}),
        rejected(FIELD, "provider may stand beside url or urlSecretRef, but not beside object"),
    ),
    Case("provider with headers", of_provider(beside={"headersSecretRef": {"name": "s"}}), rejected(FIELD, OF_URLS)),
    Case("provider that expires", of_provider(beside={"expiresAt": "2026-11-21T12:00:00Z"}), rejected(FIELD, OF_URLS)),
    Case(
        "failure with a URL",
        of_provider(beside=a_source(), failure="FAILED"),
        rejected(f"{FIELD}.failure", NO_RECORDING),
    ),
    Case(
        "failure with a size",
        of_provider(beside={"size": 1}, failure="FAILED"),
        rejected(f"{FIELD}.failure", NO_RECORDING),
    ),
    Case(
        "failure that is empty",
        of_provider(failure=""),
        rejected(f"{FIELD}.failure", "write the provider's code and message, 1 to 256 characters"),
    ),
    Case("failure too long", of_provider(failure="f" * 257), blocked(too_long(f"{FIELD}.failure", 256))),
    Case("provider of a URL", of_provider(recordingSource=URL), rejected(f"{FIELD}.recordingSource", OBJECT_NAME)),
    Case(
        "provider without an id",
        a_recording(an_artifact(source={"provider": {"recordingSource": "calls", "media": "video"}})),
        blocked(missing(f"{FIELD}.id")),
    ),
    Case("provider with an empty id", of_provider(id=""), rejected(f"{FIELD}.id", ID)),
    Case("provider with a line break in its id", of_provider(id=f"{CANARY}\n"), rejected(f"{FIELD}.id", ID)),
    Case("provider with a long id", of_provider(id="i" * 513), blocked(too_long(f"{FIELD}.id", 512))),
    Case("provider with a bad media", of_provider(media=f"Video {CANARY}"), rejected(f"{FIELD}.media", MEDIA)),
    Case(
        "content and source",
        a_recording(an_artifact(contentSecretRef=CONTENT)),
        rejected("spec.artifacts[0]", ONE_CONTENT),
    ),
    Case("content and inline", with_content(inline="x"), rejected("spec.artifacts[0]", ONE_CONTENT)),
    Case(
        "content of a URL",
        with_content({"name": URL, "key": "k"}),
        rejected("spec.artifacts[0].contentSecretRef.name", OBJECT_NAME),
    ),
    Case(
        "content of a bad key",
        with_content({"name": "s", "key": "a b"}),
        rejected("spec.artifacts[0].contentSecretRef.key", SECRET_KEY),
    ),
    Case(
        "content without a key",
        with_content({"name": "s"}),
        blocked(missing("spec.artifacts[0].contentSecretRef.key")),
    ),
)
STORED_CONTENT: Final = a_recording(
    an_artifact(source={"provider": PROVIDER}),
    an_artifact(name="notes", kind="Summary", contentType=None, source=None, contentSecretRef=CONTENT),
    an_artifact(name="audio", kind="Audio", contentType=None, source={"provider": {**PROVIDER, "failure": "F"}}),
    name="stored-content",
)
VIDEO, NOTES, AUDIO = STORED_CONTENT["spec"]["artifacts"]


def _artifacts(video: JsonObject, notes: JsonObject) -> JsonObject:
    return {"spec": {"artifacts": [video, notes, AUDIO]}}


def _after_failure(**fields: Any) -> JsonObject:
    """The provider had reported a failure of the audio. Now it has these fields."""
    audio = {"name": "audio", "kind": "Audio", "contentType": "audio/mpeg", "optional": True, **fields}
    return {"spec": {"artifacts": [VIDEO, NOTES, audio]}}


BAD_CONTENT_UPDATES: Final = (
    Case(
        "another kind after a failure",
        _after_failure(kind="Other", inline="x"),
        rejected(
            "spec.artifacts[2]", "kind, contentType and optional cannot be changed; add an artifact with another name"
        ),
    ),
    Case(
        "a failure of a file that is there",
        _artifacts({**VIDEO, "source": {"provider": {**PROVIDER, "failure": "F"}}}, NOTES),
        rejected(
            "spec.artifacts[0].source.provider.failure",
            "failure cannot be added later; add an artifact with another name",
        ),
    ),
    *(
        Case(
            name,
            _artifacts(VIDEO, {**{key: NOTES[key] for key in ("name", "kind")}, **content}),
            rejected(
                "spec.artifacts[1].contentSecretRef",
                "contentSecretRef cannot be changed; add an artifact with another name",
            ),
        )
        for name, content in (
            ("another content", {"contentSecretRef": {"name": "other", "key": "transcript"}}),
            ("a source instead of the content", {"source": a_source()}),
        )
    ),
)
GOOD_CONTENT_UPDATES: Final = {
    "a URL beside the provider": _artifacts({**VIDEO, "source": {**VIDEO["source"], "url": URL}}, NOTES),
    "a URL instead of the provider": _artifacts({**VIDEO, "source": {"url": URL}}, NOTES),
    "a file after a failure": _after_failure(source={"url": URL, "size": 7, "checksum": SHA256}),
    "a text after a failure": _after_failure(inline="x"),
    "content after a failure": _after_failure(contentSecretRef=CONTENT),
    "another failure": _after_failure(contentType=None, source={"provider": {**PROVIDER, "failure": "G"}}),
}

"""Recordings that the API server rejects, with the expected messages. Sources are in bad_sources.py."""

from typing import Final

from tests.api.cases import Case, blocked, missing, out_of_bounds, rejected, too_long, unknown, unsupported, wrong_type
from tests.api.manifests import a_recording, an_artifact

NAME: Final = "write a name of lower-case letters, digits and '-', beginning and ending with a letter or digit"
OBJECT_NAME: Final = (
    "write the name of an object: lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit"
)
CHARACTERS: Final = "write 1 to 128 printable characters, without a space at the beginning or end"
TOO_LONG_FOR_KEYS: Final = (
    "is too long for a key: write at most 42 bytes, or at most 96 ASCII characters of which at most 16 are other than "
    "letters, digits, '.', '_' and '-'"
)
OWNER_URL: Final = "must not contain a URL; it would be visible in keys and reports"
PARENTHESIS: Final = "must not begin with '('; reports use (unknown) and (other)"
DOTS: Final = "must not begin with '.' or contain '..'"
MEDIA_TYPE: Final = "write a media type such as video/mp4, audio/mpeg or text/plain; charset=utf-8"
INLINE: Final = "must have 1 byte to 16 KiB; use contentSecretRef or source for larger content"
DURATION: Final = "write a duration such as 30s, 10m or 720h (units: ms, s, m, h; days are not a unit: write 24h)"
ONE_OF: Final = "set exactly one of source, inline and contentSecretRef"
RECORDING_NAME: Final = "metadata.name must have at most 63 characters and no '.'"

TITLE: Final = "write printable characters; line breaks and control characters are not possible"

UID: Final = "3f0c2f5e-7f1b-4a54-9d0e-0b8f2a6c1d11"
IDENTITY: Final = {"uid": UID, "createdAt": "2026-11-21T09:00:00Z"}

BAD_RECORDINGS: Final = (
    Case("title of two lines", a_recording(title="a\nb"), rejected("spec.title", TITLE, value="a\nb")),
    Case("title too long", a_recording(title="x" * 257), blocked(too_long("spec.title", 256))),
    Case("no owner", a_recording(owner=None), blocked(missing("spec.owner"))),
    Case("owner without org", a_recording(owner={}), blocked(missing("spec.owner.org"))),
    Case("org with ..", a_recording(owner={"org": "a..b"}), rejected("spec.owner.org", DOTS, value="a..b")),
    Case("org .", a_recording(owner={"org": "."}), rejected("spec.owner.org", DOTS, value=".")),
    Case("org ..", a_recording(owner={"org": ".."}), rejected("spec.owner.org", DOTS, value="..")),
    Case("org with leading dot", a_recording(owner={"org": ".a"}), rejected("spec.owner.org", DOTS, value=".a")),
    Case("org blank", a_recording(owner={"org": " a"}), rejected("spec.owner.org", CHARACTERS, value=" a")),
    Case("org ends blank", a_recording(owner={"org": "a "}), rejected("spec.owner.org", CHARACTERS, value="a ")),
    Case("org tab", a_recording(owner={"org": "a\tb"}), rejected("spec.owner.org", CHARACTERS, value="a\tb")),
    Case(
        "org (unknown)",
        a_recording(owner={"org": "(unknown)"}),
        rejected("spec.owner.org", PARENTHESIS, value="(unknown)"),
    ),
    Case(
        "org of 97 characters, one special",
        a_recording(owner={"org": "@" + "a" * 96}),
        rejected("spec.owner.org", TOO_LONG_FOR_KEYS, value="@" + "a" * 96),
    ),
    Case(
        "org of 43 special characters",
        a_recording(owner={"org": "@" * 43}),
        rejected("spec.owner.org", TOO_LONG_FOR_KEYS, value="@" * 43),
    ),
    Case(
        "org of 22 letters outside ASCII",
        a_recording(owner={"org": "ж" * 22}),
        rejected("spec.owner.org", TOO_LONG_FOR_KEYS, value="ж" * 22),
    ),
    Case("org empty", a_recording(owner={"org": ""}), rejected("spec.owner.org", CHARACTERS, value="")),
    Case("org newline", a_recording(owner={"org": "acme\n"}), rejected("spec.owner.org", CHARACTERS, value="acme\n")),
    Case("org too long", a_recording(owner={"org": "a" * 129}), blocked(too_long("spec.owner.org", 128))),
    Case(
        "org that holds a URL",
        a_recording(owner={"org": "see https://h/?a"}),
        rejected("spec.owner.org", OWNER_URL, value="see https://h/?a"),
    ),
    Case("org number", a_recording(owner={"org": 5}), blocked(wrong_type("spec.owner.org", "string", got="integer"))),
    Case("owner as text", a_recording(owner="acme"), blocked(wrong_type("spec.owner", "object", got="string"))),
    Case("no artifacts", a_recording(artifacts=[]), rejected("spec.artifacts", "write at least one artifact")),
    Case("artifacts missing", a_recording(artifacts=None), blocked(missing("spec.artifacts"))),
    Case(
        "65 artifacts",
        a_recording(*[an_artifact(name=f"v{i}") for i in range(65)]),
        blocked("spec.artifacts: Too many: 65: must have at most 64 items"),
    ),
    Case(
        "two artifacts of one name",
        a_recording(an_artifact(), an_artifact()),
        'spec.artifacts[1]: Duplicate value: {"name":"video"}',
        older='spec.artifacts[1]: Duplicate value: map[string]interface {}{"name":"video"}',
    ),
    Case(
        "artifact upper",
        a_recording(an_artifact(name="Video")),
        rejected("spec.artifacts[0].name", NAME, value="Video"),
    ),
    Case("artifact slash", a_recording(an_artifact(name="a/b")), rejected("spec.artifacts[0].name", NAME, value="a/b")),
    Case("artifact dots", a_recording(an_artifact(name="..")), rejected("spec.artifacts[0].name", NAME, value="..")),
    Case("artifact long", a_recording(an_artifact(name="a" * 64)), blocked(too_long("spec.artifacts[0].name", 63))),
    Case("artifact empty", a_recording(an_artifact(name="")), rejected("spec.artifacts[0].name", NAME, value="")),
    Case("artifact no name", a_recording(an_artifact(name=None)), blocked(missing("spec.artifacts[0].name"))),
    Case(
        "kind lower",
        a_recording(an_artifact(kind="video")),
        blocked(
            unsupported(
                "spec.artifacts[0].kind",
                "video",
                "Video",
                "Audio",
                "Transcript",
                "Summary",
                "Requirements",
                "Metadata",
                "Other",
            )
        ),
    ),
    Case("kind missing", a_recording(an_artifact(kind=None)), blocked(missing("spec.artifacts[0].kind"))),
    Case(
        "an identity without a location",
        a_recording(identity=IDENTITY, storageLocation=None),
        rejected("spec.identity", "identity needs storageLocation: name the location of the stored files"),
    ),
    Case(
        "an identity whose uid is none",
        a_recording(identity={**IDENTITY, "uid": "../other"}),
        rejected("spec.identity.uid", "write the uid of a Recording", value="../other"),
    ),
    Case("an identity without a time", a_recording(identity={"uid": UID}), blocked(missing("spec.identity.createdAt"))),
    Case("source and inline", a_recording(an_artifact(inline="x")), rejected("spec.artifacts[0]", ONE_OF)),
    Case("neither source nor inline", a_recording(an_artifact(source=None)), rejected("spec.artifacts", ONE_OF)),
    Case(
        "inline empty", a_recording(an_artifact(source=None, inline="")), rejected("spec.artifacts[0].inline", INLINE)
    ),
    Case(
        "inline 17k",
        a_recording(an_artifact(source=None, inline="x" * 17000)),
        blocked(too_long("spec.artifacts[0].inline", 16384)),
    ),
    Case(
        "inline 16k of 2 byte",
        a_recording(an_artifact(source=None, inline="ü" * 16000)),
        rejected("spec.artifacts[0].inline", INLINE),
    ),
    Case(
        "inline together",
        a_recording(*[an_artifact(name=f"v{i}", source=None, inline="x" * 16384) for i in range(17)]),
        rejected(
            "spec.artifacts",
            "inline artifacts must not exceed 256 KiB in total; use contentSecretRef or source for larger content",
        ),
    ),
    Case(
        "inline object",
        a_recording(an_artifact(source=None, inline={"a": 1})),
        unknown("Recording", "spec.artifacts[0].inline.a"),
    ),
    Case(
        "contentType mp4",
        a_recording(an_artifact(contentType="mp4")),
        rejected("spec.artifacts[0].contentType", MEDIA_TYPE),
    ),
    Case(
        "contentType with a parameter that is none",
        a_recording(an_artifact(contentType="text/html; charset")),
        rejected("spec.artifacts[0].contentType", MEDIA_TYPE),
    ),
    Case(
        "contentType with a newline in a parameter",
        a_recording(an_artifact(contentType='text/plain; charset="utf-8\r\nX: y"')),
        rejected("spec.artifacts[0].contentType", MEDIA_TYPE),
    ),
    Case(
        "contentType with an open quote",
        a_recording(an_artifact(contentType='text/plain; charset="utf-8')),
        rejected("spec.artifacts[0].contentType", MEDIA_TYPE),
    ),
    Case(
        "contentType newline",
        a_recording(an_artifact(contentType="video/mp4\nX: y")),
        rejected("spec.artifacts[0].contentType", MEDIA_TYPE),
    ),
    Case("priority text", a_recording(priority="high"), blocked(wrong_type("spec.priority", "integer", got="string"))),
    Case(
        "priority 5000",
        a_recording(priority=5000),
        out_of_bounds("spec.priority", 5000, "be less than or equal to 1000"),
    ),
    Case("suspend yes", a_recording(suspend="yes"), blocked(wrong_type("spec.suspend", "boolean", got="string"))),
    Case("retryToken long", a_recording(retryToken="x" * 65), blocked(too_long("spec.retryToken", 64))),
    Case(
        "retryToken number", a_recording(retryToken=1), blocked(wrong_type("spec.retryToken", "string", got="integer"))
    ),
    Case(
        "deletionPolicy retain",
        a_recording(deletionPolicy="retain"),
        blocked(unsupported("spec.deletionPolicy", "retain", "Retain", "Delete")),
    ),
    Case("ttl 30d", a_recording(ttlAfterFinished="30d"), rejected("spec.ttlAfterFinished", DURATION, value="30d")),
    Case("ttl -1h", a_recording(ttlAfterFinished="-1h"), rejected("spec.ttlAfterFinished", DURATION, value="-1h")),
    Case("ttl 720", a_recording(ttlAfterFinished="720"), rejected("spec.ttlAfterFinished", DURATION, value="720")),
    Case(
        "ttl number",
        a_recording(ttlAfterFinished=720),
        blocked(wrong_type("spec.ttlAfterFinished", "string", got="integer")),
    ),
    Case("ttl empty", a_recording(ttlAfterFinished=""), rejected("spec.ttlAfterFinished", DURATION, value="")),
    Case(
        "ttl huge",
        a_recording(ttlAfterFinished="99999999h"),
        rejected("spec.ttlAfterFinished", DURATION, value="99999999h"),
    ),
    Case("unknown field", a_recording(urgent=True), unknown("Recording", "spec.urgent")),
    Case(
        "field in the wrong case",
        {**a_recording(), "spec": {**a_recording()["spec"], "storagelocation": "x"}},
        unknown("Recording", "spec.storagelocation"),
    ),
    Case("no spec", {k: v for k, v in a_recording().items() if k != "spec"}, blocked(missing("spec"))),
    Case("spec null", {**a_recording(), "spec": None}, blocked(missing("spec"))),
    Case("thumbnail (not yet)", a_recording(thumbnail={"at": "10s"}), unknown("Recording", "spec.thumbnail")),
    Case("name 70", a_recording(name="x" * 70), rejected("<nil>", RECORDING_NAME)),
    Case("name dot", a_recording(name="a.b"), rejected("<nil>", RECORDING_NAME)),
    Case(
        "wrong apiVersion",
        {**a_recording(), "apiVersion": "recordings.dev/v1"},
        'Recording in version "v1" cannot be handled as a Recording: strict decoding error: unknown field "spec"',
    ),
    Case("location empty", a_recording(storageLocation=""), rejected("spec.storageLocation", OBJECT_NAME, value="")),
    Case(
        "location upper",
        a_recording(storageLocation="Archive"),
        rejected("spec.storageLocation", OBJECT_NAME, value="Archive"),
    ),
    Case(
        "location url",
        a_recording(storageLocation="s3://bucket"),
        rejected("spec.storageLocation", OBJECT_NAME, value="s3://bucket"),
    ),
    Case(
        "three mistakes at once",
        a_recording(an_artifact(kind="video"), deletionPolicy="no", priority="x"),
        blocked(
            wrong_type("spec.priority", "integer", got="string"),
            unsupported("spec.deletionPolicy", "no", "Retain", "Delete"),
            unsupported(
                "spec.artifacts[0].kind",
                "video",
                "Video",
                "Audio",
                "Transcript",
                "Summary",
                "Requirements",
                "Metadata",
                "Other",
            ),
        ),
    ),
)

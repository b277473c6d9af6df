"""Patches of stored objects that the API server rejects, with the expected messages, and some that it accepts."""

from typing import Any, Final

from tests.api.cases import Case, blocked, out_of_bounds, rejected, too_long, unsupported, wrong_type
from tests.api.manifests import SHA256, SIGNATURE, URL, JsonObject, a_location, a_recording, a_source, an_artifact

STORED: Final = a_recording(
    an_artifact(source=a_source(size=10, checksum=SHA256)),
    an_artifact(name="notes", kind="Summary", contentType=None, source=None, inline="x"),
    owner={"org": "acme", "user": "u-17"},
    name="stored",
    ttlAfterFinished="1h",
)
STORED_LOCATION: Final = a_location(name="stored", s3={"prefix": "a/"})
VIDEO, NOTES = STORED["spec"]["artifacts"]

LOCATION: Final = "storageLocation can be changed only while the Recording is Complete; then its objects are moved"
OWNER: Final = "owner cannot be changed; create a new Recording"
ARTIFACTS: Final = "artifacts can be added, but not removed or renamed; create a new Recording"
DECLARED: Final = "kind, contentType and optional cannot be changed; add an artifact with another name"
CONTENT: Final = "inline cannot be changed; add an artifact with another name"
SOURCE: Final = "spec.artifacts[0].source"
PLACED: Final = "status.storageLocation says where the objects are; it cannot be removed or changed"


def spec(**fields: Any) -> JsonObject:
    """A patch of the spec."""
    return {"spec": fields}


def artifacts(*listed: JsonObject) -> JsonObject:
    """A patch of the artifacts (a merge patch replaces the whole list)."""
    return spec(artifacts=list(listed))


def video(**fields: Any) -> JsonObject:
    """A patch of the video; a field given as None goes away."""
    return artifacts({key: value for key, value in {**VIDEO, **fields}.items() if value is not None}, NOTES)


def source(**fields: Any) -> JsonObject:
    """A patch of the video's source; a field given as None goes away."""
    merged = {**VIDEO["source"], **fields}
    return video(source={key: value for key, value in merged.items() if value is not None})


BAD_UPDATES: Final = (
    Case(
        "an identity added",
        spec(identity={"uid": "3f0c2f5e-7f1b-4a54-9d0e-0b8f2a6c1d11", "createdAt": "2026-11-21T09:00:00Z"}),
        rejected("spec.identity", "identity cannot be changed; create a new Recording"),
    ),
    Case("another org", spec(owner={"org": "other"}), rejected("spec.owner", OWNER)),
    Case("a project added", spec(owner={"project": "p-3"}), rejected("spec.owner", OWNER)),
    Case("the user removed", spec(owner={"user": None}), rejected("spec.owner", OWNER)),
    Case(
        "another location",
        spec(storageLocation="other"),
        rejected("spec.storageLocation", LOCATION),
    ),
    Case(
        "the location removed",
        spec(storageLocation=None),
        rejected("spec.storageLocation", LOCATION),
    ),
    Case("an artifact removed", artifacts(VIDEO), rejected("spec.artifacts", ARTIFACTS)),
    Case("an artifact renamed", artifacts({**VIDEO, "name": "film"}, NOTES), rejected("spec.artifacts", ARTIFACTS)),
    Case(
        "one added and one removed",
        artifacts(VIDEO, an_artifact(name="later")),
        rejected("spec.artifacts", ARTIFACTS),
    ),
    Case(
        "an artifact with the key of the manifest added",
        artifacts(VIDEO, NOTES, an_artifact(name="metadata", kind="Metadata", contentType="Application/JSON; a=b")),
        rejected(
            "spec.artifacts",
            "an artifact with the name metadata and the contentType application/json cannot be added later: "
            "metadata.json may be the manifest; use another name",
        ),
    ),
    Case("another kind", video(kind="Audio"), rejected("spec.artifacts[0]", DECLARED)),
    Case("another contentType", video(contentType="video/webm"), rejected("spec.artifacts[0]", DECLARED)),
    Case("the contentType removed", video(contentType=None), rejected("spec.artifacts[0]", DECLARED)),
    Case("now optional", video(optional=True), rejected("spec.artifacts[0]", DECLARED)),
    Case("inline instead of a source", video(source=None, inline="x"), rejected("spec.artifacts[0]", CONTENT)),
    Case("another inline", artifacts(VIDEO, {**NOTES, "inline": "y"}), rejected("spec.artifacts[1]", CONTENT)),
    Case(
        "a source instead of inline",
        artifacts(VIDEO, {**an_artifact(name="notes", kind="Summary", contentType=None)}),
        rejected("spec.artifacts[1]", CONTENT),
    ),
    *(
        Case(f"{field} {change}", source(**{field: value}), rejected(f"{SOURCE}.{field}", message))
        for field, other in (("size", 11), ("checksum", "crc32:00000000"))
        for change, value in (("changed", other), ("removed", None))
        for message in (f"{field} cannot be changed; create a new Recording",)
    ),
    Case(
        "a URL with a space",
        source(url="https://media.example.com/a b" + SIGNATURE),
        rejected(
            f"{SOURCE}.url",
            "must not contain spaces, control characters or letters outside ASCII; percent-encode them",
        ),
    ),
    Case("priority as text", spec(priority="high"), blocked(wrong_type("spec.priority", "integer", got="string"))),
)
GOOD_UPDATES: Final = {
    "an artifact added": artifacts(VIDEO, NOTES, an_artifact(name="later")),
    "metadata that is not JSON added": artifacts(VIDEO, NOTES, an_artifact(name="metadata", contentType="text/csv")),
    "title": spec(title="Weekly sync"),
    "artifacts in another order": artifacts(NOTES, VIDEO),
    "a fresh URL": source(url=URL + "&again=1"),
    "a Secret instead of the URL": source(url=None, urlSecretRef={"name": "link", "key": "url"}),
    "an expiry": source(expiresAt="2026-11-21T12:00:00Z"),
    "headers": source(headersSecretRef={"name": "headers"}),
    "priority": spec(priority=5),
    "suspend": spec(suspend=True),
    "cancel": spec(cancel=True),
    "retryToken": spec(retryToken="2"),
    "deletionPolicy": spec(deletionPolicy="Delete"),
    "ttl": spec(ttlAfterFinished="2h"),
    "ttl removed": spec(ttlAfterFinished=None),
}
BAD_STATUSES: Final = (
    Case(
        "unknown phase",
        {"status": {"phase": "Done"}},
        blocked(unsupported("status.phase", "Done", "Pending", "Uploading", "Complete", "Failed")),
    ),
    Case("progress too long", {"status": {"progress": "x" * 17}}, blocked(too_long("status.progress", 16))),
    Case(
        "negative bytes",
        {"status": {"bytesDone": -1}},
        out_of_bounds("status.bytesDone", -1, "be greater than or equal to 0").replace(": status.", ": ", 1),
    ),
    Case("another location than the spec", {"status": {"storageLocation": "other"}}, rejected("<nil>", PLACED)),
)
ONE_STORE: Final = "set exactly one of s3 and filesystem"
OTHER_KIND: Final = "a bucket cannot become a directory, or a directory a bucket; create a new StorageLocation"
BAD_LOCATION_UPDATES: Final = (
    *(
        Case(f"{field} changed", patch, rejected(f"spec.{path}", f"{field} cannot be changed; {new}"))
        for new in ("create a new StorageLocation",)
        for field, path, patch in (
            ("bucket", "s3.bucket", spec(s3={"bucket": "other"})),
            ("prefix", "s3.prefix", spec(s3={"prefix": "b/"})),
            ("prefix", "s3.prefix", spec(s3={"prefix": None})),
            ("keyTemplate", "keyTemplate", spec(keyTemplate="{uid}/{artifact}")),
            ("keyTemplate", "keyTemplate", spec(keyTemplate="{org}/{uid}/{artifact}")),
        )
    ),
    Case("s3 removed", spec(s3=None), f"[{rejected('spec', ONE_STORE)}, {rejected('spec', OTHER_KIND)}]"),
    Case("a bucket becomes a directory", spec(s3=None, filesystem={"path": "/a"}), rejected("spec", OTHER_KIND)),
)
GOOD_LOCATION_UPDATES: Final = {
    "region": spec(s3={"region": "eu-west-2"}),
    "endpoint": spec(s3={"endpoint": "http://127.0.0.1:7070"}),
    "credentials": spec(s3={"credentials": {"secretName": "other"}}),
    "delays": spec(retry={"delays": ["1s"]}),
    "lifecycle": spec(lifecycle={"rules": [{"expireAfterDays": 365}]}),
    "keyTemplate as it is by default": spec(keyTemplate="{org}/{namespace}/{name}/{uid}/{artifact}{ext}"),
}

"""Objects as sources, and the prefixes that open them: what the API server rejects and accepts."""

from typing import Final

from tests.api.cases import Case, blocked, missing, rejected, too_long
from tests.api.manifests import URL, JsonObject, a_location, a_recording, a_source, an_artifact

KEY: Final = "egress/team-a/room/7.mp4"
KEY_FIELD: Final = "spec.artifacts[0].source.object.key"
PREFIX_FIELD: Final = "spec.imports[0].prefix"
ONE_SOURCE: Final = "set exactly one of url, urlSecretRef, object and upload; with provider, all may be left out"
OF_URLS: Final = "headersSecretRef and expiresAt belong to a URL; leave them out with object"
LENGTH: Final = "write the key of an object, 1 to 1024 bytes"
PRINTABLE: Final = "write printable characters; line breaks and control characters are not possible"
SLASHES: Final = "must not begin or end with '/'; write the whole key of an object, as the store lists it"
DOTS: Final = "must not contain a folder '.' or '..'"
RESERVED: Final = "must not contain .recording-operator, which is reserved for the operator"
FOLDER: Final = "write a folder that ends with '/', such as egress/"
PLACEHOLDER: Final = (
    "{namespace} is the only placeholder, and must be the whole name of a folder, such as egress/{namespace}/"
)
FOLDERS: Final = "must not begin with '/' or contain '//' or a folder '.' or '..'"
OBJECT_NAME: Final = (
    "write the name of an object: lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit"
)


def an_object(key: str = KEY, *, location: str = "egress", **source: object) -> JsonObject:
    """A Recording of one object; `source` has more fields of the source."""
    return a_recording(an_artifact(source={"object": {"storageLocation": location, "key": key}, **source}))


def with_imports(*prefixes: str) -> JsonObject:
    """A StorageLocation that opens these prefixes."""
    return a_location(imports=[{"prefix": prefix} for prefix in prefixes])


def _bad_key(name: str, key: str, message: str) -> Case:
    return Case(f"object key {name}", an_object(key), rejected(KEY_FIELD, message))


def _bad_prefix(name: str, prefix: str, message: str) -> Case:
    return Case(f"import {name}", with_imports(prefix), rejected(PREFIX_FIELD, message, value=prefix))


BAD_OBJECTS: Final = (
    Case(
        "object and url",
        a_recording(an_artifact(source=a_source(object={"storageLocation": "egress", "key": KEY}))),
        rejected("spec.artifacts[0].source", ONE_SOURCE),
    ),
    Case(
        "object and urlSecretRef",
        an_object(urlSecretRef={"name": "s", "key": "k"}),
        rejected("spec.artifacts[0].source", ONE_SOURCE),
    ),
    Case(
        "object and inline",
        a_recording(an_artifact(inline="x", source={"object": {"storageLocation": "egress", "key": KEY}})),
        rejected("spec.artifacts[0]", "set exactly one of source, inline and contentSecretRef"),
    ),
    Case(
        "object with headers",
        an_object(headersSecretRef={"name": "s"}),
        rejected("spec.artifacts[0].source.object", OF_URLS),
    ),
    Case(
        "object that expires",
        an_object(expiresAt="2026-11-21T12:00:00Z"),
        rejected("spec.artifacts[0].source.object", OF_URLS),
    ),
    Case(
        "object without a key",
        a_recording(an_artifact(source={"object": {"storageLocation": "egress"}})),
        blocked(missing(KEY_FIELD)),
    ),
    Case(
        "object without a location",
        a_recording(an_artifact(source={"object": {"key": KEY}})),
        blocked(missing("spec.artifacts[0].source.object.storageLocation")),
    ),
    Case(
        "object of a URL",
        an_object(location=URL),
        rejected("spec.artifacts[0].source.object.storageLocation", OBJECT_NAME),
    ),
    Case("object key too long", an_object("k" * 1025), blocked(too_long(KEY_FIELD, 1024))),
    _bad_key("empty", "", LENGTH),
    _bad_key("of too many bytes", "ä" * 513, LENGTH),
    _bad_key("of an absolute path", "/egress/team-a/7.mp4", SLASHES),
    _bad_key("of a folder", "egress/team-a/", SLASHES),
    _bad_key("with ..", "egress/team-a/../team-b/7.mp4", DOTS),
    _bad_key("that is ..", "..", DOTS),
    _bad_key("with .", "egress/./team-a/7.mp4", DOTS),
    _bad_key("with .. in percent-encoding", "egress/team-a/%2E%2e/team-b/7.mp4", DOTS),
    _bad_key("with . and a percent-encoded .", "egress/team-a/.%2e/team-b/7.mp4", DOTS),
    _bad_key("with a line break", "egress/team-a/7.mp4\n", PRINTABLE),
    _bad_key("with NUL", "egress/team-a/\u0000/7.mp4", PRINTABLE),
    _bad_key("with a text direction override", "egress/team-a/\u202e4pm.7", PRINTABLE),
    _bad_key("of the operator", "egress/.recording-operator/owner.json", RESERVED),
    Case("object key of a URL with a line break", an_object(URL + "\n"), rejected(KEY_FIELD, PRINTABLE)),
    _bad_prefix("of everything", "", FOLDER),
    _bad_prefix("without a slash at the end", "egress", FOLDER),
    Case(
        "import of the root",
        with_imports("/"),
        f"[{rejected(PREFIX_FIELD, FOLDER, value='/')}, {rejected(PREFIX_FIELD, FOLDERS, value='/')}]",
    ),
    _bad_prefix("of an absolute path", "/egress/", FOLDERS),
    _bad_prefix("with ..", "egress/../other/", FOLDERS),
    _bad_prefix("with an empty folder", "egress//a/", FOLDERS),
    _bad_prefix("with part of a folder as the placeholder", "egress/x-{namespace}/", PLACEHOLDER),
    _bad_prefix("with another placeholder", "egress/{org}/", PLACEHOLDER),
    _bad_prefix("with an open brace", "egress/{namespace/", PLACEHOLDER),
    _bad_prefix("with a line break", "egress\n/", PRINTABLE),
    _bad_prefix("of the operator", ".recording-operator/", RESERVED),
    Case("import too long", with_imports("a" * 512 + "/"), blocked(too_long(PREFIX_FIELD, 512))),
    Case("import without a prefix", a_location(imports=[{}]), blocked(missing(PREFIX_FIELD))),
    Case(
        "33 imports",
        with_imports(*(f"p{number}/" for number in range(33))),
        blocked("spec.imports: Too many: 33: must have at most 32 items"),
    ),
    Case(
        "an import twice",
        with_imports("a/", "a/"),
        'spec.imports[1]: Duplicate value: {"prefix":"a/"}',
    ),
)
GOOD_OBJECTS: Final = {
    "an object": an_object(),
    "an object with size and checksum": an_object(size=10, checksum="sha256:" + "ab" * 32),
    "the longest key": an_object("k" * 1024),
    "a key with dots that are no folder": an_object("a/..b/c../d...mp4/.e"),
    "a key with spaces and other scripts": an_object("録画/Team Sync\u202f(1).mp4"),
    "a key with two slashes, which S3 permits": an_object("rooms//7.mp4"),
    "64 objects": a_recording(
        *[
            an_artifact(name=f"v{i}", source={"object": {"storageLocation": "egress", "key": f"{i}/" + "k" * 1000}})
            for i in range(64)
        ]
    ),
}
GOOD_IMPORTS: Final = {
    "no imports": a_location(imports=[]),
    "an import by namespace": with_imports("egress/{namespace}/"),
    "an import whose first folder is the namespace": with_imports("{namespace}/"),
    "an import with two placeholders": with_imports("a/{namespace}/b/{namespace}/c/"),
    "an import for all namespaces": with_imports("shared/"),
    "32 of the longest imports": with_imports(*(f"{number:02}" + "a" * 509 + "/" for number in range(32))),
    "an import in another script": with_imports("録画 2023/"),
}

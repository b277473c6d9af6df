"""Rules by which the API server validates a Recording, with their error messages."""

from typing import Any, Final

from recording_operator.api import cel
from recording_operator.api.cel import Rule
from recording_operator.api.source_object import OBJECT_RULES
from recording_operator.api.source_provider import PROVIDER_RULES
from recording_operator.api.source_upload import upload_rules
from recording_operator.api.url_rules import url_rules

MAX_ARTIFACTS: Final = 64
MAX_INLINE_BYTES: Final = 16 * 1024
# etcd accepts 1.5 MB per object, for URLs, inline texts and the status of 64 artifacts together.
MAX_INLINE_BYTES_TOGETHER: Final = 256 * 1024
MAX_URL_CHARS: Final = 8192
# Applies to the escaped id in keys, too.
MAX_OWNER_CHARS: Final = 128

OWNER_SCHEMA: Final = cel.string(
    Rule(
        rule=r"self.matches(r'^[\p{L}\p{M}\p{N}\p{P}\p{S} ]+$') && !self.startsWith(' ') && !self.endsWith(' ')",
        message="write 1 to 128 printable characters, without a space at the beginning or end",
    ),
    Rule(rule="!self.startsWith('.') && !self.contains('..')", message="must not begin with '.' or contain '..'"),
    Rule(rule="!self.startsWith('(')", message="must not begin with '('; reports use (unknown) and (other)"),
    Rule(rule="!self.contains('://')", message="must not contain a URL; it would be visible in keys and reports"),
    # At most 128 bytes after escaping: all plain; or 96, of which 16 count three times; or 42, all of which do.
    Rule(
        rule="self.matches('^[A-Za-z0-9._-]*$') || size(bytes(self)) <= 42"
        " || (size(self) <= 96 && self.matches('^([A-Za-z0-9._-]*[ -~]){0,16}[A-Za-z0-9._-]*$'))",
        message="is too long for a key: write at most 42 bytes, or at most 96 ASCII characters of which at most 16 are "
        "other than letters, digits, '.', '_' and '-'",
    ),
    max_length=MAX_OWNER_CHARS,
)
TITLE_SCHEMA: Final = cel.string(
    Rule(
        rule=r"self.matches(r'^[\p{L}\p{M}\p{N}\p{P}\p{S} ]*$')",
        message="write printable characters; line breaks and control characters are not possible",
    ),
    max_length=256,
)
URL_SCHEMA: Final = {"type": "string", "maxLength": MAX_URL_CHARS}
CHECKSUM_SCHEMA: Final = cel.string(max_length=71)
MAX_CONTENT_TYPE_CHARS: Final = 127
CONTENT_TYPE_SCHEMA: Final = cel.string(max_length=MAX_CONTENT_TYPE_CHARS)
CHECKSUM_MESSAGE: Final = (
    "write algorithm:hex in lower case with algorithm sha256 (64 digits), md5 (32), crc64nvme (16) or crc32 (8)"
)
CHECKSUM_PATTERN: Final = "^(sha256:[0-9a-f]{64}|md5:[0-9a-f]{32}|crc64nvme:[0-9a-f]{16}|crc32:[0-9a-f]{8})$"
_MEDIA_PART: Final = "[A-Za-z0-9!#$&^_.+-]+"
_PARAMETER: Final = f' *; *{_MEDIA_PART}=({_MEDIA_PART}|"[ !#-Z^-~]*")'
CONTENT_TYPE_PATTERN: Final = f"^{_MEDIA_PART}/{_MEDIA_PART}({_PARAMETER})*$"
INLINE_SCHEMA: Final = cel.string(max_length=MAX_INLINE_BYTES)
IDENTITY_SCHEMA: Final = cel.string(
    Rule(rule="self.matches('^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$')", message="write the uid of a Recording"),
    max_length=36,
)

_NEW: Final = "create a new Recording"
_ONE_CONTENT: Final = "set exactly one of source, inline and contentSecretRef"


_SECRET_RULES: Final = tuple(
    # These belong to the source too: people sometimes put the URL into the wrong field.
    Rule(
        rule=f"!has(self.{ref}) || self.{ref}.{field}.matches('{pattern}')",
        message=message,
        field_path=f".{ref}.{field}",
    )
    for ref, field, pattern, message in (
        ("urlSecretRef", "name", cel.OBJECT_NAME_PATTERN, cel.OBJECT_NAME_MESSAGE),
        ("urlSecretRef", "key", cel.SECRET_KEY_PATTERN, cel.SECRET_KEY_MESSAGE),
        ("headersSecretRef", "name", cel.OBJECT_NAME_PATTERN, cel.OBJECT_NAME_MESSAGE),
    )
)
_SOURCE_HAD_FAILED: Final = "has(oldSelf.provider) && has(oldSelf.provider.failure)"
_HAD_FAILED: Final = "has(oldSelf.source) && has(oldSelf.source.provider) && has(oldSelf.source.provider.failure)"
"""The provider had reported that there is no file. Nothing is known of it then, and it may come after all."""
SOURCE_RULES: Final = (
    Rule(
        rule="[has(self.url), has(self.urlSecretRef), has(self.object), has(self.upload)].exists_one(is_set, is_set)"
        " || (has(self.provider) && !has(self.url) && !has(self.urlSecretRef) && !has(self.object)"
        " && !has(self.upload))",
        message="set exactly one of url, urlSecretRef, object and upload; with provider, all may be left out",
    ),
    *url_rules("url", instead_of_user="use headersSecretRef"),
    *_SECRET_RULES,
    *OBJECT_RULES,
    *PROVIDER_RULES,
    *upload_rules(checksum_pattern=CHECKSUM_PATTERN, checksum_message=CHECKSUM_MESSAGE, unless=_SOURCE_HAD_FAILED),
    Rule(
        rule=f"!has(self.checksum) || self.checksum.matches('{CHECKSUM_PATTERN}')",
        message=CHECKSUM_MESSAGE,
        field_path=".checksum",
    ),
    Rule(
        rule="!has(self.expiresAt) || (self.expiresAt.getFullYear() >= 2000 && self.expiresAt.getFullYear() < 3000)",
        message="must be a time in the years 2000 to 2999",
        field_path=".expiresAt",
    ),
    cel.immutable("size", instead=_NEW, unless=_SOURCE_HAD_FAILED),
    cel.immutable("checksum", instead=_NEW, unless=_SOURCE_HAD_FAILED),
)
ARTIFACT_RULES: Final = (
    Rule(
        rule="[has(self.source), has(self.inline), has(self.contentSecretRef)].filter(is_set, is_set).size() <= 1",
        message=_ONE_CONTENT,
    ),
    *(
        Rule(
            rule=f"!has(self.contentSecretRef) || self.contentSecretRef.{field}.matches('{pattern}')",
            message=message,
            field_path=f".contentSecretRef.{field}",
        )
        for field, pattern, message in (
            ("name", cel.OBJECT_NAME_PATTERN, cel.OBJECT_NAME_MESSAGE),
            ("key", cel.SECRET_KEY_PATTERN, cel.SECRET_KEY_MESSAGE),
        )
    ),
    Rule(
        rule=f"self.contentType == '' || self.contentType.matches('{CONTENT_TYPE_PATTERN}')",
        message="write a media type such as video/mp4, audio/mpeg or text/plain; charset=utf-8",
        field_path=".contentType",
    ),
    Rule(
        rule=f"!has(self.inline) || (self.inline != '' && size(bytes(self.inline)) <= {MAX_INLINE_BYTES})",
        message="must have 1 byte to 16 KiB; use contentSecretRef or source for larger content",
        field_path=".inline",
    ),
    Rule(
        rule=f"self.kind == oldSelf.kind && (({_HAD_FAILED}) || (self.contentType == oldSelf.contentType"
        " && self.optional == oldSelf.optional))",
        message="kind, contentType and optional cannot be changed; add an artifact with another name",
    ),
    Rule(
        rule=f"({_HAD_FAILED})"
        " || (has(self.inline) == has(oldSelf.inline) && (!has(self.inline) || self.inline == oldSelf.inline))",
        message="inline cannot be changed; add an artifact with another name",
    ),
    cel.immutable("contentSecretRef", instead="add an artifact with another name", unless=_HAD_FAILED),
    Rule(
        # Otherwise it would make everything changeable of a file that is stored.
        rule=f"({_HAD_FAILED})"
        " || !(has(self.source) && has(self.source.provider) && has(self.source.provider.failure))",
        message="failure cannot be added later; add an artifact with another name",
        field_path=".source.provider.failure",
    ),
)
ARTIFACTS_SCHEMA: Final[dict[str, Any]] = {
    "maxItems": MAX_ARTIFACTS,
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["name"],
}
SPEC_RULES: Final = (
    Rule(rule="size(self.artifacts) > 0", message="write at least one artifact", field_path=".artifacts"),
    Rule(
        rule="has(self.identity) || self.artifacts.all(a, has(a.source) || has(a.inline) || has(a.contentSecretRef))",
        message=_ONE_CONTENT,
        field_path=".artifacts",
    ),
    Rule(
        rule="!has(self.identity) || has(self.storageLocation)",
        message="identity needs storageLocation: name the location of the stored files",
        field_path=".identity",
    ),
    cel.immutable("identity", instead=_NEW),
    Rule(rule="self.owner == oldSelf.owner", message=f"owner cannot be changed; {_NEW}", field_path=".owner"),
    Rule(
        rule="oldSelf.artifacts.all(o, self.artifacts.exists(a, a.name == o.name))",
        message=f"artifacts can be added, but not removed or renamed; {_NEW}",
        field_path=".artifacts",
    ),
    # Its key may be that of the manifest. At creation it is known: the manifest then has another key.
    Rule(
        rule="oldSelf.artifacts.exists(o, o.name == 'metadata') || !self.artifacts.exists(a, a.name == 'metadata'"
        " && a.contentType.lowerAscii().startsWith('application/json'))",
        message="an artifact with the name metadata and the contentType application/json cannot be added later: "
        "metadata.json may be the manifest; use another name",
        field_path=".artifacts",
    ),
    Rule(
        rule=f"self.artifacts.map(a, has(a.inline) ? size(bytes(a.inline)) : 0).sum() <= {MAX_INLINE_BYTES_TOGETHER}",
        message="inline artifacts must not exceed 256 KiB in total; use contentSecretRef or source for larger content",
        field_path=".artifacts",
    ),
)
ROOT_RULES: Final = (
    Rule(
        rule="self.metadata.name.size() <= 63 && !self.metadata.name.contains('.')",
        message="metadata.name must have at most 63 characters and no '.'",
    ),
    Rule(
        rule="(has(self.spec.storageLocation) ? self.spec.storageLocation : '')"
        " == (has(oldSelf.spec.storageLocation) ? oldSelf.spec.storageLocation : '')"
        " || (has(oldSelf.status) && has(oldSelf.status.phase) && oldSelf.status.phase == 'Complete')",
        message="storageLocation can be changed only while the Recording is Complete; then its objects are moved",
        field_path=".spec.storageLocation",
    ),
    # Once it is written, it can only become what the spec names. For a named Recording that is also its first value.
    Rule(
        rule="has(self.status) && has(self.status.storageLocation) ?"
        " (has(oldSelf.status) && has(oldSelf.status.storageLocation)"
        " && self.status.storageLocation == oldSelf.status.storageLocation)"
        " || (has(self.spec.storageLocation) ? self.status.storageLocation == self.spec.storageLocation"
        " : !has(oldSelf.status) || !has(oldSelf.status.storageLocation))"
        " : !has(oldSelf.status) || !has(oldSelf.status.storageLocation)",
        message="status.storageLocation says where the objects are; it cannot be removed or changed",
    ),
)

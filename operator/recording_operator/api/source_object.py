"""Objects that a store already holds: how a Recording names one, and which of them a StorageLocation opens."""

import re
import unicodedata
from typing import Annotated, Any, Final

from pydantic import ConfigDict, Field, WithJsonSchema

from recording_operator.api import cel
from recording_operator.api.cel import Rule
from recording_operator.api.meta import ApiModel
from recording_operator.api.names import RESERVED_FOLDER

MAX_KEY_BYTES: Final = 1024
"""S3's limit."""
NAMESPACE_PLACEHOLDER: Final = "{namespace}"
_MAX_IMPORT_CHARS: Final = 512
_PRINTABLE: Final = r"\p{L}\p{M}\p{N}\p{P}\p{S}\p{Zs}"
# A proxy in front of a store might decode a name once more than the store does.
_DOTS: Final = "(^|/)([.]|%2[eE]){1,2}(/|$)"


def _key(rule: str, message: str) -> Rule:
    """A rule about the key. It belongs to the source, because its message must not repeat a URL in the wrong field."""
    return Rule(rule=f"!has(self.object) || {rule}", message=message, field_path=".object.key")


OBJECT_RULES: Final = (
    Rule(
        rule="!has(self.object) || (!has(self.headersSecretRef) && !has(self.expiresAt))",
        message="headersSecretRef and expiresAt belong to a URL; leave them out with object",
        field_path=".object",
    ),
    Rule(
        rule=f"!has(self.object) || self.object.storageLocation.matches('{cel.OBJECT_NAME_PATTERN}')",
        message=cel.OBJECT_NAME_MESSAGE,
        field_path=".object.storageLocation",
    ),
    _key(
        f"(self.object.key != '' && size(bytes(self.object.key)) <= {MAX_KEY_BYTES})",
        f"write the key of an object, 1 to {MAX_KEY_BYTES} bytes",
    ),
    _key(
        f"!self.object.key.matches(r'[^{_PRINTABLE}]')",
        "write printable characters; line breaks and control characters are not possible",
    ),
    _key(
        "(!self.object.key.startsWith('/') && !self.object.key.endsWith('/'))",
        "must not begin or end with '/'; write the whole key of an object, as the store lists it",
    ),
    _key(f"!self.object.key.matches('{_DOTS}')", "must not contain a folder '.' or '..'"),
    _key(
        f"!self.object.key.contains('{RESERVED_FOLDER}')",
        f"must not contain {RESERVED_FOLDER}, which is reserved for the operator",
    ),
)
_IMPORT_SCHEMA: Final = cel.string(
    Rule(rule="self.endsWith('/') && self != '/'", message="write a folder that ends with '/', such as egress/"),
    Rule(
        rule=r"self.matches('^([^{}/]*/|[{]namespace[}]/)*$') || !self.endsWith('/')",
        message="{namespace} is the only placeholder, and must be the whole name of a folder, such as "
        "egress/{namespace}/",
    ),
    Rule(
        rule=f"!self.matches(r'[^{_PRINTABLE}]')",
        message="write printable characters; line breaks and control characters are not possible",
    ),
    Rule(
        rule=f"!self.startsWith('/') && !self.contains('//') && !self.matches('{_DOTS}')",
        message="must not begin with '/' or contain '//' or a folder '.' or '..'",
    ),
    Rule(
        rule=f"!self.contains('{RESERVED_FOLDER}')",
        message=f"must not contain {RESERVED_FOLDER}, which is reserved for the operator",
    ),
    max_length=_MAX_IMPORT_CHARS,
)
IMPORTS_SCHEMA: Final[dict[str, Any]] = {
    "maxItems": 32,
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["prefix"],
}


class SourceObject(ApiModel):
    """An object that a store already holds."""

    model_config = ConfigDict(json_schema_extra=cel.ATOMIC)

    storage_location: Annotated[str, WithJsonSchema(cel.string(max_length=253))] = Field(
        description="Name of the StorageLocation that holds the object. It must admit the Recording's namespace, and "
        "its spec.imports must open the key to it."
    )
    key: Annotated[str, WithJsonSchema(cel.string(max_length=MAX_KEY_BYTES))] = Field(
        description="The whole key of the object, as the store lists it; for a filesystem, its path below the "
        "location's directory."
    )


class ImportPrefix(ApiModel):
    """Keys that Recordings may name in source.object."""

    prefix: Annotated[str, WithJsonSchema(_IMPORT_SCHEMA)] = Field(
        description="Beginning of the keys, which ends with '/'. {namespace} stands for the Recording's namespace: "
        "with egress/{namespace}/ each namespace may name only keys in its own folder. Without it, every namespace "
        "that the location admits may name every key in the folder."
    )

    def opens(self, key: str, *, namespace: str) -> bool:
        """Whether Recordings in the namespace may name the key."""
        folder = self.prefix.replace(NAMESPACE_PLACEHOLDER, namespace)
        return key.startswith(folder) and len(key) > len(folder)


_UNPRINTABLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def is_key(text: str) -> bool:
    """Whether a Recording can name the key: the rules above, in Python."""
    printable = text.isprintable() or not any(unicodedata.category(character) in _UNPRINTABLE for character in text)
    return (
        printable
        and 0 < len(text.encode()) <= MAX_KEY_BYTES
        and not text.startswith("/")
        and not text.endswith("/")
        and not re.search(_DOTS, text)
        and RESERVED_FOLDER not in text
    )

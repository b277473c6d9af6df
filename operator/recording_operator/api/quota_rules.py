"""The rules by which the API server validates the quotas of a StorageLocation, with their messages."""

from typing import Any, Final

from recording_operator.api import cel
from recording_operator.api.cel import Rule
from recording_operator.api.recording_rules import MAX_OWNER_CHARS

QUOTA_LIST_SCHEMA: Final[dict[str, Any]] = {
    "maxItems": 256,
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["org", "namespace"],
}
ORG_SCHEMA: Final = cel.string(
    Rule(
        rule="!self.startsWith(' ') && !self.endsWith(' ') && !self.contains('://')",
        message="write the organisation as in spec.owner.org of its Recordings",
    ),
    max_length=MAX_OWNER_CHARS,
)
NAMESPACE_SCHEMA: Final = cel.string(
    Rule(
        rule="self == '' || self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",
        message="write the name of a namespace",
    ),
    max_length=63,
)
RECORDINGS_SCHEMA: Final = {"type": "integer", "format": "int64", "minimum": 1, "maximum": 1_000_000_000}
QUOTA_RULES: Final = (
    Rule(
        rule="(has(self.org) && self.org != '') != (has(self.__namespace__) && self.__namespace__ != '')",
        message="write either org or namespace",
        field_path=".org",
    ),
    Rule(
        rule="has(self.bytes) || has(self.recordings)",
        message="write bytes, recordings or both",
        field_path=".bytes",
    ),
)


def _shown(kind: str, field: str, article: str) -> Rule:
    """A quota needs keys that show its owner: the author of a Recording decides when it leaves Kubernetes."""
    return Rule(
        rule=f"!has(self.quotas) || !has(self.keyTemplate) || self.keyTemplate.matches('(^|/)[{{]{kind}[}}](/|$)')"
        f" || !self.quotas.exists(quota, has(quota.{field}) && quota.{field} != '')",
        message=f"a quota of {article} needs a keyTemplate with the folder {{{kind}}}: it counts objects after their "
        "Recordings are gone",
        field_path=".quotas",
    )


QUOTAS_OF_KEYS: Final = (
    _shown("org", "org", "an organisation"),
    _shown("namespace", "__namespace__", "a namespace"),
    # Recordings are counted while keys are listed in order: all keys of one must follow each other.
    Rule(
        rule="!has(self.quotas) || !self.quotas.exists(quota, has(quota.recordings))"
        " || !has(self.keyTemplate) || self.keyTemplate.indexOf('{uid}') < self.keyTemplate.indexOf('{artifact}')",
        message="a quota of recordings needs a keyTemplate with {uid} before {artifact}; use a quota of bytes",
        field_path=".quotas",
    ),
)

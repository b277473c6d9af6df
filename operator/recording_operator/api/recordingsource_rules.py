"""Rules by which the API server validates a RecordingSource, with their error messages.

A misplaced secret is not repeated: rules about references to Secrets and about addresses are on the parent.
"""

from typing import Any, Final

from recording_operator.api import cel
from recording_operator.api.cel import Rule
from recording_operator.api.url_rules import url_rules

MAX_EXPRESSION_CHARS: Final = 256
MAX_ENDPOINT_CHARS: Final = 512
MAX_MAPPED_ARTIFACTS: Final = 16

EXPRESSION_SCHEMA: Final = cel.string(
    Rule(rule=r"self.matches('[^\\s]')", message="write a JMESPath expression, such as extra.org_id"),
    max_length=MAX_EXPRESSION_CHARS,
)
EVENT_NAME_SCHEMA: Final = cel.string(max_length=128, minLength=1)
HEADER_SCHEMA: Final = cel.string(
    Rule(
        rule="self.matches('^[A-Za-z0-9][A-Za-z0-9-]*$')",
        message="write the name of an HTTP header, such as X-Signature: letters, digits and '-'",
    ),
    max_length=64,
)
PREFIX_SCHEMA: Final = cel.string(
    Rule(rule="self.matches('^[!-~]*$')", message="write printable ASCII characters without spaces, such as sha256="),
    max_length=32,
)
KINDS_SCHEMA: Final[dict[str, Any]] = {"maxItems": 7, "x-kubernetes-list-type": "set"}
EVENT_NAMES_SCHEMA: Final[dict[str, Any]] = {"maxItems": 32, "x-kubernetes-list-type": "set"}
MAPPED_ARTIFACTS_SCHEMA: Final[dict[str, Any]] = {
    "maxItems": MAX_MAPPED_ARTIFACTS,
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["name"],
}

_LABEL_KEY: Final = "^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"
_LABEL_VALUE: Final = "^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$"
LABELS_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "maxProperties": 16,
    "additionalProperties": cel.string(
        Rule(
            rule=f"self.matches('{_LABEL_VALUE}')",
            message="write the value of a label: at most 63 letters, digits, '-', '_' and '.', beginning and ending "
            "with a letter or digit",
        ),
        max_length=63,
    ),
    **cel.rules(
        Rule(
            rule=f"self.all(key, size(key) <= 316 && key.matches('{_LABEL_KEY}'))",
            message="write the key of a label, such as team or example.com/team",
        ),
    ),
}


def secret_name_rule(path: str = "secretRef") -> Rule:
    """The name of a Secret is valid. The rule is on the parent of `path`, whose message does not repeat it."""
    parts = path.split(".")
    present = " || ".join(f"!has(self.{'.'.join(parts[: end + 1])})" for end in range(len(parts)))
    return Rule(
        rule=f"{present} || self.{path}.name.matches('{cel.OBJECT_NAME_PATTERN}')",
        message=cel.OBJECT_NAME_MESSAGE,
        field_path=f".{path}.name",
    )


OWNER_VALUE_RULES: Final = (
    Rule(rule="has(self.value) != has(self.from)", message="set exactly one of value and from"),
    Rule(
        rule="!has(self.default) || has(self.from)",
        message="default applies to an expression: set it with from, or use value",
        field_path=".default",
    ),
)
WEBHOOK_RULES: Final = (
    secret_name_rule(),
    Rule(
        rule="has(self.hmac) == (has(self.signature) && self.signature == 'HMAC')",
        message="set hmac if signature is HMAC, and only then",
        field_path=".hmac",
    ),
)
API_RULES: Final = (
    secret_name_rule(),
    *url_rules("endpoint", instead_of_user="use secretRef"),
    Rule(
        rule="!has(self.endpoint) || !self.endpoint.contains('?')",
        message="must not contain a query ('?…'); use secretRef for credentials",
        field_path=".endpoint",
    ),
)
TEMPLATE_RULES: Final = (
    Rule(
        rule="size(self.artifacts) > 0",
        message="write at least one kind of artifact, such as Video",
        field_path=".artifacts",
    ),
    Rule(
        rule="!has(self.labels) || !self.labels.exists(key, key.startsWith('recordings.dev/'))",
        message="keys that begin with recordings.dev/ are set by the operator; use another key",
        field_path=".labels",
    ),
)
MAPPED_ARTIFACT_RULES: Final = (
    Rule(
        rule="has(self.url) != has(self.content)",
        message="set exactly one of url and content",
    ),
)
MAPPING_RULES: Final = (
    Rule(
        rule="size(self.artifacts) > 0",
        message="write at least one artifact",
        field_path=".artifacts",
    ),
    Rule(
        rule="has(self.event) || (!has(self.mediaEvents) && !has(self.failedEvents))",
        message="mediaEvents and failedEvents need event: the expression that yields the name of the event",
        field_path=".event",
    ),
)


def _only(provider: str, path: str, message: str) -> Rule:
    """A field that one provider needs and no other may have."""
    return Rule(rule=f"has(self.{path}) == (self.provider == '{provider}')", message=message, field_path=f".{path}")


SOURCE_SPEC_RULES: Final = (
    Rule(
        rule="self.provider == oldSelf.provider",
        message="provider cannot be changed; create a new RecordingSource",
        field_path=".provider",
    ),
    _only("Generic", "mapping", "set mapping if provider is Generic, and only then"),
    Rule(
        rule="!has(self.mapping) || self.mapping.artifacts.all(a, a.kind in self.recording.artifacts)",
        message="recording.artifacts must contain the kind of each artifact in mapping; the others are not stored",
        field_path=".recording.artifacts",
    ),
    _only(
        "Generic",
        "webhook.signature",
        "set signature if provider is Generic, and only then: the signatures of all others are known",
    ),
    _only(
        "LiveKit",
        "recording.importFrom",
        "set importFrom if provider is LiveKit, and only then: the location that holds the files of its egress",
    ),
    Rule(
        rule="!has(self.api) || !(self.provider in ['Generic', 'LiveKit'])",
        message="leave api out: the operator does not use an API of this provider",
        field_path=".api",
    ),
    Rule(
        rule="has(self.api) || !(self.provider in ['Recall', 'Fireflies'])",
        message="set api: the events of this provider contain no URL, so the operator requests it from the API",
        field_path=".api",
    ),
    Rule(
        rule="self.provider != 'Recall' || !has(self.api) || has(self.api.endpoint)",
        message="set endpoint to the address of your region, such as https://us-west-2.recall.ai",
        field_path=".api.endpoint",
    ),
)
# The receiver uses it as the value of a label, and as a part of the names of Recordings.
SOURCE_ROOT_RULES: Final = (
    Rule(
        rule="self.metadata.name.size() <= 63 && !self.metadata.name.contains('.')",
        message="metadata.name must have at most 63 characters and no '.'",
    ),
)

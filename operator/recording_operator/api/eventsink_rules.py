"""Rules by which the API server validates an EventSink, with their error messages.

spec.uri may hold a token, so the rules about it are on the spec: their messages do not repeat it.
"""

from typing import Any, Final

from recording_operator.api import cel
from recording_operator.api.cel import Rule
from recording_operator.api.recordingsource_rules import secret_name_rule
from recording_operator.api.url_rules import url_rules

MAX_URI_CHARS: Final = 2048

API_VERSION_SCHEMA: Final = cel.string(
    Rule(
        rule="self.matches('^([a-z0-9][-a-z0-9.]*/)?v[a-z0-9]+$')",
        message="write the apiVersion of the object, such as serving.knative.dev/v1",
    ),
    max_length=253,
)
KIND_SCHEMA: Final = cel.string(
    Rule(rule="self.matches('^[A-Z][A-Za-z0-9]*$')", message="write the kind of the object, such as Service"),
    max_length=63,
)
PRESIGN_SCHEMA: Final = cel.duration_schema(
    Rule(
        rule="duration(self) >= duration('1m') && duration(self) <= duration('168h')",
        message="write a duration of 1m to 168h",
    )
)
EVENTS_SCHEMA: Final[dict[str, Any]] = {"maxItems": 16, "x-kubernetes-list-type": "set"}
SINK_SPEC_RULES: Final = (
    Rule(rule="has(self.uri) != has(self.ref)", message="set exactly one of uri and ref"),
    *url_rules("uri", instead_of_user="the receiver verifies the signature that secretRef makes"),
    Rule(
        rule="!has(self.uri) || has(self.secretRef)",
        message="set secretRef: events that are sent to a uri are signed",
        field_path=".secretRef",
    ),
    secret_name_rule(),
    Rule(rule="size(self.events) > 0", message="write at least one event, such as Completed", field_path=".events"),
)
SINK_ROOT_RULES: Final = (
    Rule(
        rule="self.metadata.name.size() <= 63 && !self.metadata.name.contains('.')",
        message="metadata.name must have at most 63 characters and no '.'",
    ),
)

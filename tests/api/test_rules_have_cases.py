"""Each rule about webhooks has a bad manifest that breaks it: without its rule, that manifest would be accepted."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest

from recording_operator.api.crd import RESOURCES, crd
from tests.api.bad_locations import BAD_LOCATIONS
from tests.api.bad_recordings import BAD_RECORDINGS
from tests.api.cases import Case
from tests.api.provider_cases import BAD_CONTENT_UPDATES, BAD_PROVIDER_RECORDINGS
from tests.api.sink_cases import BAD_SINKS
from tests.api.source_cases import BAD_SOURCE_UPDATES, BAD_SOURCES_OF_RECORDINGS
from tests.api.upload_cases import BAD_UPLOAD_UPDATES, BAD_UPLOADS

CASES: Final = {
    "RecordingSource": (*BAD_SOURCES_OF_RECORDINGS, *BAD_SOURCE_UPDATES),
    "EventSink": BAD_SINKS,
    "Recording": (
        *BAD_PROVIDER_RECORDINGS,
        *BAD_CONTENT_UPDATES,
        *BAD_UPLOADS,
        *(case for _, case in BAD_UPLOAD_UPDATES),
    ),
}
# What has the same rules as another field, from one function.
SAME: Final = (".api.endpoint", ".owner.user", ".owner.project", ".selector.matchLabels")
OTHERS: Final = (*BAD_RECORDINGS, *BAD_LOCATIONS)
INDEX: Final = re.compile(r"\[[^\]]*\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaRule:
    """A rule, where its message is shown, and whether it is the rule of a type that several fields have."""

    path: str
    message: str
    of_type: bool

    def is_broken_by(self, cases: Iterable[Case]) -> bool:
        """Whether one of the cases expects this message, at this path."""
        expected = [INDEX.sub("[]", case.message) for case in cases]
        return any(self.message in text and (self.of_type or text.startswith(self.path)) for text in expected)


def rules(node: dict[str, Any], path: str = "") -> Iterator[SchemaRule]:
    """All rules of a schema."""
    for rule in node.get("x-kubernetes-validations", ()):
        shown = (path + rule.get("fieldPath", "")).lstrip(".") or "<nil>"
        yield SchemaRule(path=shown, message=rule["message"], of_type=node["type"] != "object")
    for name, field in node.get("properties", {}).items():
        yield from rules(field, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if key in node:
            yield from rules(node[key], f"{path}[]")


@pytest.mark.parametrize("kind", CASES)
def test_every_rule_is_broken_by_a_case(kind: str) -> None:
    schema = next(crd(one)["spec"]["versions"][0]["schema"]["openAPIV3Schema"] for one in RESOURCES if one.kind == kind)
    checked = [rule for rule in rules(schema) if not any(part in rule.path for part in SAME)]
    if kind == "Recording":
        shown = (".provider", "contentSecretRef", "source.upload")
        checked = [rule for rule in checked if any(part in rule.path for part in shown)]

    assert len(checked) > 5
    assert [rule for rule in checked if not rule.is_broken_by((*CASES[kind], *OTHERS))] == []

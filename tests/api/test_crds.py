"""crds/ is generated from the models; the schemas are readable and every field has bounds."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from recording_operator.api import crd

CRDS = Path(__file__).resolve().parents[2] / "crds"
SCHEMAS = {
    resource.kind: crd.crd(resource)["spec"]["versions"][0]["schema"]["openAPIV3Schema"] for resource in crd.RESOURCES
}


def nodes(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every node of a schema with its path."""
    yield path, schema
    for name, field in schema.get("properties", {}).items():
        yield from nodes(field, f"{path}.{name}")
    for key, mark in (("items", "[]"), ("additionalProperties", "{}")):
        if key in schema:
            yield from nodes(schema[key], f"{path}{mark}")


NODES = [(kind + path, node) for kind, schema in SCHEMAS.items() for path, node in nodes(schema)]


def test_crds_are_as_generated() -> None:
    assert crd.differing(CRDS) == [], "run `make crds`"


def test_check_names_what_differs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert crd.main(["--write", str(tmp_path)]) == 0
    assert crd.main(["--check", str(tmp_path)]) == 0
    (tmp_path / "recordings.recordings.dev.yaml").write_text("kind: Nothing\n")
    (tmp_path / "extra.yaml").write_text("kind: Nothing\n")
    assert crd.main(["--check", str(tmp_path)]) == 1
    assert "extra.yaml, recordings.recordings.dev.yaml" in capsys.readouterr().err


def test_the_same_models_give_the_same_text() -> None:
    assert list(crd.rendered()) == list(crd.rendered())


def test_every_field_is_described() -> None:
    bare = [path for path, node in NODES if not path.endswith(("]", "}", ".metadata")) and not node.get("description")]
    assert bare == []


def test_descriptions_are_sentences() -> None:
    assert [path for path, node in NODES if not node.get("description", "Good.").endswith(".")] == []


def test_everything_is_bounded() -> None:
    """Without bounds the rules exceed the API server's cost budget, and one object may fill etcd."""
    bounds = {"string": "maxLength", "array": "maxItems", "integer": "minimum"}
    unbounded = [
        path
        for path, node in NODES
        if node["type"] in bounds
        and not {"enum", "format", bounds[node["type"]]} & node.keys()
        and not path.endswith((".apiVersion", ".kind"))
    ]
    assert unbounded == []
    assert [path for path, node in NODES if "additionalProperties" in node and "maxProperties" not in node] == []


def test_no_message_shows_a_regular_expression() -> None:
    """Of a status they may be: the operator alone writes it."""
    assert [path for path, node in NODES if "pattern" in node and ".status." not in path] == []


def test_no_rule_stands_on_a_url() -> None:
    """The server repeats the value of the field that has the rule."""
    fields = dict(NODES)
    for path in (
        "Recording.spec.artifacts[].source.url",
        "StorageLocation.spec.s3.endpoint",
        "RecordingSource.spec.api.endpoint",
        "EventSink.spec.uri",
    ):
        assert "x-kubernetes-validations" not in fields[path]


@pytest.mark.parametrize("resource", crd.RESOURCES, ids=lambda resource: resource.kind)
def test_columns_and_selectable_fields_exist(resource: crd.Resource) -> None:
    fields = {path.removeprefix(resource.kind) for path, _ in NODES if path.startswith(resource.kind)}
    for path in (*(column.path for column in resource.columns), *resource.selectable):
        plain = re.sub(r"\[\?\([^)]*\)\]", "[]", path)
        assert plain == ".metadata.creationTimestamp" or plain in fields


def test_the_category_is_not_a_plural() -> None:
    """`kubectl delete recordings --all` would delete the locations too."""
    for path in CRDS.glob("*.yaml"):
        for category in yaml.safe_load(path.read_text())["spec"]["names"]["categories"]:
            assert category not in {resource.plural for resource in crd.RESOURCES}


def test_no_crd_has_anchors_or_aliases() -> None:
    """Several tools that read manifests do not know them."""
    for folder in (CRDS, CRDS.parent / "charts" / "recording-operator" / "files" / "crds"):
        files = list(folder.glob("*.yaml"))
        assert files
        for path in files:
            tokens = list(yaml.scan(path.read_text(encoding="utf-8")))
            assert not [token for token in tokens if isinstance(token, yaml.AnchorToken | yaml.AliasToken)], path


def test_references_to_secrets_are_replaced_whole() -> None:
    atomic = {path for path, node in NODES if node.get("x-kubernetes-map-type") == "atomic"}
    assert atomic == {
        "Recording.spec.artifacts[].source.urlSecretRef",
        "Recording.spec.artifacts[].source.headersSecretRef",
        "Recording.spec.artifacts[].source.object",
        "Recording.spec.artifacts[].source.provider",
        "Recording.spec.artifacts[].contentSecretRef",
        "RecordingSource.spec.webhook.secretRef",
        "RecordingSource.spec.api.secretRef",
        "EventSink.spec.secretRef",
        "EventSink.spec.ref",
        "StorageLocation.spec.s3.credentials",
        "StorageLocation.spec.s3.cdn",
    }

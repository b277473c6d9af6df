"""Values: each one changes the rendered manifests, unknown ones are rejected, and nothing invalid is rendered."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from recording_operator.settings import Settings
from tests.chart.helm import CHART, MONITORING_APIS, Helm, HelmError, one, parsed
from tests.chart.values_cases import CASES, Values

Path = tuple[str, ...]
SCHEMA = json.loads((CHART / "values.schema.json").read_text())


def schema_leaves(schema: Values, path: Path = ()) -> Iterator[Path]:
    """Every value that the schema names, down to where it leaves the rest to Kubernetes."""
    for key, inner in schema.get("properties", {}).items():
        if "properties" in inner:
            yield from schema_leaves(inner, (*path, key))
        else:
            yield (*path, key)


LEAVES = set(schema_leaves(SCHEMA))
SETTINGS_LEAVES = {path for path in LEAVES if path[0] == "settings"}


def given(values: Any, path: Path = ()) -> Iterator[Path]:
    """The schema's values that a case sets."""
    for key, inner in values.items():
        if (*path, key) in LEAVES:
            yield (*path, key)
        else:
            yield from given(inner, (*path, key))


def without(values: Values, path: Path) -> Values:
    """The case but for one value."""
    rest = copy.deepcopy(values)
    place = rest
    for key in path[:-1]:
        place = place[key]
    del place[path[-1]]
    return rest


def sample(schema: Values) -> Any:
    """Something that the schema takes."""
    if "properties" in schema:
        return {key: sample(inner) for key, inner in schema["properties"].items()}
    if "enum" in schema:
        return schema["enum"][-1]
    kind = schema.get("type", "string")
    return {"integer": 5, "array": [], "boolean": True, "string": "text"}.get(kind if isinstance(kind, str) else "", 7)


def test_every_value_of_the_schema_is_in_a_case() -> None:
    cases = {path for values in CASES.values() for path in given(values)}
    assert LEAVES - SETTINGS_LEAVES - cases == set()


def test_every_default_is_a_value_of_the_schema_and_the_reverse(helm4: Helm) -> None:
    defaults = parsed(helm4("show", "values", str(CHART)))[0]
    flat = {path for path in LEAVES if path[0] != "settings"}
    assert {path for path in given(defaults) if path[0] != "settings"} == flat
    assert set(defaults) == set(SCHEMA["properties"])


@pytest.mark.parametrize("name", CASES)
def test_each_value_changes_what_is_rendered(helm4: Helm, name: str) -> None:
    values = CASES[name]
    whole = helm4.render(values)
    idle = [path for path in given(values) if _outcome(helm4, without(values, path)) == whole]
    assert idle == []


def _outcome(helm: Helm, values: Values) -> str:
    """The rendered text, or the error."""
    try:
        return helm.render(values)
    except HelmError as error:
        return str(error)


@pytest.mark.parametrize("name", CASES)
def test_both_versions_render_and_lint_every_case(helm: Helm, name: str) -> None:
    values = CASES[name]
    assert helm.objects(values)
    helm("lint", "--strict", str(CHART), values=values)


def test_the_defaults_render_and_lint(helm: Helm) -> None:
    assert one(helm.objects(), "Deployment")["spec"]["replicas"] == 2
    helm("lint", "--strict", str(CHART))


def undescribed(schema: Values, path: Path = ()) -> Iterator[Path]:
    """Every value, and every object with values, that has no description in the schema."""
    for key, inner in schema.get("properties", {}).items():
        if len(inner.get("description", "")) < 5:
            yield (*path, key)
        yield from undescribed(inner, (*path, key))
        yield from undescribed(inner.get("items", {}), (*path, key))


def test_every_value_is_described() -> None:
    assert list(undescribed(SCHEMA)) == []


def test_settings_arrive_as_the_file_that_the_operator_reads(helm: Helm) -> None:
    settings = sample(SCHEMA["properties"]["settings"])
    config = one(helm.objects({"settings": settings}), "ConfigMap")
    assert parsed(config["data"]["settings.yaml"]) == [settings]


def test_settings_that_the_schema_takes_are_settings_of_the_operator() -> None:
    assert set(SCHEMA["properties"]["settings"]["properties"]) == {
        field.alias for field in Settings.model_fields.values()
    }
    Settings.model_validate({"transfers": {"concurrent": 3}, "shutdown": {"grace": "7s"}})


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"replicas": 3}, "replicas"),
        ({"image": {"repo": "x"}}, "repo"),
        ({"image": {"repository": ""}}, "build the image"),
        ({"image": {"digest": "sha256:abc"}}, "digest"),
        ({"replicaCount": "two"}, "replicaCount"),
        ({"log": {"level": "chatty"}}, "level"),
        ({"settings": {"transfers": {"conccurrent": 3}}}, "conccurrent"),
        ({"service": {"port": 70000}}, "port"),
        ({"serviceMonitor": {"enabled": True}, "podMonitor": {"enabled": True}}, "Enable one of them"),
        ({"serviceMonitor": {"enabled": True}, "service": {"enabled": False}}, "requires service.enabled"),
        ({"serviceMonitor": {"enabled": True}}, "does not have monitoring.coreos.com/v1/ServiceMonitor"),
        ({"storageLocation": {"create": True}}, "requires storageLocation.spec.s3.bucket"),
        ({"serviceAccount": {"create": False}}, "serviceAccount.name is needed"),
    ],
)
def test_impossible_values_are_rejected_with_an_explanation(helm: Helm, values: Values, words: str) -> None:
    with pytest.raises(HelmError, match=words):
        helm.render(values)


@pytest.mark.parametrize(("mode", "known", "rendered"), [("skipIfMissing", False, 0), ("failIfMissing", True, 1)])
def test_kinds_of_others_are_rendered_if_the_cluster_has_them(
    helm4: Helm, mode: str, known: bool, rendered: int
) -> None:
    values = {"serviceMonitor": {"enabled": True, "renderMode": mode}}
    objects = helm4.objects(values, apis=MONITORING_APIS if known else ())
    assert len([item for item in objects if item["kind"] == "ServiceMonitor"]) == rendered


def test_openshift_gets_to_choose_ids(helm4: Helm) -> None:
    def pod(apis: tuple[str, ...]) -> Values:
        context: Values = one(helm4.objects(apis=apis), "Deployment")["spec"]["template"]["spec"]["securityContext"]
        return context

    assert pod(())["runAsUser"] == 65532
    assert "runAsUser" not in pod(("security.openshift.io/v1",))


def test_own_objects_wait_for_the_kinds_of_a_first_install(helm4: Helm) -> None:
    values = CASES["storage"]
    hook = one(helm4.objects(values), "StorageLocation")["metadata"]["annotations"]
    assert hook["helm.sh/hook"] == "post-install,post-upgrade"
    later = helm4.objects(values, apis=["recordings.dev/v1alpha1/StorageLocation"])
    assert "helm.sh/hook" not in one(later, "StorageLocation")["metadata"]["annotations"]

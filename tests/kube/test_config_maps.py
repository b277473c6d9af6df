"""Binary entries of ConfigMaps in the operator's namespace, on a real API server."""

import uuid
from datetime import UTC, datetime

import pytest

from localcluster.install import OPERATOR_NAMESPACE
from recording_operator.controller.usage.copies import UsageCopies, UsageCopy
from recording_operator.controller.usage.entries import MapEntries
from recording_operator.controller.usage.samples import UsageSamples, load
from recording_operator.kube.client import KubeApi
from recording_operator.kube.errors import AlreadyExists, Conflict, Forbidden, NotFound
from recording_operator.usage.codec import encode, sample_name, usage_file
from tests.controller.usage.archives import NOW, a_location, a_sample
from tests.support import audit

pytestmark = pytest.mark.cluster


def test_binary_entries_are_created_changed_and_removed(api: KubeApi) -> None:
    name = f"usage-{uuid.uuid4().hex[:8]}"
    with pytest.raises(NotFound):
        api.read_binary_config_map(OPERATOR_NAMESPACE, name)
    api.create_binary_config_map(OPERATOR_NAMESPACE, name, {"a.json.gz": bytes(range(256)), "b": b"old"})
    with pytest.raises(AlreadyExists):
        api.create_binary_config_map(OPERATOR_NAMESPACE, name, {})
    first = api.read_binary_config_map(OPERATOR_NAMESPACE, name)
    assert first.data == {"a.json.gz": bytes(range(256)), "b": b"old"}
    api.patch_binary_config_map(
        OPERATOR_NAMESPACE, name, resource_version=first.resource_version, data={"b": None, "c": b"x" * 899_000}
    )
    with pytest.raises(Conflict):
        api.patch_binary_config_map(OPERATOR_NAMESPACE, name, resource_version=first.resource_version, data={"c": None})
    assert api.read_binary_config_map(OPERATOR_NAMESPACE, name).data == {
        "a.json.gz": bytes(range(256)),
        "c": b"x" * 899_000,
    }


def test_a_copy_of_usage_samples_is_kept_found_and_removed(api: KubeApi) -> None:
    location = a_location(f"gone-{uuid.uuid4().hex[:8]}")
    name, copies = location.metadata.name, UsageCopies(MapEntries(kube=api, namespace=OPERATOR_NAMESPACE))
    file = usage_file(name, sample_name(name, NOW))
    assert file is not None
    samples = UsageSamples(load(file, encode(a_sample(NOW, name=name)), location=name).entries)
    for _ in range(2):
        copies.keep(location, samples, complete=True)

    def found() -> list[UsageCopy]:
        return [copy for copy in copies.deleted([]) if copy.location.metadata.name == name]

    [copy] = found()
    assert copy.location.spec == location.spec
    assert [one.at for file in copy.files for one in file.samples()] == [NOW]
    assert copy.name not in {one.name for one in copies.deleted([location])}
    copies.remove(copy.name)
    assert found() == []
    assert api.read_binary_config_map(OPERATOR_NAMESPACE, copy.name).data == {}


def test_other_namespaces_are_forbidden(api: KubeApi, request: pytest.FixtureRequest) -> None:
    began = datetime.now(UTC)
    with pytest.raises(Forbidden):
        api.create_binary_config_map("kube-system", "usage", {})
    with pytest.raises(Forbidden):
        api.read_binary_config_map("kube-system", "usage")
    # The end-to-end tests may share the audit log, and fail at rights that an operator lacked.
    request.config.stash.setdefault(audit.TAKEN, []).append((began, datetime.now(UTC)))

"""Binary entries of ConfigMaps in the operator's namespace, on a real API server."""

import uuid
from datetime import UTC, datetime

import pytest

from localcluster.install import OPERATOR_NAMESPACE
from recording_operator.kube.client import KubeApi
from recording_operator.kube.errors import AlreadyExists, Conflict, Forbidden, NotFound
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


def test_other_namespaces_are_forbidden(api: KubeApi, request: pytest.FixtureRequest) -> None:
    began = datetime.now(UTC)
    with pytest.raises(Forbidden):
        api.create_binary_config_map("kube-system", "usage", {})
    with pytest.raises(Forbidden):
        api.read_binary_config_map("kube-system", "usage")
    # The end-to-end tests may share the audit log, and fail at rights that an operator lacked.
    request.config.stash.setdefault(audit.TAKEN, []).append((began, datetime.now(UTC)))

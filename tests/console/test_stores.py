"""The stores that the console keeps open."""

import pytest

from localcluster.install import OPERATOR_NAMESPACE
from recording_operator.api.recording import Recording
from recording_operator.console.files.stores import ConsoleStores
from recording_operator.kube.client import KubeApi
from recording_operator.kube.rest import MERGE_PATCH, RestClient
from recording_operator.stores.location_store import LocationStore
from tests.conftest import LocationFactory
from tests.console.stored import store_file

pytestmark = pytest.mark.cluster


def test_a_store_is_used_again_while_its_credentials_are_the_same(
    admin: RestClient, namespace: str, location: LocationFactory
) -> None:
    file = store_file(admin, namespace, "weekly", location=location())
    recording = Recording.model_validate(file.recording)
    stores = ConsoleStores(KubeApi(admin), operator_namespace=OPERATOR_NAMESPACE, roots=())

    def used() -> LocationStore:
        with stores.of(recording).opened() as store:
            assert store.head(file.key) is not None
            return store

    first = used()
    assert used() is first
    secret = f"/api/v1/namespaces/{OPERATOR_NAMESPACE}/secrets/{file.location}"
    admin.request("PATCH", secret, body={"stringData": {"AWS_SECRET_ACCESS_KEY": "changed"}}, content_type=MERGE_PATCH)
    assert stores.of(recording).store is not first

"""Secrets on a real API server: who may refer to which."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from localcluster import ControlPlane
from localcluster.install import OPERATOR_NAMESPACE, secrets_binding
from recording_operator.api.reasons import Reason
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.kube.client import KubeApi
from recording_operator.kube.rest import RestClient
from recording_operator.kube.secrets import (
    SecretError,
    host_allowed,
    location_credentials,
    resolve_headers,
    resolve_url,
)
from recording_operator.stores.credentials import StoreCredentials
from tests.kube.objects import a_secret
from tests.support.waiting import eventually

HEADERS = {"recordings.dev/source-headers": "true"}
HOSTS = {"recordings.dev/allowed-hosts": "api.zoom.us, *.media.example.com"}
CANARY = "c4n4ry"


@pytest.fixture
def tenant_namespace(cluster: ControlPlane, api: KubeApi, namespace: str) -> str:
    """A namespace whose owner lets the operator read Secrets."""
    cluster.kubectl.apply(secrets_binding(namespace))
    eventually(
        lambda: reason_of(lambda: resolve_url(api, namespace=namespace, name="none", key="url"))[1].count("bind") == 0
    )
    return namespace


def reason_of(call: Callable[[], object]) -> tuple[Reason, str]:
    """Why it is rejected, and the message."""
    with pytest.raises(SecretError) as refusal:
        call()
    assert CANARY not in str(refusal.value)
    return refusal.value.reason, refusal.value.message


@pytest.mark.cluster
def test_a_url_is_read_from_the_recordings_own_namespace(
    api: KubeApi, admin: RestClient, tenant_namespace: str
) -> None:
    url = f"https://media.example.com/v.mp4?sig={CANARY}"
    a_secret(admin, tenant_namespace, "source", {"url": url + "\n"})

    assert resolve_url(api, namespace=tenant_namespace, name="source", key="url") == url

    reason, message = reason_of(lambda: resolve_url(api, namespace=tenant_namespace, name="source", key="other"))
    assert (reason, message) == (Reason.SECRET_NOT_FOUND, "Secret 'source' has no key 'other'.")
    reason, _ = reason_of(lambda: resolve_url(api, namespace=tenant_namespace, name="none", key="url"))
    assert reason is Reason.SECRET_NOT_FOUND


@pytest.mark.cluster
def test_without_the_owners_binding_the_message_names_the_role_to_bind(
    api: KubeApi, admin: RestClient, namespace: str
) -> None:
    a_secret(admin, namespace, "source", {"url": CANARY})
    reason, message = reason_of(lambda: resolve_url(api, namespace=namespace, name="source", key="url"))
    assert reason is Reason.SECRET_NOT_FOUND
    assert "Bind the ClusterRole recording-operator-secrets" in message


@pytest.mark.cluster
def test_headers_need_the_owners_label_and_the_host(api: KubeApi, admin: RestClient, tenant_namespace: str) -> None:
    namespace = tenant_namespace
    data = {"Authorization": f"Bearer {CANARY}\n", "X-Tenant": "acme"}
    a_secret(admin, namespace, "good", data, labels=HEADERS, annotations=HOSTS)
    a_secret(admin, namespace, "unlabelled", data, annotations=HOSTS)
    a_secret(admin, namespace, "no-hosts", data, labels=HEADERS)

    headers = resolve_headers(api, namespace=namespace, name="good", host="API.zoom.us")
    assert headers == {"Authorization": f"Bearer {CANARY}", "X-Tenant": "acme"}

    for name, host in (("unlabelled", "api.zoom.us"), ("no-hosts", "api.zoom.us"), ("good", "evil.example")):
        reason, message = reason_of(partial(resolve_headers, api, namespace=namespace, name=name, host=host))
        assert reason is Reason.SECRET_NOT_USABLE
        assert "recordings.dev/" in message, "it has to say which label or annotation is missing"


@pytest.mark.cluster
@pytest.mark.parametrize(
    ("key", "value"),
    [("Host", "evil.example"), ("Range", "bytes=0-"), ("X-Fine", f"{CANARY}\r\nX-Bad: 1"), ("x_y", "\0")],
)
def test_headers_that_would_change_the_request_are_rejected(
    api: KubeApi, admin: RestClient, tenant_namespace: str, key: str, value: str
) -> None:
    a_secret(admin, tenant_namespace, "bad", {key: value}, labels=HEADERS, annotations=HOSTS)
    reason, message = reason_of(
        lambda: resolve_headers(api, namespace=tenant_namespace, name="bad", host="api.zoom.us")
    )
    assert reason is Reason.SECRET_NOT_USABLE
    assert repr(key) in message


@pytest.mark.cluster
def test_credentials_of_a_location_come_from_the_operators_namespace(
    api: KubeApi, admin: RestClient, namespace: str
) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": CANARY}
    a_secret(admin, OPERATOR_NAMESPACE, f"{namespace}-whole", keys | {"AWS_SESSION_TOKEN": "t0ken"})
    a_secret(admin, OPERATOR_NAMESPACE, f"{namespace}-half", {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE"})

    def read(credentials: dict[str, Any]) -> StoreCredentials | None:
        s3 = {"bucket": "recordings", "credentials": credentials}
        location = StorageLocation.model_validate({"metadata": {"name": "archive"}, "spec": {"s3": s3}})
        return location_credentials(api, location, operator_namespace=OPERATOR_NAMESPACE)

    whole = read({"secretName": f"{namespace}-whole"})
    assert whole is not None
    assert (whole.access_key_id, whole.secret_access_key, whole.session_token) == ("AKIAEXAMPLE", CANARY, "t0ken")
    assert repr(whole) == "StoreCredentials()"

    role = {"roleArn": "arn:aws:iam::111122223333:role/recordings"}
    assert read({"assumeRole": {**role, "secretName": f"{namespace}-whole"}}) == whole
    assert read({"assumeRole": role}) is None

    for name in (f"{namespace}-half", f"{namespace}-none"):
        reason, message = reason_of(partial(read, {"secretName": name}))
        assert reason is Reason.CREDENTIALS_NOT_FOUND
        assert name in message


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("api.zoom.us", True),
        ("API.ZOOM.US.", True),
        ("a.media.example.com", True),
        ("a.b.media.example.com", True),
        ("media.example.com", False),
        ("evilmedia.example.com", False),
        ("api.zoom.us.evil.example", False),
        ("zoom.us", False),
        ("", False),
    ],
)
def test_hosts(host: str, allowed: bool) -> None:
    assert host_allowed(host, allowed_hosts=HOSTS["recordings.dev/allowed-hosts"]) is allowed


@pytest.mark.parametrize("pattern", ["", "*", "*.", ",", " "])
def test_patterns_that_name_no_host_allow_none(pattern: str) -> None:
    assert not host_allowed("api.zoom.us", allowed_hosts=pattern)

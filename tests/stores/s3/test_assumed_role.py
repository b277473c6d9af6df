"""A location that assumes a role: with a fake STS, whose keys the strict store then requires, and with moto."""

import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from recording_operator.api.reasons import Reason
from recording_operator.api.storagelocation_store import S3
from recording_operator.errors import LocationError
from recording_operator.stores.capabilities import Joins
from recording_operator.stores.credentials import StoreCredentials
from recording_operator.stores.errors import StoreError
from recording_operator.stores.s3.client import S3Options
from recording_operator.stores.s3.cloudwatch import cloudwatch_client
from recording_operator.stores.s3.location import S3LocationStore, open_location
from tests.support.fake_sts import EXTERNAL_ID, ROLE, FakeSts, IssuedKeys, Refusal
from tests.support.strict_store import StrictStore
from tests.support.transfers import KEY

BASE = StoreCredentials(access_key_id="AKIABASE", secret_access_key="CANARY-base-secret")
BODY = b"body"
CANARIES = ("CANARY", "arn:aws", "111122223333", "ASIA", "AKIABASE")


@pytest.fixture
def sts(strict: StrictStore) -> Iterator[FakeSts]:
    """An STS whose newest keys are the only ones that the store accepts."""
    first = strict.access_key

    def accept(keys: IssuedKeys) -> None:
        strict.access_key, strict.secret_key, strict.session_token = keys.access_key, keys.secret_key, keys.token

    with FakeSts(accept) as sts:
        yield sts
    strict.access_key = first


def role_spec(strict: StrictStore, sts: FakeSts, **role: object) -> S3:
    """The spec of a location whose role this STS issues keys for."""
    given = {"roleArn": ROLE, "externalId": EXTERNAL_ID, "endpoint": sts.endpoint, "secretName": "base", **role}
    given = {name: value for name, value in given.items() if value is not None}
    spec = {
        "bucket": strict.bucket_name,
        "region": strict.region,
        "endpoint": strict.endpoint,
        "pathStyle": True,
        "credentials": {"assumeRole": given},
    }
    return S3.model_validate(spec)


def opened(strict: StrictStore, sts: FakeSts, base: StoreCredentials | None = BASE, **role: object) -> S3LocationStore:
    """The store of that location."""
    return open_location(role_spec(strict, sts, **role), base)


def failure(store: S3LocationStore) -> LocationError:
    """What the check of the location ends with. Its message shows no key, account or role."""
    with pytest.raises(LocationError) as caught:
        store.probe(name="test", joins=Joins())
    assert not any(canary in caught.value.message for canary in CANARIES)
    return caught.value


def test_the_keys_of_the_role_are_requested_once_and_sign_all_requests(strict: StrictStore, sts: FakeSts) -> None:
    store = opened(strict, sts)
    assert sts.issued == [], "opening sends no request"
    assert store.probe(name="test", joins=Joins()).was_probed
    assert len(sts.issued) == 1
    assert sts.sessions == ["recording-operator"]
    assert sts.regions == [strict.region]


def test_the_session_has_the_name_of_the_spec(strict: StrictStore, sts: FakeSts) -> None:
    assert opened(strict, sts, sessionName="acme@eu").head(KEY) is None
    assert sts.sessions == ["acme@eu"]


@pytest.mark.parametrize("minutes", [14, 9])
def test_keys_are_renewed_before_they_expire(strict: StrictStore, sts: FakeSts, minutes: int) -> None:
    """botocore renews in the last 15 minutes, and must succeed in the last 10."""
    sts.lifetime = timedelta(minutes=minutes)
    store = opened(strict, sts)
    store.head(KEY)
    sts.lifetime = timedelta(hours=1)
    store.head(KEY)
    assert len(sts.issued) == 2
    store.head(KEY)
    assert len(sts.issued) == 2


def test_requests_continue_with_old_keys_while_sts_fails_and_they_are_valid(
    strict: StrictStore, sts: FakeSts, caplog: pytest.LogCaptureFixture
) -> None:
    sts.lifetime = timedelta(minutes=14)
    store = opened(strict, sts)
    store.head(KEY)
    sts.refusal = Refusal(code="AccessDenied")
    with caplog.at_level(logging.DEBUG, logger="recording_operator"):
        assert store.head(KEY) is None
    assert not any(canary in caplog.text for canary in ("CANARY", "arn:aws"))


def test_near_their_end_keys_that_cannot_be_renewed_are_an_error_that_passes(strict: StrictStore, sts: FakeSts) -> None:
    sts.lifetime = timedelta(minutes=9)
    store = opened(strict, sts)
    store.head(KEY)
    sts.refusal = Refusal(code="AccessDenied")
    with pytest.raises(StoreError) as caught:
        store.head(KEY)
    assert caught.value.location_reason is Reason.ROLE_NOT_ASSUMED
    assert caught.value.reason is Reason.STORE_DENIED, "the tenant reads only that"
    sts.refusal = None
    assert store.head(KEY) is None


def test_many_threads_cause_one_renewal(strict: StrictStore, sts: FakeSts) -> None:
    store = opened(strict, sts)
    threads = [threading.Thread(target=store.head, args=(KEY,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(sts.issued) == 1


@pytest.mark.parametrize(
    ("role", "named"),
    [
        ({"externalId": None}, "assumeRole.externalId"),
        ({"externalId": "another"}, "trust policy"),
        ({"roleArn": "arn:aws:iam::111122223333:role/another"}, "sts:AssumeRole"),
    ],
)
def test_a_denied_role_is_a_reason_of_the_location(
    strict: StrictStore, sts: FakeSts, role: dict[str, Any], named: str
) -> None:
    error = failure(opened(strict, sts, **role))
    assert error.reason is Reason.ROLE_NOT_ASSUMED
    assert named in error.message
    assert "AssumeRole: AccessDenied" in error.message


@pytest.mark.parametrize("code", ["ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId"])
def test_an_expired_base_token_is_about_the_access_key(strict: StrictStore, sts: FakeSts, code: str) -> None:
    sts.refusal = Refusal(code=code)
    error = failure(opened(strict, sts))
    assert error.reason is Reason.CREDENTIALS_INVALID
    assert "assumeRole.secretName" in error.message
    assert code in error.message


def test_a_wrong_base_key_is_about_the_access_key(strict: StrictStore, sts: FakeSts) -> None:
    assert failure(opened(strict, sts, replace(BASE, secret_access_key="other"))).reason is Reason.CREDENTIALS_INVALID


def test_a_base_token_is_sent(strict: StrictStore, sts: FakeSts) -> None:
    sts.session_token = "CANARY-base-token"
    assert opened(strict, sts, replace(BASE, session_token=sts.session_token)).head(KEY) is None


@pytest.mark.parametrize("hours", [-2, 2])
def test_a_wrong_clock_is_named(strict: StrictStore, sts: FakeSts, hours: int) -> None:
    sts.clock_offset = timedelta(hours=hours)
    error = failure(opened(strict, sts))
    assert error.reason is Reason.CLOCK_SKEW
    assert "clock of the node" in error.message


def test_keys_that_have_expired_already_are_a_wrong_clock(strict: StrictStore, sts: FakeSts) -> None:
    sts.lifetime = timedelta(minutes=-1)
    assert failure(opened(strict, sts)).reason is Reason.CLOCK_SKEW


def test_a_busy_sts_is_transient(strict: StrictStore, sts: FakeSts) -> None:
    sts.refusal = Refusal(code="Throttling", status=400)
    error = failure(opened(strict, sts))
    assert error.reason is Reason.ENDPOINT_UNREACHABLE
    assert "STS failed" in error.message


def test_an_sts_that_does_not_respond_is_named(strict: StrictStore, sts: FakeSts) -> None:
    error = failure(opened(strict, sts, endpoint="http://127.0.0.1:1"))
    assert error.reason is Reason.ENDPOINT_UNREACHABLE
    assert "STS" in error.message


def test_a_metadata_address_is_never_an_sts(strict: StrictStore, sts: FakeSts) -> None:
    error = failure(opened(strict, sts, endpoint="http://169.254.169.254"))
    assert error.reason is Reason.ENDPOINT_BLOCKED
    assert "assumeRole.endpoint" in error.message


def test_without_a_secret_the_identity_of_the_process_assumes_the_role(
    strict: StrictStore, sts: FakeSts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", BASE.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", BASE.secret_access_key)
    assert opened(strict, sts, None, secretName=None).head(KEY) is None
    assert len(sts.issued) == 1


def test_without_any_identity_the_location_says_so(
    strict: StrictStore, sts: FakeSts, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    assert failure(opened(strict, sts, None, secretName=None)).reason is Reason.CREDENTIALS_NOT_FOUND


def test_cloudwatch_is_read_with_the_role(strict: StrictStore, sts: FakeSts) -> None:
    store = opened(strict, sts)
    client = cloudwatch_client(store.options)
    credentials = client._request_signer._credentials.get_frozen_credentials()  # noqa: SLF001 - botocore has no other access
    assert credentials.access_key == sts.issued[0].access_key


def test_the_keys_are_in_no_repr(strict: StrictStore, sts: FakeSts) -> None:
    options: S3Options = opened(strict, sts).options
    assert not any(canary in repr(options) for canary in ("CANARY", "arn:aws"))


def test_moto_accepts_the_request_and_its_keys() -> None:
    """The format of the request and of the response, by an implementation that is not ours."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        keys = {"aws_access_key_id": "AKIABASE", "aws_secret_access_key": "x", "region_name": "us-east-1"}
        boto3.client("s3", endpoint_url=endpoint, **keys).create_bucket(Bucket="recordings")
        role = {"roleArn": ROLE, "externalId": EXTERNAL_ID, "endpoint": endpoint, "secretName": "base"}
        spec = S3.model_validate(
            {"bucket": "recordings", "endpoint": endpoint, "pathStyle": True, "credentials": {"assumeRole": role}}
        )
        store = open_location(spec, BASE)
        assert store.create_document("a/b.txt", BODY, "text/plain")
        assert store.read_document("a/b.txt", 10) == BODY
    finally:
        server.stop()

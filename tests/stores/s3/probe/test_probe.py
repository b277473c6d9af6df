"""The probe of a location: each fault has its own reason, and nothing is left behind."""

import socket
import ssl
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import get_args

import pytest

from localcluster.pki import CertificateAuthority
from recording_operator.api.reasons import Reason
from recording_operator.api.storagelocation_store import ChecksumUse
from recording_operator.errors import LocationError
from recording_operator.stores.capabilities import Capabilities, Joins
from recording_operator.stores.errors import StoreError
from recording_operator.stores.s3.bucket import S3Store
from recording_operator.stores.s3.probe.endpoint import check_endpoint
from recording_operator.stores.s3.probe.ownership import claim_prefix
from recording_operator.stores.s3.probe.prober import probe
from tests.support.dialects_found import FOUND, NO_SUMS
from tests.support.strict_bucket import Bucket
from tests.support.strict_dialect import DIALECTS
from tests.support.strict_faults import ErrorResponse, Fault, FlipBit, Operation
from tests.support.strict_store import StrictStore
from tests.support.transfers import an_object, store_of

OPERATIONS: tuple[Operation, ...] = get_args(Operation)


def fails(store: S3Store) -> LocationError:
    """What the probe ends with."""
    with pytest.raises(LocationError) as caught:
        probe(store)
    return caught.value


def test_every_dialect_has_its_capabilities() -> None:
    assert FOUND.keys() == DIALECTS.keys()


@pytest.mark.parametrize("name", DIALECTS)
def test_t21_the_probe_finds_the_capabilities_of_a_store(strict: StrictStore, store: S3Store, name: str) -> None:
    strict.bucket.dialect, strict.bucket.versioned = DIALECTS[name], (versioned := len(name) % 2 == 0)
    found = probe(store)
    assert found == replace(FOUND[name], versioning=versioned)
    assert strict.open_uploads() == []
    assert strict.keys() == []
    assert probe(store.adapted(found)) == found


@pytest.mark.parametrize("name", ["no-sums", "sums-of-parts-only", "nothing"])
def test_checksums_that_are_required_are_not_done_without(strict: StrictStore, name: str) -> None:
    strict.bucket.dialect = DIALECTS[name]
    error = fails(store_of(strict, checksums=ChecksumUse.REQUIRED))
    assert error.reason is Reason.STORE_UNSUPPORTED
    assert "spec.s3.checksums is Required" in error.message
    assert strict.keys() == []


def test_checksums_that_are_required_are_there(strict: StrictStore) -> None:
    assert probe(store_of(strict, checksums=ChecksumUse.REQUIRED)) == Capabilities()


def test_checksums_that_are_off_are_never_sent(strict: StrictStore) -> None:
    strict.bucket.dialect = DIALECTS["sums-refused"]
    assert probe(store_of(strict, checksums=ChecksumUse.OFF)) == NO_SUMS
    assert {seen.status for seen in strict.requests} <= {200, 204, 404, 412}, "a checksum was sent, and refused"


@pytest.mark.parametrize("operation", ["PutObject", "UploadPart"])
def test_a_store_that_is_away_for_a_while_is_not_taken_for_a_weaker_one(
    strict: StrictStore, store: S3Store, operation: Operation
) -> None:
    strict.fault(Fault(operation=operation, action=ErrorResponse(status=503, code="SlowDown"), times=1000))
    assert fails(store).reason is Reason.ENDPOINT_UNREACHABLE


@pytest.mark.parametrize("name", ["aws", "no-trailers", "no-sums", "sums-refused", "no-conditions", "nothing"])
@pytest.mark.parametrize("refused", [1, 2])
def test_t13_rights_that_come_back_in_the_middle_weaken_nothing(
    strict: StrictStore, store: S3Store, name: str, refused: int
) -> None:
    """Whichever request of the probe is rejected: all features are found, or the store is not ready."""
    strict.bucket.dialect = DIALECTS[name]
    probe(store, joins=Joins())  # what many parts become is tried by itself below
    asked = Counter(seen.operation for seen in strict.requests)
    wrong, right = [], 0
    for operation, number in [(kind, number + 1) for kind in OPERATIONS for number in range(asked[kind])]:
        denied = ErrorResponse(status=403, code="AccessDenied")
        strict.fault(Fault(operation=operation, action=denied, first=number, times=refused))
        with suppress(LocationError):
            found = probe(store, joins=Joins())
            wrong += [(operation, number, found)] if found != FOUND[name] else []
            right += found == FOUND[name]
        strict.heal()
    assert wrong == []
    assert right > 0


def test_a_version_that_a_probe_wrote_over_is_removed_too(strict: StrictStore, store: S3Store) -> None:
    strict.bucket.dialect = DIALECTS["no-conditions"]
    probe(store)
    assert strict.bucket.versions == {}


def test_t12_clock_skew(strict: StrictStore, store: S3Store) -> None:
    strict.clock_offset = timedelta(minutes=20)
    assert fails(store).reason is Reason.CLOCK_SKEW


@pytest.mark.parametrize(
    "operation",
    ["PutObject", "HeadObject", "CreateMultipartUpload", "UploadPart", "ListParts", "ListMultipartUploads",
     "CompleteMultipartUpload", "AbortMultipartUpload"],
)  # fmt: skip
def test_t13_each_missing_right_is_found(strict: StrictStore, store: S3Store, operation: str) -> None:
    strict.denied = {operation}
    error = fails(store)
    assert error.reason is Reason.ACCESS_DENIED
    assert "s3:PutObject" in error.message


@pytest.mark.parametrize("name", DIALECTS)
def test_without_the_right_to_delete_the_same_is_found(strict: StrictStore, store: S3Store, name: str) -> None:
    strict.bucket.dialect, strict.denied = DIALECTS[name], {"DeleteObject"}
    assert [probe(store) for _ in range(3)] == [FOUND[name]] * 3


def test_a_missing_permission_to_delete_does_not_block(strict: StrictStore, store: S3Store) -> None:
    strict.denied = {"DeleteObject"}
    assert probe(store).conditional_writes
    assert probe(store).conditional_writes
    assert len(strict.bucket.versions[".recording-operator/probe"]) == 1


def test_t5_the_upload_of_a_probe_that_was_killed_is_aborted(store: S3Store) -> None:
    store.create_upload(an_object(key=".recording-operator/probe"))
    neighbour = store.create_upload(an_object(key=".recording-operator/probe-of-another-cluster"))

    probe(store)

    assert [upload.upload_id for upload in store.uploads("")] == [neighbour]


def test_t17_no_listener(strict: StrictStore) -> None:
    assert fails(store_of(strict, endpoint="http://127.0.0.1:9")).reason is Reason.ENDPOINT_UNREACHABLE


def test_a_store_that_changes_what_it_stores(strict: StrictStore, store: S3Store) -> None:
    strict.fault(Fault(operation="PutObject", action=FlipBit()))
    assert fails(store).reason is Reason.STORE_UNSUPPORTED


@pytest.mark.parametrize("operation", ["PutObject", "CreateMultipartUpload", "UploadPart"])
@pytest.mark.parametrize("code", ["NotImplemented", "InvalidArgument"])
def test_t21_a_store_that_rejects_checksums_in_requests(
    strict: StrictStore, store: S3Store, operation: Operation, code: str
) -> None:
    strict.fault(Fault(operation=operation, action=ErrorResponse(status=400, code=code), times=1000))
    error = fails(store)
    assert error.reason is Reason.STORE_UNSUPPORTED
    assert f"{operation}: {code}" in error.message
    assert strict.open_uploads() == []


def test_a_store_behind_an_authority_of_the_location(tmp_path: Path) -> None:
    authority = CertificateAuthority(tmp_path)
    authority.issue("store", user="store", hosts=["127.0.0.1"])
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(authority.path("store.crt"), authority.path("store.key"))
    with StrictStore(tls=tls) as strict:
        assert probe(store_of(strict, ca_bundle_pem=authority.path("ca.crt").read_text())).conditional_writes
        error = fails(store_of(strict))
        assert error.reason is Reason.ENDPOINT_UNREACHABLE
        assert "s3.caBundle" in error.message


def test_with_ambient_credentials_the_environment_s_authority_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = CertificateAuthority(tmp_path)
    authority.issue("store", user="store", hosts=["127.0.0.1"])
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(authority.path("store.crt"), authority.path("store.key"))
    with StrictStore(tls=tls) as strict:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", strict.access_key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", strict.secret_key)
        monkeypatch.setenv("AWS_CA_BUNDLE", str(authority.path("ca.crt")))
        assert probe(store_of(strict, credentials=None)).conditional_writes
        assert fails(store_of(strict)).reason is Reason.ENDPOINT_UNREACHABLE, (
            "with its own keys, the environment is not used"
        )
        with pytest.raises(StoreError, match="TLS certificate"):
            store_of(strict).may_list("")  # botocore's own way
        monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "nowhere"))
        with pytest.raises(ValueError, match="cannot be read"):
            store_of(strict, credentials=None)


@pytest.mark.parametrize("pem", ["nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_bundle_without_certificates_is_a_value_error(strict: StrictStore, pem: str) -> None:
    with pytest.raises(ValueError, match="PEM"):
        store_of(strict, ca_bundle_pem=pem)


def test_a_store_that_is_busy_for_a_moment(strict: StrictStore, store: S3Store) -> None:
    strict.fault(Fault(operation="UploadPart", action=ErrorResponse(status=503, code="SlowDown")))
    assert probe(store).full_object_checksums


def test_an_unversioned_bucket() -> None:
    with StrictStore(bucket=Bucket(versioned=False)) as strict:
        assert probe(store_of(strict)).as_status() == {
            "conditionalWrites": True,
            "fullObjectChecksums": True,
            "partChecksums": True,
            "checksumTrailers": True,
            "md5ETags": True,
            "versioning": False,
            "readBack": True,
            "joinedChecksums": True,
            "joinedETags": True,
            "unequalParts": True,
            "tenThousandParts": True,
        }
        assert strict.keys() == []


@pytest.mark.parametrize("address", ["169.254.169.254", "fe80::1", "fd00:ec2::254"])
def test_an_endpoint_at_a_metadata_address_is_blocked(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    names = {"store.test": [address], "both.test": ["52.1.1.1", address], "inside.test": ["10.1.1.1"]}
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *_, **__: [(0, 0, 0, "", (ip, 0)) for ip in names[host]])
    with pytest.raises(LocationError) as caught:
        check_endpoint("https://store.test")
    assert caught.value.reason is Reason.ENDPOINT_BLOCKED
    check_endpoint("https://both.test")  # the other address is connected to
    check_endpoint("https://inside.test")


@pytest.mark.parametrize("endpoint", ["store.test", "ftp://store.test", "https://", "https://no-such-name.invalid"])
def test_an_endpoint_that_cannot_be_used(endpoint: str) -> None:
    with pytest.raises(LocationError) as caught:
        check_endpoint(endpoint)
    assert caught.value.reason is Reason.ENDPOINT_UNREACHABLE


def test_owner_marker_survives_the_probe(strict: StrictStore, store: S3Store) -> None:
    assert claim_prefix(store, owner_id="cluster-1") == "cluster-1"
    probe(store)
    assert strict.keys() == [".recording-operator/owner"]
    strict.denied = {"PutObject"}
    with pytest.raises(LocationError) as caught:
        claim_prefix(store, owner_id="cluster-1")
    assert caught.value.reason is Reason.ACCESS_DENIED

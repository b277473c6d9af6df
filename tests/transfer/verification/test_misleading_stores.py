"""A store that returns a wrong checksum, ETag or size for right bytes: only reading shows that bytes are wrong."""

from dataclasses import replace

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.checksums import crc64nvme, to_text
from recording_operator.stores.objects import StoredObject
from recording_operator.stores.s3.bucket import S3Store
from recording_operator.stores.store import WriteReceipt
from tests.support.dialects_found import FOUND
from tests.support.lying_source import Serve
from tests.support.strict_bucket import Bucket, Version
from tests.support.strict_checksums import crc64nvme_of
from tests.support.strict_dialect import DIALECTS
from tests.support.strict_faults import FalseHead, Fault, FlipBit, Misjoin
from tests.support.strict_store import StrictStore
from tests.support.transfers import KEY, KIB, an_object, fails, pattern, run_transfer, store_text, sum_of

BODIES = {"small": pattern(1_000), "large": pattern(600_000)}
WRONG = {"CRC64NVME": {"sum"}, "ETag": {"etag"}, "both": {"sum", "etag"}}


class Mistaken(Bucket):
    """Keeps the bytes and shows something else of them."""

    shown: set[str]

    def _add(self, key: str, version: Version) -> None:
        if "etag" in self.shown:
            version = replace(version, etag='"00000000000000000000000000000000"')
        if "sum" in self.shown and version.checksum is not None:
            version = replace(version, checksum=replace(version.checksum, value=crc64nvme_of(b"other")))
        super()._add(key, version)


def mistaken(strict: StrictStore, name: str, shown: str) -> None:
    """A bucket of this kind behind the strict store."""
    bucket = strict.bucket = Mistaken(least_part_bytes=64 * KIB, dialect=DIALECTS[name])
    bucket.shown = WRONG[shown]


@pytest.mark.parametrize("shown", WRONG)
@pytest.mark.parametrize("name", ["aws", "sums-of-parts-only", "no-sums", "no-conditions"])
@pytest.mark.parametrize("size", BODIES)
def test_t38_right_bytes_are_kept_and_verified_by_reading_them(
    serve: Serve, strict: StrictStore, store: S3Store, name: str, shown: str, size: str
) -> None:
    mistaken(strict, name, shown)
    body, site = BODIES[size], store.adapted(FOUND[name])
    stored = run_transfer(serve(body).url, site)
    assert [version.body for version in strict.bucket.versions[KEY]] == [body]
    assert stored.checksum == to_text(crc64nvme(body))
    assert stored.verified_by is not None
    assert (stored.verified_by is Reason.READ_BACK) == ("GetObject" in {seen.operation for seen in strict.requests})
    assert strict.count("DeleteObject") == 0


@pytest.mark.parametrize("about", ["size", "sum"])
@pytest.mark.parametrize("size", BODIES)
def test_t38_a_head_that_is_wrong_does_not_condemn_the_object(
    serve: Serve, strict: StrictStore, store: S3Store, about: str, size: str
) -> None:
    strict.fault(Fault(operation="HeadObject", action=FalseHead(about=about), times=1000))  # type: ignore[arg-type]
    body = BODIES[size]
    stored = run_transfer(serve(body).url, store.adapted(FOUND["aws"]))
    assert (stored.size_bytes, stored.verified_by) == (len(body), Reason.READ_BACK)
    assert [version.body for version in strict.bucket.versions[KEY]] == [body]


def test_t38_inline_text_too(strict: StrictStore, store: S3Store) -> None:
    mistaken(strict, "aws", "both")
    stored = store_text(b"text", an_object(), store=store.adapted(FOUND["aws"]))
    assert stored.verified_by is Reason.READ_BACK
    assert [version.body for version in strict.bucket.versions[KEY]] == [b"text"]


@pytest.mark.parametrize("algorithm", ["sha256", "crc64nvme"])
def test_t38_the_specs_checksum_is_verified_too(
    serve: Serve, strict: StrictStore, store: S3Store, algorithm: str
) -> None:
    mistaken(strict, "aws", "both")
    body, site = BODIES["large"], store.adapted(FOUND["aws"])
    checksum = sum_of(algorithm, body)
    for _ in range(2):
        stored = run_transfer(serve(body).url, site, checksum=checksum)
        assert stored.proved_checksum == algorithm
        assert stored.checksum == to_text(crc64nvme(body))
    assert len(strict.bucket.versions[KEY]) == 1


@pytest.mark.parametrize("versioned", [True, False])
@pytest.mark.parametrize("size", BODIES)
def test_t9_wrong_bytes_that_were_read_back_are_removed_by_the_attempt_that_wrote_them(
    serve: Serve, strict: StrictStore, store: S3Store, size: str, versioned: bool
) -> None:
    strict.bucket = Bucket(least_part_bytes=64 * KIB, versioned=versioned)
    damage = FlipBit() if size == "small" else Misjoin(fault="swap parts")
    operation = "PutObject" if size == "small" else "CompleteMultipartUpload"
    strict.fault(Fault(operation=operation, action=damage))  # type: ignore[arg-type]
    error = fails(lambda: run_transfer(serve(BODIES[size]).url, store.adapted(FOUND["aws"])))
    assert error.reason is Reason.STORE_INTEGRITY
    assert strict.keys() == []
    assert strict.count("GetObject") == 2, "wrong once may be damage on the way back"


@pytest.mark.parametrize(
    ("response", "version_id", "etag", "same"),
    [
        (WriteReceipt(etag="e", version_id="1"), "1", "e", True),
        (WriteReceipt(etag="e", version_id=None), "1", "e", True),
        (WriteReceipt(etag="e", version_id=None), None, "e", True),
        (WriteReceipt(etag="e", version_id="1"), "2", "e", False),
        (WriteReceipt(etag="e", version_id="null"), "null", "f", False),
        (WriteReceipt(etag="", version_id="1"), "1", "", False),
        (WriteReceipt(etag="", version_id=None), None, "e", False),
    ],
)
def test_t39_a_response_names_the_object_that_it_wrote(
    response: WriteReceipt, version_id: str | None, etag: str, same: bool
) -> None:
    shown = StoredObject(
        key=KEY, uri="", size_bytes=1, etag=etag, version_id=version_id, checksum="", content_type="video/mp4"
    )
    assert response.is_at_key(shown) is same

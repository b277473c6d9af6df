"""The attributes of stored objects, and how they are removed."""

import pytest

from recording_operator.checksums import crc64nvme
from recording_operator.stores.s3.bucket import S3Store
from recording_operator.transfer.upload.open_uploads import abort_uploads
from tests.support.lying_source import Serve
from tests.support.strict_bucket import Attributes
from tests.support.strict_store import StrictStore
from tests.support.transfers import KEY, KIB, MIB, an_object, check_stored, pattern, run_transfer, store_of, store_text

BODY = pattern(2 * MIB + 12_345)
SMALL = BODY[:20_000]
PART = 256 * KIB
PARTS = -(-len(BODY) // PART)
FOREIGN = Attributes(content_type="text/plain", metadata={}, headers={})


def test_abort_leaves_uploads_at_other_keys_alone(strict: StrictStore, store: S3Store) -> None:
    store.create_upload(an_object())
    store.create_upload(an_object(key=f"{KEY}.part2"))
    assert abort_uploads(KEY, store=store, upload_id=None) == 1
    assert strict.open_uploads() == [f"{KEY}.part2"]


def test_a_location_with_its_own_keys_uses_no_other_credentials(
    serve: Serve, strict: StrictStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "AWS_PROFILE": "no-such-profile",
        "AWS_ACCESS_KEY_ID": "AKIASOMEBODY",
        "AWS_SECRET_ACCESS_KEY": "else",
        "AWS_SESSION_TOKEN": "else",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
        "AWS_REGION": "mars-1",
        "AWS_CONFIG_FILE": "/nonexistent",
    }.items():
        monkeypatch.setenv(name, value)
    check_stored(run_transfer(serve(BODY).url, store_of(strict)), BODY, strict)


def test_inline_artifacts_are_stored_once(strict: StrictStore, store: S3Store) -> None:
    first = store_text(SMALL, an_object(), store=store)
    assert store_text(SMALL, an_object(), store=store) == first
    check_stored(first, SMALL, strict)


def test_attributes_of_the_location_are_on_the_object(serve: Serve, strict: StrictStore) -> None:
    store = store_of(
        strict,
        storage_class="STANDARD_IA",
        encryption_type="aws:kms",
        kms_key_id="key-1",
        tags=(("team", "a b"), ("x", "y/z=1")),
    )
    for body, key in ((BODY, KEY), (SMALL, "small/a.mp4")):
        obj = an_object(key=key)
        check_stored(run_transfer(serve(body).url, store, obj=obj), body, strict, obj=obj)
        headers = strict.bucket.versions[key][0].attributes.headers
        assert headers["x-amz-storage-class"] == "STANDARD_IA"
        assert headers["x-amz-server-side-encryption"] == "aws:kms"
        assert headers["x-amz-server-side-encryption-aws-kms-key-id"] == "key-1"
        assert headers["x-amz-tagging"] == "team=a+b&x=y%2Fz%3D1"
        assert headers["content-disposition"] == f'inline; filename="{key.rpartition("/")[2]}"'


@pytest.mark.parametrize(
    ("name", "disposition"),
    [
        ("weekly sync.mp4", 'inline; filename="weekly sync.mp4"'),
        ('a"; attachment; x="b.mp4', "inline; filename*=UTF-8''a%22%3B%20attachment%3B%20x%3D%22b.mp4"),
        ("a\\b.mp4", "inline; filename*=UTF-8''a%5Cb.mp4"),
        ("a\r\nx-amz-acl: public-read", "inline; filename*=UTF-8''a%0D%0Ax-amz-acl%3A%20public-read"),
        ("résumé.mp4", "inline; filename*=UTF-8''r%C3%A9sum%C3%A9.mp4"),
    ],
)
def test_a_name_cannot_write_more_than_its_own_header(
    strict: StrictStore, store: S3Store, name: str, disposition: str
) -> None:
    store.put(an_object(key=f"x/{name}"), b"x", crc64nvme=crc64nvme(b"x"))
    (versions,) = strict.bucket.versions.values()
    headers = versions[0].attributes.headers
    assert headers["content-disposition"] == disposition
    assert "x-amz-acl" not in headers


def test_delete_removes_exactly_our_version(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    stored = run_transfer(serve(SMALL).url, store)
    strict.bucket.put(KEY, b"newer, of somebody else", FOREIGN, if_absent=False)
    assert not store.delete(KEY, version_id=None, recording_uid="uid-1"), "the newest is not ours"
    assert not store.delete(KEY, version_id=stored.version_id, recording_uid="uid-2")
    assert store.delete(KEY, version_id=stored.version_id, recording_uid="uid-1")
    assert not store.delete(KEY, version_id=stored.version_id, recording_uid="uid-1")
    assert [version.body for version in strict.bucket.versions[KEY]] == [b"newer, of somebody else"]

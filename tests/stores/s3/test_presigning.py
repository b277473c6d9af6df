"""Presigned URLs of S3 and CloudFront: their address, their lifetime, and objects that have none."""

import base64
import hashlib
import json
import os
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from recording_operator.checksums import crc64nvme
from recording_operator.stores.credentials import StoreCredentials
from recording_operator.stores.presigning import CdnKey, NotPresignableError, PresignedUrl
from recording_operator.stores.s3.bucket import S3Store
from recording_operator.stores.s3.cdn import signed_url
from recording_operator.stores.s3.client import S3Options, build_client
from recording_operator.stores.s3.location import S3LocationStore
from tests.support.strict_store import StrictStore
from tests.support.transfers import KEY, an_object, store_of

BODY = b"the recording"
HOUR = timedelta(hours=1)
PRIVATE_KEY = rsa.generate_private_key(65537, 2048)
PEM = PRIVATE_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
CDN = CdnKey(domain="media.example.com", key_pair_id="K2JCJMDEHXQW5F", private_key_pem=PEM)


def put(store: S3Store, **more: Any) -> str | None:
    return store.put(an_object(**more), BODY, crc64nvme=crc64nvme(BODY)).version_id


def presign(store: S3LocationStore, version_id: str | None = None, **more: Any) -> PresignedUrl:
    return store.presign(KEY, version_id=version_id, **{"recording_uid": "uid-1", "expires": HOUR, **more})


def status_at(url: str) -> int:
    try:
        with urlopen(url) as response:
            return int(response.status)
    except HTTPError as error:
        return error.code


def seconds_in(url: str) -> int:
    return int(parse_qs(urlsplit(url).query)["X-Amz-Expires"][0])


@pytest.mark.parametrize(
    ("bucket", "region", "beginning"),
    [
        ("recordings", None, "https://recordings.s3.amazonaws.com/"),
        ("recordings", "us-east-1", "https://recordings.s3.amazonaws.com/"),
        ("recordings", "eu-west-1", "https://recordings.s3.eu-west-1.amazonaws.com/"),
        ("recordings", "eu-central-2", "https://recordings.s3.eu-central-2.amazonaws.com/"),
        ("recordings.example", "eu-west-1", "https://s3.eu-west-1.amazonaws.com/recordings.example/"),
        ("recordings", "cn-north-1", "https://recordings.s3.cn-north-1.amazonaws.com.cn/"),
    ],
)
def test_a_url_leads_to_the_region_of_the_bucket_with_version_4(
    bucket: str, region: str | None, beginning: str
) -> None:
    keys = StoreCredentials(access_key_id="AKIATEST", secret_access_key="secret")
    client = build_client(S3Options(bucket=bucket, region=region, credentials=keys))
    url = client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a b/ü.mp4"}, ExpiresIn=60)
    assert url.startswith(f"{beginning}a%20b/%C3%BC.mp4?")
    query = parse_qs(urlsplit(url).query)
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert query["X-Amz-Credential"][0].split("/")[2] == (region or "us-east-1")
    client.close()


def test_it_expires(strict: StrictStore, store: S3LocationStore) -> None:
    made = presign(store, put(store), expires=timedelta(minutes=10))
    assert status_at(made.url) == 200
    strict.clock_offset = timedelta(minutes=9, seconds=50)
    assert status_at(made.url) == 200
    strict.clock_offset = timedelta(minutes=10, seconds=2)
    assert status_at(made.url) == 403


def test_it_lives_seven_days_at_most(store: S3LocationStore) -> None:
    made = presign(store, put(store), expires=timedelta(days=30))
    assert 604_000 < seconds_in(made.url) <= 604_800
    assert status_at(made.url) == 200


def test_a_session_token_is_part_of_the_url_and_limits_it(strict: StrictStore) -> None:
    strict.session_token = "token+/="
    keys = StoreCredentials(
        access_key_id=strict.access_key, secret_access_key=strict.secret_key, session_token=strict.session_token
    )
    store = store_of(strict, credentials=keys)
    made = presign(store, put(store))
    assert status_at(made.url) == 200
    assert [note for note in made.notes if "session token" in note]
    store.close()


@pytest.fixture
def ambient(strict: StrictStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> StrictStore:
    """The strict store's keys in the environment."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    strict.session_token = "token"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", strict.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", strict.secret_key)
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    return strict


def test_credentials_with_a_known_end_shorten_it(ambient: StrictStore, monkeypatch: pytest.MonkeyPatch) -> None:
    ends = datetime.now(UTC) + timedelta(minutes=30)
    monkeypatch.setenv("AWS_CREDENTIAL_EXPIRATION", ends.isoformat())
    store = store_of(ambient, credentials=None)
    made = presign(store, put(store))
    assert abs(made.expires_at - ends) < timedelta(seconds=1)
    assert 1_700 < seconds_in(made.url) <= 1_800
    assert "the credentials expire then" in made.notes[0]
    assert status_at(made.url) == 200
    store.close()


def test_credentials_that_last_longer_change_nothing(ambient: StrictStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CREDENTIAL_EXPIRATION", (datetime.now(UTC) + timedelta(hours=9)).isoformat())
    store = store_of(ambient, credentials=None)
    made = presign(store, put(store))
    assert made.notes == ()
    assert 3_590 < seconds_in(made.url) <= 3_600
    store.close()


def test_credentials_of_the_environment_with_an_unknown_end_are_named(ambient: StrictStore) -> None:
    store = store_of(ambient, credentials=None)
    assert "The credentials of the environment have a session token" in presign(store, put(store)).notes[0]
    store.close()


# Archived objects


def archived(strict: StrictStore, storage_class: str, **headers: str) -> S3LocationStore:
    store = store_of(strict, storage_class=storage_class)
    put(store)
    [version] = strict.bucket.versions[KEY]
    attributes = replace(version.attributes, kept={**version.attributes.kept, **headers})
    strict.bucket.versions[KEY] = [replace(version, attributes=attributes)]
    return store


@pytest.mark.parametrize("storage_class", ["GLACIER", "DEEP_ARCHIVE"])
def test_an_archived_object_has_no_url(strict: StrictStore, storage_class: str) -> None:
    store = archived(strict, storage_class)
    with pytest.raises(NotPresignableError, match=rf"archived \({storage_class}\) and must be restored"):
        presign(store)
    with pytest.raises(NotPresignableError, match="must be restored"):
        presign(store, cdn=CDN)
    store.close()


def test_an_object_in_an_archive_tier_has_no_url(strict: StrictStore) -> None:
    store = archived(strict, "INTELLIGENT_TIERING", **{"x-amz-archive-status": "DEEP_ARCHIVE_ACCESS"})
    with pytest.raises(NotPresignableError, match="DEEP_ARCHIVE_ACCESS"):
        presign(store)
    store.close()


def test_an_object_that_is_being_restored_has_no_url_yet(strict: StrictStore) -> None:
    store = archived(strict, "GLACIER", **{"x-amz-restore": 'ongoing-request="true"'})
    with pytest.raises(NotPresignableError, match="is being restored"):
        presign(store)
    store.close()


def test_a_restored_copy_limits_the_url(strict: StrictStore) -> None:
    ends = (datetime.now(UTC) + timedelta(minutes=20)).replace(microsecond=0)
    restored = f'ongoing-request="false", expiry-date="{ends:%a, %d %b %Y %H:%M:%S GMT}"'
    store = archived(strict, "GLACIER", **{"x-amz-restore": restored})
    made = presign(store)
    assert made.expires_at == ends
    assert "the restored copy of the archived object ends" in made.notes[0]
    store.close()


@pytest.mark.parametrize("cdn", [None, CDN], ids=["store", "cdn"])
def test_a_restored_copy_that_has_ended_has_no_url(strict: StrictStore, cdn: CdnKey | None) -> None:
    ended = datetime.now(UTC) - timedelta(hours=3)
    restored = f'ongoing-request="false", expiry-date="{ended:%a, %d %b %Y %H:%M:%S GMT}"'
    store = archived(strict, "GLACIER", **{"x-amz-restore": restored})
    with pytest.raises(NotPresignableError, match="The restored copy of the archived object"):
        presign(store, cdn=cdn)
    store.close()


@pytest.mark.parametrize("cdn", [None, CDN], ids=["store", "cdn"])
def test_an_object_with_another_etag_has_no_url(store: S3LocationStore, cdn: CdnKey | None) -> None:
    put(store)
    assert presign(store, cdn=cdn, etag=hashlib.md5(BODY, usedforsecurity=False).hexdigest())
    with pytest.raises(NotPresignableError, match="was replaced"):
        presign(store, cdn=cdn, etag="0" * 32)


@pytest.mark.parametrize("storage_class", ["GLACIER_IR", "STANDARD_IA", "INTELLIGENT_TIERING"])
def test_other_classes_can_be_read_at_once(strict: StrictStore, storage_class: str) -> None:
    store = archived(strict, storage_class)
    assert status_at(presign(store).url) == 200
    store.close()


def test_a_delete_marker_hides_the_object_but_not_its_version(strict: StrictStore, store: S3LocationStore) -> None:
    version = put(store)
    strict.bucket.delete(KEY, None)
    assert status_at(presign(store, version).url) == 200
    with pytest.raises(NotPresignableError, match=r"^The object no longer exists"):
        presign(store)
    marker = strict.bucket.versions[KEY][-1].version_id
    with pytest.raises(NotPresignableError, match=r"^This version of the object no longer exists"):
        presign(store, marker)


# CloudFront


def verify(signature: bytes, policy: bytes) -> None:
    """As CloudFront does, with the public key of the pair. Raises InvalidSignature."""
    sha1 = SHA1()  # noqa: S303 - CloudFront accepts no other hash
    PRIVATE_KEY.public_key().verify(signature, policy, padding.PKCS1v15(), sha1)


def policy_and_signature(url: str) -> tuple[bytes, bytes]:
    """The canned policy of a URL, as CloudFront computes it, and the signature."""
    resource, expires, signature, key_id = re.fullmatch(
        r"(.*)[?&]Expires=(\d+)&Signature=([^&]+)&Key-Pair-Id=([A-Z0-9]+)", url
    ).groups()  # type: ignore[union-attr]
    assert key_id == CDN.key_pair_id
    condition = {"DateLessThan": {"AWS:EpochTime": int(expires)}}
    policy = {"Statement": [{"Resource": resource, "Condition": condition}]}
    plain = signature.replace("-", "+").replace("_", "=").replace("~", "/")
    return json.dumps(policy, separators=(",", ":")).encode(), base64.b64decode(plain)


def test_a_cdn_s_url_is_signed_as_cloudfront_verifies_it(store: S3LocationStore) -> None:
    made = presign(store, put(store), cdn=CDN)
    assert made.url.startswith(f"https://media.example.com/{KEY}?Expires={int(made.expires_at.timestamp())}&")
    assert "X-Amz" not in made.url
    policy, signature = policy_and_signature(made.url)
    verify(signature, policy)
    with pytest.raises(InvalidSignature):
        verify(signature, policy.replace(b"media", b"other"))


def test_characters_of_a_key_are_escaped_in_a_cdn_s_url() -> None:
    url = signed_url(CDN, "a b/ü&?=.mp4", expires_at=datetime.now(UTC) + HOUR, query={"response-x": "a b"})
    assert url.startswith("https://media.example.com/a%20b/%C3%BC%26%3F%3D.mp4?response-x=a%20b&Expires=")
    policy, signature = policy_and_signature(url)
    verify(signature, policy)


def test_a_download_from_a_cdn_has_a_file_name(store: S3LocationStore) -> None:
    made = presign(store, put(store), cdn=CDN, attachment="Übung.mp4")
    assert "?response-content-disposition=attachment%3B%20filename%2A%3DUTF-8%27%27%25C3%259Cbung.mp4&" in made.url
    policy, signature = policy_and_signature(made.url)
    verify(signature, policy)


def test_a_key_in_the_older_format_signs_too() -> None:
    older = PRIVATE_KEY.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    key = CdnKey(domain="media.example.com", key_pair_id=CDN.key_pair_id, private_key_pem=older)
    policy, signature = policy_and_signature(signed_url(key, KEY, expires_at=datetime.now(UTC), query={}))
    verify(signature, policy)


def test_a_cdn_serves_only_the_newest_version(strict: StrictStore, store: S3LocationStore) -> None:
    version = put(store)
    strict.bucket.delete(KEY, None)
    put(store)
    with pytest.raises(NotPresignableError, match="--no-cdn"):
        presign(store, version, cdn=CDN)
    assert status_at(presign(store, version).url) == 200


@pytest.mark.parametrize(
    "pem",
    [
        b"not a key",
        ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    ],
    ids=["text", "elliptic curve"],
)
def test_other_keys_are_refused_in_words(store: S3LocationStore, pem: bytes) -> None:
    key = CdnKey(domain="media.example.com", key_pair_id="K", private_key_pem=pem)
    assert "not a key" not in repr(key)
    with pytest.raises(NotPresignableError, match="RSA key in PEM without a passphrase"):
        presign(store, put(store), cdn=key)

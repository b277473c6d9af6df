"""The listing of a bucket, page by page, on a real S3 server."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from localcluster import Credentials, S3Server
from recording_operator.api.reasons import Reason
from recording_operator.stores.credentials import StoreCredentials
from recording_operator.stores.errors import StoreError
from recording_operator.stores.s3.bucket import S3Store
from recording_operator.stores.s3.client import S3Options
from recording_operator.stores.s3.listing import listed_objects, listed_versions

OBJECTS = 1_050  # more than a page


def store(s3: S3Server, bucket: str, user: Credentials | None = None) -> S3Store:
    who = user or s3.root
    keys = StoreCredentials(access_key_id=who.access_key, secret_access_key=who.secret_key)
    return S3Store(S3Options(bucket=bucket, endpoint=s3.endpoint, path_style=True, credentials=keys))


@pytest.mark.cluster
def test_every_object_once_over_pages_with_what_the_listing_tells(s3: S3Server, bucket: str) -> None:
    client = s3.client()

    def put(number: int) -> None:
        client.put_object(Bucket=bucket, Key=f"r/{number:05}", Body=b"x" * (number % 7))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, range(OBJECTS)))
    client.put_object(Bucket=bucket, Key="s/elsewhere", Body=b"x")
    found = list(store(s3, bucket).objects("r/"))
    assert [one.key for one in found] == [f"r/{number:05}" for number in range(OBJECTS)]
    assert [one.size_bytes for one in found] == [number % 7 for number in range(OBJECTS)]
    assert all(one.last_modified.tzinfo is not None and one.etag for one in found)
    versions = list(listed_versions(client, bucket=bucket, prefix="r/"))
    assert [one.key for one in versions] == [one.key for one in found]


@pytest.mark.cluster
def test_a_bucket_that_may_not_be_listed_is_reported(s3: S3Server, bucket: str) -> None:
    user = Credentials(access_key=f"user-{bucket}", secret_key="CANARY-of-a-user")
    s3.create_user(user)
    s3.allow(user, bucket=bucket, actions=("s3:PutObject",))
    with pytest.raises(StoreError) as refusal:
        store(s3, bucket, user).may_list("")
    assert refusal.value.location_reason is Reason.ACCESS_DENIED
    with pytest.raises(StoreError):
        list(store(s3, bucket, user).objects(""))


class _Endless:
    """A store that reports another page, and always returns the same continuation."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    def list_objects_v2(self, **_: Any) -> dict[str, Any]:
        following = {"NextContinuationToken": self._token} if self._token else {}
        return {"IsTruncated": True, "Contents": [], **following}


@pytest.mark.parametrize("token", ["again", None])
def test_half_a_listing_is_an_error(token: str | None) -> None:
    with pytest.raises(StoreError) as failure:
        list(listed_objects(_Endless(token), bucket="b", prefix=""))
    assert failure.value.location_reason is Reason.STORE_UNAVAILABLE

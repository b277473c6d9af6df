"""The probe with wrong keys and a missing bucket, with the strict store and a real server."""

from collections.abc import Callable, Iterator

import pytest

from localcluster import S3Server
from recording_operator.api.reasons import Reason
from recording_operator.errors import LocationError
from recording_operator.stores.credentials import StoreCredentials
from recording_operator.stores.s3.client import S3Options
from recording_operator.stores.s3.location import S3LocationStore
from tests.support.strict_store import StrictStore

Opener = Callable[..., S3LocationStore]


@pytest.fixture(params=["strict", pytest.param("versitygw", marks=pytest.mark.cluster)])
def opened(request: pytest.FixtureRequest) -> Iterator[Opener]:
    """Opens stores of a server, by bucket and keys."""
    server: StrictStore | S3Server = request.getfixturevalue("strict_server" if request.param == "strict" else "s3")
    root = server if isinstance(server, StrictStore) else server.root
    bucket = server.bucket_name if isinstance(server, StrictStore) else request.getfixturevalue("bucket")
    stores: list[S3LocationStore] = []

    def open_store(*, name: str = bucket, key: str = root.access_key, secret: str = root.secret_key) -> S3LocationStore:
        keys = StoreCredentials(access_key_id=key, secret_access_key=secret)
        options = S3Options(bucket=name, endpoint=server.endpoint, path_style=True, credentials=keys)
        stores.append(S3LocationStore(options))
        return stores[-1]

    yield open_store
    for store in stores:
        store.close()


@pytest.mark.parametrize("wrong", [{"secret": "wrong-secret"}, {"key": "AKIANOBODY", "secret": "wrong-secret"}])
def test_probe_of_wrong_keys(opened: Opener, wrong: dict[str, str]) -> None:
    with pytest.raises(LocationError) as caught:
        opened(**wrong).probe(name="probe")
    assert caught.value.reason is Reason.CREDENTIALS_INVALID
    assert "wrong-secret" not in caught.value.message


def test_probe_of_a_bucket_that_is_not_there(opened: Opener) -> None:
    with pytest.raises(LocationError) as caught:
        opened(name="no-such-bucket-here").probe(name="probe")
    assert caught.value.reason is Reason.BUCKET_NOT_FOUND

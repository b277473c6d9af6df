"""Every point of the contract with the strict store and versitygw. Each test has its own bucket."""

import uuid
from collections.abc import Iterator
from http import HTTPStatus

import pytest

from localcluster import S3Server
from tests.support.s3_protocol import Point
from tests.support.strict_bucket import Bucket
from tests.support.strict_client import S3Client
from tests.support.strict_store import StrictStore
from tests.support.versitygw_deviations import DEVIATIONS


@pytest.fixture(params=["strict", pytest.param("versitygw", marks=pytest.mark.cluster)])
def server(request: pytest.FixtureRequest) -> str:
    """Which server. Where versitygw is known to differ from AWS, the test must fail, so that a change is noticed."""
    point = request.node.callspec.params.get("point")
    name = point.name if isinstance(point, Point) else request.node.originalname
    if request.param == "versitygw" and name in DEVIATIONS:
        request.applymarker(pytest.mark.xfail(reason=DEVIATIONS[name], strict=True))
    return str(request.param)


@pytest.fixture
def api(server: str, request: pytest.FixtureRequest) -> Iterator[S3Client]:
    """A client of a bucket that keeps versions."""
    client = _client(server, request, versioned=True)
    yield client
    client.close()


@pytest.fixture
def plain(server: str, request: pytest.FixtureRequest) -> Iterator[S3Client]:
    """A client of a bucket without versions."""
    client = _client(server, request, versioned=False)
    yield client
    client.close()


@pytest.fixture
def strict_api(strict_server: StrictStore) -> Iterator[S3Client]:
    """A client of the strict store, for what a test can set up in no other server."""
    client = _strict(strict_server, versioned=True)
    yield client
    client.close()


def _client(server: str, request: pytest.FixtureRequest, *, versioned: bool) -> S3Client:
    if server == "strict":
        return _strict(request.getfixturevalue("strict_server"), versioned=versioned)
    real: S3Server = request.getfixturevalue("s3")
    client = S3Client(
        endpoint=real.endpoint,
        bucket=f"t-{uuid.uuid4().hex[:12]}",
        access_key=real.root.access_key,
        secret_key=real.root.secret_key,
        region="us-east-1",
    )
    assert client.send("PUT", "").status == HTTPStatus.OK
    if versioned:
        enable = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
        assert client.send("PUT", "", "versioning=", body=enable).status == HTTPStatus.OK
    return client


def _strict(strict: StrictStore, *, versioned: bool) -> S3Client:
    strict.reset(Bucket(versioned=versioned))
    return S3Client(
        endpoint=strict.endpoint,
        bucket=strict.bucket_name,
        access_key=strict.access_key,
        secret_key=strict.secret_key,
        region="us-east-1",
    )

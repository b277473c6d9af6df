"""A second world for a test, whose bucket is in its own strict store."""

import dataclasses
from typing import Any

import boto3
from botocore.config import Config

from localcluster.s3server import Credentials
from tests.support.strict_bucket import Bucket
from tests.support.strict_dialect import AWS, Dialect
from tests.support.strict_store import StrictStore
from tests.support.world import World


class StrictS3:
    """The interface of an S3 server for the invariant checker."""

    def __init__(self, strict: StrictStore) -> None:
        self._strict = strict

    def client(self) -> Any:
        """A client with short timeouts and without retries."""
        return boto3.client(
            "s3",
            endpoint_url=self._strict.endpoint,
            region_name="us-east-1",
            aws_access_key_id=self._strict.access_key,
            aws_secret_access_key=self._strict.secret_key,
            config=Config(
                s3={"addressing_style": "path"},
                retries={"total_max_attempts": 1},
                response_checksum_validation="when_required",
            ),
        )


def strict_world(world: World, strict: StrictStore, *, dialect: Dialect = AWS, checksums: str = "Auto") -> World:
    """The same cluster and operators, with another store, another location and separate expectations."""
    strict.bucket = Bucket(dialect=dialect)
    location = world.make_location(
        endpoint=strict.endpoint,
        credentials=Credentials(access_key=strict.access_key, secret_key=strict.secret_key),
        spec={"s3": {"bucket": strict.bucket_name, "checksums": checksums}},
    )
    world.secrets.add(strict.secret_key)
    return dataclasses.replace(
        world,
        s3=StrictS3(strict),  # type: ignore[arg-type]
        bucket=strict.bucket_name,
        location=location,
        expected={},
        foreign_keys=set(),
        foreign_uploads=set(),
        removed=set(),
    )

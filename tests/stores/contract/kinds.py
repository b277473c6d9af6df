"""The kinds of store that must satisfy the contract.

To add a kind, add a row to KINDS. It has a function that creates an empty bucket (or directory) for one test and opens
stores in it by prefix, and the result of its probe. The tests in this folder need nothing else. Features of only one
kind (dialects, gateways, its errors) are tested in the folder of that kind.
"""

import uuid
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from localcluster import S3Server
from recording_operator.stores.capabilities import Capabilities
from recording_operator.stores.credentials import StoreCredentials
from recording_operator.stores.filesystem.directory import CAPABILITIES
from recording_operator.stores.filesystem.location import FilesystemLocationStore
from recording_operator.stores.filesystem.tree import Tree
from recording_operator.stores.location_store import LocationStore
from recording_operator.stores.s3.client import S3Options
from recording_operator.stores.s3.location import S3LocationStore
from tests.support.strict_store import StrictStore

Opener = Callable[[str], LocationStore]
"""Opens a store with this prefix, in the place that was made for the test."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of store. `needs_servers` marks one that only `make test` can run, with its servers.

    `presigns`: whether it can presign URLs. `sums_copied_parts`: whether it returns the checksum of a copied part;
    versitygw 1.8.0 returns that of the whole source.
    """

    name: str
    make: Callable[[pytest.FixtureRequest, ExitStack], Opener]
    capabilities: Capabilities
    needs_servers: bool = False
    presigns: bool = True
    sums_copied_parts: bool = True


def strict(_: pytest.FixtureRequest, stack: ExitStack) -> Opener:
    """S3 as AWS documents it: the strict store of the tests."""
    server = stack.enter_context(StrictStore())
    keys = StoreCredentials(access_key_id=server.access_key, secret_access_key=server.secret_key)
    return _s3(stack, bucket=server.bucket_name, endpoint=server.endpoint, keys=keys)


def versitygw(request: pytest.FixtureRequest, stack: ExitStack) -> Opener:
    """A real S3 server; the bucket keeps versions."""
    server: S3Server = request.getfixturevalue("s3")
    bucket = f"t-{uuid.uuid4().hex[:12]}"
    server.create_bucket(bucket, versioned=True)
    keys = StoreCredentials(access_key_id=server.root.access_key, secret_access_key=server.root.secret_key)
    return _s3(stack, bucket=bucket, endpoint=server.endpoint, keys=keys)


def _s3(stack: ExitStack, *, bucket: str, endpoint: str, keys: StoreCredentials) -> Opener:
    def open_store(prefix: str) -> LocationStore:
        options = S3Options(bucket=bucket, prefix=prefix, endpoint=endpoint, path_style=True, credentials=keys)
        store = S3LocationStore(options)
        stack.callback(store.close)
        return store

    return open_store


def filesystem(request: pytest.FixtureRequest, _: ExitStack) -> Opener:
    """A directory."""
    path = str(request.getfixturevalue("tmp_path"))
    return lambda prefix: FilesystemLocationStore(Tree(root=path, path=f"{path}/acme"), prefix=prefix)


KINDS = (
    Kind(name="filesystem", make=filesystem, capabilities=CAPABILITIES, presigns=False),
    Kind(name="S3, strict", make=strict, capabilities=Capabilities()),
    Kind(
        name="S3, versitygw", make=versitygw, capabilities=Capabilities(), needs_servers=True, sums_copied_parts=False
    ),
)

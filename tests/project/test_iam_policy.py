"""The policy in examples/aws permits what the operator does in a bucket, and nothing else."""

import json
import re
from typing import Any

import pytest

from localcluster import Credentials, S3Server
from localcluster.install import PROJECT
from recording_operator.api.storagelocation_store import S3
from recording_operator.stores.credentials import StoreCredentials
from recording_operator.stores.errors import StoreError
from recording_operator.stores.s3.location import S3LocationStore, open_location

POLICY = PROJECT / "examples" / "aws" / "iam" / "policy.json"
SECURITY = PROJECT / "docs" / "security.md"
_NAMES = re.compile(r"`((?:s3|kms):\w+)`")
_PREFIX = "meetings/"


def _granted(statements: list[dict[str, Any]]) -> set[str]:
    return {action for statement in statements for action in statement["Action"]}


def test_it_grants_what_the_documentation_lists() -> None:
    section = SECURITY.read_text().partition("## Permissions in the bucket")[2]
    listed = {name for line in section.splitlines() if "deletionPolicies" not in line for name in _NAMES.findall(line)}
    assert _granted(json.loads(POLICY.read_text())["Statement"]) == listed


@pytest.mark.cluster
def test_it_permits_the_check_of_the_location_and_usage_samples_and_no_other_deletion(
    s3: S3Server, bucket: str
) -> None:
    store = _store(s3, bucket)
    assert store.probe(name="test").conditional_writes
    assert list(store.objects(_PREFIX))
    assert list(store.versions(_PREFIX)) is not None
    assert list(store.uploads(_PREFIX)) == []

    sample = f"{_PREFIX}.recording-operator/usage/archive/2026/11/28T000007Z.json.gz"
    assert store.create_document(sample, b"x", "application/gzip")
    assert store.read_document(sample, 10) == b"x"
    store.delete_document(sample)
    assert store.read_document(sample, 10) is None

    recording = f"{_PREFIX}acme/video.mp4"
    assert store.create_document(recording, b"x", "video/mp4")
    with pytest.raises(StoreError):
        store.delete_document(recording)


def _store(s3: S3Server, bucket: str) -> S3LocationStore:
    """The location of the example, on a server here."""
    user = Credentials(access_key=f"user-{bucket}", secret_key="CANARY-of-a-user")
    s3.create_user(user)
    policy = json.loads(POLICY.read_text().replace("acme-recordings", bucket))
    statements = [one for one in policy["Statement"] if not one["Action"][0].startswith("kms:")]
    for statement in statements:
        statement["Principal"] = {"AWS": [user.access_key]}
    s3.client().put_bucket_policy(Bucket=bucket, Policy=json.dumps({**policy, "Statement": statements}))
    spec = S3.model_validate({"bucket": bucket, "prefix": _PREFIX, "endpoint": s3.endpoint, "pathStyle": True})
    keys = StoreCredentials(access_key_id=user.access_key, secret_access_key=user.secret_key)
    return open_location(spec, keys)

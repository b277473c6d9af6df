"""What botocore knows of the services, read once and without what nobody asks for."""

import re
import tracemalloc
from typing import Any

import botocore.session
import pytest
from botocore.loaders import Loader

from recording_operator.transfer.stores.client import S3Credentials, S3Options, build_client
from recording_operator.transfer.stores.models import service_models

KEYS = S3Credentials(access_key_id="key", secret_access_key="secret")


def client(region: str = "eu-west-1") -> Any:
    return build_client(S3Options(bucket="archive", region=region, credentials=KEYS))


def test_a_further_location_costs_little_memory() -> None:
    client()
    tracemalloc.start()
    kept = client()
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept.meta.region_name == "eu-west-1"
    assert grown < 2 * 2**20


@pytest.mark.parametrize(
    ("region", "endpoint"),
    [
        ("eu-west-1", "https://s3.eu-west-1.amazonaws.com"),
        ("cn-north-1", "https://s3.cn-north-1.amazonaws.com.cn"),
        ("us-gov-west-1", "https://s3.us-gov-west-1.amazonaws.com"),
    ],
)
def test_every_partition_is_known(region: str, endpoint: str) -> None:
    made = client(region)
    assert made.meta.endpoint_url == endpoint
    domain = endpoint.partition("amazonaws")[2]
    url = made.generate_presigned_url("get_object", Params={"Bucket": "archive", "Key": "k"})
    assert re.match(rf"https://archive\.s3[a-z0-9.-]*\.amazonaws{re.escape(domain)}/k\?", url)


def test_operations_are_those_of_the_library() -> None:
    """What can be asked is as botocore has it: names, members and where they go; only texts are left out."""
    full = Loader().load_service_model("s3", "service-2")
    lean = service_models().load_service_model("s3", "service-2")
    assert lean["operations"].keys() == full["operations"].keys()
    assert lean["shapes"].keys() == full["shapes"].keys()
    members = full["shapes"]["PutObjectRequest"]["members"]
    assert lean["shapes"]["PutObjectRequest"]["members"].keys() == members.keys()
    assert members["Body"]["documentation"]
    assert not lean["shapes"]["PutObjectRequest"]["members"]["Body"]["documentation"]


def test_of_the_answers_of_each_artifact_only_what_is_read_is_looked_for() -> None:
    full = Loader().load_service_model("s3", "service-2")["shapes"]
    lean = service_models().load_service_model("s3", "service-2")["shapes"]
    fewer = {name for name in full if full[name].get("members", {}).keys() != lean[name].get("members", {}).keys()}
    assert fewer == {"HeadObjectOutput", "PutObjectOutput"}
    for name in fewer:
        assert lean[name]["members"].keys() < full[name]["members"].keys()


def test_who_gives_ambient_keys_is_known() -> None:
    core = botocore.session.Session()
    core.register_component("data_loader", service_models())
    for service in ("sts", "sso", "sso-oidc"):
        assert core.create_client(service, region_name="eu-west-1").meta.endpoint_url

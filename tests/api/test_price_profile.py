"""The price profile of a location that names none."""

import pytest

from recording_operator.api.storagelocation import StorageLocation

BUCKET = {"s3": {"bucket": "recordings"}}
DIRECTORY = {"filesystem": {"path": "/data/a"}}


@pytest.mark.parametrize(
    ("spec", "profile"),
    [
        (BUCKET, "default"),
        (DIRECTORY, "filesystem"),
        (DIRECTORY | {"prices": {"profile": "default"}}, "filesystem"),
        (DIRECTORY | {"prices": {"profile": "rack-7", "configMap": "ours"}}, "rack-7"),
        (DIRECTORY | {"prices": {"profile": "default", "configMap": "ours"}}, "default"),
        (BUCKET | {"prices": {"profile": "wasabi"}}, "wasabi"),
    ],
)
def test_a_directory_is_not_priced_as_a_bucket(spec: dict[str, object], profile: str) -> None:
    assert StorageLocation.model_validate({"metadata": {"name": "a"}, "spec": spec}).price_profile == profile

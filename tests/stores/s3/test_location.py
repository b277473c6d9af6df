"""The message of a StorageLocation whose store cannot be opened because of the operator's environment."""

from pathlib import Path

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.api.storagelocation_store import S3
from recording_operator.errors import LocationError
from recording_operator.stores.s3.location import open_location

SPEC = S3(bucket="recordings", region="us-east-1")


@pytest.fixture(autouse=True)
def _no_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_CA_BUNDLE", "https_proxy"):
        monkeypatch.delenv(name, raising=False)


def test_half_a_key_pair_of_the_operator_does_not_count_as_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    with pytest.raises(LocationError) as caught:
        open_location(SPEC, None)
    assert caught.value.reason is Reason.CREDENTIALS_NOT_FOUND


@pytest.mark.parametrize(
    ("variable", "value"), [("AWS_CA_BUNDLE", "/no/such/file"), ("https_proxy", "socks5://proxy.test:1080")]
)
def test_a_variable_that_cannot_be_used_is_named(variable: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(LocationError, match="AWS_CA_BUNDLE or a proxy variable") as caught:
        open_location(SPEC, None)
    assert caught.value.reason is Reason.ENDPOINT_UNREACHABLE
    assert value not in caught.value.message

"""`copy` and the AWS settings of environment and profile, with botocore's documented precedence."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from localcluster.operatorprocess import POLICY
from recording_operator.cli import main
from recording_operator.cli.arguments import Target
from recording_operator.stores.credentials import StoreCredentials
from recording_operator.stores.s3.client import S3Options, build_client
from tests.support.lying_source import Content, LyingSource
from tests.support.strict_store import StrictStore
from tests.support.transfers import store_of

BODY = b"a text"
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def strict() -> Iterator[StrictStore]:
    with StrictStore() as server:
        yield server


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, strict: StrictStore) -> Path:
    """A home without anything of AWS; keys are in the profile `store` and in the default one."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    (tmp_path / ".aws").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    keys = f"aws_access_key_id = {strict.access_key}\naws_secret_access_key = {strict.secret_key}\n"
    (tmp_path / ".aws" / "credentials").write_text(f"[default]\n{keys}\n[store]\n{keys}")
    return tmp_path


def copied(strict: StrictStore, *options: str, key: str = "text", bucket: str | None = None) -> Result:
    """A copy in this process."""
    with LyingSource(Content(body=BODY, content_type="text/plain")) as source:
        target = f"s3://{bucket or strict.bucket_name}/{key}"
        return CliRunner().invoke(main, ["copy", source.url, target, f"--settings={POLICY}", *options])


def configure(home: Path, text: str) -> None:
    (home / ".aws" / "config").write_text(text)


SERVICES = "[services mine]\ns3 =\n  endpoint_url = {}\n"
CASES: dict[str, tuple[dict[str, str], str]] = {
    "AWS_ENDPOINT_URL": ({"AWS_ENDPOINT_URL": "HERE"}, ""),
    "AWS_ENDPOINT_URL_S3": ({"AWS_ENDPOINT_URL_S3": "HERE"}, ""),
    "AWS_ENDPOINT_URL_S3 before AWS_ENDPOINT_URL": ({"AWS_ENDPOINT_URL_S3": "HERE", "AWS_ENDPOINT_URL": NOWHERE}, ""),
    "another service's is not S3's": ({"AWS_ENDPOINT_URL": "HERE", "AWS_ENDPOINT_URL_DYNAMODB": NOWHERE}, ""),
    "the profile's": ({}, "[default]\nendpoint_url = HERE\n"),
    "a named profile's": (
        {"AWS_PROFILE": "store"},
        f"[default]\nendpoint_url = {NOWHERE}\n[profile store]\nendpoint_url = HERE\n",
    ),
    "the services section": ({}, "[default]\nservices = mine\n" + SERVICES.format("HERE")),
    "the services section before the profile's": (
        {},
        f"[default]\nservices = mine\nendpoint_url = {NOWHERE}\n" + SERVICES.format("HERE"),
    ),
    "a profile that would be accelerated at AWS": (
        {},
        "[default]\nendpoint_url = HERE\ns3 =\n  use_accelerate_endpoint = true\n",
    ),
    "the environment before the profile": (
        {"AWS_ENDPOINT_URL": "HERE"},
        f"[default]\nservices = mine\nendpoint_url = {NOWHERE}\n" + SERVICES.format(NOWHERE),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_endpoint_comes_from_where_the_aws_tools_take_it(
    strict: StrictStore, home: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    env, config = CASES[case]
    for name, value in env.items():
        monkeypatch.setenv(name, value.replace("HERE", strict.endpoint))
    configure(home, config.replace("HERE", strict.endpoint))
    key = case.replace(" ", "-")
    done = copied(strict, key=key)
    assert done.exit_code == 0, done.output
    assert strict.bucket.versions[key][-1].body == BODY


def test_the_option_wins(strict: StrictStore, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(home, f"[default]\nendpoint_url = {NOWHERE}\n")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", NOWHERE)
    done = copied(strict, f"--endpoint-url={strict.endpoint}", key="option")
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("by", ["environment", "profile"])
def test_configured_endpoints_can_be_ignored(
    strict: StrictStore, home: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", NOWHERE)
    if by == "environment":
        monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    else:
        configure(home, "[default]\nignore_configured_endpoint_urls = true\n")
    # Then it is AWS, whose bucket names are other ones: nothing is asked of anybody.
    done = copied(strict, bucket="no bucket of AWS")
    assert done.exit_code == 2, done.output
    assert "not a bucket name" in done.output
    done = copied(strict, f"--endpoint-url={strict.endpoint}", key=f"ignored-{by}")
    assert done.exit_code == 0, done.output


def test_region_of_the_profile_is_signed_with(strict: StrictStore, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "store")
    configure(home, f"[profile store]\nregion = eu-central-7\nendpoint_url = {strict.endpoint}\n")
    monkeypatch.setattr(strict, "region", "eu-central-7")
    assert region_of(strict, copied(strict, key="one"), key="one") == "eu-central-7"
    monkeypatch.setenv("AWS_REGION", "eu-north-9")
    monkeypatch.setattr(strict, "region", "eu-north-9")
    assert region_of(strict, copied(strict, key="two"), key="two") == "eu-north-9"


def region_of(strict: StrictStore, done: Result, *, key: str) -> str:
    """The region that the write was signed for."""
    assert done.exit_code == 0, done.output
    return strict.bucket.versions[key][0].attributes.headers["authorization"].split("/")[2]


@pytest.mark.parametrize(
    ("config", "env", "words"),
    [
        ("", {"AWS_PROFILE": "absent"}, "(absent) could not be found"),
        ("[default\nregion = x", {}, "AWS configuration cannot be used"),
        ("[default]\nservices = absent\n", {}, '"absent"'),
        ("[default]\nendpoint_url = minio:9000\n", {}, "endpoint"),
        ("[default]\nendpoint_url = ftp://minio\n", {}, "endpoint"),
        ("", {"AWS_ENDPOINT_URL_S3": "minio:9000"}, "endpoint"),
        ("", {"AWS_ENDPOINT_URL_S3": "//minio"}, "endpoint"),
        ("", {"AWS_REGION": "mars 1"}, "region"),
        ("[default]\nregion = no region\n", {}, "region"),
        ("[default]\ns3 = no section\n", {}, "AWS configuration cannot be used"),
        ("[default]\nca_bundle = /no/such/file\n", {}, "CA bundle"),
        ("[default]\nmax_attempts = some\n", {}, "AWS configuration cannot be used"),
        ("", {"AWS_MAX_ATTEMPTS": "some"}, "AWS configuration cannot be used"),
    ],
)
def test_an_invalid_configuration_is_reported_before_any_request(
    strict: StrictStore, home: Path, monkeypatch: pytest.MonkeyPatch, config: str, env: dict[str, str], words: str
) -> None:
    configure(home, config)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    asked = len(strict.requests)
    done = copied(strict)
    assert done.exit_code == 2, done.output
    assert words in done.output
    assert "InternalError" not in done.output
    assert len(strict.requests) == asked


@pytest.mark.parametrize(
    ("credentials", "env"),
    [
        ("", {}),
        ("[default]\naws_access_key_id = A\n", {}),
        ("", {"AWS_ACCESS_KEY_ID": "A"}),
    ],
)
def test_credentials_that_are_missing_or_half_there(
    strict: StrictStore, home: Path, monkeypatch: pytest.MonkeyPatch, credentials: str, env: dict[str, str]
) -> None:
    (home / ".aws" / "credentials").write_text(credentials)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    done = copied(strict, f"--endpoint-url={strict.endpoint}")
    assert done.exit_code == 1, done.output
    assert "CredentialsNotFound: No usable AWS credentials" in done.output
    assert "operator has" not in done.output


def test_a_session_token_that_the_store_rejects_is_named(
    strict: StrictStore,
    home: Path,  # noqa: ARG001 - a fixture
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", strict.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", strict.secret_key)
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of-yesterday")
    done = copied(strict, f"--endpoint-url={strict.endpoint}", key="with-a-token")
    assert done.exit_code == 1, done.output
    assert "expired session token" in done.output


def test_a_login_that_has_expired(strict: StrictStore, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(
        home,
        f"[profile sso]\nendpoint_url = {strict.endpoint}\nsso_session = s\nsso_account_id = 1\nsso_role_name = r\n"
        "[sso-session s]\nsso_region = us-east-1\nsso_start_url = https://login.example.com\n",
    )
    monkeypatch.setenv("AWS_PROFILE", "sso")
    done = copied(strict)
    assert done.exit_code == 1, done.output
    assert "CredentialsNotFound" in done.output


@pytest.mark.parametrize("bucket", ["UPPER_Case", "tenant:bucket", "x", "bücket", "a..b", "under_score"])
def test_a_bucket_that_only_aws_forbids(strict: StrictStore, home: Path, bucket: str) -> None:  # noqa: ARG001 - a fixture
    done = copied(strict, f"--endpoint-url={strict.endpoint}", bucket=bucket)
    # This store has one bucket, and responds with NoSuchBucket for every other.
    assert done.exit_code == 1, done.output
    assert "BucketNotFound: " in done.output
    assert "The bucket does not exist" in done.output or "may not accept this bucket name" in done.output


@pytest.mark.parametrize("bucket", ["a b", "bücket", "tenant:bucket", "x", "-a-", "arn:aws:s3:eu-west-1:1:accesspoint"])
def test_a_bucket_that_aws_cannot_have_is_wrong_usage(strict: StrictStore, home: Path, bucket: str) -> None:  # noqa: ARG001 - a fixture
    done = copied(strict, bucket=bucket)
    assert done.exit_code == 2, done.output
    assert "InternalError" not in done.output


@pytest.mark.parametrize(
    "bucket",
    [
        "arn:aws:s3:eu-west-1:1:accesspoint/name",
        "arn:aws:s3::123456789012:accesspoint/name.mrap",
        "arn:aws:sns:eu-west-1:123456789012:accesspoint/name",
        "arn:aws:s3:eu-west-1:123456789012:bucket/name",
        "arn:aws:s3:::name",
    ],
)
def test_an_arn_of_anything_but_an_access_point_is_a_usage_error(strict: StrictStore, home: Path, bucket: str) -> None:  # noqa: ARG001 - a fixture
    done = copied(strict, bucket=bucket)
    assert done.exit_code == 2, done.output
    assert "accesspoint/NAME" in done.output or "s3://BUCKET/KEY" in done.output


def test_the_arn_of_an_access_point_is_a_bucket_of_aws(strict: StrictStore, home: Path) -> None:  # noqa: ARG001 - a fixture
    arn = "arn:aws:s3:eu-west-1:123456789012:accesspoint/mine"
    assert Target().convert(f"s3://{arn}/a/key", None, None) == (arn, "a/key")
    assert "works only on AWS" in copied(strict, f"--endpoint-url={strict.endpoint}", bucket=arn).output
    keys = StoreCredentials(access_key_id="A", secret_access_key="B")
    client = build_client(S3Options(bucket=arn, region="us-east-1", credentials=keys))
    url = client.generate_presigned_url("get_object", Params={"Bucket": arn, "Key": "a/key"})
    assert url.startswith("https://mine-123456789012.s3-accesspoint.eu-west-1.amazonaws.com/a/key?")
    client.close()


def test_a_location_with_its_own_keys_is_independent_of_all_that(
    strict: StrictStore, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(home, f"[default]\nendpoint_url = {NOWHERE}\nregion = no region\nca_bundle = /no/such/file\n")
    monkeypatch.setenv("AWS_PROFILE", "absent")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", NOWHERE)
    monkeypatch.setenv("AWS_CA_BUNDLE", "/no/such/file")
    assert store_of(strict).head("absent") is None


def test_credentials_that_cannot_be_renewed_are_reported_in_a_sentence(
    strict: StrictStore, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "token").write_text("a token")
    role = "arn:aws:iam::123456789012:role/copy"
    configure(home, f"[profile role]\nrole_arn = {role}\nweb_identity_token_file = {home / 'token'}\n")
    for name, value in {"AWS_PROFILE": "role", "AWS_ENDPOINT_URL_STS": NOWHERE, "AWS_MAX_ATTEMPTS": "1"}.items():
        monkeypatch.setenv(name, value)
    done = copied(strict, f"--endpoint-url={strict.endpoint}", key="unrenewed")
    assert done.exit_code == 75, done.output
    assert "Refreshing temporary credentials failed" in done.output
    assert "Traceback" not in done.output

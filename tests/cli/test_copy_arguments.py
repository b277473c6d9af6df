"""`copy`: its arguments, the origin of the URL, and its error messages."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from localcluster.operatorprocess import POLICY
from recording_operator.api.reasons import Reason
from recording_operator.cli import main
from recording_operator.cli.arguments import read_url
from recording_operator.cli.files.copying import EXIT_TRY_LATER, status_of
from tests.support.lying_source import CANARY, Behaviour, Content, LyingSource, Serve
from tests.support.strict_bucket import Attributes, Bucket
from tests.support.strict_faults import ErrorResponse, Fault, Operation
from tests.support.strict_multipart import create_upload
from tests.support.strict_store import StrictStore
from tests.support.transfers import KIB, MIB, pattern, sum_of

BODY = pattern(9 * MIB)
SMALL = BODY[:1_000]
FOREIGN = Attributes(content_type="text/plain", metadata={}, headers={})
# Words of Kubernetes and of operations. Users of `copy` may have neither.
OPERATORS = re.compile(
    r"operator's|[Ll]ocation|\bspec\b|spec\.|Recording\b|Secret|retryToken|artifact|--policy|[Pp]olicy"
)


@pytest.fixture(scope="module")
def server() -> Iterator[StrictStore]:
    with StrictStore() as strict:
        yield strict


@pytest.fixture
def strict(server: StrictStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> StrictStore:
    """A store as new, whose keys are in the environment."""
    server.reset(Bucket(least_part_bytes=64 * KIB))
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_CA_BUNDLE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", server.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", server.secret_key)
    return server


@pytest.fixture
def serve() -> Iterator[Serve]:
    with ExitStack() as stack:
        yield lambda body: stack.enter_context(LyingSource(Content(body=body)))


def copied(strict: StrictStore, url: str, *options: str, key: str = "video.mp4", stdin: str | None = None) -> Result:
    """A copy in this process, which prints no secret."""
    target = f"s3://{strict.bucket_name}/{key}"
    command = ["copy", url, target, f"--endpoint-url={strict.endpoint}"]
    if not any(option.startswith("--settings") for option in options):
        command.append(f"--settings={POLICY}")
    done = CliRunner().invoke(main, [*command, *options], input=stdin)
    assert CANARY not in done.output
    return done


def test_a_url_from_standard_input_and_from_a_file(strict: StrictStore, serve: Serve, tmp_path: Path) -> None:
    source = serve(SMALL)
    assert copied(strict, "-", stdin=f"{source.url}\n", key="one").exit_code == 0
    file = tmp_path / "url.txt"
    file.write_text(f"\ufeff{source.url}\r\n")
    assert copied(strict, f"@{file}", key="two").exit_code == 0
    assert [strict.bucket.versions[key][0].body for key in ("one", "two")] == [SMALL, SMALL]


@pytest.mark.parametrize("text", ["", "\n", "https://a/1\nhttps://a/2\n", "https://a/b c", "x" * 70_000, "\x00\xff"])
def test_input_that_is_not_one_url(strict: StrictStore, tmp_path: Path, text: str) -> None:
    file = tmp_path / "url.txt"
    file.write_bytes(text.encode("latin-1"))
    for done in (copied(strict, f"@{file}"), copied(strict, "-", stdin=text)):
        assert done.exit_code in (1, 2), done.output
        assert "SourceInvalid" in done.output or "Expected one URL" in done.output
    assert strict.requests == []
    assert "No such file" in copied(strict, f"@{tmp_path}/absent").output


def test_without_standard_input_there_is_no_url(strict: StrictStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)  # as Python does where it is closed
    with pytest.raises(click.UsageError, match="Standard input"):
        read_url("-")
    assert strict.requests == []


@pytest.mark.parametrize("as_json", [(), ("--json",)])
@pytest.mark.parametrize("right", [True, False])
def test_a_result_that_cannot_be_written_changes_no_status(
    strict: StrictStore, serve: Serve, right: bool, as_json: tuple[str, ...]
) -> None:
    source = serve(SMALL)
    command = [str(Path(sys.executable).with_name("recording-operator")), "copy", source.url, "s3://recordings/video"]
    options = [f"--endpoint-url={strict.endpoint}", f"--settings={POLICY}", f"--size={1_000 if right else 7}", *as_json]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*command, *options], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == (0 if right else 1), done.stderr
    assert "Traceback" not in done.stderr
    assert ("The result could not be written: No space left" in done.stderr) == (right or bool(as_json))
    assert strict.keys() == (["video"] if right else [])


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("no url", "SourceInvalid"),
        (f"https://[::1/x?{CANARY}", "SourceInvalid"),
        (f"https://u:p@media.example.com/x?{CANARY}", "SourceInvalid"),
        ("s3://bucket/key", "SourceInvalid"),
        ("file:///etc/passwd", "SourceInvalid"),
        ("https://media.example.com/\udcff", "SourceInvalid"),
        ("ftp://media.example.com/x", "SourceInvalid"),
        ("http://10.0.0.1/x", "SourceBlocked"),
        ("https://localhost/x", "SourceBlocked"),
    ],
)
@pytest.mark.parametrize("probe", [(), ("--probe",)])
def test_an_invalid_url_is_reported_at_once(
    strict: StrictStore, monkeypatch: pytest.MonkeyPatch, url: str, reason: str, probe: tuple[str, ...]
) -> None:
    """Without credentials too. The error used to be about credentials, and was slow."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    done = copied(strict, url, "--json", *probe)
    assert done.exit_code == 1
    assert json.loads(done.stdout)["reason"] == reason
    assert strict.requests == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--checksum=sha1:00"], "sha256, md5, crc32 or crc64nvme"),
        (["--checksum=sha256"], "64 hex digits"),
        (["--checksum=sha256:abc"], "64 hex digits"),
        (["--checksum=crc32:0000000g"], "8 hex digits"),
        (["--content-type=video"], "such as video/mp4"),
        (["--content-type=video/mp4\r\nx: y"], "such as video/mp4"),
        (["--content-type=text/plain; charset"], "such as video/mp4"),
        (['--content-type=text/plain; charset="utf-8'], "such as video/mp4"),
        (["--content-type=text/plain; charset=é"], "such as video/mp4"),
        (["--content-type=text/plain; a=b" + "; c=d" * 30], "127 characters"),
        (["--part-size=4Mi"], "5Mi"),
        (["--part-size=6Gi"], "5Gi"),
        (["--part-size="], "--part-size: write an amount"),
        (["--ca-bundle=/dev/null"], "contains no certificate"),
        ([f"--ca-bundle={sys.executable}"], f"{sys.executable} is not UTF-8 text"),
        (["--size=-1"], "--size"),
        (["--settings=/no/such/file"], "settings file /no/such/file: No such file"),
        (["--settings=/no/such/file", "--probe"], "settings file /no/such/file: No such file"),
    ],
)
def test_wrong_options_send_no_request(strict: StrictStore, serve: Serve, options: list[str], words: str) -> None:
    source = serve(SMALL)
    done = copied(strict, source.url, *options)
    assert done.exit_code == 2, done.output
    assert words in done.output
    assert strict.requests == []
    assert source.connections == 0


@pytest.mark.parametrize("key", ["k" * 1025, "é" * 513, "\udcff", "..", "../a", "a/../../b", "./../a", "a//../../b"])
def test_a_key_that_s3_does_not_take(strict: StrictStore, key: str) -> None:
    done = copied(strict, "https://media.example.com/x", key=key)
    assert done.exit_code == 2, done.output
    assert strict.requests == []


@pytest.mark.parametrize("body", [SMALL, BODY], ids=["small", "large"])
def test_t37_another_source_at_the_key(strict: StrictStore, serve: Serve, body: bytes) -> None:
    source = serve(body)
    assert copied(strict, f"{source.url}&id=1").exit_code == 0
    kept = list(strict.bucket.versions["video.mp4"])
    source.content = Content(body=bytes(reversed(body)), etag='"v2"')
    checksum = f"--checksum={sum_of('sha256', source.content.body)}"
    for options in ((), (checksum,)):
        for url in (f"{source.url}&id=2", f"{source.url}&id=1"):
            done = copied(strict, url, "--json", *options)
            assert done.exit_code == 1, done.output
            result = json.loads(done.stdout)
            assert result["reason"] == "StoreKeyConflict"
            assert "It was not changed" in result["message"]
            assert strict.bucket.versions["video.mp4"] == kept
    assert strict.open_uploads() == []


def test_t37_a_copy_that_fails_leaves_uploads_of_others_alone(strict: StrictStore, serve: Serve) -> None:
    theirs = create_upload(strict.bucket, "video.mp4", FOREIGN, None)
    strict.bucket.put("video.mp4", b"theirs", FOREIGN, if_absent=False)
    assert copied(strict, serve(BODY).url).exit_code == 1
    assert list(strict.bucket.uploads) == [theirs.upload_id]


def plain_words(done: Result) -> None:
    """The message of a failure, in words of this command."""
    assert done.exit_code in (1, 75), done.output
    result = json.loads(done.stdout)
    assert result["reason"] != "InternalError"
    assert not OPERATORS.search(result["message"]), result


@pytest.mark.parametrize(
    ("behaviour", "option"),
    [
        (Behaviour(status=403, body=b""), "--json"),
        (Behaviour(status=403, body=b"<Message>Request has expired</Message>"), "--json"),
        (Behaviour(status=404, body=b""), "--json"),
        (Behaviour(), "--size=5"),
        (Behaviour(), f"--checksum=md5:{'0' * 32}"),
        (Behaviour(content=Content(body=b"")), "--json"),
        (Behaviour(ranges=False, framing="close"), "--json"),
        (Behaviour(headers={"Content-Type": "text/html"}, body=b"<!doctype html><html>"), "--content-type=video/mp4"),
    ],
)
def test_read_wording_of_a_source_is_about_this_command(
    strict: StrictStore, serve: Serve, behaviour: Behaviour, option: str
) -> None:
    source = serve(SMALL)
    source.behave = lambda _: behaviour
    plain_words(copied(strict, source.url, "--json", option))


@pytest.mark.parametrize(
    ("operation", "status", "code"),
    [
        ("HeadObject", 403, "AccessDenied"),
        ("PutObject", 404, "NoSuchBucket"),
        ("PutObject", 403, "RequestTimeTooSkewed"),
        ("PutObject", 507, "QuotaExceeded"),
        ("PutObject", 301, "PermanentRedirect"),
        ("PutObject", 400, "InvalidRequest"),
        ("PutObject", 501, "NotImplemented"),
        ("PutObject", 403, "InvalidAccessKeyId"),
    ],
)
@pytest.mark.parametrize("probe", [(), ("--probe",)])
def test_read_wording_of_a_store_is_about_this_command(
    strict: StrictStore, serve: Serve, operation: Operation, status: int, code: str, probe: tuple[str, ...]
) -> None:
    strict.fault(Fault(operation=operation, action=ErrorResponse(status=status, code=code), times=99))
    done = copied(strict, serve(SMALL).url, "--json", *probe)
    assert not OPERATORS.search(json.loads(done.stdout)["message"]), done.output


@pytest.mark.parametrize("probe", [(), ("--probe",)])
@pytest.mark.parametrize("secret", ["wrong", ""])
def test_read_wording_of_credentials_is_about_the_callers(
    strict: StrictStore, serve: Serve, monkeypatch: pytest.MonkeyPatch, probe: tuple[str, ...], secret: str
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    if not secret:
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    plain_words(copied(strict, serve(SMALL).url, "--json", *probe))


def test_read_wording_of_an_object_is_about_this_command(strict: StrictStore, serve: Serve, tmp_path: Path) -> None:
    source = serve(SMALL)
    assert copied(strict, source.url).exit_code == 0
    plain_words(copied(strict, source.url, "--json", "--size=5"))
    plain_words(copied(strict, source.url, "--json", f"--checksum=md5:{'0' * 32}"))
    source.behave = lambda _: Behaviour(status=410)
    plain_words(copied(strict, source.url, "--json"))
    strict.bucket.put("video.mp4", b"theirs", FOREIGN, if_absent=False)
    plain_words(copied(strict, source.url, "--json"))
    (tmp_path / "settings.yaml").write_text("{}")
    plain_words(copied(strict, source.url, "--json", f"--settings={tmp_path / 'settings.yaml'}"))


def test_help_speaks_of_the_caller(strict: StrictStore) -> None:  # noqa: ARG001 - a fixture
    shown = CliRunner().invoke(main, ["copy", "--help"]).output
    assert not OPERATORS.search(shown.replace("Location", "")), OPERATORS.findall(shown)


def test_only_transient_failures_are_retried() -> None:
    later = {reason for reason in Reason if status_of(reason) == EXIT_TRY_LATER}
    assert {Reason.STORE_UNAVAILABLE, Reason.SOURCE_UNAVAILABLE, Reason.SOURCE_RESET, Reason.STORE_QUOTA} <= later
    assert later.isdisjoint(
        {
            Reason.SOURCE_EXPIRED,
            Reason.STORE_KEY_CONFLICT,
            Reason.STORE_DENIED,
            Reason.CREDENTIALS_NOT_FOUND,
            Reason.BUCKET_NOT_FOUND,
            Reason.STORE_UNSUPPORTED,
        }
    )

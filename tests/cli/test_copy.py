"""`recording-operator copy` as a separate process, from a scripted source into a real S3 server."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner

from localcluster import S3Server
from localcluster.operatorprocess import POLICY
from localcluster.ports import LOOPBACK
from recording_operator.checksums import crc64nvme, to_text
from recording_operator.cli.commands.copy import copy
from recording_operator.signals import SAME_REQUEST_S
from tests.support.lying_source import CANARY, Behaviour, Content, LyingSource, Serve
from tests.support.proxy import TcpProxy
from tests.support.transfers import KIB, MIB, pattern, sum_of
from tests.support.waiting import eventually

pytestmark = pytest.mark.cluster

PROGRAM: Final = str(Path(sys.executable).with_name("recording-operator"))
BODY: Final = pattern(12 * MIB + 345)
KEY: Final = "a folder/video.mp4"


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """How a process ended."""

    status: int
    out: str
    err: str

    @property
    def result(self) -> dict[str, Any]:
        """What --json printed."""
        return dict(json.loads(self.out))


@dataclass(slots=True, kw_only=True)
class Copying:
    """Copies into one bucket of the test's own."""

    s3: S3Server
    bucket: str
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def env(self) -> dict[str, str]:
        """Keys in the environment, nothing else of AWS."""
        ours = {"AWS_ACCESS_KEY_ID": self.s3.root.access_key, "AWS_SECRET_ACCESS_KEY": self.s3.root.secret_key}
        return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | ours

    def start(self, url: str, *options: str, env: Mapping[str, str] | None = None) -> "subprocess.Popen[str]":
        """Begin a copy to KEY with the test's policy, unless `options` name another."""
        given = [] if any(option.startswith("--policy") for option in options) else [f"--policy={POLICY}"]
        command = [PROGRAM, "copy", url, f"s3://{self.bucket}/{KEY}", f"--endpoint-url={self.s3.endpoint}"]
        process = subprocess.Popen(
            [*command, *given, *options],
            env={**self.env, **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process

    def run(self, url: str, *options: str, env: Mapping[str, str] | None = None) -> Done:
        """Copy, and check that no secret was printed."""
        return self.ended(self.start(url, *options, env=env))

    def ended(self, process: "subprocess.Popen[str]") -> Done:
        """Wait for the end."""
        out, err = process.communicate(timeout=60)
        assert CANARY not in out + err
        assert self.s3.root.secret_key not in out + err
        assert "Traceback" not in err
        return Done(status=process.returncode, out=out, err=err)

    def stored(self, key: str = KEY) -> bytes:
        """The objects in the bucket."""
        with closing(self.s3.client().get_object(Bucket=self.bucket, Key=key)["Body"]) as body:
            return bytes(body.read())

    def keys(self) -> list[str]:
        """What is in the bucket."""
        return [found["Key"] for found in self.s3.client().list_objects_v2(Bucket=self.bucket).get("Contents", [])]

    def uploads(self) -> list[str]:
        """Open multipart uploads."""
        answer = self.s3.client().list_multipart_uploads(Bucket=self.bucket)
        return [upload["UploadId"] for upload in answer.get("Uploads") or []]

    def parts(self) -> int:
        """How many parts were stored of the open upload."""
        found = [
            self.s3.client().list_parts(Bucket=self.bucket, Key=KEY, UploadId=upload_id) for upload_id in self.uploads()
        ]
        return sum(len(answer.get("Parts") or []) for answer in found)


@pytest.fixture
def copying(s3: S3Server, bucket: str) -> Iterator[Copying]:
    made = Copying(s3=s3, bucket=bucket)
    yield made
    for process in made.started:
        process.kill()
        process.communicate()


@pytest.fixture
def serve() -> Iterator[Serve]:
    with ExitStack() as stack:
        yield lambda body: stack.enter_context(LyingSource(Content(body=body)))


def settings_file(folder: Path, text: str) -> str:
    path = folder / f"{uuid.uuid4().hex}.yaml"
    path.write_text(text)
    return f"--policy={path}"


def test_the_bytes_and_the_result_for_programs_and_for_people(copying: Copying, serve: Serve) -> None:
    source = serve(BODY)
    first = copying.run(source.url, "--json")
    assert first.status == 0, first.err
    assert copying.stored() == BODY
    assert copying.uploads() == []
    result = first.result
    assert result == {
        "uri": f"s3://{copying.bucket}/{KEY}",
        "sizeBytes": len(BODY),
        "checksum": to_text(crc64nvme(BODY)),
        "etag": result["etag"],
        "versionId": result["versionId"],
        "contentType": "video/mp4",
        "seconds": result["seconds"],
    }
    head = copying.s3.client().head_object(Bucket=copying.bucket, Key=KEY)
    assert (head["ETag"].strip('"'), head["VersionId"]) == (result["etag"], result["versionId"])
    assert 0 < result["seconds"] < 60
    asked = len(source.served)

    again = copying.run(source.url)  # with another signature it would be the same copy
    assert again.status == 0, again.err
    assert again.out.startswith(f"s3://{copying.bucket}/{KEY}  12.6 MB  {result['checksum']}"), again.out
    assert again.err == ""
    probes = source.served[asked:]
    assert sum(request.sent_bytes for request in probes) <= 64 * KIB, "what is there already was read again"


def test_the_environment_can_name_the_endpoint(copying: Copying, serve: Serve) -> None:
    process = subprocess.run(
        [PROGRAM, "copy", serve(b"a text").url, f"s3://{copying.bucket}/text", f"--policy={POLICY}"],
        env={**copying.env, "AWS_ENDPOINT_URL": copying.s3.endpoint},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert process.returncode == 0, process.stderr
    assert copying.stored("text") == b"a text"


def test_workers_and_part_size(copying: Copying, serve: Serve) -> None:
    source = serve(BODY)
    # A source that responds only after all requests have arrived can count them.
    source.behave = lambda request: Behaviour(hold_after=None if request.number == 1 else 64 * KIB)
    process = copying.start(source.url, "--workers=3", "--part-size=5Mi", "--json")
    eventually(
        lambda: sum(request.sent_bytes >= 64 * KIB for request in source.served) == 4, within_s=60, what="three workers"
    )
    source.release.set()
    done = copying.ended(process)
    assert done.status == 0, done.err
    assert done.result["etag"].endswith("-3"), "12.6 MB are three parts of 5 MiB"
    assert copying.stored() == BODY


def test_a_checksum_and_a_size_are_verified(copying: Copying, serve: Serve) -> None:
    source = serve(BODY)
    wrong = copying.run(source.url, f"--checksum=sha256:{'0' * 64}", "--json")
    assert (wrong.status, wrong.result["reason"]) == (1, "ChecksumMismatch")
    wrong = copying.run(source.url, f"--size={len(BODY) - 1}", "--json")
    assert (wrong.status, wrong.result["reason"]) == (1, "SizeMismatch")
    assert copying.keys() == []
    right = copying.run(source.url, f"--checksum={sum_of('sha256', BODY)}", f"--size={len(BODY)}")
    assert right.status == 0, right.err
    assert copying.stored() == BODY


@pytest.mark.parametrize(
    ("behaviour", "status", "reason"),
    [
        (Behaviour(status=403, body=b""), 1, "SourceForbidden"),
        (Behaviour(status=410, body=b""), 1, "SourceNotFound"),
        (Behaviour(status=403, body=b"<Message>Request has expired</Message>"), 1, "SourceExpired"),
        (Behaviour(headers={"Content-Type": "text/html"}, body=b"<!doctype html><html>log in</html>"), 1, None),
        (Behaviour(status=503, body=b"", headers={"Retry-After": "900"}), 75, "SourceUnavailable"),
    ],
    ids=["403", "410", "expired", "a login page", "503"],
)
def test_a_failure_of_the_source(
    copying: Copying, serve: Serve, behaviour: Behaviour, status: int, reason: str | None
) -> None:
    source = serve(BODY)
    source.behave = lambda _: behaviour
    done = copying.run(source.url, "--json", "--content-type=video/mp4")
    assert done.status == status, done.err
    assert set(done.result) == {"reason", "message"}
    assert done.result["reason"] in (reason, "UnexpectedContent" if reason is None else reason)
    assert done.err == f"recording-operator: {done.result['reason']}: {done.result['message']}\n"
    assert copying.keys() == []
    assert copying.uploads() == []


def test_a_source_that_the_default_policy_forbids(copying: Copying, serve: Serve, tmp_path: Path) -> None:
    source = serve(BODY)
    done = copying.run(source.url, "--json", settings_file(tmp_path, "{}"))
    assert (done.status, done.result["reason"]) == (1, "SourceBlocked")
    half = settings_file(tmp_path, "sourcePolicy: {schemes: [http], ports: []}")  # the address is still not public
    done = copying.run(source.url, "--json", half)
    assert (done.status, done.result["reason"]) == (1, "SourceBlocked")
    assert source.connections == 0


def test_failures_of_the_store(copying: Copying, serve: Serve) -> None:
    source = serve(BODY)
    done = copying.run(source.url, "--json", env={"AWS_SECRET_ACCESS_KEY": "wrong"})
    assert (done.status, done.result["reason"]) == (1, "StoreDenied")
    nobody = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_EC2_METADATA_DISABLED": "true"}
    done = copying.run(source.url, "--json", env=nobody)
    assert (done.status, done.result["reason"]) == (1, "CredentialsNotFound")
    copying.s3.client().put_object(Bucket=copying.bucket, Key=KEY, Body=b"another's")
    done = copying.run(source.url, "--json")
    assert (done.status, done.result["reason"]) == (1, "StoreKeyConflict")
    assert copying.stored() == b"another's", "overwritten"
    copying.bucket = "no-such-bucket"
    done = copying.run(source.url, "--json")
    assert (done.status, done.result["reason"]) == (1, "BucketNotFound")


def test_a_copy_that_broke_leaves_no_upload(copying: Copying, serve: Serve) -> None:
    source = serve(BODY)
    limit = 6 * MIB
    source.behave = lambda request: Behaviour(
        cut_after=max(0, limit - (request.first_byte or 0)) if request.number > 1 else None
    )
    done = copying.run(source.url, "--json", "--workers=1", "--part-size=5Mi")
    assert (done.status, done.result["reason"]) == (1, "SourceTruncated")
    assert copying.uploads() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_copy_aborts_its_upload(copying: Copying, serve: Serve, number: signal.Signals) -> None:
    source = serve(BODY)
    source.behave = lambda request: Behaviour(hold_after=6 * MIB if request.number > 1 else None)
    process = copying.start(source.url, "--json", "--workers=1", "--part-size=5Mi")
    eventually(lambda: copying.parts() == 1, within_s=60, what="one part of an open upload")
    process.send_signal(number)
    done = copying.ended(process)
    assert (done.status, done.result["reason"]) == (130, "Interrupted")
    assert copying.uploads() == []
    assert copying.keys() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_burst_of_signals_is_one_interruption(copying: Copying, serve: Serve, number: signal.Signals) -> None:
    source = serve(BODY)
    source.behave = lambda request: Behaviour(hold_after=6 * MIB if request.number > 1 else None)
    process = copying.start(source.url, "--json", "--workers=1", "--part-size=5Mi")
    eventually(lambda: copying.parts() == 1, within_s=60, what="one part of an open upload")
    for _ in range(100):
        process.send_signal(number)
    done = copying.ended(process)
    assert (done.status, done.result["reason"]) == (130, "Interrupted")
    assert copying.uploads() == []


def test_a_second_signal_ends_a_copy_whose_store_does_not_respond(copying: Copying, serve: Serve) -> None:
    source = serve(BODY)
    source.behave = lambda request: Behaviour(hold_after=6 * MIB if request.number > 1 else None)
    with TcpProxy(copying.s3.port) as proxy:
        through = f"--endpoint-url=http://{LOOPBACK}:{proxy.port}"
        process = copying.start(source.url, through, "--workers=1", "--part-size=5Mi")
        eventually(lambda: copying.parts() == 1, within_s=60, what="one part of an open upload")
        proxy.block()
        begun_s = time.monotonic()

        def interrupted_again() -> bool:
            process.send_signal(signal.SIGINT)
            return process.poll() is not None

        eventually(interrupted_again, within_s=10, what="the end")
    assert process.returncode == 130
    assert time.monotonic() - begun_s > SAME_REQUEST_S
    assert "Interrupted again" in copying.ended(process).err
    assert len(copying.uploads()) == 1, "the store did not hear of the end"


def test_the_upload_of_a_killed_copy_is_aborted_by_the_next_copy(copying: Copying, serve: Serve) -> None:
    source = serve(BODY)
    source.behave = lambda request: Behaviour(hold_after=6 * MIB if request.number > 1 else None)
    process = copying.start(source.url, "--workers=1", "--part-size=5Mi")
    eventually(lambda: copying.parts() == 1, within_s=60, what="one part of an open upload")
    process.kill()
    process.communicate()
    assert len(copying.uploads()) == 1
    source.release.set()
    source.behave = lambda _: Behaviour()
    assert copying.run(source.url).status == 0
    assert copying.uploads() == []
    assert copying.stored() == BODY


def test_the_operator_s_bandwidth_limit_holds(copying: Copying, serve: Serve, tmp_path: Path) -> None:
    limited = "transfers: {bandwidthPerSecond: 2Mi}\n" + POLICY.read_text()
    done = copying.run(serve(BODY[: 4 * MIB]).url, "--json", settings_file(tmp_path, limited))
    assert done.status == 0, done.err
    assert done.result["seconds"] >= 1.7, "4 MiB at 2 MiB/s"


def test_progress_on_a_terminal(copying: Copying, serve: Serve) -> None:
    source = serve(BODY)
    source.behave = lambda request: Behaviour(pause_s=0.01 if request.number > 1 else 0.0)
    terminal, line = pty.openpty()
    command = [PROGRAM, "copy", source.url, f"s3://{copying.bucket}/{KEY}", f"--endpoint-url={copying.s3.endpoint}"]
    process = subprocess.Popen(
        [*command, f"--policy={POLICY}", "--workers=1"],
        env=copying.env,
        stdout=subprocess.DEVNULL,
        stderr=line,
    )
    os.close(line)
    shown = b""
    deadline_s = time.monotonic() + 60
    while time.monotonic() < deadline_s:
        try:
            shown += os.read(terminal, 4096)
        except OSError:  # the other end is closed
            break
    os.close(terminal)
    assert process.wait(10) == 0
    text = shown.decode()
    percents = [float(found) for found in re.findall(r"([0-9.]+)%", text)]
    assert len(percents) >= 2, text
    assert percents == sorted(percents)
    assert any(0 < percent < 100 for percent in percents), text
    assert "/s" in text
    assert text.endswith("\r"), "the bar is taken away at the end"
    assert CANARY not in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["https://h/", "bucket/key"], "write s3://BUCKET/KEY"),
        (["https://h/", "s3://bucket"], "write s3://BUCKET/KEY"),
        (["https://h/", "s3://b/k", "--part-size=1Mi"], "5Mi to 5Gi"),
        (["https://h/", "s3://b/k", "--part-size=much"], "write an amount of bytes"),
        (["https://h/", "s3://b/k", "--workers=0"], "--workers"),
        (["https://h/", "s3://b/k", "--policy=/no/such/file"], "No such file"),
        (["https://h/", "s3://b/k", "--ca-bundle=/no/such/file"], "No such file"),
        (["https://h/", "s3://b/k", f"--ca-bundle={POLICY}"], "no certificate"),
        (["https://h/", "s3://b/k", "--endpoint-url=minio:9000"], "endpoint"),
        (["https://h/"], "Missing argument"),
    ],
)
def test_wrong_usage(arguments: list[str], words: str) -> None:
    done = CliRunner().invoke(copy, arguments, env={"AWS_ENDPOINT_URL": None, "AWS_CA_BUNDLE": None})
    assert done.exit_code == 2, done.output
    assert words in done.output


@pytest.mark.parametrize("url", ["no url", f"https://[::1/x?{CANARY}"])
def test_an_invalid_url_is_rejected_without_being_shown(copying: Copying, url: str) -> None:
    done = copying.run(url, "--json")
    assert done.status == 1
    assert done.result["reason"] in ("SourceInvalid", "SourceBlocked")

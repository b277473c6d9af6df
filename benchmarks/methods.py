"""The compared methods to copy the bytes of a URL into a bucket, as command lines."""

import itertools
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.nullpeer import BUCKET, HERE, Sides
from benchmarks.peers import Peers
from benchmarks.usage import Usage, run_pipeline

FLOOR: Final = "curl, both legs"
OURS: Final = "recording-operator copy"
_POLICY: Final = {"ports": [], "allowPrivateCIDRs": ["127.0.0.0/8"]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What every method gets."""

    sides: Sides
    peers: Peers
    folder: Path
    numbers: Iterator[int]

    @classmethod
    def of(cls, sides: Sides, peers: Peers, folder: Path) -> "Bench":
        """With the settings file of ours written into the folder."""
        policy = {"sourcePolicy": {**_POLICY, "tls": {"caFile": str(sides.authority)}}}
        (folder / "policy.yaml").write_text(json.dumps(policy))
        return cls(sides=sides, peers=peers, folder=folder, numbers=itertools.count())

    def url(self, size_bytes: int, query: str) -> str:
        """Where so many bytes are."""
        return f"{self.sides.source}/source/{size_bytes}{query}"

    def key(self) -> str:
        """A key that nothing was stored at."""
        return f"object-{next(self.numbers)}.mp4"

    def run(self, commands: Sequence[Sequence[str]], *, piped: bool = True) -> Usage:
        """Run them with keys and trust in their environment."""
        return run_pipeline(commands, env=self.sides.environment(), piped=piped)


Method = Callable[[Bench, int, str], Usage]


def curl_pair(bench: Bench, size_bytes: int, query: str) -> Usage:
    """Download, and upload of the same bytes from a file in the page cache, at the same time and through no pipe.

    Every tool that moves the bytes must do both, and its checksums on top.
    """
    curl = [str(bench.peers.curl), "-sSf", "--http1.1", "-o", "/dev/null"]
    body = bench.folder / f"body-{size_bytes}"
    if not body.exists():
        bench.run([[str(bench.peers.curl), "-sSf", "-o", str(body), bench.url(size_bytes, "")]])
        body.read_bytes()
    keys = f"{bench.sides.access_key}:{bench.sides.secret_key}"
    signed = ["--aws-sigv4", "aws:amz:us-east-1:s3", "--user", keys, "-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD"]
    upload = [*signed, "-T", str(body), f"{bench.sides.store}/{BUCKET}/{bench.key()}"]
    return bench.run([[*curl, bench.url(size_bytes, query)], [*curl, *upload]], piped=False)


_INSTALLED: Final = (str(Path(sys.executable).parent / "recording-operator"),)


def ours(*more: str, program: Sequence[str] = _INSTALLED) -> Method:
    """`recording-operator copy`, by default as it is installed here."""

    def run(bench: Bench, size_bytes: int, query: str) -> Usage:
        target = f"s3://{BUCKET}/{bench.key()}"
        command = [*program, "copy", bench.url(size_bytes, query), target]
        command += [f"--endpoint-url={bench.sides.store}", f"--policy={bench.folder / 'policy.yaml'}", *more]
        return bench.run([command])

    return run


def aws_cp(bench: Bench, size_bytes: int, query: str) -> Usage:
    """`curl URL | aws s3 cp - s3://…`."""
    upload = [str(bench.peers.aws), "s3", "cp", "-", f"s3://{BUCKET}/{bench.key()}", "--only-show-errors"]
    upload += ["--endpoint-url", bench.sides.store, "--expected-size", str(size_bytes)]
    return bench.run([_download(bench, size_bytes, query), upload])


def s5cmd_pipe(*more: str) -> Method:
    """`curl URL | s5cmd pipe s3://…`."""

    def run(bench: Bench, size_bytes: int, query: str) -> Usage:
        upload = [str(bench.peers.s5cmd), "--endpoint-url", bench.sides.store, "pipe", *more]
        return bench.run([_download(bench, size_bytes, query), [*upload, f"s3://{BUCKET}/{bench.key()}"]])

    return run


def rclone_copyurl(*more: str) -> Method:
    """`rclone copyurl URL REMOTE:…`."""

    def run(bench: Bench, size_bytes: int, query: str) -> Usage:
        remote = f":s3,provider=Other,env_auth,endpoint='{bench.sides.store}',region=us-east-1,no_check_bucket:{BUCKET}"
        command = [str(bench.peers.rclone), "copyurl", bench.url(size_bytes, query), f"{remote}/{bench.key()}"]
        return bench.run([[*command, "--config=", f"--ca-cert={bench.sides.authority}", *more]])

    return run


def naive(bench: Bench, size_bytes: int, query: str) -> Usage:
    """The simplest loop."""
    command = [sys.executable, str(HERE / "naive.py"), bench.url(size_bytes, query), bench.sides.store]
    return bench.run([[*command, BUCKET, bench.key()]])


def _download(bench: Bench, size_bytes: int, query: str) -> list[str]:
    return [str(bench.peers.curl), "-sSf", bench.url(size_bytes, query)]


METHODS: Final[dict[str, Method]] = {
    FLOOR: curl_pair,
    OURS: ours(),
    "curl to aws s3 cp -": aws_cp,
    "rclone copyurl": rclone_copyurl(),
    "rclone copyurl, 16 MiB parts": rclone_copyurl("--s3-chunk-size=16Mi", "--s3-upload-concurrency=4"),
    "curl to s5cmd pipe": s5cmd_pipe(),
    "curl to s5cmd pipe, 16 MiB parts": s5cmd_pipe("--part-size=16", "--concurrency=4"),
    "read 5 MB, upload_part": naive,
}
SINGLE_STREAM: Final = (
    FLOOR,
    "curl to aws s3 cp -",
    "rclone copyurl, 16 MiB parts",
    "curl to s5cmd pipe, 16 MiB parts",
)

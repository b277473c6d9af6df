"""The memory of a worker, in its own process. benchmarks/limits.py measures it with TLS and 50 GiB too."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from localcluster import S3Server
from localcluster.operatorprocess import POLICY
from tests.support.lying_source import Behaviour, Content, LyingSource
from tests.support.transfers import KIB, MIB
from tests.support.waiting import eventually

pytestmark = pytest.mark.cluster

PROGRAM: Final = str(Path(sys.executable).with_name("recording-operator"))
MANY: Final = 32
HELD: Final = 64 * KIB
MOST_MIB_PER_WORKER: Final = 1.2


def peak_mib(source: LyingSource, s3: S3Server, bucket: str, *, workers: int) -> float:
    """The most resident memory that a copy ever had."""
    keys = {"AWS_ACCESS_KEY_ID": s3.root.access_key, "AWS_SECRET_ACCESS_KEY": s3.root.secret_key}
    options = [f"--endpoint-url={s3.endpoint}", f"--policy={POLICY}", "--part-size=5Mi", f"--workers={workers}"]
    process = subprocess.Popen(
        [PROGRAM, "copy", source.url, f"s3://{bucket}/{workers}.mp4", *options],
        env={**os.environ, **keys},
        stdout=subprocess.DEVNULL,
    )
    # No transfer ends before all have begun.
    eventually(lambda: sum(request.sent_bytes >= HELD for request in source.served) > workers, within_s=90)
    source.release.set()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss / 1024


def test_another_worker_needs_little_memory_for_any_part_size(s3: S3Server, bucket: str) -> None:
    peaks = []
    for workers in (1, MANY):
        with LyingSource(Content(body=bytes(MANY * 5 * MIB))) as source:
            source.behave = lambda request: Behaviour(hold_after=None if request.number == 1 else HELD)
            peaks.append(peak_mib(source, s3, bucket, workers=workers))
    one, many = peaks
    assert (many - one) / (MANY - 1) <= MOST_MIB_PER_WORKER, f"{one:.1f} MiB, {many:.1f} MiB"

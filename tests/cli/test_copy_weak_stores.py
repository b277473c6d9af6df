"""`recording-operator copy --probe` with stores that lack features of AWS S3."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from localcluster.operatorprocess import POLICY
from tests.support.lying_source import Content, LyingSource
from tests.support.strict_bucket import Bucket
from tests.support.strict_dialect import DIALECTS
from tests.support.strict_store import StrictStore
from tests.support.transfers import KIB, MIB, pattern

PROGRAM: Final = str(Path(sys.executable).with_name("recording-operator"))
BODY: Final = pattern(12 * MIB + 345)
KEY: Final = "video.mp4"


def copied(store: StrictStore, *options: str, secret_key: str = "") -> tuple[int, dict[str, Any]]:
    """Exit status and result of a copy of BODY."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    env |= {"AWS_ACCESS_KEY_ID": store.access_key, "AWS_SECRET_ACCESS_KEY": secret_key or store.secret_key}
    with LyingSource(Content(body=BODY)) as source:
        command = [PROGRAM, "copy", source.url, f"s3://{store.bucket_name}/{KEY}", f"--endpoint-url={store.endpoint}"]
        done = subprocess.run(
            [*command, f"--policy={POLICY}", "--json", *options],
            env=env,
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize("name", ["aws", "no-sums", "nothing"])
def test_a_copy_with_probe_uses_the_capabilities_of_the_store(name: str) -> None:
    with StrictStore() as store:
        store.reset(Bucket(least_part_bytes=64 * KIB, dialect=DIALECTS[name]))
        status, result = copied(store, "--probe")
        assert status == 0, result
        assert store.keys() == [KEY], "the probe left something"
        assert store.bucket.versions[KEY][-1].body == BODY
        assert len(store.bucket.versions[KEY]) == 1
        assert store.open_uploads() == []


def test_without_a_probe_a_store_that_rejects_checksums_gets_nothing_and_the_option_is_named() -> None:
    with StrictStore() as store:
        store.reset(Bucket(least_part_bytes=64 * KIB, dialect=DIALECTS["sums-refused"]))
        status, result = copied(store)
        assert status != 0
        assert "--probe" in result["message"]
        assert store.keys() == []
        assert store.open_uploads() == []


def test_a_failed_probe_copies_nothing() -> None:
    with StrictStore() as store:
        status, result = copied(store, "--probe", secret_key="another")
        assert (status, result["reason"]) == (1, "CredentialsInvalid")
        assert store.keys() == []

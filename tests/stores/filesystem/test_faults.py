"""A full, read-only or failing filesystem: a clear reason, no attempt spent, and nothing half there."""

import errno
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from localcluster.install import PROJECT
from recording_operator.api.reasons import Reason, Verdict
from recording_operator.errors import LocationError, TransferError
from recording_operator.stores.filesystem.location import FilesystemLocationStore
from tests.stores.filesystem.directories import UPLOADS, begun, complete, files_in, opened, put, sent
from tests.support.transfers import KEY, KIB, fails, pattern

BODY = pattern(64 * KIB)
ERRORS = [
    (errno.ENOSPC, Reason.STORE_QUOTA, "The filesystem is full"),
    (errno.EDQUOT, Reason.STORE_QUOTA, "The quota of the filesystem is used up"),
    (errno.EROFS, Reason.STORE_DENIED, "The filesystem is mounted read-only"),
    (errno.EACCES, Reason.STORE_DENIED, "The permissions of the filesystem do not allow it"),
    (errno.ESTALE, Reason.STORE_UNAVAILABLE, "no longer knows the directory (stale handle)"),
    (errno.EIO, Reason.STORE_UNAVAILABLE, "The filesystem failed or does not respond"),
    (errno.ETIMEDOUT, Reason.STORE_UNAVAILABLE, "The filesystem failed or does not respond"),
    (errno.EFBIG, Reason.STORE_UNSUPPORTED, "The file is larger than the filesystem"),
    (errno.ENOLCK, Reason.STORE_UNSUPPORTED, "The filesystem does not support locks"),
]


def failing(monkeypatch: pytest.MonkeyPatch, call: str, number: int, *, after: int = 0) -> Callable[[], None]:
    """A system call fails, from the call after `after` on, until the returned function is called."""
    real, calls = getattr(os, call), iter(range(10**9))

    def fail(*arguments: object, **more: object) -> object:
        if next(calls) >= after:
            raise OSError(number, os.strerror(number))
        return real(*arguments, **more)

    monkeypatch.setattr(os, call, fail)
    return lambda: monkeypatch.setattr(os, call, real)


CASES = [("pwrite", *row) for row in ERRORS] + [(call, *ERRORS[0]) for call in ("fsync", "link", "mkdir", "open")]


@pytest.mark.parametrize(
    ("call", "number", "reason", "message"),
    CASES,
    ids=[f"{call} {errno.errorcode[number]}" for call, number, *_ in CASES],
)
def test_an_error_of_the_system_waits_and_leaves_nothing(
    store: FilesystemLocationStore,
    directory: Path,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
    number: int,
    reason: Reason,
    message: str,
) -> None:
    restore = failing(monkeypatch, call, number)
    error = fails(lambda: put(store, BODY))
    restore()
    assert (error.reason, error.reason.verdict) == (reason, Verdict.WAIT)
    assert message in error.message
    assert error.message.endswith(f"(write a file: {errno.errorcode[number]}).")
    assert [name for name in files_in(directory.parent) if directory.name in name] == []
    put(store, BODY)
    assert (directory / KEY).read_bytes() == BODY


@pytest.mark.parametrize("call", ["open", "stat", "fsync", "link", "scandir"])
def test_a_stale_handle_of_a_network_filesystem_waits_wherever_it_is_found(
    store: FilesystemLocationStore, directory: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """The server of the filesystem was replaced: every call may fail, and nothing is lost or half there."""
    put(store, BODY)
    upload_id = begun(store, len(BODY))
    part = sent(store, upload_id, 1, BODY)
    runs: list[Callable[[], object]] = [lambda: put(store, BODY, "other"), lambda: store.probe(name="probe")]
    if call in {"open", "stat"}:
        runs += [lambda: store.head(KEY), lambda: store.list_parts(KEY, upload_id), lambda: list(store.objects(""))]
    if call == "scandir":
        runs = [lambda: list(store.objects(""))]
    restore = failing(monkeypatch, call, errno.ESTALE)
    for run in runs:
        with pytest.raises((TransferError, LocationError)) as caught:
            run()
        assert caught.value.reason is Reason.STORE_UNAVAILABLE
        assert "no longer knows the directory (stale handle)" in caught.value.message
    restore()
    assert [found.key for found in store.objects("meetings/")] == [KEY]
    assert not (directory / "other").exists()
    assert list(store.list_parts(KEY, upload_id)) == [part]


@pytest.mark.parametrize("after", range(6))
def test_a_failed_fsync_anywhere_leaves_nothing_visible(
    store: FilesystemLocationStore, directory: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    restore = failing(monkeypatch, "fsync", errno.EIO, after=after)
    assert fails(lambda: put(store, BODY)).reason is Reason.STORE_UNAVAILABLE
    restore()
    assert not (directory / KEY).exists()
    assert store.head(KEY) is None


def test_parts_survive_a_full_disk(
    store: FilesystemLocationStore, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_id = begun(store, len(BODY))
    first = sent(store, upload_id, 1, BODY)
    restore = failing(monkeypatch, "pwrite", errno.ENOSPC)
    assert fails(lambda: sent(store, upload_id, 2, BODY)).reason is Reason.STORE_QUOTA
    # The metadata does not fit either: the upload is kept.
    assert fails(lambda: complete(store, upload_id, [first], BODY)).reason is Reason.STORE_QUOTA
    restore()
    assert list(store.list_parts(KEY, upload_id)) == [first]
    complete(store, upload_id, [first], BODY)
    assert (directory / KEY).read_bytes() == BODY


def test_an_upload_whose_fsync_failed_begins_again(
    store: FilesystemLocationStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel reports a failed write once. A second fsync would succeed, although the bytes are lost."""
    upload_id = begun(store, len(BODY))
    part = sent(store, upload_id, 1, BODY)
    restore = failing(monkeypatch, "fsync", errno.EIO)
    assert fails(lambda: complete(store, upload_id, [part], BODY)).reason is Reason.STORE_UNAVAILABLE
    restore()
    assert fails(lambda: complete(store, upload_id, [part], BODY)).reason is Reason.STORE_UPLOAD_LOST
    assert store.head(KEY) is None


def test_a_lost_response_to_a_link_is_not_a_conflict(
    store: FilesystemLocationStore, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.link

    def twice(*arguments: object, **more: object) -> None:
        real(*arguments, **more)  # type: ignore[arg-type]
        real(*arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "link", twice)
    put(store, BODY)
    assert (directory / KEY).read_bytes() == BODY


@pytest.fixture
def file_limit() -> Iterator[int]:
    """The largest file that this process may write."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    signalled = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (32 * KIB, before[1]))
    yield 32 * KIB
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, signalled)


def test_a_file_beyond_the_limit_of_the_process(
    store: FilesystemLocationStore, directory: Path, file_limit: int
) -> None:
    assert fails(lambda: put(store, BODY)).reason is Reason.STORE_UNSUPPORTED
    assert files_in(directory) == []
    put(store, BODY[:file_limit])


_ON_TMPFS = """
import sys
from pathlib import Path
from recording_operator.api.reasons import Reason
from tests.stores.filesystem.directories import begun, complete, files_in, opened, put, sent
from tests.support.transfers import KEY, MIB, fails, pattern

folder = Path(sys.argv[1])
store, body = opened(folder), pattern(3 * MIB)
upload_id = begun(store, MIB)
parts = [sent(store, upload_id, 1, body[:MIB])]
error = fails(lambda: [sent(store, upload_id, number, body[:MIB]) for number in (2, 3)])
assert error.reason is Reason.STORE_QUOTA, error
assert error.message == "The filesystem is full (write a part: ENOSPC)."
assert fails(lambda: put(store, body)).reason is Reason.STORE_QUOTA
assert store.head(KEY) is None
kept = list(store.list_parts(KEY, upload_id))
assert kept[0] == parts[0]
assert store.abort(KEY, upload_id)
assert files_in(folder) == []
put(store, body[:MIB])
print("as expected")
"""


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare")
def test_a_filesystem_that_is_full(tmp_path: Path) -> None:
    """A tmpfs of 2 MiB, in namespaces of its own."""
    script = f'mount -t tmpfs -o size=2m tmpfs {tmp_path} && exec {sys.executable} -c "$0" {tmp_path}/acme'
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    if subprocess.run([*command, "true"], capture_output=True, check=False).returncode:
        pytest.skip("user namespaces are not permitted here")
    env = {**os.environ, "PYTHONPATH": f"{PROJECT / 'operator'}:{PROJECT}"}
    done = subprocess.run(
        [*command, script, _ON_TMPFS], capture_output=True, text=True, check=False, env=env, cwd=PROJECT
    )
    assert done.stdout == "as expected\n", done.stderr


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare")
def test_a_filesystem_that_is_mounted_read_only(directory: Path) -> None:
    put(opened(directory), BODY)
    read_only = f"mount --bind {directory} {directory} && mount -o remount,ro,bind {directory}"
    script = f'{read_only} && exec {sys.executable} -c "$0"'
    code = (
        "from tests.stores.filesystem.directories import opened, put\n"
        "from tests.support.transfers import KEY, fails\n"
        f"from pathlib import Path; store = opened(Path({str(directory)!r}))\n"
        "assert store.head(KEY).recording_uid == 'uid-1'\n"
        "print(fails(lambda: put(store, b'x', 'other')).message)\n"
    )
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    if subprocess.run([*command, "true"], capture_output=True, check=False).returncode:
        pytest.skip("user namespaces are not permitted here")
    env = {**os.environ, "PYTHONPATH": f"{PROJECT / 'operator'}:{PROJECT}"}
    done = subprocess.run([*command, script, code], capture_output=True, text=True, check=False, env=env, cwd=PROJECT)
    assert done.stdout == "The filesystem is mounted read-only (write a file: EROFS).\n", done.stderr
    assert (directory / KEY).read_bytes() == BODY
    assert not list((directory / UPLOADS).iterdir())

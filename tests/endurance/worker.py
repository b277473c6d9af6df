"""The operator's data path as a process that is killed repeatedly: it claims Recordings, moves them, and cleans up."""

import os
import random
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from recording_operator.api.reasons import Reason, Verdict, verdict_of
from recording_operator.egress.dialer import Dialer
from recording_operator.errors import TransferError
from recording_operator.signals import on_end_signals
from recording_operator.stopping import LinkedStopSignal, Stopped
from recording_operator.stores.objects import ObjectSpec
from recording_operator.stores.s3.bucket import S3Store
from recording_operator.stores.s3.client import S3Options
from recording_operator.transfer.context import TransferContext
from recording_operator.transfer.jobs import FetchJob
from recording_operator.transfer.observer import UploadState
from recording_operator.transfer.source.spec import SourceSpec
from recording_operator.transfer.upload.open_uploads import abort_uploads
from tests.endurance.ledger import Claimed, Ledger, uid_of
from tests.endurance.servers import PART, SINGLE_PUT
from tests.support.transfers import fast_options, loopback_policy

_TIMEOUTS = {"connect": "1s", "headers": "2s", "read": "1s"}
_LOOK_S = 0.05
_STOLEN_SHARE = 0.02
_TERM_SHARE = 0.2
_TERM_GRACE_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What a worker needs. `life_s` is how long its process lives on average."""

    store: S3Options
    source: str
    ledger: Path
    seed: int
    threads: int
    life_s: float


def key_of(number: int) -> str:
    """Where the default key template puts it."""
    return f"acme/team/meeting-{number}/{uid_of(number)}/video.mp4"


def keep_running(config: Config) -> None:
    """Fork a process that works, kill it after a random time, fork the next, until nothing is left to do."""
    draw, ledger = random.Random(config.seed), Ledger(config.ledger)
    # Made once: a forked process has a client and a dialer that were never used.
    store, dialer = S3Store(config.store), Dialer(loopback_policy(timeouts=_TIMEOUTS))
    while ledger.count("Pending") + ledger.count("Deleting"):
        pid = os.fork()
        if pid == 0:
            _work(config, store, dialer, seed=draw.randrange(2**30))
            os._exit(0)
        killed = _end(pid, draw, life_s=draw.expovariate(1 / config.life_s))
        ledger.release(pid, killed=killed)


def _end(pid: int, draw: random.Random, *, life_s: float) -> bool:
    if _ended(pid, within_s=life_s):
        return False
    if draw.random() < _TERM_SHARE:
        os.kill(pid, signal.SIGTERM)
        if _ended(pid, within_s=_TERM_GRACE_S):
            return True
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return True


def _ended(pid: int, *, within_s: float) -> bool:
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        if os.waitpid(pid, os.WNOHANG)[0]:
            return True
        time.sleep(_LOOK_S)
    return False


def _work(config: Config, store: S3Store, dialer: Dialer, *, seed: int) -> None:
    worker = _Worker(config, store, dialer, seed=seed)
    on_end_signals(first=worker.terminating.set, again=worker.terminating.set)
    threads = [threading.Thread(target=worker.run) for _ in range(config.threads)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        worker.stop_deleted()
        time.sleep(_LOOK_S)


class _Worker:
    def __init__(self, config: Config, store: S3Store, dialer: Dialer, *, seed: int) -> None:
        self.terminating = threading.Event()
        self._ledger = Ledger(config.ledger)
        self._store = store
        self._source = config.source
        self._dialer = dialer
        self._me = os.getpid()
        self._draw = random.Random(seed)
        self._halts: dict[int, LinkedStopSignal] = {}

    def run(self) -> None:
        """Work until there is nothing left, or the process shall end."""
        while not self.terminating.is_set():
            claimed = self._ledger.claim(self._me, steal=self._draw.random() < _STOLEN_SHARE)
            if claimed is not None:
                self._halts[claimed.number] = halt = LinkedStopSignal(self.terminating)
                self._handle(claimed, halt)
                self._halts.pop(claimed.number, None)
            elif not self._ledger.count("Pending") + self._ledger.count("Deleting"):
                return
            else:
                self.terminating.wait(_LOOK_S)

    def stop_deleted(self) -> None:
        """Stop what was deleted meanwhile, as an event of the watch would."""
        for number in self._ledger.deleted_of(self._me):
            halt = self._halts.get(number)
            if halt is not None:
                halt.set()

    def _handle(self, claimed: Claimed, halt: LinkedStopSignal) -> None:
        number, key = claimed.number, key_of(claimed.number)
        try:
            if claimed.phase == "Pending" and self._moved(claimed, key, halt):
                self._ledger.end(number, self._me, "Complete")
            else:
                abort_uploads(key, store=self._store, upload_id=None)
                self._store.delete(key, version_id=None, recording_uid=claimed.uid)
                self._ledger.end(number, self._me, "Gone" if claimed.phase == "Deleting" else "Failed")
        except TransferError:
            self._ledger.give_back(number, self._me, after_s=0.05)
        except Stopped:
            if number in self._ledger.deleted_of(self._me):
                self._try_to_abort(key)
            self._ledger.give_back(number, self._me)

    def _try_to_abort(self, key: str) -> None:
        try:
            abort_uploads(key, store=self._store, upload_id=None)
        except TransferError:
            return  # with a finalizer it is tried again; without one the sweep finds it

    def _moved(self, claimed: Claimed, key: str, halt: LinkedStopSignal) -> bool:
        """Whether it is stored now; False where it never will be. Raises TransferError where it may be later."""
        try:
            FetchJob(
                source=SourceSpec(url=f"{self._source}/{claimed.number}?signature=x"),
                dialer=self._dialer,
                resume=claimed.upload,
            ).run(
                TransferContext(
                    store=self._store,
                    obj=ObjectSpec(
                        key=key, content_type="video/mp4", kind="Video", recording_uid=claimed.uid, artifact="video"
                    ),
                    stop=halt,
                    observer=_Writes(self._ledger, claimed.number, self._me),
                    options=fast_options(
                        workers=2,
                        single_put_bytes=SINGLE_PUT,
                        smallest_part_bytes=PART,
                        largest_part_bytes=PART,
                        backoff_base_s=0.005,
                    ),
                )
            )
        except TransferError as error:
            if error.reason is Reason.SOURCE_FORBIDDEN:
                return False  # its sources never allow later what they rejected
            if error.is_final or verdict_of(error.reason) is Verdict.FINAL:
                raise AssertionError(f"{key} failed with {error}") from None
            raise
        return True


class _Writes:
    """Writes the open upload down before a part is sent."""

    def __init__(self, ledger: Ledger, number: int, holder: int) -> None:
        self._ledger = ledger
        self._number = number
        self._holder = holder

    def upload_created(self, state: UploadState) -> None:
        """Raises Stopped where the Recording is not ours any more."""
        if not self._ledger.save_upload(self._number, self._holder, state):
            raise Stopped

    def progress(self, *, sent_bytes: int, total_bytes: int | None) -> None:
        """Ignored."""

    def bytes_moved(self, *, read_bytes: int, stored_bytes: int) -> None:
        """Not counted."""

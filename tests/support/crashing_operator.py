"""The operator with crash points: `python -m tests.support.crashing_operator run …`, for tests only.

All external effects go through a few functions, which are wrapped here, so that production code contains no crash
points. Environment variables:

CRASH_AT      a point of crash_points.py; without it nothing happens
CRASH_VISIT   number of the visit at which it crashes (default 1)
CRASH_PID     the process that is killed with SIGKILL (default: this one)
CRASH_AFTER_S seconds after the visit (default 0), so that a process can still respond
CRASH_TRACE   a file to which every visited point is appended
ORPHANS_EVERY_S   seconds until orphans are swept, and between two sweeps
"""

import functools
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

from recording_operator.api.names import MANIFEST_FILE
from recording_operator.cli import main
from recording_operator.controller import orphans
from recording_operator.controller.loop import ControlLoop
from recording_operator.controller.provider_requests import ProviderRequests
from recording_operator.controller.recordings.dispatch import Dispatcher
from recording_operator.engine.actions import Action
from recording_operator.engine.facts import Fact, TransferEnded
from recording_operator.kube.rest import RestClient
from recording_operator.notify.sender import Sender
from recording_operator.stores.filesystem import directory, sidecar, uploads
from recording_operator.stores.filesystem.directory import FilesystemStore
from recording_operator.stores.s3 import client as s3_client
from recording_operator.stores.s3.client import S3Options, build_client
from recording_operator.transfer.source.client import SourceClient
from recording_operator.transfer.upload.piped_part import PipedPart
from tests.support import report_time

JsonObject = dict[str, Any]
T = TypeVar("T")
_FOLDER = ".recording-operator/"
_file = threading.local()
"""`edge`: whose file of a directory the thread is working on."""


@dataclass(slots=True, kw_only=True)
class Bomb:
    """Counts visits, and kills at the right one."""

    point: str
    visit: int = 1
    pid: int = field(default_factory=os.getpid)
    after_s: float = 0.0
    trace: Path | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the environment variables."""
        trace = environment.get("CRASH_TRACE")
        return cls(
            point=environment.get("CRASH_AT", ""),
            visit=int(environment.get("CRASH_VISIT", "1")),
            pid=int(environment.get("CRASH_PID", os.getpid())),
            after_s=float(environment.get("CRASH_AFTER_S", "0")),
            trace=Path(trace) if trace else None,
        )

    def at(self, what: str, moment: str) -> None:
        """The process has reached this point."""
        point = f"{what} {moment}"
        if self.trace is not None:
            with self._lock, self.trace.open("a") as out:
                out.write(f"{point}\n")
        if point != self.point:
            return
        with self._lock:
            self.visit -= 1
            if self.visit == 0:
                self._go_off()

    def around(self, what: str, call: Callable[[], T]) -> T:
        """Call the function, with a point before and after."""
        self.at(what, "before")
        result = call()
        self.at(what, "after")
        return result

    def _go_off(self) -> None:
        if self.after_s:
            timer = threading.Timer(self.after_s, os.kill, (self.pid, signal.SIGKILL))
            timer.daemon = True
            timer.start()
        else:
            os.kill(self.pid, signal.SIGKILL)


def wire(bomb: Bomb) -> None:
    """Add the points around every external effect of the operator."""
    _wire_s3(bomb)
    _wire_directories(bomb)
    _wire_api_server(bomb)
    _wire_source(bomb)
    _wire_sinks(bomb)
    _wire_engine(bomb)


def _wire_s3(bomb: Bomb) -> None:
    def build_wired(options: S3Options) -> Any:
        client = build_client(options)

        def before(model: Any, params: JsonObject, context: JsonObject, **_: Any) -> None:
            context["crash_point"] = f"{_request_of(urlsplit(params['url']).path)}.{model.name}"
            bomb.at(context["crash_point"], "before")

        def after(context: JsonObject, **_: Any) -> None:
            bomb.at(context["crash_point"], "after")

        client.meta.events.register_last("before-call.s3", before)
        client.meta.events.register_last("after-call.s3", after)
        return client

    _replace(s3_client, "build_client", build_wired)
    read = PipedPart.read

    def read_wired(part: PipedPart, size: int = -1) -> bytes | memoryview:
        data = read(part, size)
        if part.tell() - len(data) < len(part) // 2 <= part.tell():
            bomb.at("file.part" if getattr(_file, "edge", None) else "s3.UploadPart", "during")
        return data

    _replace(PipedPart, "read", read_wired)


def _wire_directories(bomb: Bomb) -> None:
    """The methods of a directory say whose file it is, and the steps inside are the points."""
    for owner, name, what in (
        (uploads.UploadFolder, "create", "create"),
        (uploads, "write_all", "write"),
        (uploads.OpenedUpload, "write", "part"),
        (uploads.OpenedUpload, "_append", "record"),
        (uploads.UploadFolder, "remove", "discard"),
        (uploads, "_remove_folder", "empty"),
        (sidecar, "write", "metadata"),
        (sidecar, "remove", "forget"),
        (directory, "_link_into", "link"),
        (directory, "sync_folder", "sync"),
        (FilesystemStore, "_unlink", "delete"),
    ):
        _wire_step(bomb, owner, name, what)
    for name in ("put", "replace", "create_upload", "upload_part", "complete", "abort", "_unlink"):
        _wire_edge(FilesystemStore, name)


def _wire_edge(owner: type, name: str) -> None:
    method = getattr(owner, name)

    @functools.wraps(method)
    def wired(store: Any, what: Any, *positional: Any, **named: Any) -> Any:
        before = getattr(_file, "edge", None)
        _file.edge = before or _request_of(what if isinstance(what, str) else what.key, otherwise="file")
        try:
            return method(store, what, *positional, **named)
        finally:
            _file.edge = before

    _replace(owner, name, wired)


def _wire_step(bomb: Bomb, owner: Any, name: str, what: str) -> None:
    step = getattr(owner, name)

    @functools.wraps(step)
    def wired(*positional: Any, **named: Any) -> Any:
        edge = getattr(_file, "edge", None)
        call = functools.partial(step, *positional, **named)
        return call() if edge is None else bomb.around(f"{edge}.{what}", call)

    _replace(owner, name, wired)


def _request_of(path: str, *, otherwise: str = "s3") -> str:
    """The part of the operator that sends a request to the store."""
    if f"{_FOLDER}owner" in path:
        return "owner"
    if path.endswith(f"/{MANIFEST_FILE}"):
        return "manifest"
    if f"{_FOLDER}probe" in path or threading.current_thread().name.startswith("probe"):
        return "probe"
    thread = threading.current_thread().name
    return {"sweep": "sweep", "reports": "report"}.get(thread, otherwise)


def _wire_api_server(bomb: Bomb) -> None:
    request = RestClient.request
    named: set[str] = set()

    @functools.wraps(request)
    def request_wired(client: RestClient, method: str, path: str, **arguments: Any) -> JsonObject:
        what = asked(method, path, arguments.get("body") or {}, named)
        if what is None:
            return request(client, method, path, **arguments)
        return bomb.around(what, lambda: request(client, method, path, **arguments))

    _replace(RestClient, "request", request_wired)


def asked(method: str, path: str, body: Mapping[str, Any], named: set[str]) -> str | None:
    """The name of a request to the API server; `named` collects the uploads that statuses have named so far."""
    if "/leases" in path:
        return f"lease.{_lease_step(method, body)}"
    if "eventsinks" in path:
        return "eventsink.status" if method == "PATCH" else "read.eventsink"
    if "/events" in path:
        return "event.create" if method == "POST" else "event.series"
    if "/recordings.dev/" not in path:
        return _of_kubernetes(method, path)
    if "storagelocations" in path:
        return "location.status" if method == "PATCH" else "read.location"
    if "recordingsources" in path:
        return "read.recordingsource"
    if "storagereports" in path:
        return "storagereport.status" if method == "PATCH" else "read.storagereport"
    if method == "DELETE":
        return "recording.delete"
    if method == "GET":
        return "read.recordings" if path.endswith("/recordings") else "read.recording"
    if path.endswith("/status"):
        return f"status.{_status_step(body['status'], named)}"
    return "finalizer.add" if body["metadata"]["finalizers"] else "finalizer.remove"


def _of_kubernetes(method: str, path: str) -> str | None:
    if "/secrets/" in path:
        return "read.secret"
    if "/configmaps" in path:
        return "usagecopy.write" if method != "GET" else None
    return "read.namespace" if path.startswith("/api/v1/namespaces/") else None


def _lease_step(method: str, body: Mapping[str, Any]) -> str:
    if method in ("GET", "POST"):
        return {"GET": "look", "POST": "create"}[method]
    spec = body["spec"]
    if not spec["holderIdentity"]:
        return "release"
    return "take" if spec["acquireTime"] == spec["renewTime"] else "renew"


def _status_step(patch: Mapping[str, Any], named: set[str]) -> str:
    """The first new fact in a status write: a phase, a reason, an upload, or only progress."""
    if patch.get("storageLocation") and "artifacts" in patch and patch.get("phase") is None and not patch.get("claim"):
        return "switched"
    if isinstance(move := patch.get("move"), dict):
        return "copying" if move.get("artifacts") else "moving"
    if "move" in patch:
        return "moved"
    if patch.get("phase") in ("Complete", "Failed"):
        cancelled = patch.get("reason") == "Cancelled"
        return "cancelled" if cancelled else str(patch["phase"]).lower()
    if patch.get("notifications"):
        return "announced"
    artifacts = patch.get("artifacts") or []
    if patch.get("claim") and patch["claim"].get("holder"):
        return "claim"
    uploads = {str(one["uploadId"]) for one in artifacts if one.get("uploadId")}
    if uploads - named:
        named |= uploads
        return "upload"
    reasons = {"Suspended": "suspended", "Interrupted": "interrupted", "SourceExpired": "expired", "Expired": "gone"}
    if patch.get("reason") in reasons:
        return reasons[patch["reason"]]
    if patch.get("nextRetryTime"):
        return "retry"
    phases = {one["phase"] for one in artifacts}
    if "Uploading" in phases:
        return "some" if "Complete" in phases else "progress"
    return "other"


def _wire_source(bomb: Bomb) -> None:
    for name, what in (("probe", "source.probe"), ("open_range", "source.open"), ("open_whole", "source.open")):
        _wire_method(bomb, SourceClient, name, what)
    _wire_method(bomb, ProviderRequests, "__call__", "provider.request")


def _wire_sinks(bomb: Bomb) -> None:
    _wire_method(bomb, Sender, "send", "sink.send")


def _wire_method(bomb: Bomb, owner: type, name: str, what: str) -> None:
    method = getattr(owner, name)

    @functools.wraps(method)
    def wired(*positional: Any, **named: Any) -> Any:
        return bomb.around(what, lambda: method(*positional, **named))

    _replace(owner, name, wired)


def _wire_engine(bomb: Bomb) -> None:
    act, post = Dispatcher.__call__, ControlLoop.post

    def act_wired(dispatcher: Dispatcher, action: Action) -> None:
        bomb.at(f"engine.{type(action).__name__}", "before")
        act(dispatcher, action)

    def post_wired(loop: ControlLoop, fact: Fact) -> None:
        heard = fact.outcome if isinstance(fact, TransferEnded) else fact
        bomb.at(f"engine.heard {type(heard).__name__}", "before")
        post(loop, fact)

    _replace(Dispatcher, "__call__", act_wired)
    _replace(ControlLoop, "post", post_wired)


def _replace(owner: object, name: str, other: object) -> None:
    assert hasattr(owner, name), f"{owner} has no {name} any more: nothing would be wired"
    setattr(owner, name, other)


def run(arguments: Sequence[str]) -> None:
    """Run the command with the crash point and the time that the environment describes, if any, then exit."""
    report_time.wire(os.environ)
    if every := os.environ.get("ORPHANS_EVERY_S"):
        for name in ("FIRST_AFTER", "SWEEP_EVERY"):
            _replace(orphans, name, timedelta(seconds=float(every)))
    bomb = Bomb.from_environment(os.environ)
    if bomb.point or bomb.trace is not None:
        wire(bomb)
    sys.argv[:] = ["recording-operator", *arguments]
    main()


if __name__ == "__main__":
    run(sys.argv[1:])

"""`recording-operator import`: Recordings of existing files, created once however often it runs."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner, Result

from recording_operator.cli import main

API: Final = "/apis/recordings.dev/v1alpha1"
OWNER: Final = "--owner-from=old/(?P<org>[^/]+)/"


class Cluster:
    """An API server with StorageLocations, which accepts Recordings. `fault` may return a status instead."""

    def __init__(self, locations: dict[str, dict[str, Any]]) -> None:
        self.locations = locations
        self.recordings: dict[str, dict[str, Any]] = {}
        self.posts = 0
        self.fault: Callable[[int], int] = lambda _number: 201
        self._lock = threading.Lock()
        cluster = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                name = self.path.rpartition("/")[2]
                found = cluster.locations.get(name) if self.path.startswith(f"{API}/storagelocations/") else None
                self._send(*((200, found) if found is not None else (404, {"kind": "Status", "reason": "NotFound"})))

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self._send(*cluster.create(body))

            def _send(self, status: int, body: dict[str, Any]) -> None:
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                """Keep the test's output clean."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def create(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Create a Recording, once."""
        with self._lock:
            self.posts += 1
            status = self.fault(self.posts)
            if status != 201:
                reason = {422: "Invalid", 403: "Forbidden", 404: "NotFound"}.get(status, "")
                return status, {"kind": "Status", "reason": reason, "message": "no", "details": {}}
            name = body["metadata"]["name"]
            if name in self.recordings:
                return 409, {"kind": "Status", "reason": "AlreadyExists"}
            self.recordings[name] = body
            return 201, body

    def kubeconfig(self, folder: Path) -> Path:
        """A kubeconfig for it."""
        address = f"http://127.0.0.1:{self.server.server_address[1]}"
        path = folder / "kubeconfig"
        config = {
            "clusters": [{"name": "c", "cluster": {"server": address}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u", "namespace": "team-a"}}],
            "users": [{"name": "u", "user": {"token": "t"}}],
            "current-context": "c",
        }
        path.write_text(json.dumps(config))
        return path


def a_directory(path: Path, *imports: str) -> dict[str, Any]:
    return {
        "apiVersion": "recordings.dev/v1alpha1",
        "kind": "StorageLocation",
        "metadata": {"name": "files", "uid": "u", "resourceVersion": "1", "generation": 1},
        "spec": {"filesystem": {"path": str(path)}, "imports": [{"prefix": prefix} for prefix in imports]},
    }


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A directory of old files."""
    root = tmp_path / "volume"
    for name in ("acme/weekly/video.mp4", "acme/weekly/notes.txt", "acme/daily/video.mp4", "globex/x/audio.mp3"):
        file = root / "old" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x" * 10)
    return root


@pytest.fixture
def cluster(files: Path) -> Iterator[Cluster]:
    """The API server."""
    made = Cluster({"files": a_directory(files, "old/"), "archive": a_directory(files)})
    yield made
    made.server.shutdown()
    made.server.server_close()


def run(cluster: Cluster, tmp_path: Path, *options: str, prefix: str = "old/") -> Result:
    arguments = ["--from=files", "--to=archive", f"--prefix={prefix}", OWNER]
    return CliRunner().invoke(main, ["import", f"--kubeconfig={cluster.kubeconfig(tmp_path)}", *arguments, *options])


def test_recordings_are_created_once_however_often_it_runs(cluster: Cluster, tmp_path: Path) -> None:
    first = run(cluster, tmp_path)
    assert (first.exit_code, first.stdout) == (0, "")
    assert "4 files listed below old/, 40 B.\n3 Recordings created in team-a.\n" in first.stderr
    made = dict(cluster.recordings)
    assert sorted(one["spec"]["title"] for one in made.values()) == ["daily", "weekly", "x"]
    assert {one["spec"]["owner"]["org"] for one in made.values()} == {"acme", "globex"}

    second = run(cluster, tmp_path)
    assert second.exit_code == 0
    assert "0 Recordings created in team-a. 3 existed already." in second.stderr
    assert cluster.recordings == made


def test_a_dry_run_prints_each_recording_and_creates_none(cluster: Cluster, tmp_path: Path) -> None:
    done = run(cluster, tmp_path, "--dry-run")

    assert done.exit_code == 0
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert [row[1:] for row in rows] == [
        ["org=acme", "1 file", "10 B", "old/acme/daily/"],
        ["org=acme", "2 files", "20 B", "old/acme/weekly/"],
        ["org=globex", "1 file", "10 B", "old/globex/x/"],
    ]
    assert "3 Recordings would be created in team-a, unless they exist." in done.stderr
    assert cluster.posts == 0
    run(cluster, tmp_path)
    assert sorted(cluster.recordings) == sorted(row[0] for row in rows)


def test_a_limit_creates_so_many_and_the_next_run_continues(cluster: Cluster, tmp_path: Path) -> None:
    counts = []
    for _ in range(3):
        assert run(cluster, tmp_path, "--limit=2").exit_code == 0
        counts.append(len(cluster.recordings))
    assert counts == [2, 3, 3]


def test_links_lead_nowhere(cluster: Cluster, files: Path, tmp_path: Path) -> None:
    outside = tmp_path / "secret.mp4"
    outside.write_bytes(b"x")
    (files / "old" / "acme" / "weekly" / "link.mp4").symlink_to(outside)
    (files / "old" / "acme" / "all").symlink_to("/")

    assert run(cluster, tmp_path).exit_code == 0
    keys = {
        artifact["source"]["object"]["key"]
        for one in cluster.recordings.values()
        for artifact in one["spec"]["artifacts"]
    }
    assert len(keys) == 4
    assert not any("link" in key or "all" in key for key in keys)


def test_what_is_skipped_is_said_with_the_first_example(cluster: Cluster, files: Path, tmp_path: Path) -> None:
    (files / "old" / "readme.txt").write_text("x")
    (files / "old" / "acme" / "bad\x1b[31m.mp4").write_text("x")

    done = run(cluster, tmp_path)

    assert done.exit_code == 1
    assert "1 files skipped: --owner-from does not match. The first: old/readme.txt" in done.stderr
    assert "1 files skipped: a Recording cannot name this key. The first: old/acme/bad?[31m.mp4" in done.stderr
    assert len(cluster.recordings) == 3


def test_nothing_is_created_below_a_prefix_that_is_not_open(cluster: Cluster, files: Path, tmp_path: Path) -> None:
    cluster.locations["files"] = a_directory(files, "other/{namespace}/")
    done = run(cluster, tmp_path)
    assert (done.exit_code, cluster.posts) == (1, 0)
    assert "4 files skipped: spec.imports of the StorageLocation does not open the key" in done.stderr

    cluster.locations["files"] = a_directory(files)
    done = run(cluster, tmp_path)
    assert (done.exit_code, cluster.posts) == (1, 0)
    assert "StorageLocation files opens no keys. Add the prefix to its spec.imports first." in done.stderr


def test_the_api_server_is_asked_again_and_what_it_rejects_is_said(cluster: Cluster, tmp_path: Path) -> None:
    cluster.fault = lambda number: {1: 503, 2: 422}.get(number, 201)
    done = run(cluster, tmp_path)

    assert done.exit_code == 1
    assert "2 Recordings created in team-a." in done.stderr
    assert "1 Recordings were rejected by the API server:" in done.stderr


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [(403, 1, "says which rights are needed"), (404, 1, "Namespace team-a does not exist.")],
)
def test_an_error_that_concerns_all_ends_it(
    cluster: Cluster, tmp_path: Path, status: int, code: int, message: str
) -> None:
    cluster.fault = lambda _number: status
    done = run(cluster, tmp_path)
    assert done.exit_code == code
    assert message in done.stderr


def test_a_location_that_does_not_exist_is_said(cluster: Cluster, tmp_path: Path) -> None:
    del cluster.locations["archive"]
    done = run(cluster, tmp_path)
    assert (done.exit_code, done.stderr) == (1, "recording-operator: StorageLocation archive does not exist.\n")


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(", "is not a regular expression"),
        ("old/", "needs the group (?P<org>…)"),
        ("(?P<org>a)(?P<team>b)", "needs the group (?P<org>…)"),
    ],
)
def test_a_pattern_without_an_organisation_is_refused(pattern: str, message: str) -> None:
    done = CliRunner().invoke(main, ["import", "--from=a", "--prefix=b", f"--owner-from={pattern}"])
    assert done.exit_code == 2
    assert message in done.stderr


def test_an_interrupted_run_says_so_and_the_next_one_finishes(cluster: Cluster, files: Path, tmp_path: Path) -> None:
    for number in range(300):
        folder = files / "old" / "acme" / f"m-{number:03}"
        folder.mkdir()
        (folder / "video.mp4").write_bytes(b"x")
    started = threading.Event()

    def slow(number: int) -> int:
        if number == 50:
            started.set()
        threading.Event().wait(0.01)
        return 201

    cluster.fault = slow
    arguments = ["--from=files", "--to=archive", "--prefix=old/", OWNER, f"--kubeconfig={cluster.kubeconfig(tmp_path)}"]
    program = str(Path(sys.executable).with_name("recording-operator"))
    process = subprocess.Popen([program, "import", *arguments], stderr=subprocess.PIPE, text=True)
    assert started.wait(30)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)

    assert process.returncode == 130, said
    assert "Interrupted. Run it again to continue: nothing is created twice." in said
    assert 50 <= len(cluster.recordings) < 303
    cluster.fault = lambda _number: 201
    assert run(cluster, tmp_path).exit_code == 0
    assert len(cluster.recordings) == 303

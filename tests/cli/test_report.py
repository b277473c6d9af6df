"""`recording-operator report`: its output, and its exit status if there is nothing to show."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from recording_operator.cli import main

ORG = {"name": "acme", "storageGB": "1", "storageCost": "0.02"}
STORED: dict[str, Any] = {
    "apiVersion": "recordings.dev/v1alpha1",
    "kind": "StorageReport",
    "metadata": {"name": "all", "uid": "u", "resourceVersion": "1", "generation": 1},
    "spec": {},
    "status": {
        "cost": {"currency": "USD"},
        "history": [{"date": f"2026-11-{day}", "storageGB": "1", "orgs": [ORG]} for day in (20, 21)],
    },
}


class _Server(BaseHTTPRequestHandler):
    """Serves one StorageReport, as kube-apiserver does."""

    answer: dict[str, Any]

    def do_GET(self) -> None:
        body = json.dumps(self.answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Iterator[Path]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Server", (_Server,), {"answer": STORED}))
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    path = tmp_path / "kubeconfig"
    cluster = {"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_address[1]}"}}
    context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
    users = [{"name": "u", "user": {"token": "t"}}]
    path.write_text(json.dumps({"clusters": [cluster], "contexts": [context], "users": users, "current-context": "c"}))
    yield path
    server.shutdown()
    server.server_close()


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The status that the server returns, to be changed."""
    status: dict[str, Any] = {**STORED["status"]}
    monkeypatch.setitem(STORED, "status", status)
    return status


def shown(kubeconfig: Path, *options: str) -> Result:
    return CliRunner().invoke(main, ["report", "all", f"--kubeconfig={kubeconfig}", *options])


@pytest.mark.parametrize("output", ["table", "csv", "json"])
def test_the_days_in_the_range_are_shown(kubeconfig: Path, output: str) -> None:
    done = shown(kubeconfig, "-o", output, "--from=2026-11-21")
    assert done.exit_code == 0, done.output
    assert "acme" in done.stdout
    assert "2026-11-20" not in done.stdout


@pytest.mark.parametrize("output", ["table", "csv", "json"])
@pytest.mark.parametrize(
    "window", [("--from=2030-01-01",), ("--to=2026-11-19",), ("--from=2026-11-22", "--to=2026-11-30")]
)
def test_days_without_anything_end_with_status_1_and_say_what_there_is(
    kubeconfig: Path, output: str, window: tuple[str, ...]
) -> None:
    done = shown(kubeconfig, "-o", output, *window)
    assert done.exit_code == 1
    assert done.stdout == ""
    assert "StorageReport all has nothing" in done.stderr
    assert "from 2026-11-20 to 2026-11-21" in done.stderr


def test_a_range_that_ends_before_it_begins_is_a_usage_error(kubeconfig: Path) -> None:
    assert shown(kubeconfig, "--from=2026-11-21", "--to=2026-11-20").exit_code == 2


def _ready(reason: str, message: str) -> dict[str, Any]:
    status = "True" if reason == "Refreshed" else "False"
    since = "2026-11-21T00:00:00Z"
    return {"type": "Ready", "status": status, "reason": reason, "message": message, "lastTransitionTime": since}


def test_what_the_numbers_leave_out_and_why_they_are_old_is_on_standard_error(
    kubeconfig: Path, stored: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = _ready("PricesInvalid", "No price profile has the name nope.")
    stored.update(asOf="2026-11-21T00:00:07Z", conditions=[failing], notes=["The buckets of x may not be listed."])
    stored["notes"] += ["At wasabi, GLACIER is compared at the prices of STANDARD."]
    stored.update(unpriced=["storage class GLACIER"])
    monkeypatch.setitem(STORED, "spec", {"compare": ["wasabi"]})
    done = shown(kubeconfig, "-o", "csv")
    assert done.exit_code == 0
    assert done.stdout.startswith("date,")
    assert done.stderr.splitlines() == [
        "recording-operator: The numbers are as of 2026-11-21 00:00 UTC. No price profile has the name nope.",
        "recording-operator: Without a price, and not included in any cost: storage class GLACIER.",
        "recording-operator: The buckets of x may not be listed.",
    ]


def test_a_report_that_is_refreshed_has_nothing_on_standard_error(kubeconfig: Path, stored: dict[str, Any]) -> None:
    stored.update(asOf="2026-11-21T00:00:07Z", conditions=[_ready("Refreshed", "5 objects were counted.")])
    assert shown(kubeconfig).stderr == ""


def test_a_report_that_was_never_refreshed_says_why(kubeconfig: Path, stored: dict[str, Any]) -> None:
    del stored["cost"]
    stored["conditions"] = [_ready("PricesInvalid", "No price profile has the name nope.")]
    done = shown(kubeconfig)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "StorageReport all has not been refreshed yet. No price profile has the name nope." in done.stderr

"""The image and the chart in real pods: what users get, and what survives when pods end."""

import re
import signal
from itertools import pairwise
from pathlib import Path

from localcluster import MediaServer
from tests.pod.pods import MIB, NAMESPACE, RELEASE, Operator, sent_bytes
from tests.support.waiting import eventually

_SIZE = 96 * MIB
_RATE = "3MB"  # of each connection
_PART = 8 * MIB
_CONNECTIONS = 4
# What the two sockets of a connection hold at most by Linux's defaults (tcp_rmem, tcp_wmem): sent, and never read.
_SOCKETS = 10 * MIB
_HOGS = """
import os, time
for _ in range(12):
    if os.fork() == 0:
        data = []
        for _ in range(22):
            data.append(bytearray(b"x") * (2 << 20))
            time.sleep(0.05)
        break
time.sleep(30)
"""


def test_a_recording_becomes_complete_and_the_log_tells(operator: Operator, pod_media: MediaServer) -> None:
    operator.record("plain", media=pod_media, size_bytes=20 * MIB)
    status = operator.wait_complete("plain")
    assert operator.stored_size(status) == 20 * MIB
    lines = operator.logs(operator.leader())
    assert any(line.get("recording") == "plain" for line in lines)
    assert not any("X-Amz-Signature" in str(line) or "size=" in str(line) for line in lines)


def test_kubectl_shows_what_the_recordings_cost(operator: Operator, pod_media: MediaServer) -> None:
    operator.record("counted", media=pod_media, size_bytes=20 * MIB)
    operator.wait_complete("counted")
    operator.report("costs")

    def row() -> dict[str, str] | None:
        header, line = operator.kubectl("get", "storagereports", "costs", "-o", "wide").splitlines()
        starts = [found.start() for found in re.finditer(r"\S+", header)]  # a cell may be empty
        cells = {header[a:b].strip(): line[a:b].strip() for a, b in pairwise([*starts, None])}
        return cells if "USD" in cells.get("MONTH-TO-DATE", "") else None

    shown = eventually(row, within_s=180, what="a report with costs")
    assert re.fullmatch(r"[\d.]+ [MG]B", shown["STORAGE"])
    assert int(shown["RECORDINGS"]) >= 1
    assert shown["BUDGET"].endswith("of 50.00 USD")


def test_helm_test_asks_the_service(operator: Operator) -> None:
    said = operator.helm("test", RELEASE, f"--namespace={NAMESPACE}", "--timeout=180s")
    assert "Succeeded" in said


def test_the_process_is_what_the_chart_promises(operator: Operator) -> None:
    pod = operator.leader()
    inside = ("exec", pod, f"--namespace={NAMESPACE}", "--", "python", "-c")
    script = (
        "import os, pathlib\n"
        "status = pathlib.Path('/proc/1/status').read_text()\n"
        "def writable(path):\n"
        "    try: pathlib.Path(path, 'x').write_text('x'); return True\n"
        "    except OSError: return False\n"
        "caps = [line.split()[1] for line in status.splitlines() if line.startswith('Cap')]\n"
        "print(os.getuid(), os.getgid(), set(caps), [p for p in ('/', '/opt', '/home', '/tmp', '/var') if writable(p)],"
        " 'Seccomp:\\t2' in status, 'NoNewPrivs:\\t1' in status)"
    )
    said = operator.kubectl(*inside, script).strip()
    assert said.startswith("65532 65532 {'0000000000000000'} ['/tmp'] True True"), said


def test_a_rollout_restart_resumes_an_upload(operator: Operator, pod_media: MediaServer) -> None:
    operator.record("restarted", media=pod_media, size_bytes=_SIZE, rate=_RATE)
    before = operator.wait_bytes("restarted", 2 * _PART)
    operator.kubectl("rollout", "restart", f"deployment/{RELEASE}", f"--namespace={NAMESPACE}")
    status = operator.wait_complete("restarted")
    _resumed_not_repeated(operator, pod_media, "restarted", status)
    assert status["attempts"] == before["attempts"] or status["attempts"] <= 1
    operator.kubectl(
        "rollout", "status", f"deployment/{RELEASE}", f"--namespace={NAMESPACE}", "--timeout=300s", timeout_s=310
    )


def test_an_oom_kill_resumes_an_upload(operator: Operator, pod_media: MediaServer) -> None:
    operator.record("hungry", media=pod_media, size_bytes=_SIZE, rate=_RATE)
    operator.wait_bytes("hungry", 2 * _PART)
    pod = operator.leader()
    before = operator.restarts(pod)
    # Other processes in the container take all its memory, each less than the operator, which is to be ended first.
    Path(f"/proc/{operator.process_of(pod)}/oom_score_adj").write_text("1000")
    operator.kubectl.run("exec", pod, f"--namespace={NAMESPACE}", "--", "python", "-c", _HOGS, timeout_s=180)
    eventually(lambda: operator.restarts(pod) > before, within_s=180, what="a restart")
    assert operator.last_end(pod) == "OOMKilled"
    _resumed_not_repeated(operator, pod_media, "hungry", operator.wait_complete("hungry"))


def test_a_hung_process_is_restarted_and_its_upload_resumed(operator: Operator, pod_media: MediaServer) -> None:
    operator.record("hung", media=pod_media, size_bytes=_SIZE, rate=_RATE)
    operator.wait_bytes("hung", 4 * _PART)
    pod = operator.leader()
    before = operator.restarts(pod)
    operator.signal(pod, signal.SIGSTOP)
    eventually(lambda: operator.restarts(pod) > before, within_s=240, what="a restart by the liveness probe")
    _resumed_not_repeated(operator, pod_media, "hung", operator.wait_complete("hung"))


def test_the_second_replica_takes_over(operator: Operator, pod_media: MediaServer) -> None:
    operator.record("taken-over", media=pod_media, size_bytes=_SIZE, rate=_RATE)
    operator.wait_bytes("taken-over", 4 * _PART)
    leader = operator.leader()
    operator.kubectl("delete", "pod", leader, f"--namespace={NAMESPACE}", "--force", "--grace-period=0")
    eventually(lambda: operator.leader() not in ("", leader), within_s=120, what="another leader")
    status = operator.wait_complete("taken-over")
    _resumed_not_repeated(operator, pod_media, "taken-over", status)


def _resumed_not_repeated(operator: Operator, media: MediaServer, name: str, status: dict[str, object]) -> None:
    """All is there, nothing is left open, and of the file less was sent than twice."""
    assert operator.stored_size(status) == _SIZE
    assert [upload["Key"] for upload in operator.open_uploads() if name in upload["Key"]] == []
    assert sent_bytes(media, name) < _SIZE + _CONNECTIONS * (_PART + _SOCKETS)

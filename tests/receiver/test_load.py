"""Idle connections, large bodies and memory, with a real receiver (faults W7 and W10)."""

import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from localcluster.receiverprocess import ReceiverProcess
from tests.receiver.conftest import Meetings
from tests.receiver.sending import OTHER_SECRET, completed, url

pytestmark = pytest.mark.cluster

_MOST_GROWTH_MIB = 20


def resident_mib(receiver: ReceiverProcess) -> float:
    """Memory of the process."""
    for line in Path(f"/proc/{receiver.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmRSS")


def test_w7_probes_and_deliveries_work_beside_1000_idle_connections(
    receiver: ReceiverProcess, meetings: Meetings
) -> None:
    with ExitStack() as stack:
        for number in range(1000):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", receiver.port), timeout=10))
            connection.sendall(b"POST / HTTP/1.1\r\n"[: number % 17])
        assert receiver.is_ready()
        assert receiver.is_alive()
        assert meetings.send(receiver, completed()).status == 200
    assert len(meetings.recordings()) == 1


def test_w10_memory_does_not_grow_with_deliveries(receiver: ReceiverProcess, meetings: Meetings) -> None:
    """Rounds of 100 large forged bodies and 100 genuine deliveries, of which 50 are doubled, 10 at once."""
    large = completed(files={"video": url("v" * 1_000_000)})

    def round_of(name: str) -> float:
        def send(number: int) -> None:
            assert meetings.send(receiver, large, secret=OTHER_SECRET).status in (401, 429, 503)
            bot = f"{name}-{number % 50}"
            assert meetings.send(receiver, completed(bot), message_id=bot).status in (200, 503)

        with ThreadPoolExecutor(10) as pool:
            list(pool.map(send, range(100)))
        return resident_mib(receiver)

    warm = max(round_of("a"), round_of("b"))
    later = [round_of(name) for name in "cdef"]
    assert later[-1] - warm < _MOST_GROWTH_MIB, (warm, later)

"""How a receiver ends, and what it does under load (fault W10)."""

import http.client
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from localcluster.receiverprocess import ReceiverProcess
from tests.receiver.conftest import Meetings
from tests.receiver.sending import completed, signed
from tests.receiver.test_faults import outcomes
from tests.support.waiting import eventually

pytestmark = pytest.mark.cluster


def test_a_delivery_that_has_begun_is_finished_after_sigterm(
    receivers: Callable[..., ReceiverProcess], meetings: Meetings
) -> None:
    receiver = receivers(settings="shutdownDelay: 1s")
    receiver.start()
    body = completed()
    connection = http.client.HTTPConnection("127.0.0.1", receiver.port, timeout=30)
    connection.putrequest("POST", meetings.path)
    for name, value in {**signed(body), "Content-Length": str(len(body))}.items():
        connection.putheader(name, value)
    connection.endheaders(body[:10])
    receiver.terminate()
    eventually(lambda: not receiver.is_ready(), what="it is not ready")
    assert receiver.is_alive()
    # Load balancers need a moment to notice, so connections are still accepted.
    assert meetings.send(receiver, completed("bot-2"), message_id="msg_2").status == 200
    eventually(lambda: _refuses(receiver), what="it accepts no more connections")
    connection.send(body[10:])
    assert connection.getresponse().status == 200
    connection.close()
    assert receiver.wait(timeout_s=20) == 0
    assert len(meetings.recordings()) == 2


def _refuses(receiver: ReceiverProcess) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", receiver.port, timeout=5)
    try:
        connection.connect()
    except ConnectionRefusedError:
        return True
    finally:
        connection.close()
    return False


def test_w10_more_deliveries_than_can_be_written_lose_none(
    receivers: Callable[..., ReceiverProcess], meetings: Meetings
) -> None:
    """200 at once for two threads: some are rejected with Retry-After. The provider repeats them."""
    receiver = receivers(settings="threads: 2, queue: 20")
    receiver.start()
    pending = {f"bot-{number}": completed(f"bot-{number}") for number in range(200)}
    lock, statuses = threading.Lock(), set()

    def deliver(bot: str) -> None:
        reply = meetings.send(receiver, pending[bot], message_id=bot)
        with lock:
            statuses.add((reply.status, reply.headers.get("retry-after")))
            if reply.status == 200:
                del pending[bot]

    with ThreadPoolExecutor(50) as pool:
        for _ in range(100):
            if not pending:
                break
            list(pool.map(deliver, list(pending)))
    # MeetingBaaS repeats only after 5xx. Other providers get 429.
    assert statuses == {(200, None), (503, "1")}
    assert len(meetings.recordings()) == 200
    assert len(meetings.secrets()) == 200
    assert outcomes(receiver)["accepted"] == 200
    assert receiver.is_ready()

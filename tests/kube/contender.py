"""A process that competes for the Lease: `python -m tests.kube.contender KUBECONFIG NAMESPACE IDENTITY DURATION RENEW
RETRY`.

It prints each event with the time of the machine's monotonic clock: `leads EPOCH`, `lost`, `stopped`. It exits when the
Lease is lost, and cleanly when its standard input is closed.
"""

import os
import sys
import threading
import time
from pathlib import Path

from recording_operator.kube.connection import connection
from recording_operator.kube.lease import Leadership, LeaseTimings
from recording_operator.kube.rest import RestClient


def say(*words: object) -> None:
    """One line, at once."""
    sys.stdout.write(" ".join(str(word) for word in (time.monotonic(), *words)) + "\n")
    sys.stdout.flush()


def lost(_: str) -> None:
    """As the operator does: end at once."""
    say("lost")
    os._exit(3)


def stop_at_end_of_input(stop: threading.Event) -> None:
    """Nothing is ever written to it."""
    sys.stdin.read()
    stop.set()


def main() -> None:
    """Contend until it is stopped."""
    kubeconfig, namespace, identity, duration, renew, retry = sys.argv[1:]
    leadership = Leadership(
        RestClient(connection(kubeconfig=Path(kubeconfig))),
        namespace=namespace,
        identity=identity,
        on_lost=lost,
        timings=LeaseTimings(duration_s=int(duration), renew_s=float(renew), retry_s=float(retry)),
    )
    stop = threading.Event()
    threading.Thread(target=stop_at_end_of_input, args=(stop,), daemon=True).start()
    say("stands by")
    if leadership.acquire(stop):
        say("leads", leadership.epoch)
        stop.wait()
        leadership.release()
    say("stopped")


if __name__ == "__main__":
    main()

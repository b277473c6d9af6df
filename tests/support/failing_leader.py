"""The operator whose start as a leader fails: `python -m tests.support.failing_leader NAMESPACE`, for tests only.

It leads until it reads a line from standard input, and then fails to start.
"""

import logging
import sys
from typing import Never

from recording_operator.controller.leader import Leader
from recording_operator.controller.process import Process, ProcessOptions, Replica
from recording_operator.controller.start_error import StartError
from recording_operator.kube.connection import connection
from recording_operator.kube.lease import Leadership
from recording_operator.logs import Redactor, configure_logging
from recording_operator.settings import Settings


def fail(_replica: Replica, leadership: Leadership) -> Leader:
    """Replace the function that creates a leader."""
    print(leadership.identity, flush=True)  # noqa: T201 - the test reads it
    sys.stdin.readline()
    raise StartError("no leader can be made")


def main() -> Never:
    """Like `recording-operator run`."""
    redactor = Redactor()
    configure_logging(redactor=redactor, level=logging.INFO)
    process = Process(
        options=ProcessOptions(namespace=sys.argv[1], http_host="127.0.0.1", http_port=0),
        settings=Settings(),
        connection=connection(kubeconfig=None, context=None),
        redactor=redactor,
        version="test",
        make_leader=fail,
    )
    try:
        process.run()
    except StartError as error:
        sys.exit(str(error))
    raise AssertionError("it has started")


if __name__ == "__main__":
    main()

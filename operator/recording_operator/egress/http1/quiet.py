"""Whether a connection is fit for a request."""

import socket
from contextlib import suppress
from ssl import SSLWantReadError


def is_quiet(sock: socket.socket) -> bool:
    """Whether nothing has arrived on a connection, not even its end, since the last response.

    What arrives before a request is sent can be no response to it. TLS sends tickets of its own after a handshake, so
    it is read, because a readable socket may have no content. The socket's timeout stays as it was.
    """
    timeout_s = sock.gettimeout()
    with suppress(OSError):
        sock.settimeout(0)
        try:
            sock.recv(1)
        except (BlockingIOError, SSLWantReadError):
            sock.settimeout(timeout_s)
            return True
    return False

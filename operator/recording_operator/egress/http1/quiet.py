"""Checks that no bytes have arrived on a connection before a request is sent."""

import socket
from contextlib import suppress
from ssl import SSLWantReadError


def is_quiet(sock: socket.socket) -> bool:
    """Whether nothing has arrived on a connection since the last response, including the end of the connection.

    Bytes that arrive before a request is sent cannot be its response. The socket is read, because with TLS it may be
    readable without content (session tickets). Its timeout is not changed.
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

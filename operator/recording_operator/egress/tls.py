"""TLS to servers that tenants name: trusted certificate authorities, and sessions that can be resumed."""

import socket
import ssl
import threading
from collections import OrderedDict
from typing import Final

import certifi

from recording_operator.egress.policy import TlsPolicy
from recording_operator.egress.url import Origin

# A session takes some kilobytes, and each tenant of a provider may have its own host.
_MOST_SESSIONS: Final = 64
_TLS_VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def tls_context(policy: TlsPolicy) -> ssl.SSLContext:
    """The settings of a client that checks certificates: the system's authorities, certifi's and the policy's own."""
    context = ssl.create_default_context()
    context.load_verify_locations(cafile=certifi.where())
    if policy.ca_file is not None:
        context.load_verify_locations(cafile=policy.ca_file)
    context.minimum_version = _TLS_VERSIONS[policy.min_version]
    context.set_alpn_protocols(["http/1.1"])
    return context


class TlsSessions:
    """A TLS session for each origin, so that the next connection needs no full handshake. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: OrderedDict[Origin, ssl.SSLSession] = OrderedDict()

    def get(self, origin: Origin) -> ssl.SSLSession | None:
        """The session to resume, if there is one."""
        with self._lock:
            return self._sessions.get(origin)

    def keep(self, origin: Origin, sock: socket.socket) -> None:
        """Remember the session of a connection that has received something: TLS 1.3 sends it after the handshake."""
        # A resumed session can be used again. Copying it takes a third of a millisecond.
        if not isinstance(sock, ssl.SSLSocket) or sock.session_reused or sock.session is None:
            return
        session = sock.session
        with self._lock:
            self._sessions[origin] = session
            self._sessions.move_to_end(origin)
            while len(self._sessions) > _MOST_SESSIONS:
                self._sessions.popitem(last=False)

    def forget(self, origin: Origin) -> None:
        """Drop the session of an origin."""
        with self._lock:
            self._sessions.pop(origin, None)

    def clear(self) -> None:
        """Drop all sessions."""
        with self._lock:
            self._sessions.clear()

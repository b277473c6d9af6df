"""How parts are sent: over a blocking socket, ended by the watchdog if the store stops reading."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from localcluster.pki import CertificateAuthority
from recording_operator.stopping import Stopped
from recording_operator.stores.buffered_part import BufferedPart
from recording_operator.stores.s3.transport.framing import FramedBody
from recording_operator.stores.s3.transport.handler import StoreTransport
from recording_operator.stores.s3.transport.sending import Timeouts
from recording_operator.stores.store import BodyAborted

PART = b"x" * (32 * 2**20)
SEND_S = 1.5
REFUSED = b"HTTP/1.1 503 Slow Down\r\nContent-Length: 4\r\n\r\nbusy"
STORED = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

Conduct = Callable[[socket.socket], None]


@pytest.fixture(params=["http", "https"])
def scheme(request: pytest.FixtureRequest) -> str:
    """With TLS and without."""
    return str(request.param)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    """Issues the store's certificate."""
    made = CertificateAuthority(tmp_path_factory.mktemp("pki"))
    made.issue("store", user="store", hosts=["127.0.0.1"])
    return made


@contextmanager
def a_store(conduct: Conduct, *, tls: ssl.SSLContext | None) -> Iterator[int]:
    """A port whose every connection gets its headers read, and then `conduct`; held until the end."""
    held: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    plain, _ = server.accept()
                    sock = tls.wrap_socket(plain, server_side=True) if tls else plain
                    held.append(sock)
                    seen = b""
                    while not seen.endswith(b"\r\n\r\n"):
                        seen += sock.recv(1)  # not into the body
                    conduct(sock)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield int(server.getsockname()[1])
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)
    for sock in held:
        sock.close()


@contextmanager
def a_sender(
    conduct: Conduct, *, scheme: str, authority: CertificateAuthority, stop: threading.Event | None = None
) -> Iterator[Callable[[], Any]]:
    """Each call sends a part to a store that behaves so, and returns botocore's response."""
    keys: ssl.SSLContext | None = None
    if scheme == "https":
        keys = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        keys.load_cert_chain(authority.path("store.crt"), authority.path("store.key"))
    trusted = ssl.create_default_context(cafile=str(authority.path("ca.crt")))
    transport = StoreTransport(tls=trusted, timeouts=Timeouts(connect_s=5, send_s=SEND_S, response_s=20))
    with a_store(conduct, tls=keys) as port:

        def send_part() -> Any:
            body = FramedBody(BufferedPart(PART, stop=stop))
            url = f"{scheme}://127.0.0.1:{port}/bucket/key?partNumber=1"
            headers = {"Content-Length": str(len(body))}
            return transport(SimpleNamespace(method="PUT", body=body, url=url, headers=headers, stream_output=False))

        yield send_part


def send(conduct: Conduct, *, scheme: str, authority: CertificateAuthority, stop: threading.Event | None = None) -> Any:
    """Send one part."""
    with a_sender(conduct, scheme=scheme, authority=authority, stop=stop) as send_part:
        return send_part()


def take_two(sock: socket.socket) -> None:
    """Receive two parts on one connection. The second gets its response when its headers arrive."""
    take_with_pauses(sock)
    while not sock.recv(2**18).startswith(b"PUT "):
        pass
    sock.sendall(STORED)


def take_with_pauses(sock: socket.socket) -> None:
    """Read the part and its framing in eight pieces, and respond."""
    left = len(FramedBody(BufferedPart(PART)))
    piece = left // 8
    while left > 0:
        received = len(sock.recv(min(2**18, left)))
        if (left - received) // piece != left // piece:
            time.sleep(SEND_S / 5)
        left -= received
    sock.sendall(STORED)


def test_a_store_that_takes_nothing_more_is_given_up(scheme: str, authority: CertificateAuthority) -> None:
    begun = time.monotonic()
    with pytest.raises(ReadTimeoutError):
        send(lambda _: None, scheme=scheme, authority=authority)
    assert time.monotonic() - begun >= SEND_S


def test_a_store_that_takes_it_slowly_is_not(scheme: str, authority: CertificateAuthority) -> None:
    begun = time.monotonic()
    answer = send(take_with_pauses, scheme=scheme, authority=authority)
    assert answer.status_code == 200
    assert time.monotonic() - begun > SEND_S


def test_a_response_that_arrives_before_the_request_was_read_is_used(
    scheme: str, authority: CertificateAuthority
) -> None:
    answer = send(lambda sock: sock.sendall(REFUSED), scheme=scheme, authority=authority)
    assert (answer.status_code, answer.content) == (503, b"busy")


def test_a_stop_ends_a_send_that_hangs(scheme: str, authority: CertificateAuthority) -> None:
    stop = threading.Event()
    with pytest.raises(BodyAborted) as aborted:
        send(lambda _: stop.set(), scheme=scheme, authority=authority, stop=stop)
    assert isinstance(aborted.value.error, Stopped)


def test_a_connection_is_used_again_by_whichever_thread(scheme: str, authority: CertificateAuthority) -> None:
    with a_sender(take_two, scheme=scheme, authority=authority) as send_part, ThreadPoolExecutor(1) as other:
        assert send_part().status_code == 200
        assert other.submit(send_part).result().status_code == 200

"""Headers and framings one by one: how they are read, and how curl reads them."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recording_operator.egress.http1.errors import MalformedResponse, ResponseCut
from recording_operator.egress.http1.quiet import is_quiet
from recording_operator.egress.http1.receive_buffer import ReceiveBuffer
from recording_operator.egress.http1.response import read_response
from tests.support.raw_responses import CURL, RawServer, a_raw_server, read_by_curl, read_by_us

_OK = b"HTTP/1.1 200 OK\r\n"
_FIVE = b"Content-Length: 5\r\n\r\nhello"
_CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"
_CHUNKED = _OK + b"Transfer-Encoding: chunked\r\n\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """`body` None: it is rejected. `curl`: why curl may get another body; None: curl must get `body`."""

    data: bytes
    body: bytes | None = b"hello"
    curl: str | None = None


def _te(value: bytes, more: bytes = b"", body: bytes = _CHUNKS) -> bytes:
    return _OK + b"Transfer-Encoding:" + value + b"\r\n" + more + b"\r\n" + body


def _cl(value: bytes, body: bytes = b"hello") -> bytes:
    return _OK + b"Content-Length:" + value + b"\r\n\r\n" + body


_REFUSES_ALL = "curl refuses a response for one bad line; browsers skip it"
_GUESSES = "curl takes the first of several readings; other readers take another"
_SKIPS = "curl overlooks a header with a blank before its colon, and stores the frame"
CASES = {
    "bare LF": Case(data=b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello"),
    "LF and CRLF mixed": Case(data=_OK + b"Content-Length: 5\r\n\nhello"),
    "no reason": Case(data=b"HTTP/1.1 200\r\n" + _FIVE),
    "two blanks": Case(data=b"HTTP/1.1  200 OK\r\n" + _FIVE),
    "no blank after the status": Case(data=b"HTTP/1.1 200OK\r\n" + _FIVE),
    "four digits": Case(data=b"HTTP/1.1 2000 OK\r\n" + _FIVE, body=None),
    "two digits": Case(data=b"HTTP/1.1 20 OK\r\n" + _FIVE, body=None),
    "a status below 100": Case(data=b"HTTP/1.1 099 OK\r\n" + _FIVE, body=None),
    "HTTP/1.0": Case(data=b"HTTP/1.0 200 OK\r\n" + _FIVE),
    "HTTP/1.2": Case(data=b"HTTP/1.2 200 OK\r\n" + _FIVE, body=None),
    "HTTP/2 in words": Case(data=b"HTTP/2 200\r\n" + _FIVE),
    "lower case": Case(data=b"http/1.1 200 OK\r\n" + _FIVE),
    "ICY": Case(data=b"ICY 200 OK\r\n" + _FIVE, body=None),
    "an empty line first": Case(data=b"\r\n" + _OK + _FIVE, body=None),
    "a blank first": Case(data=b" " + _OK + _FIVE, body=None),
    "a line without colon first": Case(data=_OK + b"garbage\r\n" + _FIVE, curl=_REFUSES_ALL),
    "a line without colon later": Case(data=_OK + b"A: b\r\ngarbage\r\n" + _FIVE, curl=_REFUSES_ALL),
    "a line without colon, and a cut": Case(data=_OK + b"garbage\r\nContent-Length: 9\r\n\r\nhello", body=None),
    "a bare CR, and a cut": Case(data=_OK + b"A: b\rc\r\nContent-Length: 9\r\n\r\nhello", body=None),
    "a NUL in a value": Case(data=_OK + b"A: b\0c\r\n" + _FIVE, curl=_REFUSES_ALL),
    "folded first": Case(data=_OK + b" a: b\r\n" + _FIVE, curl=_REFUSES_ALL),
    "folded": Case(data=_OK + b"A: b\r\n c\r\n\td\r\n" + _FIVE),
    "folded length": Case(data=_cl(b"\r\n 5"), curl=_REFUSES_ALL),
    "an empty name": Case(data=_OK + b": b\r\n" + _FIVE),
    "a name with a blank": Case(data=_OK + b"A B: c\r\n" + _FIVE),
    "UTF-8": Case(data=_OK + "A: \u00fcn\u00ef\u4f60\r\n\u00c4: b\r\n".encode() + _FIVE),
    "control characters": Case(data=_OK + b"A: \x01\x7f\r\n" + _FIVE),
    "a bare CR": Case(data=_OK + b"A: b\rc\r\n" + _FIVE),
    "150 headers": Case(data=_OK + b"".join(b"X-%d: y\r\n" % number for number in range(150)) + _FIVE),
    "255 KiB": Case(data=_OK + b"".join(b"A: " + b"x" * 4000 + b"\r\n" for _ in range(64)) + _FIVE),
    "one line of 200 kB": Case(data=_OK + b"A: " + b"x" * 200_000 + b"\r\n" + _FIVE, curl="curl ends lines at 100 kB"),
    "290 KiB": Case(
        data=_OK + b"".join(b"A: " + b"x" * 4000 + b"\r\n" for _ in range(73)) + _FIVE,
        body=None,
        curl="256 KiB are enough for browsers, curl takes 300",
    ),
    "a blank before the colon of the length": Case(data=_OK + b"Content-Length : 5\r\n\r\nhello, you", curl=_SKIPS),
    "a blank before the colon of the coding": Case(
        data=_OK + b"Transfer-Encoding : chunked\r\n\r\n" + _CHUNKS, curl=_SKIPS
    ),
    "a length without colon": Case(data=_OK + b"Content-Length 5\r\n\r\nhello", body=None),
    "a coding in a folded line": Case(
        data=_OK + b"A: b\r\n Transfer-Encoding: chunked\r\n\r\n" + _CHUNKS, body=None, curl=_GUESSES
    ),
    "a length that ends with a bare CR": Case(data=_OK + b"Content-Length: 5\r\r\n\r\nhello", body=None, curl=_GUESSES),
    "the same length twice": Case(data=_OK + b"Content-Length: 5\r\n" + _FIVE),
    "the same length in a list": Case(data=_cl(b" 5, 5")),
    "two lengths": Case(data=_OK + b"Content-Length: 4\r\n" + _FIVE, body=None, curl=_GUESSES),
    "two lengths in a list": Case(data=_cl(b" 5, 6"), body=None, curl=_GUESSES),
    "a length with a sign": Case(data=_cl(b" +5"), body=None, curl=_GUESSES),
    "a negative length": Case(data=_cl(b" -5"), body=None),
    "two numbers": Case(data=_cl(b" 5 5"), body=None, curl=_GUESSES),
    "a hexadecimal length": Case(data=_cl(b" 0x5"), body=None, curl=_GUESSES),
    "a length in words": Case(data=_cl(b" five"), body=None),
    "a length in superscript": Case(data=_cl(b" \xb2"), body=None),
    "an empty length": Case(data=_cl(b""), body=None),
    "a length beyond all": Case(data=_cl(b" 99999999999999999999"), body=None, curl=_GUESSES),
    "a length of 64 bits": Case(data=_cl(b" 9223372036854775808"), body=None, curl=_GUESSES),
    "a length with zeros": Case(data=_cl(b" 0005")),
    "chunked": Case(data=_te(b" chunked")),
    "chunked and a blank": Case(data=_te(b" chunked ")),
    "chunked and a tab": Case(data=_te(b"\tchunked\t")),
    "CHUNKED": Case(data=_te(b" CHUNKED")),
    "chunked among empty members": Case(data=_te(b" ,chunked, ,")),
    "identity": Case(data=_OK + b"Transfer-Encoding: identity\r\n" + _FIVE),
    "identity, chunked": Case(data=_te(b" identity, chunked")),
    "gzip, chunked": Case(data=_te(b" gzip, chunked"), body=None),
    "chunked, chunked": Case(data=_te(b" chunked, chunked"), body=None, curl=_GUESSES),
    "chunked twice": Case(data=_te(b" chunked", b"Transfer-Encoding: chunked\r\n"), body=None, curl=_GUESSES),
    "chunked, gzip": Case(data=_te(b" chunked, gzip"), body=None),
    "chunked, identity": Case(data=_te(b" chunked, identity"), body=None, curl=_GUESSES),
    "an unknown coding": Case(data=_te(b" chunky"), body=None),
    "a parameter": Case(data=_te(b" chunked;q=1"), body=None),
    "a vertical tab": Case(data=_te(b" \x0bchunked"), body=None),
    "no coding": Case(data=_OK + b"Transfer-Encoding:\r\n" + _FIVE, body=None, curl=_GUESSES),
    "chunked and a length": Case(data=_te(b" chunked", b"Content-Length: 3\r\n")),
    "a length and chunked": Case(data=_OK + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n" + _CHUNKS),
    "chunked in HTTP/1.0": Case(data=b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + _CHUNKS),
    "an extension": Case(data=_CHUNKED + b'5;a="b c"\r\nhello\r\n0;d\r\n\r\n'),
    "a padded size": Case(data=_CHUNKED + b"5  \r\nhello\r\n0\r\n\r\n"),
    "chunks with LF": Case(data=_CHUNKED + b"5\nhello\n0\n\n"),
    "16 digits": Case(data=_CHUNKED + b"0000000000000005\r\nhello\r\n0\r\n\r\n"),
    "17 digits": Case(data=_CHUNKED + b"00000000000000005\r\nhello\r\n0\r\n\r\n", body=None),
    "a size of 64 bits": Case(data=_CHUNKED + b"8000000000000000\r\nhello\r\n0\r\n\r\n", body=None),
    "a size after a blank": Case(data=_CHUNKED + b" 5\r\nhello\r\n0\r\n\r\n", body=None),
    "0x5": Case(data=_CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n", body=None),
    "0_5": Case(data=_CHUNKED + b"0_5\r\nhello\r\n0\r\n\r\n", body=None),
    "+5": Case(data=_CHUNKED + b"+5\r\nhello\r\n0\r\n\r\n", body=None),
    "no size": Case(data=_CHUNKED + b"\r\nhello\r\n0\r\n\r\n", body=None),
    "a size and more": Case(data=_CHUNKED + b"5 x\r\nhello\r\n0\r\n\r\n", body=None, curl=_GUESSES),
    "a chunk without its line end, and one that follows": Case(
        data=_CHUNKED + b"3\r\nhel5\r\nhello\r\n0\r\n\r\n", body=None
    ),
    "a chunk that is longer": Case(data=_CHUNKED + b"4\r\nhello\r\n0\r\n\r\n", body=None),
    "trailers": Case(data=_CHUNKED + b"5\r\nhello\r\n0\r\nA: b\r\nC: d\r\n\r\n"),
    "garbage in trailers": Case(data=_CHUNKED + b"5\r\nhello\r\n0\r\ngarbage\r\n\r\n", curl=_REFUSES_ALL),
    "chunks without their end": Case(data=_CHUNKED + b"5\r\nhello\r\n0\r\n", body=None),
    "103": Case(data=b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + _OK + _FIVE),
    "103 with a length": Case(data=b"HTTP/1.1 103 Hm\r\nContent-Length: 9\r\n\r\n" + _OK + _FIVE),
    "100, 102, 199": Case(data=b"".join(b"HTTP/1.1 %d -\r\n\r\n" % n for n in (100, 102, 199)) + _OK + _FIVE),
    "101": Case(data=b"HTTP/1.1 101 -\r\n\r\n" + _OK + _FIVE, body=None, curl="curl reads on as if it had asked"),
    "1,000 interim responses": Case(
        data=b"HTTP/1.1 103 -\r\n\r\n" * 1000 + _OK + _FIVE, body=None, curl="100 are enough; curl knows no bound"
    ),
    "204 with a body": Case(data=b"HTTP/1.1 204 No Content\r\n" + _FIVE, body=b""),
    "304 with a body": Case(data=b"HTTP/1.1 304 Not Modified\r\n" + _FIVE, body=b""),
    "the end of the connection": Case(data=_OK + b"\r\nhello"),
    "more than the length": Case(data=_OK + _FIVE + b"more"),
    "less than the length": Case(data=_cl(b" 9"), body=None),
    "no body and no length": Case(data=_OK + b"\r\n", body=b""),
    "a cut in a header": Case(data=_OK + b"Content-Le", body=None, curl="curl takes it for an empty file"),
    "a cut after a header": Case(
        data=_OK + b"Content-Length: 0\r\n", body=None, curl="curl takes it for an empty file"
    ),
    "a cut in the status line": Case(data=b"HTTP/1.1 200 O", body=None),
    "nothing": Case(data=b"", body=None),
}


@pytest.mark.parametrize("name", CASES)
def test_s34_every_head_and_framing_is_read_by_the_rule_or_rejected(name: str) -> None:
    case = CASES[name]
    for pieces in ((), (1,) * min(len(case.data), 300), (len(case.data) // 2,)):
        found = read_by_us(case.data, pieces=pieces)
        assert (None if found.error else found.body) == case.body, found.error


@pytest.fixture(scope="module")
def server() -> Iterator[RawServer]:
    with a_raw_server() as running:
        yield running


@pytest.mark.skipif(CURL is None, reason="curl is not installed")
def test_s34_we_read_what_curl_reads_except_where_documented(server: RawServer) -> None:
    wrong = []
    for name, case in CASES.items():
        found = read_by_curl(server, case.data)
        if case.curl is None and found.error is None and found.body != case.body:
            wrong.append((name, found.body, case.body))
    assert wrong == []


_LINES = st.lists(
    st.sampled_from(
        [
            b'ETag: "a"',
            b"X:",
            b"X:  a  ",
            b"A B: c",
            b": x",
            b"\xc3\x9c: \xc3\xbc",
            b"X: a\r\n b",
            b"X: \x01\x1f\x7f",
            b"X: a\rb",
            b"Connection: close",
            b"Connection: keep-alive, Upgrade",
            b"Set-Cookie: a=b; Path=/",
            b"Trailer: X-Sum",
            b'Content-Type: video/mp4; x="y: z"',
            b"Content-Language: \xe9\xe8",
            b"Content-Range: bytes 0-4/5",
            b"Keep-Alive: timeout=5",
            b"Upgrade: h2c",
            b"Link: <a>; rel=preload,",
            b"X-" + b"n" * 300 + b": y",
            b"X: " + b"v" * 9000,
        ]
    ),
    max_size=12,
)
_STATUS_LINES = st.sampled_from(
    [
        b"HTTP/1.1 200 OK",
        b"HTTP/1.0 200 OK",
        b"HTTP/1.1 206",
        b"HTTP/1.1 404  Not \xc3\xbc",
        b"http/1.1 500 X",
        b"HTTP/2 200",
    ]
)
_FRAMES = st.sampled_from(
    [
        (b"Content-Length: 5", b"hello"),
        (b"Transfer-Encoding: chunked", _CHUNKS),
        (b"Transfer-Encoding:\tChunked ", b"2;a=b\r\nhe\r\n3 \r\nllo\r\n0\r\nA: b\r\n\r\n"),
        (b"X-Framed-By: close", b"hello"),
    ]
)


@pytest.mark.skipif(CURL is None, reason="curl is not installed")
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    status=_STATUS_LINES,
    before=_LINES,
    frame=_FRAMES,
    after=_LINES,
    eol=st.sampled_from([b"\r\n", b"\n"]),
    interim=st.lists(
        st.sampled_from([b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 -\r\nA: b\r\n\r\n"]), max_size=3
    ),
)
def test_s34_we_read_random_heads_as_curl_does(
    server: RawServer,
    status: bytes,
    before: list[bytes],
    frame: tuple[bytes, bytes],
    after: list[bytes],
    eol: bytes,
    interim: list[bytes],
) -> None:
    data = b"".join(interim) + eol.join([status, *before, frame[0], *after]) + eol + eol + frame[1]
    found, curls = read_by_us(data), read_by_curl(server, data)
    assert (found.error, found.body) == (None, b"hello")
    assert curls.error is not None or curls.body == found.body


@pytest.mark.parametrize("name", ["same length twice", "odd version", "both", "bad line", "interim", "more", "close"])
def test_s33_after_anything_odd_the_connection_carries_no_other_request(name: str) -> None:
    odd = {
        "same length twice": _OK + b"Content-Length : 5\r\n\r\nhello",
        "odd version": b"HTTP/1.0 200 OK\r\n" + _FIVE,
        "both": _te(b" chunked", b"Content-Length: 5\r\n"),
        "bad line": _OK + b"garbage\r\n" + _FIVE,
        "interim": b"HTTP/1.1 103 -\r\n\r\n" + _OK + _FIVE,
        "more": _OK + _FIVE + b"\r\n",
        "close": _OK + b"\r\nhello",
    }
    assert read_by_us(_OK + _FIVE).reusable
    assert not read_by_us(odd[name]).reusable


@pytest.mark.parametrize(
    ("head", "reusable"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", True),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", True),
        (b"HTTP/1.1 204 No Content\r\n\r\nhello", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", False),
    ],
)
def test_s33_a_response_without_a_body_has_none_whatever_its_headers(head: bytes, reusable: bool) -> None:
    found = read_by_us(head, method="HEAD")
    assert (found.error, found.body, found.reusable) == (None, b"", reusable)


_ENDLESS = {
    "head": (_OK, b"X-Filler: " + b"y" * 100 + b"\r\n"),
    "line": (_OK + b"A: ", b"y" * 1000),
    "folded": (_OK + b"A: b\r\n", b" c\r\n"),
    "interim": (b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"),
    "chunk extension": (_CHUNKED + b"5;", b"a=b;" * 100),
    "extensions": (_CHUNKED, b"1;" + b"x" * 1000 + b"\r\na\r\n"),
    "trailers": (_CHUNKED + b"0\r\n", b"A: b\r\n"),
    "trailer": (_CHUNKED + b"0\r\nA: ", b"b" * 1000),
}


@pytest.mark.parametrize("name", _ENDLESS)
def test_s34_the_framing_of_a_response_is_bounded(name: str) -> None:
    begin, forever = _ENDLESS[name]
    sent = 0
    near, far = socket.socketpair()
    ended = threading.Event()

    def send() -> None:
        nonlocal sent
        with suppress(OSError):
            far.sendall(begin)
            while not ended.is_set():
                far.sendall(forever)
                sent += len(forever)

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    with near, far:
        near.settimeout(20)
        with pytest.raises(MalformedResponse):
            read_response(ReceiveBuffer(near), method="GET").read_all(at_most=2**26)
        ended.set()
        near.close()
        sender.join(20)
    assert sent < 2**20


def test_small_chunks_are_not_an_attack() -> None:
    data = _CHUNKED + b"1\r\na\r\n" * 50_000 + b"0\r\n\r\n"
    assert read_by_us(data).body == b"a" * 50_000


def test_doubled_values_are_one_and_different_ones_a_list() -> None:
    found = read_by_us(_OK + b'ETag: "a"\r\netag: "a"\r\nX: 1\r\nx: 2\r\n' + _FIVE)
    assert found.headers["etag"] == ['"a"', '"a"']
    near, far = socket.socketpair()
    with near, far:
        far.sendall(_OK + b'ETag: "a"\r\netag: "a"\r\nX: 1\r\nx: 2\r\nF: a\r\n  b \r\n' + _FIVE)
        head = read_response(ReceiveBuffer(near), method="GET").head
    assert (head.get("etag"), head.get("x"), head.get("f"), head.get("none")) == ('"a"', "1, 2", "a b", None)


def test_s33_a_connection_that_received_bytes_is_not_quiet() -> None:
    near, far = socket.socketpair()
    with near, far:
        near.settimeout(7)
        assert is_quiet(near)
        assert near.gettimeout() == 7
        far.sendall(b"x")
        assert not is_quiet(near)
    near, far = socket.socketpair()
    with near:
        far.close()
        assert not is_quiet(near)


def test_a_cut_is_reported_after_the_bytes_before_it() -> None:
    near, far = socket.socketpair()
    with near:
        far.sendall(_OK + b"Content-Length: 9\r\n\r\nhello")
        far.close()
        response = read_response(ReceiveBuffer(near), method="GET")
        assert response.read(100) == b"hello"
        with pytest.raises(ResponseCut):
            response.read(100)

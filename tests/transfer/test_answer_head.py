"""A head that is taken apart in one piece shows what `http.client` shows of it."""

import http.client
import io
import socket
from collections.abc import Iterator
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording_operator.transfer.answer_head import PlainHeadResponse

_NAMES = ("Content-Length", "content-length", "Connection", "Transfer-Encoding", "ETag", "x-amz-meta-a", "Keep-Alive")
_VALUES = ("0", "3", " 3 ", "-1", "3, 3", "keep-alive", "Keep-Alive", "close", "chunked", '"e"', "", "a: b", "\xe9\x85")
_STATUS = ("HTTP/1.1 200 OK", "HTTP/1.1 204", "HTTP/1.1 304 Not  Modified ", "HTTP/1.0 200 OK", "HTTP/1.1 100 Continue")
_ENDS = ("\r\n", "\n", "\r\n ")
_BODY = b"3\r\nabc\r\n0\r\n\r\n"


class _Wire:
    """A socket of which only the file is asked."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(io.BytesIO(self._data))


class _Pieces(io.RawIOBase):
    """What arrives, read by read."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._pieces.pop(0) if self._pieces else b""
        buffer[: len(piece)] = piece
        return len(piece)


class _SlowWire:
    """A socket on which bytes arrive in pieces."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = pieces

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Pieces(*self._pieces))


def shown(kind: type[http.client.HTTPResponse], data: bytes, method: str) -> Iterator[object]:
    """All that an answer tells, up to its error."""
    answer = kind(cast("socket.socket", _Wire(data)), method=method)
    try:
        answer.begin()
        seen: Any = answer
        yield from (answer.status, answer.reason, answer.version, answer.headers.items())
        yield [type(defect) for defect in seen.msg.defects]
        yield from (seen.length, seen.chunked, seen.will_close)
        yield answer.read()
        yield answer.isclosed()
    except (http.client.HTTPException, ValueError) as error:
        yield type(error)


def alike(data: bytes, method: str) -> bool:
    """Whether both readers tell the same."""
    return list(shown(PlainHeadResponse, data, method)) == list(shown(http.client.HTTPResponse, data, method))


@given(
    status=st.sampled_from(_STATUS),
    fields=st.lists(st.tuples(st.sampled_from(_NAMES), st.sampled_from(_VALUES), st.sampled_from(_ENDS)), max_size=4),
    method=st.sampled_from(("GET", "HEAD", "PUT")),
)
def test_any_head_is_read_as_the_library_reads_it(status: str, fields: list[tuple[str, str, str]], method: str) -> None:
    head = status + "\r\n" + "".join(f"{name}: {value}{end}" for name, value, end in fields)
    assert alike(head.encode("latin-1") + b"\r\n" + _BODY, method)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX : 1\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 101 + b"Content-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"1" * 70_000 + b"\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"1" * 20_000 + b"\r\nContent-Length: 3\r\n\r\nabc",
    ],
)
def test_what_is_not_ordinary_is_left_to_the_library(data: bytes) -> None:
    assert alike(data, "GET")


def test_a_head_that_arrives_in_two_pieces_is_read_whole() -> None:
    data = b"HTTP/1.1 200 OK\r\nContent-Length: 33\r\nETag: abc\r\n\r\n" + b"x" * 33
    for cut in range(1, len(data)):
        wire = cast("socket.socket", _SlowWire(data[:cut], data[cut:]))
        answer = PlainHeadResponse(wire, method="GET")

        answer.begin()

        assert answer.headers.items() == [("Content-Length", "33"), ("ETag", "abc")], cut
        assert answer.read() == b"x" * 33, cut


def test_an_ordinary_head_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(http.client.HTTPResponse, "begin")
    answer = PlainHeadResponse(
        cast("socket.socket", _Wire(b"HTTP/1.1 206 Partial Content\r\nContent-Length: 3\r\n\r\nabc")), method="GET"
    )
    answer.begin()
    assert answer.read() == b"abc"

"""Fuzzes the parser of responses: `make fuzz` (MINUTES, SEED), and for some seconds in every test run.

There are two methods. The first builds responses of known meaning in every unusual form that is accepted. They must be
read with this meaning or rejected. The second damages complete responses. If a strict parser of RFC 9112 accepts the
result, it must be read in the same way. In both, the sizes in which bytes arrive must not matter, and only documented
errors may be raised.
"""

import argparse
import random
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.support.raw_responses import Outcome, read_by_us, read_strictly

SEEDS: Final = Path(__file__).parent / "seeds"
METHODS: Final = ("GET", "GET", "GET", "HEAD")
_TOKENS: Final = (
    b"\r\n",
    b"\n",
    b"\r",
    b" ",
    b"\t",
    b":",
    b";",
    b",",
    b"\0",
    b"0",
    b"5",
    b"ffffffff",
    b"+",
    b"-",
    b"0x",
    b"_",
    b"chunked",
    b"identity",
    b"gzip",
    b"Content-Length: 5",
    b"Transfer-Encoding: chunked",
    b"HTTP/1.1 200 OK",
    b"HTTP/1.0",
    b"HTTP/1.1 103 Early Hints\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"Connection: close",
    b"\r\n\r\n",
    b"\xff",
    b"\xb2",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Meant:
    """A response and its meaning. `certain`: it must be accepted; otherwise it may be rejected."""

    data: bytes
    method: str
    body: bytes
    certain: bool


_EOL: Final = st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n"])
_STATUS_LINES: Final = st.sampled_from(
    [
        b"HTTP/1.1 200 OK",
        b"HTTP/1.1 206 Partial Content",
        b"HTTP/1.0 200 OK",
        b"HTTP/1.1 200",
        b"http/1.1  404 Not Found",
        b"HTTP/2 200",
        b"HTTP/1.1 200OK",
        b"HTTP/1.1 503 \xc3\x9c",
    ]
)
_BODILESS: Final = st.sampled_from([b"HTTP/1.1 204 No Content", b"HTTP/1.1 304 Not Modified"])
_OTHERS: Final = st.lists(
    st.sampled_from(
        [
            b'ETag: "a"',
            b"X: y",
            b"no header",
            b"X:",
            b": x",
            b"A B: c",
            b"\xc3\x9c: x",
            b"X: a\0b",
            b"X: a\rb",
            b"Set-Cookie: a=b",
            b"X: a\n b",
            b"X: " + b"y" * 3000,
            b"Access-Control-Expose-Headers: ETag,\r\n\tContent-Length, Transfer-Encoding",
            b"Connection: close",
            b"Trailer: X",
            b"X-Content-Length: 7",
            b"Content-Length-X: 7",
            b'Link: </a>; rel="preload"',
        ]
    ),
    max_size=6,
)
_INTERIM: Final = st.lists(
    st.sampled_from([b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 -\r\nLink: <a>\r\n\r\n", b"HTTP/1.1 199\n\n"]),
    max_size=3,
)
_LENGTHS: Final = st.sampled_from(
    [
        b"Content-Length: %d",
        b"content-length:%d",
        b"Content-Length:\t%d \t",
        b"Content-Length : %d",
        b"CONTENT-LENGTH: 00%d",
        b"Content-Length:\r\n  %d",
        b"Content-Length: %d\r\nContent-Length: %d",
        b"Content-Length: %d, %d",
    ]
)
_CODINGS: Final = st.sampled_from(
    [
        b"Transfer-Encoding: chunked",
        b"transfer-encoding:Chunked ",
        b"Transfer-Encoding : chunked",
        b"Transfer-Encoding:\n chunked",
        b"Transfer-Encoding: ,chunked",
        b"Transfer-Encoding: identity, chunked",
        b"Transfer-Encoding: chunked\r\nContent-Length: 3",
    ]
)
_REFUSED: Final = st.sampled_from(
    [
        b"Transfer-Encoding: gzip, chunked",
        b"Transfer-Encoding: chunked, chunked",
        b"Transfer-Encoding: \x0bchunked",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        b"Content-Length: +%d",
        b"Content-Length: %d %d",
        b"Content-Length: %d, 1%d",
        b"Content-Length: %d\xb2",
        b"Transfer-Encoding chunked",
        b"Content-Length %d",
        b"\0Content-Length: %d",
        b"X: y\r\n Transfer-Encoding: chunked",
        b"Content-Length: %d\r\r",
        b"Transfer-Encoding:",
    ]
)
_CONTENT: Final = st.one_of(
    st.binary(max_size=200),
    st.sampled_from([b"0\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", b"z" * 40_000]),
)
_EXTENSIONS: Final = st.sampled_from([b"", b"", b";a=b", b"  ", b' ; a="b\\"c"', b";" + b"x" * 100])
_TRAILERS: Final = st.lists(
    st.sampled_from([b"A: b", b"garbage", b"Content-Length: 5", b"X: " + b"y" * 500]), max_size=3
)


def _filled(form: bytes, length: int) -> bytes:
    return form.replace(b"%d", b"%d" % length)


@st.composite
def _chunks(draw: st.DrawFn, body: bytes, eol: bytes) -> bytes:
    out, at = b"", 0
    while at < len(body):
        size = draw(st.sampled_from([1, 7, 1000, len(body)])) if len(out) < 2000 else len(body)
        piece = body[at : at + size]
        digits = draw(st.sampled_from([b"%x", b"%X", b"000%x"])) % len(piece)
        out += digits + draw(_EXTENSIONS) + eol + piece + eol
        at += len(piece)
    return out + b"0" + draw(_EXTENSIONS) + eol + b"".join(line + eol for line in draw(_TRAILERS)) + eol


@st.composite
def meant(draw: st.DrawFn) -> Meant:
    """A response with a known meaning."""
    body, eol, method = draw(_CONTENT), draw(_EOL), draw(st.sampled_from(METHODS))
    kind = draw(st.sampled_from(["length", "length", "chunked", "chunked", "close", "bodiless", "refused"]))
    method = "GET" if kind == "refused" else method
    status = draw(_BODILESS if kind == "bodiless" else _STATUS_LINES)
    sent, framing = body, b""
    if kind == "length":
        framing = _filled(draw(_LENGTHS), len(body))
        sent += draw(st.sampled_from([b"", b"", b"more", b"HTTP/1.1 200 OK\r\n\r\n"]))
    elif kind == "chunked":
        framing = draw(_CODINGS)
        sent = draw(_chunks(body, eol)) + draw(st.sampled_from([b"", b"", b"more"]))
    elif kind == "refused":
        framing = _filled(draw(_REFUSED), len(body))
    others = draw(_OTHERS)
    fields = [*others, framing] if framing else others
    if framing and draw(st.booleans()):
        fields = [framing, *others]
    head = eol.join([status, *fields]) + eol + eol
    bodiless = kind == "bodiless" or method == "HEAD"
    return Meant(
        data=b"".join(draw(_INTERIM)) + head + sent,
        method=method,
        body=b"" if bodiless else body,
        certain=kind != "refused",
    )


@st.composite
def damaged(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """A seed with some bytes changed, cut, doubled or mixed with another's."""
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        end = min(len(data), at + draw(st.sampled_from([0, 1, 2, 10, 100])))
        how = draw(st.sampled_from(["put", "put", "cut out", "end", "twice", "mix"]))
        if how == "put":
            data = data[:at] + draw(st.one_of(st.sampled_from(_TOKENS), st.binary(min_size=1, max_size=3))) + data[end:]
        elif how == "cut out":
            data = data[:at] + data[end:]
        elif how == "end":
            data = data[:at]
        elif how == "twice":
            data = data[:end] + data[at:]
        else:
            data = data[:at] + draw(st.sampled_from(seeds))[at:]
    return data


_BARE_LINE_FEED: Final = re.compile(rb"(?<!\r)\n")
PIECES: Final = st.sampled_from([(), (1,) * 400, (17, 1, 1, 1, 30, 2, 500), (100, 1) * 20])


def check_meant(case: Meant, pieces: tuple[int, ...]) -> None:
    """What is read is what was meant, or nothing."""
    found = read_by_us(case.data, method=case.method, pieces=pieces)
    if found.error is None:
        assert case.certain, "it was to be refused"
        assert found.body == case.body, (found.body[:100], case.body[:100])
    else:
        assert not case.certain, found.error
        assert found.error != "cut"


def check_damaged(data: bytes, method: str, pieces: tuple[int, ...]) -> None:
    """Strict readings are shared; arrival in pieces changes nothing."""
    found, strictly = read_by_us(data, method=method), read_strictly(data, method=method)
    if strictly.error is None:
        assert (found.error, found.status, found.body) == (None, strictly.status, strictly.body)
    # A bare line feed ends a line for us, as it does for curl; the strict reading waits for another.
    if found.error is None and strictly.error == "cut" and _BARE_LINE_FEED.search(data) is None:
        raise AssertionError("a cut was taken for the end")
    assert _told(read_by_us(data, method=method, pieces=pieces)) == _told(found)


def _told(outcome: Outcome) -> tuple[str | None, int, bytes]:
    return outcome.error, outcome.status, outcome.body


def seeds() -> list[bytes]:
    """The responses of the folder, in a stable order."""
    return [path.read_bytes() for path in sorted(SEEDS.glob("*.http"))]


def run(*, examples: int, number: int) -> None:
    """So many examples of each way. Raises AssertionError."""
    many = settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )

    @seed(number)
    @many
    @given(meant(), PIECES)
    def built(case: Meant, pieces: tuple[int, ...]) -> None:
        check_meant(case, pieces)

    @seed(number)
    @many
    @given(damaged(seeds()), st.sampled_from(METHODS), PIECES)
    def broken(data: bytes, method: str, pieces: tuple[int, ...]) -> None:
        check_damaged(data, method, pieces)

    built()
    broken()


def main() -> int:
    """Run for some minutes and say how many responses were read."""
    parser = argparse.ArgumentParser(description="Fuzz the reading of HTTP responses.")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=None)
    given_args = parser.parse_args()
    number = random.randrange(2**32) if given_args.seed is None else given_args.seed
    until, done = time.monotonic() + 60 * given_args.minutes, 0
    while time.monotonic() < until:
        try:
            run(examples=500, number=number)
        except AssertionError:
            sys.stderr.write(f"fuzz: a finding; again with --seed {number}\n")
            raise
        done, number = done + 1000, number + 1
        sys.stdout.write(f"fuzz: {done} responses read, none wrongly\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())

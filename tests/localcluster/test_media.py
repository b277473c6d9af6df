"""The sample media server: reproducible bytes, links that expire, ranges as in RFC 9110."""

import hashlib
import re
import time
from collections.abc import Iterator

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from localcluster import MediaServer
from localcluster.media import BLOCK_BYTES, Media
from localcluster.mediaserver import parse_range, parse_size
from tests.support.waiting import eventually


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


@given(offset=st.integers(0, 3 * BLOCK_BYTES), length=st.integers(0, 2 * BLOCK_BYTES))
def test_any_range_is_the_same_slice_of_the_file(offset: int, length: int) -> None:
    media = Media(name="m/video.mp4", size_bytes=3 * BLOCK_BYTES + 17)
    whole = b"".join(media.windows())
    assert media.read(offset, length) == whole[offset : offset + length]


def test_no_two_blocks_and_no_two_names_are_alike() -> None:
    pieces = [Media(name="m/video.mp4", size_bytes=2**40).read(number * BLOCK_BYTES + 64, 64) for number in range(4096)]
    pieces.append(Media(name="m/audio.m4a", size_bytes=2**40).read(64, 64))
    assert len(set(pieces)) == len(pieces)


def test_the_digest_is_that_of_the_bytes_and_text_is_printable() -> None:
    media = Media(name="m/notes.txt", size_bytes=BLOCK_BYTES + 5)
    body = media.read(0, media.size_bytes)
    assert len(body) == media.size_bytes
    assert hashlib.sha256(body).hexdigest() == media.digest()
    assert body.decode("ascii").replace("\n", "").isprintable()


@given(size_bytes=st.integers(1, 1000), first=st.integers(0, 1200), last=st.integers(0, 1200))
def test_ranges_stay_inside_the_file(size_bytes: int, first: int, last: int) -> None:
    if first >= size_bytes or last < first:
        with pytest.raises(ValueError, match="no such range"):
            parse_range(f"bytes={first}-{last}", size_bytes)
    else:
        assert parse_range(f"bytes={first}-{last}", size_bytes) == (first, min(last, size_bytes - 1))


@pytest.mark.parametrize(
    ("header", "expected"),
    [(None, None), ("bytes=5-", (5, 99)), ("bytes=-7", (93, 99)), ("bytes=-700", (0, 99)), ("bytes=0-1,4-5", None)],
)
def test_other_forms_of_a_range(header: str | None, expected: tuple[int, int] | None) -> None:
    assert parse_range(header, 100) == expected


def test_sizes() -> None:
    assert [parse_size(text) for text in ("12", "480MB", "1GiB")] == [12, 480_000_000, 2**30]
    with pytest.raises(ValueError, match="write a size"):
        parse_size("480 potatoes")


def test_a_lasting_link_leads_to_a_signed_one_that_serves_ranges(media: MediaServer, session: requests.Session) -> None:
    answer = session.get(media.link("standup/video.mp4", size="3MB"))
    expected = Media(name="standup/video.mp4", size_bytes=3_000_000)
    assert [first.status_code for first in answer.history] == [302]
    assert re.search(r"X-Amz-Date=.*X-Amz-Expires=900.*X-Amz-Signature=", answer.url)
    assert answer.headers["Content-Type"] == "video/mp4"
    assert hashlib.sha256(answer.content).hexdigest() == expected.digest()
    part = session.get(answer.url, headers={"Range": "bytes=1048570-1048580", "If-Range": answer.headers["ETag"]})
    assert (part.status_code, part.headers["Content-Range"]) == (206, "bytes 1048570-1048580/3000000")
    assert part.content == answer.content[1048570:1048581]
    changed = session.get(answer.url, headers={"Range": "bytes=0-9", "If-Range": '"another"'})
    assert (changed.status_code, len(changed.content)) == (200, 3_000_000)
    beyond = session.get(answer.url, headers={"Range": "bytes=3000000-"})
    assert (beyond.status_code, beyond.headers["Content-Range"]) == (416, "bytes */3000000")
    # The server records a response when it has been sent, which may be after it was read here.
    eventually(lambda: [served.status for served in media.served] == [302, 200, 206, 200, 416], what="five answers")


def test_a_signed_link_expires_and_cannot_be_changed(media: MediaServer, session: requests.Session) -> None:
    link = media.signed_link("standup/video.mp4", size_bytes=1000, valid_s=60)
    assert session.get(link).status_code == 200
    assert session.head(link).status_code == 403
    larger = session.get(link.replace("size=1000", "size=2000"))
    assert (larger.status_code, "SignatureDoesNotMatch" in larger.text) == (403, True)
    media.clock = lambda: time.time() + 61
    late = session.get(link)
    assert (late.status_code, "<Message>Request has expired</Message>" in late.text) == (403, True)
    assert late.headers["Content-Type"] == "application/xml"


def test_a_connection_keeps_to_its_rate(media: MediaServer, session: requests.Session) -> None:
    started_s = time.monotonic()
    session.get(media.signed_link("slow/video.mp4", size_bytes=200_000, rate="400KB"))
    assert 0.4 < time.monotonic() - started_s < 10


def test_stop_cuts_connections_and_start_takes_the_same_port(session: requests.Session) -> None:
    with MediaServer() as media:
        link = media.signed_link("long/video.mp4", size_bytes=10**9, rate="1MB")
        answer = session.get(link, stream=True)
        media.stop()
        with pytest.raises(requests.exceptions.RequestException):
            list(answer.iter_content(2**16))
        media.start()
        assert session.get(link, stream=True).status_code == 200

"""Checksums of parts, checksums in headers, and digests that are updated in order."""

import hashlib
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording_operator.checksums import (
    ExpectedChecksum,
    InOrderDigest,
    combine_parts,
    crc64nvme,
    from_base64,
    to_base64,
)


@given(pieces=st.lists(st.binary(max_size=300), max_size=12))
def test_checksums_of_parts_combine_to_the_checksum_of_the_whole(pieces: list[bytes]) -> None:
    whole = b"".join(pieces)
    assert combine_parts((crc64nvme(piece), len(piece)) for piece in pieces) == crc64nvme(whole)
    running = 0
    for piece in pieces:
        running = crc64nvme(piece, running)
    assert running == crc64nvme(whole)


def test_crc64nvme_is_the_published_one() -> None:
    # Check value of CRC-64/NVME: https://reveng.sourceforge.io/crc-catalogue/all.htm
    assert crc64nvme(b"123456789") == 0xAE8B14860A799888


@given(crc=st.integers(0, 2**64 - 1))
def test_base64_of_a_checksum_is_read_back(crc: int) -> None:
    assert from_base64(to_base64(crc)) == crc


@pytest.mark.parametrize("text", [None, "", "AAAA", "not base64!", "AAAAAAAAAAA=-3"])
def test_other_checksums_are_ignored(text: str | None) -> None:
    assert from_base64(text) is None


@given(body=st.binary(min_size=1, max_size=500), starts=st.lists(st.integers(0, 499), max_size=10))
def test_a_digest_in_order_survives_reading_again(body: bytes, starts: list[int]) -> None:
    digest = InOrderDigest(ExpectedChecksum(f"sha256:{hashlib.sha256(body).hexdigest()}"))
    reached = 0
    for start in starts:
        if start <= reached:
            end = min(len(body), start + 100)
            digest.feed(start, body[start:end])
            reached = max(reached, end)
    digest.feed(reached, body[reached:])
    assert digest.complete(len(body))
    assert digest.matches(len(body))
    assert not digest.matches(len(body) + 1)


def test_a_digest_rejects_a_gap_and_other_bytes() -> None:
    digest = InOrderDigest(ExpectedChecksum(f"crc32:{zlib.crc32(b'abc'):08x}"))
    with pytest.raises(ValueError, match="in order"):
        digest.feed(1, b"b")
    digest.feed(0, b"abd")
    assert not digest.matches(3)

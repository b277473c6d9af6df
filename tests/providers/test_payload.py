"""JSON of a provider: what is read, and what is malformed."""

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recording_operator.providers import payload
from recording_operator.providers.provider import MalformedDelivery
from tests.support.deliveries import json_values

MIB = 2**20


@pytest.mark.parametrize(
    "body",
    [b"", b"\xff\xfe", b"null", b"[]", b'"a"', b"{", b'{"a": NaN}', b'{"a": -Infinity}', b'{"a": 1e999}', b"{}{}",
     b'{"a": 1' + b"0" * 5000 + b"}", b"\xef\xbb\xbf{}"],
)  # fmt: skip
def test_what_is_no_json_object(body: bytes) -> None:
    with pytest.raises(MalformedDelivery):
        payload.read_object(body)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * MIB,
        b'{"a":' * (MIB // 5),
        b'{"a":' + b"[" * (MIB // 2 - 4) + b"]" * (MIB // 2 - 4) + b"}",
        b'{"a":' + b"[" * 500 + b"]" * 500 + b"}",
        b'{"a":' + b'{"a":' * 100 + b"0" + b"}" * 101,
    ],
)
def test_deep_nesting_takes_no_time(body: bytes) -> None:
    begun = time.thread_time()
    with pytest.raises(MalformedDelivery):
        payload.read_object(body)
    assert time.thread_time() - begun < 1


def test_wide_json_of_a_mebibyte_takes_little_longer_than_to_parse_it() -> None:
    body = b'{"a":[' + b",".join([b"[[]]"] * (MIB // 5)) + b"]}"
    begun = time.thread_time()
    json.loads(body)
    parsed = time.thread_time()
    assert len(payload.read_object(body)["a"]) == MIB // 5
    assert time.thread_time() - parsed < 20 * (parsed - begun)


def test_sixty_levels_are_read() -> None:
    assert payload.read_object(b'{"a":' + b"[" * 60 + b"]" * 60 + b"}")


def test_half_an_emoji_becomes_a_question_mark() -> None:
    found = payload.read_object(rb'{"topic": "party \ud83c", "whole": "\ud83c\udf89", "k\udc00": "\\ud83c"}')
    assert found == {"topic": "party ?", "whole": "\U0001f389", "k?": r"\ud83c"}
    json.dumps(found, ensure_ascii=False).encode()


def test_texts_are_one_line() -> None:
    found = {"a": " Weekly\n\tsync\x00\u202e ", "b": 7, "c": "x" * 2000}
    assert payload.text(found, "a") == "Weekly sync"
    assert (payload.text(found, "b"), payload.text(found, "d")) == ("", "")
    assert len(payload.text(found, "c", most_chars=256)) == 256


def test_failures_contain_no_signed_url() -> None:
    said = payload.failure_text("E_UPLOAD", "PUT https://b.example.test/a?X-Amz-Signature=00\nfailed " + "x" * 300)
    assert said.startswith("E_UPLOAD: PUT https://b.example.test/a?[redacted] failed x")
    assert len(said) == 256
    assert (payload.failure_text("", "words"), payload.failure_text("CODE", "")) == ("words", "CODE")


def test_ids() -> None:
    assert payload.identifier({"id": 85123456789}, "id", field="id") == "85123456789"
    assert payload.identifier({"id": "a/b+c=="}, "id", field="id") == "a/b+c=="
    wrong: tuple[object, ...] = (None, "", " ", True, 1.5, [], "a\n", "x" * 513, "\x1b[31m")
    for value in wrong:
        with pytest.raises(MalformedDelivery, match=r"data\.id") as caught:
            payload.identifier({"id": value}, "id", field="data.id")
        assert "[31m" not in str(caught.value)


@pytest.mark.parametrize("value", [7, "ftp://a/b", "//a", "https://", "https://a b", "https://u:p@a/", "x" * 9000, {}])
def test_what_is_no_url(value: object) -> None:
    with pytest.raises(MalformedDelivery, match=r"data\.video"):
        payload.url({"video": value}, "video", field="data.video")


def test_urls() -> None:
    signed = "https://a.example.test/v.mp4?X-Amz-Signature=00"
    assert payload.url({"video": signed}, "video", field="video") == signed
    assert [payload.url({"v": value}, "v", field="v") for value in (None, "")] == [None, None]


@pytest.mark.parametrize(
    ("value", "expected"),
    [(5, 5), ("5", 5), (5.0, 5), (0, 0),
     (-1, None), (True, None), (5.5, None), ("x", None), (10**18, None), (None, None),
     ("9" * 5000, None), ("٣", None)],
)  # fmt: skip
def test_sizes(value: object, expected: int | None) -> None:
    assert payload.size(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        "2026-01-01T10:31:12Z",
        "2026-01-01T11:31:12+01:00",
        "2026-01-01 10:31:12",
        1767263472,
        1767263472000,
        "1767263472",
    ],
)
def test_times(value: Any) -> None:
    assert payload.instant(value) == datetime(2026, 1, 1, 10, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize("value", ["", "soon", True, None, 10**30, -(10**30), 1e300, [], "9" * 5000])
def test_what_is_no_time(value: object) -> None:
    assert payload.instant(value) is None


@settings(max_examples=100, deadline=None)
@given(value=json_values, body=st.binary(max_size=200))
def test_whatever_is_sent_the_only_error_is_malformed(value: object, body: bytes) -> None:
    for sent in (body, json.dumps({"a": value}).encode()):
        try:
            found = payload.read_object(sent)
        except MalformedDelivery:
            continue
        payload.text(found, "a")
        payload.size(found.get("a"))
        payload.instant(found.get("a"))
        for read in (payload.identifier, payload.url):
            try:
                read(found, "a", field="a")
            except MalformedDelivery:
                continue

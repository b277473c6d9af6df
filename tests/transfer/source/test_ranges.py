"""Faults of the source, S44 to S46: ranges that do not work, and one GET that does."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.stores.s3.bucket import S3Store
from tests.support.lying_source import Behaviour, Content, Serve, SourceRequest
from tests.support.strict_store import StrictStore
from tests.support.transfers import (
    KIB,
    MIB,
    Observed,
    an_object,
    check_stored,
    fails,
    fast_options,
    pattern,
    run_transfer,
    sum_of,
)

BODY = pattern(MIB + 12_345)
PART = 256 * KIB
MULTIPART = b"--x\r\nContent-Type: video/mp4\r\nContent-Range: bytes 0-9/100\r\n\r\n0123456789\r\n--x--\r\n"
PROMISES: dict[str, Behaviour] = {
    "416": Behaviour(status=416, body=b""),
    "416 with a length": Behaviour(status=416, body=b"", headers={"Content-Range": "bytes */1060921"}),
    "416 that claims nothing": Behaviour(status=416, body=b"", headers={"Content-Range": "bytes */0"}),
    "412": Behaviour(status=412, body=b""),
    "400": Behaviour(status=400, body=b"bad range"),
    "405": Behaviour(status=405, body=b""),
    "501": Behaviour(status=501, body=b""),
    "no Content-Range": Behaviour(headers={"Content-Range": None}),
    "garbled": Behaviour(headers={"Content-Range": "bytes=0-65535/1060921"}),
    "no unit": Behaviour(headers={"Content-Range": "0-65535/1060921"}),
    "length unknown": Behaviour(headers={"Content-Range": "bytes 0-65535/*"}),
    "another range": Behaviour(headers={"Content-Range": "bytes 65536-131071/1060921"}),
    "a shorter range": Behaviour(headers={"Content-Range": "bytes 0-99/1060921"}, body=BODY[:100]),
    "longer than it says": Behaviour(headers={"Content-Range": "bytes 0-65535/1060921"}, body=BODY[: 70 * KIB]),
    "shorter than it says": Behaviour(headers={"Content-Range": "bytes 0-65535/1060921"}, body=BODY[: 60 * KIB]),
    "chunked and longer": Behaviour(framing="chunked", body=BODY[: 70 * KIB]),
    "chunked and shorter": Behaviour(framing="chunked", body=BODY[: 60 * KIB]),
    "beyond the end": Behaviour(headers={"Content-Range": "bytes 0-65535/1000"}),
    "backwards": Behaviour(headers={"Content-Range": "bytes 9-0/1060921"}),
    "multipart": Behaviour(
        body=MULTIPART, headers={"Content-Type": "multipart/byteranges; boundary=x", "Content-Range": None}
    ),
    "multipart and a range": Behaviour(headers={"Content-Type": "multipart/byteranges; boundary=x"}),
    "a part with 200": Behaviour(status=200),
    "a part with 200 that does not say so": Behaviour(status=200, headers={"Content-Range": None}),
}


def ranged(behaviour: Behaviour) -> Callable[[SourceRequest], Behaviour]:
    """Requests with Range meet this, those without it the truth."""
    return lambda request: Behaviour() if request.first_byte is None else behaviour


def of_size(behaviour: Behaviour, size: int) -> Behaviour:
    """The same of a file of this size."""
    headers = {name: value and value.replace(str(len(BODY)), str(size)) for name, value in behaviour.headers.items()}
    return replace(behaviour, headers=headers)


def test_s44_two_sizes_are_ignored(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    source = serve(BODY)
    twice = Behaviour(body=BODY * 2)
    claimed = Behaviour(headers={"Content-Range": f"bytes 0-65535/{len(BODY)}"}, body=BODY[: 64 * KIB] * 2)
    source.behave = lambda request: twice if request.first_byte is None else claimed
    assert fails(lambda: run_transfer(source.url, store)).reason is Reason.SOURCE_PROTOCOL_ERROR
    assert strict.keys() == []


@pytest.mark.parametrize("name", sorted(PROMISES))
@pytest.mark.parametrize("size", [1000, 64 * KIB, len(BODY)])
def test_s44_a_range_that_does_not_work_ends_in_one_get_without_range(
    serve: Serve, strict: StrictStore, store: S3Store, name: str, size: int
) -> None:
    source = serve(BODY[:size])
    source.behave = ranged(of_size(PROMISES[name], size))
    check_stored(run_transfer(source.url, store), BODY[:size], strict)
    assert len(source.served) <= 3


@pytest.mark.parametrize("name", sorted(PROMISES))
def test_s44_ranges_that_stop_working_end_in_one_get_without_range(
    serve: Serve, strict: StrictStore, store: S3Store, name: str
) -> None:
    source = serve(BODY)
    later = ranged(PROMISES[name])
    source.behave = lambda request: Behaviour() if request.number <= 2 else later(request)
    check_stored(run_transfer(source.url, store, options=fast_options(workers=2)), BODY, strict)


@pytest.mark.parametrize(
    "behaviour",
    [
        Behaviour(status=500, body=b"no ranges"),
        Behaviour(status=502, body=b""),
        Behaviour(cut_after=0, reset=True),
        Behaviour(cut_after=1000),
        Behaviour(raw_head=b"HTTP/1.1 206 OK\r\nContent-Length: x\r\n\r\n"),
    ],
    ids=["500", "502", "closed", "cut", "malformed"],
)
@pytest.mark.parametrize("size", [5000, len(BODY)])
def test_s44_range_requests_that_break_again_and_again_end_in_one_get_without_range(
    serve: Serve, strict: StrictStore, store: S3Store, behaviour: Behaviour, size: int
) -> None:
    source = serve(BODY[:size])
    source.behave = ranged(behaviour)
    check_stored(run_transfer(source.url, store), BODY[:size], strict)
    assert sum(request.first_byte is not None for request in source.served) == 3


def test_s44_a_range_request_that_breaks_once_is_a_range_request_again(
    serve: Serve, strict: StrictStore, store: S3Store
) -> None:
    source = serve(BODY)
    source.behave = lambda request: Behaviour(status=500, body=b"") if request.number <= 2 else Behaviour()
    check_stored(run_transfer(source.url, store), BODY, strict)
    assert all(request.first_byte is not None for request in source.served)


@pytest.mark.parametrize("size", [100 * KIB, len(BODY)])
def test_s44_the_get_without_range_may_break_too(serve: Serve, strict: StrictStore, store: S3Store, size: int) -> None:
    source = serve(BODY[:size])
    source.behave = lambda request: (
        replace(PROMISES["416"]) if request.first_byte is not None
        else Behaviour(cut_after=70 * KIB if request.number == 3 else None)
    )  # fmt: skip
    check_stored(run_transfer(source.url, store), BODY[:size], strict)


def test_s44_a_whole_that_comes_as_206_is_taken(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    source = serve(BODY)
    whole = Behaviour(status=206, headers={"Content-Range": f"bytes 0-{len(BODY) - 1}/{len(BODY)}"})
    source.behave = lambda request: whole if request.first_byte is None else PROMISES["416"]
    check_stored(run_transfer(source.url, store), BODY, strict)


def test_s44_a_part_in_place_of_the_whole_is_never_stored(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    source = serve(BODY)
    part = Behaviour(status=206, body=BODY[:PART], headers={"Content-Range": f"bytes 0-{PART - 1}/{len(BODY)}"})
    source.behave = lambda request: part if request.first_byte is None else PROMISES["416"]
    assert fails(lambda: run_transfer(source.url, store)).reason is Reason.SOURCE_PROTOCOL_ERROR
    assert strict.keys() == []


def stamped(request: SourceRequest, *, nodes: int | None) -> Content:
    """The same bytes under another ETag and time in every response, or of so many nodes."""
    number = request.number if nodes is None else request.number % nodes
    return Content(
        body=BODY, etag=f'"{number}"', last_modified=f"Mon, 01 Jun 2026 00:00:{number % 60:02} GMT"
    )  # fmt: skip


@pytest.mark.parametrize("nodes", [None, 2, 3])
@pytest.mark.parametrize("conditions", [True, False])
@pytest.mark.parametrize("cut", [None, 3 * PART + 5])
def test_s45_validators_that_differ_in_every_response_do_not_count_as_a_change(
    serve: Serve, strict: StrictStore, store: S3Store, nodes: int | None, conditions: bool, cut: int | None
) -> None:
    source = serve(BODY)
    source.behave = lambda request: Behaviour(
        content=stamped(request, nodes=nodes),
        conditions=conditions,
        headers={"Date": "Tue, 02 Jun 2026 00:00:00 GMT"},
        cut_after=cut if request.first_byte is None and request.number <= 4 else None,
    )
    observed = Observed()
    check_stored(run_transfer(source.url, store, observed=observed), BODY, strict)
    assert len({state.upload_id for state in observed.states}) == 1, "it was begun again"


def test_s45_content_that_really_differs_in_every_response_has_changed(
    serve: Serve, strict: StrictStore, store: S3Store
) -> None:
    source = serve(BODY)
    source.behave = lambda request: Behaviour(
        content=Content(body=pattern(len(BODY), seed=request.number), etag=f'"{request.number}"')
    )
    assert fails(lambda: run_transfer(source.url, store)).reason is Reason.SOURCE_CHANGED
    assert strict.keys() == []


def test_s45_parts_that_were_read_after_a_validator_was_lost_are_compared_by_a_later_process(
    serve: Serve, strict: StrictStore, store: S3Store
) -> None:
    """The source changes back to the content of the first ETag: that must not vouch for what was read meanwhile."""
    source, observed = serve(BODY), Observed()
    shared = 2 * PART
    other = Content(body=BODY[: shared - 1] + pattern(len(BODY), seed=9)[shared - 1 :], etag='"v2"')
    # One range of the old content breaks in its third part; the new content is read until it breaks as well.
    source.behave = lambda request: (
        Behaviour(cut_after=None if request.number == 1 else PART + 5)
        if request.number <= 2
        else Behaviour(content=other, cut_after=2 * PART + 5)
    )
    options = fast_options(workers=1, tries_without_progress=2, single_put_bytes=PART)
    fails(lambda: run_transfer(source.url, store, observed=observed, options=options))
    source.behave = lambda _: Behaviour()
    stored = run_transfer(source.url, store, resume=observed.states[-1], options=options)
    check_stored(stored, BODY, strict)


SINGLE_USE = {
    "ranges": Behaviour(),
    "no ranges": Behaviour(ranges=False),
    "no validator": Behaviour(headers={"ETag": None}),
    "no ranges, no validator": Behaviour(ranges=False, headers={"ETag": None}),
    "chunked": Behaviour(ranges=False, framing="chunked"),
}


@pytest.mark.parametrize("size", [1, 1000, 64 * KIB - 1, 64 * KIB])
@pytest.mark.parametrize("name", sorted(SINGLE_USE))
@pytest.mark.parametrize("status", [403, 404, 410])
def test_s46_a_file_complete_in_the_first_response_is_not_requested_again(
    serve: Serve, strict: StrictStore, store: S3Store, size: int, name: str, status: int
) -> None:
    source = serve(BODY[:size])
    source.behave = lambda request: SINGLE_USE[name] if request.number == 1 else Behaviour(status=status, body=b"used")
    if name == "chunked" and size == 64 * KIB:
        return  # its end is not within the first 64 KiB
    one_byte = an_object(kind="Other", content_type="application/x-any")  # which may be that of a text
    check_stored(run_transfer(source.url, store, obj=one_byte), BODY[:size], strict, obj=one_byte)
    if size < 64 * KIB:
        assert len(source.served) == 1


@pytest.mark.parametrize("told", [{"size": 1000}, {"checksum": sum_of("sha256", BODY[:1000])}], ids=["size", "sum"])
def test_s46_a_body_that_ends_with_the_connection_counts_where_the_spec_can_judge_it(
    serve: Serve, strict: StrictStore, store: S3Store, told: dict[str, object]
) -> None:
    source = serve(BODY[:1000])
    source.behave = lambda request: (
        Behaviour(ranges=False, framing="close") if request.number == 1 else Behaviour(status=403, body=b"used")
    )
    check_stored(run_transfer(source.url, store, **told), BODY[:1000], strict)  # type: ignore[arg-type]


def test_s46_a_cut_before_the_size_in_the_spec_is_still_a_cut(
    serve: Serve, strict: StrictStore, store: S3Store
) -> None:
    source = serve(BODY[:1000])
    source.behave = lambda request: Behaviour(
        ranges=False, framing="close", cut_after=500 if request.number <= 2 else None
    )
    check_stored(run_transfer(source.url, store, size=1000), BODY[:1000], strict)

"""Responses of all forms, and how requests are sent."""

from collections.abc import Callable, Iterator

import pytest

from recording_operator import __version__
from recording_operator.egress.dialer import Dialer
from recording_operator.egress.errors import ConnectionLostError, ProtocolError, RedirectLimitError, TooSlowError
from recording_operator.egress.policy import SourcePolicy
from tests.support.dialing import BODY, Names, fetch, refused
from tests.support.lying_source import Behaviour, Content, LyingSource, SourceRequest
from tests.support.strict_store import StrictStore
from tests.support.transfers import check_stored, loopback_policy, nth, run_transfer, store_of

HEAD = b'HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: 50000\r\nETag: "v1"\r\n\r\n'
PLACES = (0, 1, 5, 9, 12, 15, 17, 25, 43, 60, 67, 68, len(HEAD) - 3, len(HEAD) - 2, len(HEAD) - 1)


@pytest.fixture
def source() -> Iterator[LyingSource]:
    with LyingSource(Content(body=BODY)) as server:
        yield server


@pytest.mark.parametrize("place", PLACES)
def test_s35_a_cut_anywhere_in_the_head_is_a_break(source: LyingSource, place: int) -> None:
    source.behave = lambda _: Behaviour(raw_head=HEAD[:place], cut_after=0)
    refused(lambda: fetch(Dialer(loopback_policy()), source.url), ConnectionLostError)


@pytest.mark.parametrize("place", [0, 17, 43, len(HEAD) - 2])
def test_s35_after_a_cut_in_the_first_head_the_request_is_repeated(source: LyingSource, place: int) -> None:
    source.behave = nth(1, Behaviour(raw_head=HEAD[:place], cut_after=0))
    with StrictStore() as strict:
        store = store_of(strict)
        check_stored(run_transfer(source.url, store), BODY, strict)
        store.close()


@pytest.mark.parametrize(
    "timeouts",
    [{"headers": "400ms", "read": "5s"}, {"headers": "5s", "read": "200ms"}, {"headers": "400ms", "read": "400ms"}],
)
@pytest.mark.parametrize("behaviour", ["drips", "stops in its head", "stops after a 103"])
def test_s16_a_head_that_does_not_come_is_too_slow_whichever_timeout_sees_it(
    source: LyingSource, timeouts: dict[str, str], behaviour: str
) -> None:
    stopping = {
        "drips": Behaviour(drip_headers_s=0.3),
        "stops in its head": Behaviour(before=HEAD[:30], hold_head=True),
        "stops after a 103": Behaviour(before=b"HTTP/1.1 103 Early Hints\r\n\r\n", hold_head=True),
    }
    source.behave = lambda _: stopping[behaviour]
    refused(lambda: fetch(Dialer(loopback_policy(timeouts=timeouts)), source.url), TooSlowError)


@pytest.mark.parametrize(
    "more",
    [
        b"".join(b"X-Header-%d: y\r\n" % number for number in range(300)),
        b"this line is no header\r\n",
        b"X: a\r\n  folded\r\n\tagain\r\n",
        "X-Title: \u00dcbung\u2028\r\n".encode(),
        b'ETag: "v1"\r\n',
        b"Content-Length: 50000\r\n",
        b"Set-Cookie: a=b\0c\r\n",
    ],
)
def test_s36_unusual_heads_are_read(source: LyingSource, more: bytes) -> None:
    first, _, rest = HEAD.partition(b"\r\n")
    source.behave = lambda _: Behaviour(ranges=False, raw_head=first + b"\r\n" + more + rest)
    with StrictStore() as strict:
        store = store_of(strict)
        check_stored(run_transfer(source.url, store), BODY, strict)
        store.close()


def test_s36_interim_responses_do_not_count_as_the_response(source: LyingSource) -> None:
    source.behave = lambda _: Behaviour(
        before=b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n"
    )
    assert fetch(Dialer(loopback_policy()), source.url) == BODY


def test_s34_a_framing_that_is_not_understood_names_itself(source: LyingSource) -> None:
    source.behave = lambda _: Behaviour(framing="chunked", headers={"Transfer-Encoding": "gzip, chunked"})
    error = refused(lambda: fetch(Dialer(loopback_policy()), source.url), ProtocolError)
    assert "Transfer-Encoding other than chunked" in str(error)


@pytest.mark.parametrize("coding", ["chunked ", "\tchunked", "Chunked", ",chunked,", "identity, chunked"])
def test_s34_chunked_in_other_words_is_chunked(source: LyingSource, coding: str) -> None:
    def behave(request: SourceRequest) -> Behaviour:
        cut = 20_000 if request.number in (1, 2) else None
        return Behaviour(ranges=False, framing="chunked", headers={"Transfer-Encoding": coding}, cut_after=cut)

    source.behave = behave
    with StrictStore() as strict:
        store = store_of(strict)
        check_stored(run_transfer(source.url, store), BODY, strict)
        store.close()


def _hops(count: int, *, cookie: str | None = None) -> Callable[[SourceRequest], Behaviour]:
    def behave(request: SourceRequest) -> Behaviour:
        at = int(request.target.rpartition("/")[2]) if request.target.startswith("/hop/") else 0
        if at == count:
            return Behaviour()
        headers: dict[str, str | None] = {"Location": f"/hop/{at + 1}"}
        if cookie is not None and at == 0:
            headers["Set-Cookie"] = cookie
        return Behaviour(status=302, headers=headers, body=b"")

    return behave


def test_s13_ten_redirects_are_followed_and_no_more(source: LyingSource) -> None:
    source.behave = _hops(10)
    assert fetch(Dialer(loopback_policy()), source.url) == BODY
    source.behave = _hops(11)
    refused(lambda: fetch(Dialer(loopback_policy()), source.url), RedirectLimitError)


def test_s37_a_cookie_of_the_way_is_kept_on_the_way_only(source: LyingSource) -> None:
    source.behave = _hops(2, cookie="session=abc; Path=/; HttpOnly")
    dialer = Dialer(loopback_policy())
    assert fetch(dialer, source.url) == BODY
    assert [request.headers.get("cookie") for request in source.served] == [None, "session=abc", "session=abc"]
    source.served.clear()
    assert fetch(dialer, source.url) == BODY
    assert "cookie" not in source.served[0].headers


def test_s37_a_cookie_is_sent_to_no_other_host(source: LyingSource) -> None:
    names = Names(a_test=["127.0.0.1"], b_a_test=["127.0.0.1"])
    there = f"http://b.a.test:{source.port}/2"
    back = f"http://a.test:{source.port}/3"

    def behave(request: SourceRequest) -> Behaviour:
        set_cookie = {"Set-Cookie": f"c{request.number}=1; Domain=a.test"}
        if request.number < 3:
            where = {1: there, 2: back}[request.number]
            return Behaviour(status=302, headers={"Location": where, **set_cookie}, body=b"")
        return Behaviour()

    source.behave = behave
    assert fetch(Dialer(loopback_policy(), resolver=names), f"http://a.test:{source.port}/1") == BODY
    assert [request.headers.get("cookie") for request in source.served] == [None, None, "c1=1"]


def test_s37_a_cookie_joins_the_users_own_at_its_origin(source: LyingSource) -> None:
    source.behave = _hops(1, cookie="b=2")
    assert fetch(Dialer(loopback_policy()), source.url, headers={"cookie": "a=1"}) == BODY
    assert [request.headers.get("cookie") for request in source.served] == ["a=1", "a=1; b=2"]


def test_s37_cookies_are_bounded(source: LyingSource) -> None:
    source.behave = _hops(1, cookie=f"big={'x' * 9000}")
    assert fetch(Dialer(loopback_policy()), source.url) == BODY
    assert "cookie" not in source.served[1].headers


def test_s36_a_location_in_utf_8_is_followed(source: LyingSource) -> None:
    head = "HTTP/1.1 302 Found\r\nLocation: /\u00fcbung.mp4?\u00e9=1\r\nContent-Length: 0\r\n\r\n".encode()
    source.behave = nth(1, Behaviour(raw_head=head, body=b""))
    assert fetch(Dialer(loopback_policy()), source.url) == BODY
    assert source.served[1].target == "/%C3%BCbung.mp4?%C3%A9=1"


def test_s38_requests_say_what_they_accept_and_who_asks(source: LyingSource) -> None:
    fetch(Dialer(loopback_policy()), source.url)
    fetch(Dialer(loopback_policy(userAgent="Example/1.0 (ops@example.com)")), source.url)
    fetch(Dialer(loopback_policy()), source.url, headers={"user-agent": "mine", "ACCEPT": "video/*"})
    seen = [(request.headers["accept"], request.headers["user-agent"]) for request in source.served]
    assert seen[0][0] == "*/*"
    assert seen[0][1].startswith(f"recording-operator/{__version__} (+https://")
    assert seen[1:] == [("*/*", "Example/1.0 (ops@example.com)"), ("video/*", "mine")]


@pytest.mark.parametrize("agent", ["", " a", "a\r\nX: y", "\u00fc", "a" * 300])
def test_s38_a_user_agent_that_is_no_valid_header_is_rejected(agent: str) -> None:
    with pytest.raises(ValueError, match="userAgent"):
        SourcePolicy.model_validate({"userAgent": agent})


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 300 Choices\r\nLocation: /there\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: /there\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\nlocation: \t/there#part \t\n\n",
    ],
)
def test_s36_redirects_are_followed_as_curl_follows_them(source: LyingSource, head: bytes) -> None:
    source.behave = nth(1, Behaviour(raw_head=head, body=b""))
    assert fetch(Dialer(loopback_policy()), source.url) == BODY
    assert source.served[1].target == "/there"

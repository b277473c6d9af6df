"""Stores whose responses are out of order: each object still has the bytes of its source."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from recording_operator.checksums import crc64nvme
from recording_operator.egress.dialer import Dialer
from recording_operator.errors import TransferError
from tests.support.desync import HINTS, STRANGER, Desync, DesyncProxy
from tests.support.lying_source import Behaviour, Content, LyingSource, SourceRequest
from tests.support.strict_bucket import Bucket
from tests.support.strict_store import StrictStore
from tests.support.transfers import (
    KIB,
    an_object,
    fast_options,
    loopback_policy,
    pattern,
    run_transfer,
    store_of,
)

FILES = 4
EMPTY_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture(scope="module")
def strict() -> Iterator[StrictStore]:
    with StrictStore(bucket=Bucket(least_part_bytes=KIB)) as store:
        yield store


def _behave(bodies: list[bytes], request: SourceRequest) -> Behaviour:
    number = int(request.target.strip("/"))
    return Behaviour(content=Content(body=bodies[number], etag=f'"{number}"'))


def _move_all(strict: StrictStore, script: list[Desync], *, size: int, at_once: int) -> list[TransferError]:
    """Move all files through a store that gets out of step; afterwards each object has its own bytes."""
    with ExitStack() as stack:
        strict.reset(Bucket(least_part_bytes=KIB))
        bodies = [pattern(size + number, seed=number) for number in range(FILES)]
        source = stack.enter_context(LyingSource(Content(body=b"")))
        source.behave = lambda request: _behave(bodies, request)
        turns = dict(enumerate(script, start=1))
        port = int(strict.endpoint.rpartition(":")[2])
        proxy = stack.enter_context(DesyncProxy(port, misbehaves=lambda number: turns.get(number, Desync())))
        store = store_of(strict, endpoint=f"http://127.0.0.1:{proxy.port}", response_timeout_s=1.0)
        stack.callback(store.close)
        dialer = Dialer(loopback_policy())
        failures: list[TransferError] = []

        def move(number: int) -> None:
            obj = an_object(key=f"file/{number}", recording_uid=f"uid-{number}")
            options = fast_options(tries_without_progress=3)
            try:
                stored = run_transfer(
                    f"http://127.0.0.1:{source.port}/{number}", store, dialer=dialer, obj=obj, options=options
                )
                assert stored.size_bytes == len(bodies[number])
            except TransferError as error:
                failures.append(error)

        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(move, range(FILES)))
        for number, body in enumerate(bodies):
            found = [version.body for version in strict.bucket.versions.get(f"file/{number}", [])]
            assert found in ([], [body]), number
        assert failures or len(strict.keys()) == FILES
        return failures


_DESYNCS = st.builds(
    Desync,
    early=st.sampled_from([b"", b"", b"", HINTS, b"\r\n"]),
    interim=st.sampled_from([(), (), (100,), (103,), (102, 102), (103, 100), (101,)]),
    pause_s=st.sampled_from([0.0, 0.1]),
    extra=st.sampled_from([b"", b"", EMPTY_OK, NOT_FOUND, STRANGER, HINTS, b"\r\n"]),
    doubled=st.booleans(),
    length_by=st.sampled_from([0, 0, 0, 1, -1]),
    pieces=st.sampled_from([0, 0, 1]),
    body_anyway=st.sampled_from([b"", b"", EMPTY_OK, b"x"]),
    close=st.booleans(),
)


@settings(max_examples=6, deadline=None)
@example(script=[Desync(interim=(103,), pause_s=0.1)] * 12, size=300 * KIB, at_once=1)
@example(script=[Desync(interim=(103,), pause_s=0.1)] * 12, size=300, at_once=4)
@given(
    script=st.lists(_DESYNCS, min_size=1, max_size=12),
    size=st.sampled_from([300, 300 * KIB]),
    at_once=st.sampled_from([1, 4]),
)
def test_t33_no_object_has_the_bytes_of_another(
    strict: StrictStore, script: list[Desync], size: int, at_once: int
) -> None:
    _move_all(strict, script, size=size, at_once=at_once)


@pytest.mark.parametrize("size", [300, 300 * KIB])
@pytest.mark.parametrize("status", [100, 102, 103, 199])
def test_t33_interim_responses_to_every_request_change_nothing(strict: StrictStore, status: int, size: int) -> None:
    script = [Desync(interim=(status,), pause_s=0.02)] * 200
    assert _move_all(strict, script, size=size, at_once=2) == []


@pytest.mark.parametrize("late", [EMPTY_OK, NOT_FOUND, STRANGER, HINTS, b"HTTP/1.1 204 No Content\r\n\r\n"])
def test_t33_late_bytes_on_a_kept_connection_store_nothing_wrong(strict: StrictStore, late: bytes) -> None:
    for size in (300, 300 * KIB):
        _move_all(strict, [Desync(), Desync(late=late)] * 20, size=size, at_once=1)


def test_t34_listings_and_objects_read_back_stay_in_step(strict: StrictStore) -> None:
    strict.reset(Bucket(least_part_bytes=KIB))
    bodies = {f"file/{number}": pattern(200 * KIB + number, seed=number) for number in range(FILES)}
    plain = store_of(strict)
    for key, body in bodies.items():
        plain.put(an_object(key=key), body, crc64nvme=crc64nvme(body))
        plain.create_upload(an_object(key=f"open/{key}"))
    port = int(strict.endpoint.rpartition(":")[2])
    with DesyncProxy(port, misbehaves=lambda _: Desync(interim=(103,), pause_s=0.05)) as proxy:
        store = store_of(strict, endpoint=f"http://127.0.0.1:{proxy.port}", response_timeout_s=5.0)
        with ThreadPoolExecutor(4) as pool:
            for _ in range(2):
                listed = pool.submit(lambda: [found.key for found in store.uploads("open/")])
                seen = {key: plain.head(key) for key in bodies}
                reading = {
                    key: pool.submit(lambda found=found: b"".join(store.read(found.stored)))  # type: ignore[misc]
                    for key, found in seen.items()
                    if found is not None
                }
                assert listed.result(30) == sorted(f"open/{key}" for key in bodies)
                assert {key: run.result(30) for key, run in reading.items()} == bodies
        store.close()
    plain.close()


def test_t34_through_a_proxy_of_the_environment_too(strict: StrictStore, monkeypatch: pytest.MonkeyPatch) -> None:
    strict.reset(Bucket(least_part_bytes=KIB))
    bodies = {f"file/{number}": pattern(20 * KIB + number, seed=number) for number in range(FILES)}
    direct = store_of(strict)
    for key, body in bodies.items():
        direct.put(an_object(key=key), body, crc64nvme=crc64nvme(body))
    direct.close()
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    port = int(strict.endpoint.rpartition(":")[2])
    hints = Desync(interim=(103,), pause_s=0.05)
    with DesyncProxy(port, misbehaves=lambda number: hints if number % 3 == 1 else Desync()) as proxy:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        store = store_of(strict, response_timeout_s=5.0)
        read = 0
        for key, body in [*bodies.items()] * 3:
            with suppress(TransferError):
                seen = store.head(key)
                assert seen is not None
                assert seen.stored.size_bytes == len(body)
                assert b"".join(store.read(seen.stored)) == body
                read += 1
        assert read > 0
        store.close()

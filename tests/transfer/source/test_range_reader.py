"""A reader of ranges: one GET for each stretch, and a new one where a stretch ends."""

from collections.abc import Iterator

import pytest

from recording_operator.egress.dialer import Dialer
from recording_operator.transfer.context import TransferContext
from recording_operator.transfer.source.breaks import SourceBreaks
from recording_operator.transfer.source.client import SourceClient
from recording_operator.transfer.source.range_reader import RangeReader
from recording_operator.transfer.source.spec import SourceSpec
from tests.support.lying_source import Content, LyingSource
from tests.support.strict_store import StrictStore
from tests.support.transfers import KIB, Observed, an_object, fast_options, loopback_policy, pattern, store_of

BODY = pattern(64 * KIB)


@pytest.fixture
def source() -> Iterator[LyingSource]:
    with LyingSource(Content(body=BODY, etag='"1"')) as one:
        yield one


def _reader(source: LyingSource, strict: StrictStore) -> RangeReader:
    """A reader for which one broken connection is too much."""
    observed = Observed()
    context = TransferContext(
        store=store_of(strict),
        obj=an_object(),
        stop=observed.stop,
        observer=observed,
        options=fast_options(tries_without_progress=1),
    )
    client = SourceClient(SourceSpec(url=source.url), dialer=Dialer(loopback_policy()), stop=observed.stop)
    breaks = SourceBreaks("127.0.0.1", context.budget())
    return RangeReader(client, client.probe(), context=context, breaks=breaks)


def _read(reader: RangeReader, size: int) -> bytes:
    found = b""
    while len(found) < size:
        found += reader.read(size - len(found))
    return found


def test_a_stretch_that_begins_where_the_last_one_ended_is_no_broken_connection(source: LyingSource) -> None:
    with StrictStore() as strict:
        reader = _reader(source, strict)
        reader.seek(0, end=16 * KIB)
        assert _read(reader, 16 * KIB) == BODY[: 16 * KIB]
        reader.seek(16 * KIB, end=64 * KIB)
        assert _read(reader, 48 * KIB) == BODY[16 * KIB :]
        reader.close()


def test_parts_of_one_stretch_come_from_one_get(source: LyingSource) -> None:
    with StrictStore() as strict:
        reader = _reader(source, strict)
        before = len(source.served)
        for start in range(0, 64 * KIB, 16 * KIB):
            reader.seek(start, end=64 * KIB)
            assert _read(reader, 16 * KIB) == BODY[start : start + 16 * KIB]
        reader.close()
    assert len(source.served) == before + 1

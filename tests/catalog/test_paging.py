"""A list that is read page by page while others write: no row twice, and none that was there all the time is missed.

In the order of sizes this is so as long as no size changes: such a row has another place then.
"""

import base64
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete

from recording_operator.catalog.reading import CatalogReader, CursorError
from recording_operator.catalog.tables import RECORDINGS, WORDS
from recording_operator.catalog.transactions import writing
from recording_operator.catalog.wanted import EntryFilter, Sort, VisibleNamespaces
from recording_operator.catalog.writing import CatalogWriter
from tests.catalog.building import EVERYTHING, an_entry, at

_VISIBLE = VisibleNamespaces(since={"team-a": at(0), "team-b": at(0)})
_WRITES = st.lists(
    st.tuples(st.sampled_from(["new", "change", "gone"]), st.integers(0, 30), st.integers(0, 3)), max_size=4
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    seconds=st.lists(st.integers(0, 5), min_size=1, max_size=25),
    between=st.lists(_WRITES, min_size=1, max_size=8),
    limit=st.integers(1, 6),
    sort=st.sampled_from(Sort),
    ascending=st.booleans(),
    visible=st.sampled_from([EVERYTHING, _VISIBLE]),
    text=st.sampled_from([None, "meet", "meeting "]),
)
def test_pages_while_others_write(engine: Engine, seconds: list[int], between: list[Any], **page: Any) -> None:
    with writing(engine) as connection:
        connection.execute(delete(RECORDINGS))
        connection.execute(delete(WORDS))
    writer, reader, wanted = CatalogWriter(engine), CatalogReader(engine), EntryFilter(text=page.pop("text"))

    def an_old(number: int, version: int) -> Any:
        return an_entry(
            number,
            namespace=["team-a", "team-b"][number % 2],
            created=at(seconds[number]),
            size_bytes=seconds[number] if page["sort"] is Sort.SIZE else version,
            version=version,
            phase="Complete" if version == 1 else "Failed",
        )

    writer.put(an_old(number, 1) for number in range(len(seconds)))
    seen: list[str] = []
    cursor, turn = None, 0
    while True:
        found = reader.page(wanted, cursor=cursor, **page)
        seen += [one.uid for one in found.entries]
        cursor = found.cursor
        if cursor is None:
            break
        for kind, number, second in between[turn % len(between)]:
            if kind == "new" and turn < 5:
                writer.put([an_entry(100 + turn * 40 + number, created=at(second), size_bytes=second)])
            elif kind == "change":
                writer.put([an_old(number % len(seconds), turn + 2)])
            elif kind == "gone":
                writer.gone([f"uid-{number % len(seconds)}"])
        turn += 1
    assert len(seen) == len(set(seen))
    assert {f"uid-{number}" for number in range(len(seconds))} <= set(seen)


_OTHER_CURSORS: list[Any] = [
    1,
    None,
    {},
    ["created", False, 1],
    ["created", False, 1, 2, 3],
    ["created", False, 1.5, 1],
    ["created", False, True, 1],
    ["created", False, 2**63, 1],
    ["created", False, "1", 1],
    ["created", True, 1, 1],
    ["size", False, 1, 1],
]


@pytest.mark.parametrize(
    "cursor", ["", "x", "é", *(base64.urlsafe_b64encode(json.dumps(one).encode()).decode() for one in _OTHER_CURSORS)]
)
def test_a_cursor_that_was_not_given(reader: CatalogReader, cursor: str) -> None:
    with pytest.raises(CursorError):
        reader.page(EntryFilter(), visible=EVERYTHING, limit=5, cursor=cursor)


def test_a_page_has_at_least_one_row_and_at_most_500(reader: CatalogReader, writer: CatalogWriter) -> None:
    writer.put(an_entry(number) for number in range(510))
    for limit, rows in ((0, 1), (-5, 1), (1, 1), (10_000, 500)):
        assert len(reader.page(EntryFilter(), visible=EVERYTHING, limit=limit).entries) == rows

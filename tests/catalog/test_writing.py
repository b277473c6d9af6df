"""Writing: in any order, several times, by several consoles, and whatever the texts contain."""

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from sqlalchemy import Engine, event, select

from recording_operator.api.recording import Identity
from recording_operator.catalog.database import open_database
from recording_operator.catalog.entries import CatalogArtifact, entry_of
from recording_operator.catalog.reading import CatalogReader
from recording_operator.catalog.tables import WORDS
from recording_operator.catalog.transactions import transaction
from recording_operator.catalog.wanted import EntryFilter
from recording_operator.catalog.writing import CatalogWriter
from tests.catalog.building import an_entry, at, pages
from tests.engine.builders import a_recording


def test_the_newest_version_stays_whatever_comes_last(writer: CatalogWriter, reader: CatalogReader) -> None:
    versions = [an_entry(1, version=number, title=f"title {number}") for number in range(1, 6)]
    for some in ([versions[4], versions[0]], [versions[2]], [versions[4]], [versions[1], versions[3]]):
        writer.put(some)
        writer.put(some)
    assert pages(reader) == [versions[4]]
    assert not pages(reader, EntryFilter(text="title 2 "))
    assert pages(reader, EntryFilter(text="title 5 "))


def test_one_uid_twice_in_a_batch(writer: CatalogWriter, reader: CatalogReader) -> None:
    writer.put([an_entry(1, version=2, phase="Failed"), an_entry(1, version=1), an_entry(1, version=2)])
    assert pages(reader) == [an_entry(1, version=2, phase="Failed")]


def test_a_deleted_recording_stays_and_does_not_come_back(writer: CatalogWriter, reader: CatalogReader) -> None:
    writer.put([an_entry(1, version=5), an_entry(2, version=5)])
    writer.gone({"uid-1": 7})
    writer.gone(["uid-2"])
    writer.put([an_entry(1, version=6), an_entry(2, version=5)])  # a console that is behind; a list that was wrong
    one, other = reader.by_uid("uid-1"), reader.by_uid("uid-2")
    assert one is not None
    assert (one.in_cluster, one.version) == (False, 7)
    assert other is not None
    assert other.in_cluster


def test_created_again_with_the_same_name(writer: CatalogWriter, reader: CatalogReader) -> None:
    old, new = an_entry(1, name="weekly"), an_entry(2, name="weekly", version=9)
    writer.put([old])
    writer.gone([old.uid])
    writer.put([new])
    assert reader.entry("team-a", "weekly") == new
    assert pages(reader) == [new, replace(old, in_cluster=False)]
    writer.gone([new.uid])
    assert reader.entry("team-a", "weekly") == replace(new, in_cluster=False)


def test_words_follow_the_texts(engine: Engine, writer: CatalogWriter, reader: CatalogReader) -> None:
    writer.put([an_entry(1, version=1, title="Board meeting")])
    writer.put([an_entry(1, version=2, title="Weekly meeting", created=at(500))])
    with transaction(engine) as connection:
        rows = connection.execute(select(WORDS.c.word, WORDS.c.created)).all()
    assert sorted(row.word for row in rows) == ["1", "acme", "meeting", "weekly"]
    assert {row.created for row in rows} == {round(at(500).timestamp() * 1000)}
    assert pages(reader, EntryFilter(text="meeting ")) == pages(reader)


def test_a_rebuilt_recording_keeps_the_time_in_its_keys(writer: CatalogWriter, reader: CatalogReader) -> None:
    identity = Identity(uid="5f0c4a3e-9d0b-4a43-8d5e-000000000000", created_at=at(-500))
    made = a_recording(number=2)
    again = made.model_copy(update={"spec": made.spec.model_copy(update={"identity": identity})})
    usual, rebuilt = entry_of(a_recording(number=1)), entry_of(again)
    writer.put([usual, rebuilt])
    assert reader.by_uid(usual.uid) == usual
    assert reader.by_uid(rebuilt.uid) == rebuilt
    assert (usual.stored_created, rebuilt.stored_created) == (None, at(-500))
    assert rebuilt.created > at(-500)


def test_texts_that_databases_reject(writer: CatalogWriter, reader: CatalogReader) -> None:
    hostile = f"a\0b \ud800 \U0001f600 {'x' * 100_000}"
    writer.put(
        [
            an_entry(
                1,
                namespace=hostile,
                name=hostile,
                org=hostile,
                user=hostile,
                title=hostile,
                message=hostile,
                location=hostile,
                phase=hostile,
                labels={hostile: hostile},
                size_bytes=2**80,
                version=2**70,
                artifacts=(CatalogArtifact(name=hostile, kind="Video", key=hostile, size_bytes=2**80),),
            )
        ]
    )
    (found,) = pages(reader)
    assert found.title.startswith("a\ufffdb \ufffd \U0001f600 xxx")
    assert len(found.title) == 8192
    assert len(found.org) == 128
    assert found.artifacts[0].name.startswith("a\ufffdb")
    assert pages(reader, EntryFilter(org=hostile[:128], text="a xxx")) == [found]
    assert reader.entry(hostile, hostile) is None or reader.entry(hostile[:63], hostile[:253]) == found
    assert reader.by_uid("\0\ud800") is None


def test_two_consoles_write_at_once(database_url: str) -> None:
    first, second = open_database(database_url), open_database(database_url)
    rows = [an_entry(number) for number in range(60)]

    def write(seed: int) -> None:
        drawn = random.Random(seed)
        writer = CatalogWriter([first, second][seed % 2])
        for _ in range(12):
            some = [replace(one, version=drawn.randrange(1, 50), title=f"word{seed}") for one in drawn.sample(rows, 30)]
            writer.put(some)
            writer.gone([one.uid for one in some[:3]])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    writer, reader = CatalogWriter(first), CatalogReader(second)
    writer.put(replace(one, version=100) for one in rows)
    assert len(pages(reader)) == len(rows)
    with transaction(first) as connection:
        words = connection.scalars(select(WORDS.c.word).distinct()).all()
    assert sorted(words) == sorted({"acme", "meeting", *map(str, range(60))})
    first.dispose()
    second.dispose()


def test_many_rows_take_few_statements(engine: Engine, writer: CatalogWriter) -> None:
    """Each one is a round trip to PostgreSQL while all other writers wait."""
    said: list[str] = []
    rows = [an_entry(number, title="Weekly board meeting") for number in range(100)]
    writer.put(rows)
    event.listen(engine, "before_cursor_execute", lambda *given: said.append(given[2]))
    writer.put(replace(one, version=2, title="Another one") for one in rows)
    writer.remove(one.uid for one in rows)
    assert len(said) < 12
    with transaction(engine) as connection:
        assert connection.execute(select(WORDS)).all() == []

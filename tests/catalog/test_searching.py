"""A search finds what a comparison with every row finds, in order, whatever condition drives it."""

import random
from collections.abc import Iterable

import pytest

from recording_operator.catalog import searching
from recording_operator.catalog.entries import CatalogEntry
from recording_operator.catalog.reading import CatalogReader
from recording_operator.catalog.text import words_of
from recording_operator.catalog.wanted import EntryFilter, Sort, VisibleNamespaces
from recording_operator.catalog.writing import CatalogWriter
from tests.catalog.building import EVERYTHING, an_entry, at, pages

_NAMESPACES = [f"team-{letter}" for letter in "abcdefgh"]
_TITLES = ["Weekly sync", "Weekly review with Ümit", "Board", "weekender, planning", "x_y%z 100%", ""]
_TEXTS = ["week", "weekly", "WEEKLY sy", "umit weekly", "acme", "meeting 1", "z 100", "%", " "]
_ROWS = 200


def _rows(drawn: random.Random) -> list[CatalogEntry]:
    return [
        an_entry(
            number,
            namespace=drawn.choice(_NAMESPACES[:7]),
            org=drawn.choice(["acme", "globex"]),
            user=drawn.choice(["ada@acme.example", "bo", ""]),
            project=drawn.choice(["", "north", "south"]),
            title=drawn.choice(_TITLES),
            phase=drawn.choice(["Complete", "Failed"]),
            location=drawn.choice(["archive", "hot"]),
            created=at(drawn.randrange(60)),  # many of the same time
            size_bytes=drawn.choice([None, 1, 2, 10**12]),
        )
        for number in range(_ROWS)
    ]


def _filters(drawn: random.Random) -> Iterable[EntryFilter]:
    def maybe(value: str | None) -> str | None:
        return value if drawn.random() < 0.3 else None

    for _ in range(40):
        yield EntryFilter(
            namespace=maybe(drawn.choice(_NAMESPACES)),
            org=maybe(drawn.choice(["acme", "globex", "other"])),
            user=maybe("bo"),
            project=maybe(drawn.choice(["north", ""])),
            phase=maybe("Failed"),
            location=maybe("hot"),
            text=maybe(drawn.choice(_TEXTS)),
            created_from=at(20) if drawn.random() < 0.3 else None,
            created_before=at(50) if drawn.random() < 0.3 else None,
        )


def _visibles() -> list[VisibleNamespaces]:
    some = {name: at(10 * number - 20) for number, name in enumerate(_NAMESPACES)}
    return [
        EVERYTHING,
        VisibleNamespaces(since={}),
        VisibleNamespaces(since={"team-d": at(15)}),
        VisibleNamespaces(since={name: some[name] for name in _NAMESPACES[2:4]}),
        VisibleNamespaces(since=some),
    ]


def _is_found(entry: CatalogEntry, wanted: EntryFilter, visible: VisibleNamespaces) -> bool:
    for column in ("namespace", "org", "user", "project", "phase", "location"):
        if getattr(wanted, column) not in {None, getattr(entry, column)}:
            return False
    if wanted.created_from is not None and entry.created < wanted.created_from:
        return False
    if wanted.created_before is not None and entry.created >= wanted.created_before:
        return False
    if not visible.everything and entry.created < visible.since.get(entry.namespace, at(10**6)):
        return False
    return _has_words(entry, wanted.text or "")


def _has_words(entry: CatalogEntry, text: str) -> bool:
    has, asked = words_of(entry.title, entry.name, entry.org, entry.user), words_of(text)
    if not asked:
        return not text.strip()
    return set(asked[:-1]) <= set(has) and any(word.startswith(asked[-1]) for word in has)


@pytest.mark.parametrize("few", [0, 40, 5_000])
def test_finds_what_a_comparison_finds(
    reader: CatalogReader, writer: CatalogWriter, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(searching, "FEW", few)
    drawn = random.Random(few)
    rows = _rows(drawn)
    writer.put(rows)
    for number, wanted in enumerate(_filters(drawn)):
        for visible in _visibles():
            sort, ascending = list(Sort)[number % 2], number % 3 == 0
            expected = [one for one in rows if _is_found(one, wanted, visible)]
            limit = drawn.choice([3, 40, 500] if len(expected) < 40 else [40, 500])
            found = pages(reader, wanted, visible=visible, limit=limit, sort=sort, ascending=ascending)
            assert sorted(one.uid for one in found) == sorted(one.uid for one in expected), (wanted, visible)
            places = [_place(one, sort) for one in found]
            assert places == sorted(places, reverse=not ascending)


def _place(entry: CatalogEntry, sort: Sort) -> float:
    if sort is Sort.SIZE:
        return -1 if entry.size_bytes is None else entry.size_bytes
    return entry.created.timestamp()


def test_every_namespace_once(reader: CatalogReader, writer: CatalogWriter) -> None:
    assert reader.namespaces() == ()
    writer.put(an_entry(number, namespace=_NAMESPACES[number % 5]) for number in range(20))
    assert reader.namespaces() == tuple(_NAMESPACES[:5])

"""A Recording may have more than a megabyte. Only so much of it is in memory at the same time."""

import json

from sqlalchemy import Engine

from recording_operator.api.meta import MOST_LABELS
from recording_operator.catalog.entries import CatalogArtifact, row_of
from recording_operator.catalog.reading import CatalogReader
from recording_operator.catalog.wanted import EntryFilter
from recording_operator.catalog.writing import CatalogWriter
from recording_operator.console.feeding import MOST_WAITING
from recording_operator.kube.tracking import PAGE
from tests.catalog.building import EVERYTHING, an_entry

_LARGEST_OBJECT = 1_500_000
_MEGABYTES = 1_000_000


def many_labels(number: int) -> dict[str, str]:
    """As long as Kubernetes allows."""
    return {f"{'p' * 240}.example/{index:063}": "v" * 63 for index in range(number)}


def test_the_largest_objects_of_a_list_fit_into_the_memory() -> None:
    assert PAGE * _LARGEST_OBJECT <= 32 * _MEGABYTES


def test_the_largest_entries_that_wait_fit_into_the_memory() -> None:
    file = CatalogArtifact(name="n" * 63, kind="Chat", key="k" * 1024, message="m" * 512)
    entry = an_entry(1, labels=many_labels(MOST_LABELS), artifacts=(file,) * 64)
    assert len(json.dumps(row_of(entry))) * MOST_WAITING < 64 * _MEGABYTES


def test_a_brief_page_has_neither_labels_nor_artifacts(engine: Engine) -> None:
    file = CatalogArtifact(name="video", kind="Video")
    CatalogWriter(engine).put([an_entry(number, labels={"a": "b"}, artifacts=(file,)) for number in range(3)])
    page = CatalogReader(engine).page(EntryFilter(text="meet"), visible=EVERYTHING, limit=2, brief=True)
    assert page.entries == (an_entry(2), an_entry(1))
    assert page.cursor is not None

"""The ranges of a download and their journal, of which any part may be lost: only bytes that are there count."""

import fcntl
import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording_operator.checksums import crc64nvme
from recording_operator.cli.downloading.journal import DownloadedObject, DownloadInUseError, RangeJournal, read_journal
from recording_operator.cli.downloading.part_file import PartFile, finish
from recording_operator.cli.downloading.ranges import FinishedRange, checksum_of, missing, without_overlaps
from tests.support.transfers import pattern

SIZE = 1000
BODY = pattern(SIZE)
OBJ = DownloadedObject(uri="s3://b/k", version_id="v", etag="e", size_bytes=SIZE)
offsets = st.integers(-10, SIZE + 10)
any_ranges = st.lists(st.builds(FinishedRange, offsets, offsets, st.integers(0, 2**64 - 1)), max_size=12)


@st.composite
def true_ranges(draw: st.DrawFn) -> list[FinishedRange]:
    """Ranges without overlaps, in any order, with their checksums."""
    cuts = sorted(draw(st.sets(st.integers(0, SIZE), max_size=12)))
    pairs = [pair for pair in itertools.pairwise(cuts) if draw(st.booleans())]
    return draw(st.permutations([FinishedRange(a, b, crc64nvme(BODY[a:b])) for a, b in pairs]))


@given(any_ranges, st.integers(1, SIZE))
def test_finished_and_missing_ranges_are_the_whole_file_once(ranges: list[FinishedRange], most: int) -> None:
    kept = without_overlaps(ranges, size_bytes=SIZE)
    rest = list(missing(kept, size_bytes=SIZE, most_bytes=most))
    covered = sorted([*((one.start, one.end) for one in kept), *rest])
    assert [start for start, _ in covered] == [0, *(end for _, end in covered[:-1])]
    assert covered[-1][1] == SIZE
    assert all(0 < end - start <= most for start, end in rest)
    assert set(kept) <= set(ranges)


@given(true_ranges())
def test_the_checksum_is_that_of_the_file_as_soon_as_all_is_there(ranges: list[FinishedRange]) -> None:
    kept = without_overlaps(ranges, size_bytes=SIZE)
    rest = [FinishedRange(a, b, crc64nvme(BODY[a:b])) for a, b in missing(kept, size_bytes=SIZE, most_bytes=100)]
    assert (checksum_of(ranges, size_bytes=SIZE) is None) == bool(rest)
    assert checksum_of([*rest, *ranges], size_bytes=SIZE) == crc64nvme(BODY)


@given(true_ranges(), true_ranges(), st.integers(0, 2**16))
def test_a_journal_that_was_cut_anywhere_loses_ranges_and_adds_none(
    tmp_path_factory: pytest.TempPathFactory, first: list[FinishedRange], later: list[FinishedRange], cut: int
) -> None:
    path = tmp_path_factory.mktemp("journal") / "j"
    journal = RangeJournal.open(path, OBJ)
    for one in first:
        journal.add(one)
    journal.close()
    journal.add(FinishedRange(0, 1, 0))  # a thread that is late
    content = path.read_bytes()
    path.write_bytes(content[: cut % (len(content) + 1)])

    again = RangeJournal.open(path, OBJ)
    assert set(again.finished) <= set(first)
    kept = again.finished
    for one in later:
        again.add(one)
    again.close()
    found = read_journal(path.read_bytes(), OBJ)
    assert found == without_overlaps([*kept, *later], size_bytes=SIZE)


@given(st.binary(max_size=300), st.lists(st.text(max_size=30), max_size=5))
def test_any_content_is_read_without_an_error(content: bytes, lines: list[str]) -> None:
    read_journal(content, OBJ)
    head = b'{"uri": "s3://b/k", "version_id": "v", "etag": "e", "size_bytes": 1000}\n'
    found = read_journal(head + content + "\n".join(lines).encode("utf-8", "surrogatepass"), OBJ)
    assert found is not None
    assert found == without_overlaps(found, size_bytes=SIZE)


@pytest.mark.parametrize("other", [{"etag": "f"}, {"version_id": None}, {"size_bytes": 999}, {"uri": "s3://b/l"}])
def test_the_journal_of_another_object_is_emptied(tmp_path: Path, other: dict[str, object]) -> None:
    journal = RangeJournal.open(tmp_path / "j", OBJ)
    journal.add(FinishedRange(0, 10, 1))
    journal.close()
    fields = {"uri": OBJ.uri, "version_id": OBJ.version_id, "etag": OBJ.etag, "size_bytes": OBJ.size_bytes}
    changed = DownloadedObject(**{**fields, **other})  # type: ignore[arg-type]
    again = RangeJournal.open(tmp_path / "j", changed)
    assert again.finished == []
    again.close()


def test_only_one_process_has_a_journal(tmp_path: Path) -> None:
    journal = RangeJournal.open(tmp_path / "j", OBJ)
    with pytest.raises(DownloadInUseError):
        RangeJournal.open(tmp_path / "j", OBJ)
    journal.close()
    RangeJournal.open(tmp_path / "j", OBJ).close()


def test_the_lock_of_a_removed_journal_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = RangeJournal.open(tmp_path / "j", OBJ)
    flock = fcntl.flock

    def after_the_end_of_the_first(descriptor: int, how: int) -> None:
        monkeypatch.undo()
        first.path.unlink()
        first.close()
        flock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", after_the_end_of_the_first)
    second = RangeJournal.open(tmp_path / "j", OBJ)
    with pytest.raises(DownloadInUseError):
        RangeJournal.open(tmp_path / "j", OBJ)
    second.close()


@given(true_ranges(), st.integers(0, SIZE - 1))
def test_ranges_whose_bytes_are_not_in_the_file_are_not_kept(
    tmp_path_factory: pytest.TempPathFactory, ranges: list[FinishedRange], wrong: int
) -> None:
    part = PartFile(tmp_path_factory.mktemp("part") / "p")
    part.set_size(SIZE)
    for one in ranges:
        part.write(one.start, BODY[one.start : one.end])
    part.write(wrong, bytes([BODY[wrong] ^ 1]))
    kept = part.intact(ranges)
    part.close()
    assert kept == [one for one in ranges if not one.start <= wrong < one.end]


@pytest.mark.parametrize("links", [True, False])
def test_a_finished_file_never_replaces_another_without_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    def without_links(*_: object) -> None:
        raise PermissionError(1, "no hard links")

    if not links:
        monkeypatch.setattr("os.link", without_links)
    part, path = tmp_path / "p", tmp_path / "f"
    part.write_bytes(b"new")
    path.write_bytes(b"old")
    with pytest.raises(FileExistsError):
        finish(part, path, force=False)
    assert (part.read_bytes(), path.read_bytes()) == (b"new", b"old")
    path.unlink()
    finish(part, path, force=False)
    assert (part.exists(), path.read_bytes()) == (False, b"new")
    part.write_bytes(b"newer")
    finish(part, path, force=True)
    assert (part.exists(), path.read_bytes()) == (False, b"newer")

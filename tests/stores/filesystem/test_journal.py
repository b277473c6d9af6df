"""The journal of parts: whatever the last lines were cut to, no part counts that was not written to its end."""

from hypothesis import given
from hypothesis import strategies as st

from recording_operator.stores.filesystem.journal import begun, done, parts_in
from recording_operator.stores.store import StoredPart

_NUMBERS = st.integers(1, 10_000)
_PARTS = st.builds(
    StoredPart,
    part_number=_NUMBERS,
    size_bytes=st.integers(0, 2**40),
    etag=st.integers(0, 2**128 - 1).map(lambda number: f"{number:032x}"),
    crc64nvme=st.integers(0, 2**64 - 1),
    uploaded_at=st.none(),
)
_STEPS = st.lists(st.one_of(_NUMBERS, _PARTS), max_size=20)


def _line(step: int | StoredPart) -> bytes:
    return begun(step) if isinstance(step, int) else done(step)


@given(_STEPS)
def test_the_last_step_of_a_part_counts(steps: list[int | StoredPart]) -> None:
    expected: dict[int, StoredPart] = {}
    for step in steps:
        if isinstance(step, int):
            expected.pop(step, None)
        else:
            expected[step.part_number] = step
    assert parts_in(b"".join(map(_line, steps))) == expected


@given(_STEPS, st.integers(1, 200), _PARTS)
def test_a_line_that_was_cut_never_makes_a_part_and_the_next_one_counts(
    steps: list[int | StoredPart], missing: int, following: StoredPart
) -> None:
    whole = b"".join(map(_line, steps))
    cut = whole[: max(len(whole) - missing, 0)]
    parts = parts_in(cut)
    assert set(parts.values()) <= {step for step in steps if isinstance(step, StoredPart)}
    assert parts_in(cut + done(following))[following.part_number] == following


def test_lines_of_another_kind_are_skipped() -> None:
    assert parts_in(b"\0\0\0\nbegin x\ndone 1 2 3\n\xff") == {}

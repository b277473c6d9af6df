"""Text in cells of tables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording_operator.cells import clean, fitted, no_formula, width


@pytest.mark.parametrize(
    ("text", "columns"), [("", 0), ("acme", 4), ("北京", 4), ("e\u0301t\u00e9", 3), ("ﾊﾝ", 2), ("📼", 2)]
)
def test_the_width_is_in_columns_of_a_terminal(text: str, columns: int) -> None:
    assert width(text) == columns


def test_control_characters_are_left_out() -> None:
    assert clean("a\tb\nc\x1b[31m\x07d\u202ee") == "a b c[31mde"
    assert clean("plain") == "plain"


@pytest.mark.parametrize(
    ("text", "room", "shown"),
    [("acme", 4, "acme"), ("acme", 3, "ac…"), ("北京录音", 5, "北京…"), ("北京录音", 4, "北…")],
)
def test_a_long_text_is_shortened_to_its_room(text: str, room: int, shown: str) -> None:
    assert fitted(text, room) == shown


@given(text=st.text().map(clean), room=st.integers(1, 30))
def test_no_text_is_wider_than_its_room(text: str, room: int) -> None:
    assert width(fitted(text, room)) <= max(room, 0)


@pytest.mark.parametrize(
    "cell",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =cmd|' /C calc'!A0", "-acme", "＝1"],  # noqa: RUF001 - a full-width sign
)
def test_formulas_become_text(cell: str) -> None:
    assert no_formula(cell) == f"'{cell}"


def test_harmless_cells_are_unchanged() -> None:
    harmless = ["acme", "a=b", "2026-11-21", "(other)", ""]
    assert [no_formula(cell) for cell in harmless] == harmless

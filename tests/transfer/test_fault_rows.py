"""docs/faults.md and the tests name the same faults."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| ([ST]\d+) \|", re.MULTILINE)
TEST = re.compile(r"def test_(?:[kc]\d+_)*((?:[stkc]\d+_)+)")


def test_every_fault_in_the_docs_has_a_test_of_its_number_and_the_reverse() -> None:
    rows = ROW.findall((ROOT / "docs" / "faults.md").read_text(encoding="utf-8"))
    tested = {
        number.upper()
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in TEST.findall(path.read_text(encoding="utf-8"))
        for number in name.split("_")
    }
    assert len(rows) == len(set(rows)) > 40, "a row twice, or the tables are not found"
    assert set(rows) == {number for number in tested if number[:1] in ("S", "T")}


def test_the_docs_name_only_reasons_that_exist() -> None:
    text = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
    troubleshooting = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([A-Z][A-Za-z]+)`", text)) - {"Complete", "Retry"}
    assert named
    assert [reason for reason in sorted(named) if f'id="{reason.lower()}"' not in troubleshooting] == []

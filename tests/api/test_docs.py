"""The generated documents match the models and the list of reasons."""

from pathlib import Path

import pytest

from docs.generate import DOCS, generated, main
from recording_operator.api.generated import differing
from recording_operator.api.reasons import Reason


def test_documents_are_as_generated() -> None:
    assert differing(generated()) == [], "run `make docs`"


def test_check_names_what_differs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "reference").mkdir()
    for name in ("troubleshooting.md", "cli.md"):
        (tmp_path / name).write_text((DOCS / name).read_text())
    (tmp_path / "reference" / "recording.md").write_text("something else")
    events = {path.name for path in (DOCS / "events").iterdir()}
    assert [name for name in differing(generated(tmp_path)) if name not in events] == [
        "console-openapi.json",
        "eventsink.md",
        "recording.md",
        "recordingsource.md",
        "storagelocation.md",
        "storagereport.md",
    ]
    assert main(["--check"]) == 0
    assert capsys.readouterr().err == ""


def test_the_hand_written_part_is_kept(tmp_path: Path) -> None:
    text = (DOCS / "troubleshooting.md").read_text().replace("# Troubleshooting\n", "# Mine\n")
    (tmp_path / "troubleshooting.md").write_text(text + "the end\n")
    introduction = (DOCS / "cli.md").read_text().replace("# kubectl recordings\n", "# Mine\n")
    (tmp_path / "cli.md").write_text(introduction)
    written = dict(generated(tmp_path))
    assert written[tmp_path / "troubleshooting.md"] == text + "the end\n"
    assert written[tmp_path / "cli.md"] == introduction


def test_a_file_without_the_marks_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "troubleshooting.md").write_text("# Mine\n")
    with pytest.raises(SystemExit, match="lacks the marks"):
        list(generated(tmp_path))


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_sentence_and_is_in_the_document(reason: Reason) -> None:
    assert reason.sentence.endswith(".")
    assert f"`{reason}` | {reason.sentence}" in (DOCS / "troubleshooting.md").read_text()


def test_the_document_names_no_reason_that_is_not() -> None:
    anchors = (DOCS / "troubleshooting.md").read_text().count('<a id="')
    assert anchors == len(Reason)

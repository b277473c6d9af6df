"""Join changes/*.md, a sentence in each, into CHANGELOG.md. The form is that of keepachangelog.com.

`<slug>.<kind>.md` is a change of a kind. Errors: ChangelogError.
"""

import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Final

KINDS: Final = ("added", "changed", "deprecated", "removed", "fixed", "security")
_HEADING: Final = re.compile(r"^## \[(.*?)\]", re.MULTILINE)
_NAME_PARTS: Final = 3


class ChangelogError(RuntimeError):
    """The changelog cannot be written; the message says why."""


def released(changelog: str) -> list[str]:
    """Return the versions in a changelog, newest first."""
    return _HEADING.findall(changelog)


def join(tree: Path, *, version: str, day: date) -> None:
    """Move changes/ into a new section of CHANGELOG.md for the version. Raises ChangelogError."""
    changes = sorted((tree / "changes").glob("*.md"))
    if not changes:
        raise ChangelogError("There is nothing to release: changes/ is empty.")
    file = tree / "CHANGELOG.md"
    text = file.read_text(encoding="utf-8")
    newest = _HEADING.search(text)
    place = newest.start() if newest else len(text)
    file.write_text(text[:place] + section(changes, version=version, day=day) + text[place:], encoding="utf-8")
    for change in changes:
        change.unlink()


def section(changes: Iterable[Path], *, version: str, day: date) -> str:
    """Return the section of a version. Raises ChangelogError."""
    sentences: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for change in changes:
        parts = change.name.split(".")
        if len(parts) != _NAME_PARTS or parts[1] not in KINDS:
            raise ChangelogError(f"{change.name} is not named <slug>.<kind>.md; kinds are {', '.join(KINDS)}.")
        sentences[parts[1]].append(" ".join(change.read_text(encoding="utf-8").split()))
    blocks = [f"## [{version}] - {day.isoformat()}\n"]
    for kind, texts in sentences.items():
        if texts:
            lines = "".join(f"- {text}\n" for text in texts)
            blocks.append(f"### {kind.capitalize()}\n\n{lines}")
    return "\n".join(blocks) + "\n"

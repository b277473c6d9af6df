"""Files that come from the code: one command line to write them, and to check that they were written."""

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path


def differing(files: Iterable[tuple[Path, str]], *, found: Iterable[Path] = ()) -> list[str]:
    """Names of the files that are missing or not as generated, and of those `found` that are not generated at all."""
    wanted = dict(files)
    return sorted(path.name for path in {*wanted, *found} if wanted.get(path) != _text(path))


def command_line(
    files: Iterable[tuple[Path, str]],
    arguments: Sequence[str],
    *,
    prog: str,
    remedy: str,
    found: Iterable[Path] = (),
) -> int:
    """Write or check the files; returns the exit status. `remedy` is the command to run if the check fails."""
    parser = argparse.ArgumentParser(prog=prog)
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--write", action="store_true", help="write the files")
    action.add_argument("--check", action="store_true", help="fail if a file differs from what would be written")
    if parser.parse_args(arguments).check:
        stale = differing(files, found=found)
        if stale:
            sys.stderr.write(f"Not as the code says: {', '.join(stale)}. Run `{remedy}`.\n")
        return 1 if stale else 0
    for path, text in files:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None

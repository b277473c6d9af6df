"""Compile all modules below some folders for an image with a read-only file system; run by the Dockerfile.

Like `compileall --invalidation-mode unchecked-hash`, in sorted order (the same files give the same bytes). Docstrings
are emptied, as with `-OO`, because they would take 5 MiB of memory in each process. Assertions stay.
`python3 bytecode.py FOLDER… [--documented FOLDER] [--skip NAME,NAME]`
"""

import argparse
import ast
import marshal
import sys
from collections.abc import Iterator, Sequence
from importlib.util import MAGIC_NUMBER, cache_from_source, source_hash
from pathlib import Path
from typing import Final, cast

# PEP 552: the file contains the hash of its source, which is not checked at run time.
_UNCHECKED: Final = (1).to_bytes(4, "little")
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def byte_code(source: bytes, path: Path, *, documented: bool) -> bytes:
    """Return the content of the .pyc of this source. Raises SyntaxError, ValueError."""
    tree = ast.parse(source, str(path))
    if not documented:
        for node in ast.walk(tree):
            _empty_docstring(node)
    code = compile(tree, str(path), "exec", dont_inherit=True, optimize=0)
    return MAGIC_NUMBER + _UNCHECKED + source_hash(source) + marshal.dumps(code)


def _empty_docstring(node: ast.AST) -> None:
    """Replace the docstring by an empty one. It is not removed, because a library may call a method of it."""
    if isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
        text = cast("ast.Expr", node.body[0])
        text.value = ast.copy_location(ast.Constant(""), text.value)


def modules(folder: Path, *, skip: Sequence[str]) -> Iterator[Path]:
    """Every module below a folder, sorted, without the folders of these names."""
    for path in sorted(folder.rglob("*.py")):
        if not set(path.relative_to(folder).parts[:-1]).intersection(skip):
            yield path


def main(arguments: Sequence[str]) -> int:
    """Compile; returns the exit status. A module that cannot be compiled is printed, and is an error."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--documented", type=Path, action="append", default=[], help="docstrings stay below it")
    parser.add_argument("--skip", default="", help="names of folders that are left out, by commas")
    options = parser.parse_args(arguments)
    failures = 0
    for folder in options.folders:
        for path in modules(folder, skip=options.skip.split(",")):
            documented = any(path.is_relative_to(kept) for kept in options.documented)
            try:
                content = byte_code(path.read_bytes(), path, documented=documented)
            except (SyntaxError, ValueError) as error:
                sys.stderr.write(f"{path}: {error}\n")
                failures += 1
                continue
            target = Path(cache_from_source(path))
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(content)
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

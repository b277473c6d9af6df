"""Reads what the command line says about the source of an artifact: a URL, a local file, or an object of a store."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import click

from recording_operator.api.units import format_bytes
from recording_operator.cli.arguments import read_url, shown_path
from recording_operator.cli.verb import Failure
from recording_operator.user_actions.drafting import DraftArtifact, url_problem

FileArgument = tuple[str, str, str]
"""Name, kind and source of an artifact, as on the command line."""
MAX_CONTENT_BYTES: Final = 2**20
_OBJECT: Final = "object:"
_CONTENT_TYPES: Final = {
    ".csv": "text/csv", ".html": "text/html", ".json": "application/json", ".m4a": "audio/mp4",
    ".md": "text/markdown", ".mp3": "audio/mpeg", ".mp4": "video/mp4", ".ogg": "audio/ogg",
    ".pdf": "application/pdf", ".txt": "text/plain; charset=utf-8", ".vtt": "text/vtt", ".wav": "audio/wav",
    ".webm": "video/webm",
}  # fmt: skip


def read_sources(files: Iterable[FileArgument]) -> tuple[DraftArtifact, ...]:
    """Read the command line. Raises UsageError, and Failure for a file that is too large."""
    listed = list(files)
    names = [name for name, _, _ in listed]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise click.UsageError(f"The artifact {twice[0]} is named twice.")
    if [source for _, _, source in listed].count("-") > 1:
        raise click.UsageError("Standard input can contain only one URL.")
    return tuple(_draft(name, kind, source) for name, kind, source in listed)


def _draft(name: str, kind: str, source: str) -> DraftArtifact:
    if source.startswith(_OBJECT):
        location, slash, key = source.removeprefix(_OBJECT).partition("/")
        if not (location and slash and key):
            raise click.UsageError(f"The source of {name}: write object:LOCATION/KEY.")
        return DraftArtifact(name=name, kind=kind, stored=(location, key))
    if source.startswith("s3://"):
        raise click.UsageError(
            f"The source of {name}: write object:LOCATION/KEY, with the StorageLocation of the bucket. "
            "Its spec.imports must open the key to the namespace."
        )
    if source == "-" or source.startswith("@") or "://" in source:
        return DraftArtifact(name=name, kind=kind, url=checked_url(read_url(source), name=name))
    content = _content(name, Path(source))
    content_type = _CONTENT_TYPES.get(Path(source).suffix.lower(), "")
    return DraftArtifact(name=name, kind=kind, content=content, content_type=content_type)


def checked_url(url: str, *, name: str) -> str:
    """The URL, if the operator can use it. Raises UsageError, which does not contain the URL."""
    problem = url_problem(url)
    if problem is not None:
        raise click.UsageError(f"The URL of {name} {problem}.")
    return url


def _content(name: str, path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_CONTENT_BYTES + 1)
            size_bytes = path.stat().st_size if len(content) > MAX_CONTENT_BYTES else len(content)
    except FileNotFoundError:
        raise click.UsageError(
            f"The source of {name} is neither a URL nor a file: {shown_path(path)} does not exist."
        ) from None
    except OSError as error:
        raise click.UsageError(f"{shown_path(path)} cannot be read: {error.strerror}.") from None
    if not content:
        raise Failure(f"{shown_path(path)} is empty.")
    if len(content) > MAX_CONTENT_BYTES:
        raise Failure(
            f"{shown_path(path)} has {format_bytes(size_bytes)}, and a Secret holds at most 1 MiB. Copy it to a "
            f"bucket that a StorageLocation opens with spec.imports (aws s3 cp {path.name} s3://BUCKET/KEY), and write "
            "object:LOCATION/KEY instead."
        )
    return content

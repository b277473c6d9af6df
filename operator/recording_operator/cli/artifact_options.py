"""The options that name files: `--video`, `--audio` and so on, and `--artifact NAME=KIND:SOURCE`."""

from collections.abc import Callable
from datetime import UTC
from functools import wraps
from typing import Any, Final, TypeVar

import click

from recording_operator.times import parse_time

_C = TypeVar("_C", bound=Callable[..., Any])
KINDS: Final = ("Video", "Audio", "Transcript", "Summary", "Requirements", "Metadata", "Other")
"""The values of ArtifactKind, without its import."""
WITH_OPTION: Final = KINDS[:-1]
_KIND_OF: Final = {kind.lower(): kind for kind in KINDS}


def artifact_options(command: _C) -> Callable[..., Any]:
    """Add the options. The verb gets them as `files`: name, kind and source of each, in the order of the kinds."""

    @wraps(command)
    def called(**given: Any) -> Any:
        named = [(kind.lower(), kind, given.pop(kind.lower())) for kind in WITH_OPTION]
        files = [one for one in named if one[2] is not None]
        return command(files=(*files, *given.pop("artifacts")), **given)

    decorated: Callable[..., Any] = click.option(
        "--artifact",
        "artifacts",
        multiple=True,
        type=_NamedArtifact(),
        help="Any other file. KIND: " + ", ".join(KINDS[:-1]) + " or Other. Can be repeated.",
    )(called)
    for kind in reversed(WITH_OPTION):
        decorated = click.option(f"--{kind.lower()}", metavar="SOURCE", help=_help(kind))(decorated)
    return decorated


def _help(kind: str) -> str:
    return "File with metadata." if kind == "Metadata" else f"The {kind.lower()}."


class _NamedArtifact(click.ParamType[tuple[str, str, str]]):
    """Split NAME=KIND:SOURCE."""

    name = "NAME=KIND:SOURCE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str, str]:
        """Split it."""
        if isinstance(value, tuple):
            return value
        name, equals, rest = str(value).partition("=")
        kind, colon, source = rest.partition(":")
        if not (name and equals and colon and source) or kind.lower() not in _KIND_OF:
            self.fail(f"write NAME=KIND:SOURCE, with a KIND of {', '.join(KINDS)}", param, ctx)
        return name, _KIND_OF[kind.lower()], source


class Instant(click.ParamType[str]):
    """A time such as 2026-11-30T12:00:00Z."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check it."""
        found = parse_time(str(value))
        if found is None:
            self.fail("write a time such as 2026-11-30T12:00:00Z", param, ctx)
        return found.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def expires_option(command: _C) -> _C:
    """`--expires-at` of the URLs."""
    return click.option("--expires-at", type=Instant(), help="When the URLs expire. Default: the time in each URL.")(
        command
    )


def secret_option(command: _C) -> _C:
    """`--secret` and `--no-secret`. None if neither is given."""
    return click.option(
        "--secret/--no-secret",
        default=None,
        help="Where URLs and texts go. Default: URLs into a Secret, texts of at most 16 KiB into the Recording. "
        "--secret: texts into a Secret, too. --no-secret: URLs into the Recording, where everyone who may read it sees "
        "them.",
    )(command)

"""Asks before something is removed or moved."""

import sys

import click

from recording_operator.cli.verb import EXIT_INTERRUPTED, Failure, note


def confirm(question: str, *, assume_yes: bool) -> None:
    """Ask on the terminal. Raises Failure if the user declines, UsageError if there is no terminal to ask on."""
    if assume_yes:
        return
    if not (sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()):
        note(question)
        raise click.UsageError("There is no terminal on which to confirm this. Add --yes.")
    try:
        agreed = click.confirm(question, default=False, err=True)
    except click.Abort:  # Ctrl-C, Ctrl-D
        raise Failure("Nothing was changed.", status=EXIT_INTERRUPTED) from None
    if not agreed:
        raise Failure("Nothing was changed.")

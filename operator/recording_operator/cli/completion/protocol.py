"""What a shell asks for with each TAB, as kubectl's own completion prints it: candidates, then a directive.

kubectl calls `kubectl_complete-recordings` with the words after `recordings`; the last one is unfinished.
Source: https://github.com/spf13/cobra, `cobra.ShellCompDirective`.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import click
from click.shell_completion import CompletionItem, ShellComplete

from recording_operator.cells import clean

_FILES: Final = ":0"
_NO_FILES: Final = ":4"
_DIRECTORIES: Final = ":16"


class CompleteVerb(click.Command):
    """The hidden verb `__complete`. Its arguments belong to other verbs: they are not parsed."""

    def __init__(self) -> None:
        super().__init__("__complete", callback=_complete, hidden=True, add_help_option=False)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep all words."""
        ctx.params["words"] = list(args)
        return []


def _complete(words: Sequence[str]) -> None:
    root = click.get_current_context().find_root()
    for line in completion_lines(root.command, str(root.info_name), words):
        click.echo(line)


def completion_lines(command: click.Command, program: str, words: Sequence[str]) -> Iterator[str]:
    """`candidate<TAB>description` for each candidate of the last word, and a directive about names of files."""
    found: list[CompletionItem[Any]] = []
    if words:
        found = ShellComplete(command, {}, program, "").get_completions(list(words[:-1]), words[-1])
    yield from (_line(item) for item in found if item.type == "plain")
    yield _directive({item.type for item in found})


def _line(item: CompletionItem[Any]) -> str:
    value, description = clean(item.value), " ".join(clean(item.help or "").split())
    return f"{value}\t{description}" if description else value


def _directive(types: Iterable[str]) -> str:
    kinds = set(types)
    return _FILES if "file" in kinds else _DIRECTORIES if "dir" in kinds else _NO_FILES

"""The help of every verb in Markdown, as a terminal of 80 columns shows it, for docs/cli.md."""

from collections.abc import Iterator
from typing import Final

import click

from recording_operator.cli import PLUGIN, main, plugin_command
from recording_operator.cli.verbs import PROCESSES

_COLUMNS: Final = 80


def help_of_verbs() -> str:
    """Sections of Markdown."""
    lines = ["## All verbs", ""]
    root = _context(plugin_command, PLUGIN)
    lines += _help(root)
    for name in plugin_command.list_commands(root):
        lines += _verb(plugin_command, name, root, level=2)
    lines += [
        "## Verbs for pods and scripts",
        "",
        "`kubectl recordings` does not have these. They are verbs of `recording-operator`.",
        "",
    ]
    program = _context(main, "recording-operator")
    for name in PROCESSES:
        lines += _verb(main, name, program, level=3)
    return "\n".join(lines).rstrip() + "\n"


def _verb(group: click.Group, name: str, parent: click.Context, *, level: int) -> Iterator[str]:
    command = group.get_command(parent, name)
    if command is None or command.hidden:
        return
    context = _context(command, name, parent)
    yield from (f"{'#' * level} {context.command_path.removeprefix(str(context.find_root().info_name)).strip()}", "")
    yield from _help(context)
    if isinstance(command, click.Group):
        for sub in command.list_commands(context):
            yield from _verb(command, sub, context, level=level + 1)


def _context(command: click.Command, name: str, parent: click.Context | None = None) -> click.Context:
    return click.Context(command, info_name=name, parent=parent, terminal_width=_COLUMNS, **command.context_settings)


def _help(context: click.Context) -> Iterator[str]:
    yield from ("```text", *(line.rstrip() for line in context.get_help().splitlines()), "```", "")

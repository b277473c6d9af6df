"""Help and completion import and read only what they need."""

import json
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from recording_operator.cli import main
from recording_operator.cli.commands.report import GROUPS, STEPS
from recording_operator.cli.verbs import VERBS
from recording_operator.costs.export import Step
from recording_operator.costs.rows import GroupBy

HEAVY = ("boto3", "botocore", "awscrt", "kopf", "kubernetes", "pydantic", "requests", "urllib3", "yaml", "aiohttp",
         "prometheus_client", "rich", "ssl", "asyncio")  # fmt: skip
_RUN = """
import json, sys
from recording_operator.cli import main
sys.argv[0] = "recording-operator"
try:
    main(prog_name="recording-operator")
except SystemExit:
    pass
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


def modules_after(*arguments: str, **env: str) -> tuple[str, set[str]]:
    """What the program prints, and what it has imported by then."""
    done = subprocess.run(
        [sys.executable, "-c", _RUN, *arguments],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout, set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize("arguments", [(), ("--help",), *((verb, "--help") for verb in VERBS)])
def test_help_imports_nothing_heavy(arguments: tuple[str, ...]) -> None:
    _, modules = modules_after(*arguments)
    assert modules.isdisjoint(HEAVY), modules.intersection(HEAVY)


@pytest.mark.parametrize(
    ("typed", "position", "offered"),
    [
        ("recording-operator ", 1, list(VERBS)),
        ("recording-operator re", 1, [verb for verb in VERBS if verb.startswith("re")]),
        ("recording-operator copy --se", 2, ["--settings"]),
        ("recording-operator report --b", 2, ["--by"]),
        ("recording-operator run --log-l", 2, ["--log-level"]),
    ],
)
def test_completion_imports_nothing_heavy(typed: str, position: int, offered: list[str]) -> None:
    shown, modules = modules_after(
        _RECORDING_OPERATOR_COMPLETE="bash_complete", COMP_WORDS=typed, COMP_CWORD=str(position)
    )
    assert [line.partition(",")[2] for line in shown.splitlines()] == offered
    assert modules.isdisjoint(HEAVY), modules.intersection(HEAVY)


@pytest.mark.parametrize("width", [60, 80, 100])
def test_short_help_is_whole(width: int) -> None:
    shown = CliRunner().invoke(main, ["--help"], terminal_width=width).output.partition("Recordings:")[2]
    assert "..." not in shown
    for text in VERBS.values():
        assert text in " ".join(shown.split())


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_examples_and_exit_statuses_in_its_help(verb: str) -> None:
    shown = CliRunner().invoke(main, [verb, "--help"]).output
    assert "Examples:" in shown
    assert f"recording-operator {verb} " in shown
    assert "Exit status:" in shown
    assert "--policy" not in shown, "one word: settings"


def test_the_steps_of_a_report_are_those_of_its_writer() -> None:
    assert [step.value for step in Step] == list(STEPS)
    assert [group.value for group in GroupBy] == list(GROUPS)


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_no_line_of_help_is_wider_than_80_columns(verb: str) -> None:
    shown = CliRunner().invoke(main, [*verb.split(), "--help"], terminal_width=80).output
    assert [line for line in shown.splitlines() if len(line) > 80] == []

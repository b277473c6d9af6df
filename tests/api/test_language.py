"""Texts for users use common words. These tests find some uncommon ones; see "Language" in CONTRIBUTING.md."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from recording_operator.api.crd import RESOURCES, crd
from recording_operator.api.reasons import Reason
from recording_operator.cli import main
from recording_operator.cli.verbs import VERBS
from recording_operator.metrics import Metrics

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "operator" / "recording_operator"
# Each has a word of the field that is read at once: response, request, verify, reject, report, "if another client".
UNCOMMON = re.compile(
    r"\b(anew|afresh|time-outs?|prove[sd]?|proving|proofs?|foresaw|serves? us|sent once more"
    r"|answer(?:s|ed|ing)?|asked|told|heard|hears|came|goes by|befalls?|speaks?"
    r"|whoever|whomever|nobody|somebody|anybody|shall|lest|hence|ought"
    r"|refuses?|refusals?|refusing)\b",
    re.IGNORECASE,
)


def uncommon_words(text: str) -> list[str]:
    return UNCOMMON.findall(text)


def _documents() -> Iterator[Path]:
    yield from ROOT.glob("*.md")
    yield from (ROOT / "docs").rglob("*.md")
    for folder in ("changes", "examples", "install"):
        yield from (ROOT / folder).glob("*.md")
    chart = ROOT / "charts" / "recording-operator"
    yield from (chart / "README.md", chart / "values.yaml", chart / "files" / "alerts.yaml")
    yield from (chart / "templates").rglob("*.txt")


@pytest.mark.parametrize("path", sorted(_documents()), ids=lambda path: str(path.relative_to(ROOT)))
def test_documents(path: Path) -> None:
    assert uncommon_words(path.read_text(encoding="utf-8")) == []


def _descriptions(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from (value for key, value in node.items() if key == "description" and isinstance(value, str))
        for value in node.values():
            yield from _descriptions(value)
    elif isinstance(node, list):
        for value in node:
            yield from _descriptions(value)


def test_descriptions_of_fields_are_sentences_in_common_words() -> None:
    texts = [text for resource in RESOURCES for text in _descriptions(crd(resource))]
    texts += [column.description for resource in RESOURCES for column in resource.columns]
    assert len(texts) > 200
    assert [text for text in texts if uncommon_words(text)] == []
    assert [text for text in texts if not text.endswith(".")] == []


def test_sentences_of_reasons() -> None:
    assert [reason for reason in Reason if uncommon_words(reason.sentence)] == []


def test_help_of_the_command_line() -> None:
    helps = [text for name in VERBS for text in _help(main.get_command(click.Context(main), name))]
    assert len(helps) > 10
    assert [text for text in helps if uncommon_words(text)] == []


def _help(command: click.Command | None) -> Iterator[str]:
    assert command is not None
    yield command.help or ""
    yield from (str(option.help) for option in command.params if isinstance(option, click.Option) and option.help)


def test_helps_of_metrics_are_sentences() -> None:
    helps = re.findall(r"^# HELP recording_operator_\w+ (.+)$", Metrics(version="1").render().decode(), re.MULTILINE)
    assert len(helps) > 20
    assert [text for text in helps if uncommon_words(text) or not text.endswith(".")] == []


def _code() -> Iterator[Path]:
    yield from PACKAGE.rglob("*.py")
    for folder in ("localcluster", "benchmarks", "release"):
        yield from (ROOT / folder).glob("*.py")
    yield from (ROOT / "pyproject.toml", ROOT / "Makefile", ROOT / "Dockerfile", ROOT / "docs" / "generate.py")


@pytest.mark.parametrize("path", sorted(_code()), ids=lambda path: str(path.relative_to(ROOT)))
def test_messages_docstrings_and_comments(path: Path) -> None:
    assert uncommon_words(path.read_text(encoding="utf-8")) == []


def test_the_check_itself_finds_an_uncommon_word() -> None:
    assert uncommon_words("The report was counted anew.") == ["anew"]
    assert uncommon_words("Nobody is told what the source answered.") == ["Nobody", "told", "answered"]
    assert uncommon_words("The connection was refused. UnexpectedAnswer is the name of an error.") == []
    assert uncommon_words("`NotProved`, `provedChecksum` and `proved_checksum` are names.") == []

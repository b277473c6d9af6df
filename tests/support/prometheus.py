"""Prometheus queries on the operator's metrics: scrapes, evaluated by promtool."""

import json
import re
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.error import URLError

import yaml
from prometheus_client.parser import text_string_to_metric_families

from localcluster import OperatorProcess
from localcluster.install import PROJECT
from tests.support.waiting import eventually

Series = tuple[str, tuple[tuple[str, str], ...]]
Scrape = dict[Series, float]

_CHART_FILES: Final = PROJECT / "charts" / "recording-operator" / "files"
_TARGET: Final = {"namespace": "recordings", "instance": "operator"}
_WITHIN_S: Final = 15.0
_COUNTS: Final = ("_total", "_bucket", "_count", "_sum")
_INLINE_CODE: Final = re.compile(r"`([^`\n]*recording_operator_[^`\n]*)`")


def parse(text: str) -> Scrape:
    """The samples of one scrape."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def names(scrape: Iterable[Series]) -> set[str]:
    """The names of the series."""
    return {name for name, _ in scrape}


def value(scrape: Scrape, name: str, **labels: str) -> float:
    """The sum of the series of a name that have these labels; 0 without any."""
    return sum(number for (found, of), number in scrape.items() if found == name and labels.items() <= dict(of).items())


def dashboard_queries() -> list[str]:
    """Every query of the chart's dashboards, its variables filled in."""
    panels = [
        panel
        for path in sorted((_CHART_FILES / "dashboards").glob("*.json"))
        for panel in json.loads(path.read_text())["panels"]
    ]
    queries = [str(target["expr"]) for panel in panels for target in panel["targets"]]
    return [query.replace("$namespace", ".*").replace("$__rate_interval", "5m") for query in queries]


def runbook_queries() -> list[str]:
    """Every query in a runbook."""
    pages = sorted((PROJECT / "docs" / "runbooks").glob("*.md"))
    return [query for page in pages for query in _INLINE_CODE.findall(page.read_text())]


def unanswered(promtool: Path, queries: Iterable[str], *, before: Scrape, after: Scrape, folder: Path) -> list[str]:
    """The queries that return nothing, or no number, after scrapes of `before` and then `after`."""
    asked = sorted(set(queries))
    tests = [
        {
            "name": query,
            "interval": "1m",
            "input_series": _input(before, after),
            "promql_expr_test": [
                {
                    "expr": f"count(({query}) == ({query})) > bool 0",
                    "eval_time": "6m",
                    "exp_samples": [{"labels": "{}", "value": 1}],
                }
            ],
        }
        for query in asked
    ]
    failed = []
    for test in tests:
        file = folder / "query.yaml"
        file.write_text(yaml.safe_dump({"evaluation_interval": "1m", "tests": [test]}))
        done = subprocess.run([promtool, "test", "rules", str(file)], capture_output=True, text=True, check=False)
        if done.returncode:
            failed.append(f"{test['name']}: {done.stdout}{done.stderr}")
    return failed


def _input(before: Scrape, after: Scrape) -> list[Mapping[str, Any]]:
    """A counter that is born between two scrapes has counted from nothing."""
    return [
        {"series": _notation(series), "values": f"{_first(before, series, number):f}x2 {number:f}x6"}
        for series, number in after.items()
    ]


def _first(before: Scrape, series: Series, number: float) -> float:
    return before.get(series, 0.0 if series[0].endswith(_COUNTS) else number)


def _notation(series: Series) -> str:
    name, labels = series
    text = ",".join(f"{key}={json.dumps(word)}" for key, word in {**dict(labels), **_TARGET}.items())
    return f"{name}{{{text}}}"


def metrics_of(operator: OperatorProcess) -> str:
    """The metrics of an operator that may have been started just now."""

    def shown() -> str:
        try:
            return operator.metrics()
        except URLError:
            return ""

    return eventually(shown, within_s=_WITHIN_S, what="metrics")

"""Runs of `recording-operator report` from usage samples, and what they should print."""

import csv
import io
from decimal import Decimal
from typing import Any

from click.testing import CliRunner, Result

from recording_operator.api.storagereport import StorageReportSpec, StorageReportStatus
from recording_operator.cli import main
from recording_operator.costs.library import find_profile
from recording_operator.costs.report import report
from recording_operator.costs.terms import CostTerms, LocationPrices
from recording_operator.costs.view import ReportInputs
from recording_operator.usage.timeline import usage_of
from tests.cli.counted_world import (
    PROFILE,
    counts,
)


def run(*arguments: str) -> Result:
    """Call `recording-operator report`."""
    return CliRunner().invoke(main, ["report", *arguments])


def lines_of(done: Result) -> list[dict[str, str]]:
    """The rows of CSV output."""
    assert done.exit_code == 0, done.stderr
    return list(csv.DictReader(io.StringIO(done.stdout, newline="")))


def expected(*locations: str, **spec: Any) -> StorageReportStatus:
    """What report() computes from the same samples."""
    samples = {name: counts(name) for name in locations or ("archive",)}
    asked = StorageReportSpec.model_validate(spec)
    prices = LocationPrices(group=PROFILE, versions=find_profile(PROFILE))
    terms = CostTerms(prices=dict.fromkeys(samples, prices), playback=asked.playback)
    inputs = ReportInputs(
        spec=asked,
        now=samples[next(iter(samples))][-1].at,
        terms=terms,
        usage={name: known for name, of in samples.items() if (known := usage_of(of))},
        comparison={name: find_profile(name) for name in asked.compare},
    )
    return report(inputs)


def cost_of(lines: list[dict[str, str]], column: str = "cost_usd") -> Decimal:
    """The sum of a column."""
    return sum((Decimal(line[column]) for line in lines), Decimal(0))


def history_cost(status: StorageReportStatus) -> Decimal:
    """The cost of all days of the history."""
    return sum((entry.cost for entry in status.history), Decimal(0))

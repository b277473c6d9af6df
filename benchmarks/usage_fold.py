"""`make bench-report`: two years of daily samples of fifty organisations become days of usage, and then a report.

The samples are in files of a month each, in memory. Days are computed once for all reports, so the second step is all
that another report takes. Prints the processor time of both, the median of some rounds, and what part of the goal it
is. Ends with 1 when a goal is missed: at most 2 s for each step.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from itertools import groupby
from statistics import median
from typing import Final, TypeVar

from recording_operator.api.storagereport import Playback, ReportSource, StorageReportSpec
from recording_operator.controller.usage.samples import SampleEntry, UsageSamples, load
from recording_operator.costs.library import find_profile
from recording_operator.costs.report import report
from recording_operator.costs.terms import CostTerms, LocationPrices
from recording_operator.costs.view import ReportInputs
from recording_operator.usage.codec import encode_month, month_name, usage_file
from recording_operator.usage.sample import ArrivalRow, StockRow, UsageSample
from recording_operator.usage.timeline import usage_of

GOAL_S: Final = 2.0
_BEGIN: Final = datetime(2024, 12, 1, 0, 0, 7, tzinfo=UTC)
_DAY: Final = timedelta(days=1)
_RECORDING_BYTES: Final = 480_000_000
_LOCATION: Final = "archive"
Result = TypeVar("Result")


def daily_samples(days: int, orgs: int) -> list[UsageSample]:
    """One sample a day, seven seconds after midnight. Each organisation stores four objects a day."""
    samples: list[UsageSample] = []
    for number in range(days):
        at = _BEGIN + number * _DAY
        names = [f"org-{org:03}" for org in range(orgs)]
        stored = [_stored(name, org, number + 1) for org, name in enumerate(names)]
        arrived = [_arrived(name, org, at) for org, name in enumerate(names)]
        samples.append(
            UsageSample(
                location=_LOCATION,
                at=at,
                since=samples[-1].at if samples else None,
                source=ReportSource.INVENTORY,
                basis="all keys",
                stored=tuple(stored),
                arrived=tuple(arrived),
            )
        )
    return samples


def _stored(name: str, org: int, days: int) -> StockRow:
    size_bytes = (_RECORDING_BYTES + org) * days
    return StockRow(org=name, namespace="team", storage_class="STANDARD", objects=4 * days, size_bytes=size_bytes)


def _arrived(name: str, org: int, at: datetime) -> ArrivalRow:
    return ArrivalRow(
        org=name,
        namespace="team",
        storage_class="STANDARD",
        objects=4,
        size_bytes=_RECORDING_BYTES + org,
        day=(at - _DAY).date(),
        writes=40,
        second=40_000,
    )


def kept(samples: Iterable[UsageSample]) -> UsageSamples:
    """The samples as an archive keeps them."""
    entries: list[SampleEntry] = []
    for month, of_month in groupby(samples, key=lambda one: one.at.date().replace(day=1)):
        file = usage_file(_LOCATION, month_name(_LOCATION, month))
        assert file is not None
        entries += load(file, encode_month(list(of_month)), location=_LOCATION).entries
    return UsageSamples(entries)


def timed(step: Callable[[], Result], rounds: int) -> tuple[float, Result]:
    """The median processor time of a step, and its result."""
    times = []
    for _ in range(rounds):
        begun = time.process_time()
        result = step()
        times.append(time.process_time() - begun)
    return median(times), result


def main() -> int:
    """Measure and compare with the goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=730)
    parser.add_argument("--orgs", type=int, default=50)
    parser.add_argument("--profile", default="aws-s3/us-east-1")
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    samples = kept(daily_samples(chosen.days, chosen.orgs))
    prices = LocationPrices(group=chosen.profile, versions=find_profile(chosen.profile))
    terms = CostTerms(prices={_LOCATION: prices}, playback=Playback())
    days_s, usage = timed(lambda: usage_of(samples), chosen.rounds)
    assert usage is not None
    inputs = ReportInputs(spec=StorageReportSpec(), now=usage.newest.at, terms=terms, usage={_LOCATION: usage})
    report_s, found = timed(lambda: report(inputs), chosen.rounds)
    print(f"{len(samples)} samples of {chosen.orgs} organisations; {len(found.history or ())} entries of history")
    for name, seconds in (("read and add up", days_s), ("a report", report_s)):
        print(f"{name:15} {seconds:6.2f} s  {seconds / GOAL_S:.2f} of the goal ({GOAL_S:.0f} s)")
    return 0 if max(days_s, report_s) <= GOAL_S else 1


if __name__ == "__main__":
    sys.exit(main())

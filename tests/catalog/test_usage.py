"""Usage samples in the catalog give the days, and so the costs, that the samples in the bucket give."""

from datetime import timedelta

from recording_operator.api.storagereport import Playback, ReportSource, StorageReportSpec
from recording_operator.catalog.reading import CatalogReader
from recording_operator.catalog.writing import CatalogWriter
from recording_operator.costs.library import find_profile
from recording_operator.costs.report import report
from recording_operator.costs.terms import CostTerms, LocationPrices
from recording_operator.costs.view import ReportInputs
from recording_operator.usage.sample import ArrivalRow, Carry, StockRow, UsageSample
from recording_operator.usage.timeline import LocationUsage, usage_of
from tests.catalog.building import BEGIN

_DAYS = 40
_NOW = BEGIN + timedelta(days=_DAYS)


def _samples(location: str) -> list[UsageSample]:
    found: list[UsageSample] = []
    for number in range(_DAYS):
        day = BEGIN + timedelta(days=number)
        arrived = ArrivalRow(
            org="acme", namespace="team-a", storage_class="STANDARD", objects=4, size_bytes=10**9, day=day.date()
        )
        row = StockRow(
            org="acme", namespace="team-a", storage_class="STANDARD", objects=4 * number, size_bytes=10**9 * number
        )
        found.append(
            UsageSample(
                location=location,
                at=day,
                since=found[-1].at if found else None,
                source=ReportSource.INVENTORY,
                stored=(row,),
                arrived=(arrived,),
                carry=Carry(recent=(arrived,)),
            )
        )
    return found


def _report(usage: LocationUsage | None) -> object:
    assert usage is not None
    prices = LocationPrices(group="one", versions=find_profile("aws-s3/us-east-1"))
    terms = CostTerms(prices={"archive": prices}, playback=Playback())
    return report(ReportInputs(spec=StorageReportSpec(), now=_NOW, terms=terms, usage={"archive": usage}))


def test_the_same_report(writer: CatalogWriter, reader: CatalogReader) -> None:
    samples = _samples("archive")
    writer.put_usage("archive", samples[20:])
    writer.put_usage("archive", samples[:30])
    writer.put_usage("other", _samples("other")[:1])
    assert _report(usage_of(reader.usage("archive", until=_NOW))) == _report(usage_of(samples))
    assert reader.usage_locations() == ("archive", "other")
    assert reader.last_usage("archive") == samples[-1].at
    assert reader.last_usage("missing") is None
    assert list(reader.usage("missing", until=_NOW)) == []


def test_samples_that_overlap_count_once(writer: CatalogWriter, reader: CatalogReader) -> None:
    samples = _samples("archive")
    late = samples[-1].model_copy(update={"at": samples[-1].at + timedelta(hours=1)})
    future = samples[-1].model_copy(update={"at": _NOW + timedelta(days=9), "since": late.at})
    writer.put_usage("archive", [late, *samples, future])
    found = reader.usage("archive", until=_NOW)
    assert [one.at for one in found] == [one.at for one in samples]
    assert all(one.carry == Carry() for one in found)

"""The end of a deleted location whose objects another one counts from then on."""

from collections.abc import Iterable

from recording_operator.usage.sample import UsageSample


def closing_sample(last: UsageSample, later: Iterable[UsageSample]) -> UsageSample | None:
    """The sample that would follow `last` if its location still existed; None if no other location took over.

    `later` are the samples of a location with the same bucket and prefix, in order, from the last one that is not later
    than `last`. Between the two counts, the one location holds less and less and the other more and more, as everywhere
    where a location takes over; without this sample, half of that time would be missing.
    """
    if last.counted_by is not None:
        return None
    before = None
    for sample in later:
        if sample.at > last.at and sample.counted_by != last.location:
            continued = before is not None and before.counted_by == last.location
            if sample.counted_by is not None or not (continued or sample.taken_over == last.location):
                return None
            return UsageSample(
                location=last.location,
                at=sample.at,
                since=last.at,
                source=last.source,
                download_source=last.download_source,
                basis=last.basis,
                counted_by=sample.location,
                profile=last.profile,
            )
        before = sample
    return None

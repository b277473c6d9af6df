"""Faults of the source, S40: content that changes without a change of length, with every combination of validators."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recording_operator.api.reasons import Reason
from recording_operator.errors import TransferError
from recording_operator.stores.s3.bucket import S3Store
from recording_operator.transfer.observer import UploadState
from recording_operator.transfer.source.validators import Pin, pin_of
from tests.support.lying_source import Behaviour, Content, LyingSource, Serve, SourceRequest
from tests.support.strict_bucket import Bucket
from tests.support.strict_store import StrictStore
from tests.support.transfers import KIB, Observed, check_stored, fast_options, pattern, run_transfer

PART = 64 * KIB
SIZE = 6 * PART + 1234
SHARED = pattern(PART + 99, seed=50)  # longer than the probe
STAMPS = ("Mon, 01 Jun 2026 10:00:00 GMT", "Mon, 01 Jun 2026 10:05:00 GMT")
SOON = "Mon, 01 Jun 2026 10:00:00 GMT"
LATER = "Mon, 01 Jun 2026 11:00:00 GMT"


def a_body(version: int, *, shared: bool) -> bytes:
    """Content of one length; versions may have their beginning in common."""
    start = SHARED if shared else b""
    return (start + pattern(SIZE, seed=version))[:SIZE]


# What each version states: the same of all of them where the source has no strong validator.
FORMS: Mapping[str, Callable[[int], Mapping[str, str]]] = {
    "nothing": lambda _: {},
    "weak ETag": lambda _: {"ETag": 'W/"v"'},
    "empty ETag": lambda _: {"ETag": '""'},
    "ETag without quotes": lambda _: {"ETag": "v"},
    "modified within the second": lambda _: {"Last-Modified": SOON, "Date": SOON},
    "modified, no Date": lambda _: {"Last-Modified": SOON},
    "modified after Date": lambda _: {"Last-Modified": LATER, "Date": SOON},
    "odd Last-Modified": lambda _: {"Last-Modified": "yesterday", "Date": LATER},
    "strong ETag": lambda version: {"ETag": f'"v{version}"'},
    "strong Last-Modified": lambda version: {"Last-Modified": STAMPS[version], "Date": LATER},
    "weak ETag, strong Last-Modified": lambda version: {
        "ETag": 'W/"v"', "Last-Modified": STAMPS[version], "Date": LATER,
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Script:
    """Which version each request is of, and where it is cut."""

    versions: tuple[int, ...]
    cuts: tuple[int | None, ...]
    form: str
    shared: bool
    conditions: bool
    workers: int

    def behaviour(self, request: SourceRequest) -> Behaviour:
        version = self.versions[min(request.number, len(self.versions)) - 1]
        stated = FORMS[self.form](version)
        return Behaviour(
            content=Content(
                body=a_body(version, shared=self.shared),
                etag=stated.get("ETag"),
                last_modified=stated.get("Last-Modified"),
            ),
            headers={"Date": stated.get("Date")},
            conditions=self.conditions,
            cut_after=self.cuts[min(request.number, len(self.cuts)) - 1],
        )


scripts = st.builds(
    Script,
    versions=st.lists(st.integers(0, 1), min_size=1, max_size=12).map(tuple),
    # The probe is let through, and at last there are no cuts.
    cuts=st.lists(st.none() | st.integers(1, SIZE), max_size=10).map(lambda cuts: (None, *cuts, None)),
    form=st.sampled_from(sorted(FORMS)),
    shared=st.booleans(),
    conditions=st.booleans(),
    workers=st.sampled_from([1, 3]),
)
MAY_COME = {Reason.SOURCE_CHANGED, Reason.SOURCE_RESET, Reason.SOURCE_TRUNCATED}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(script=scripts)
def test_s40_content_that_changes_at_any_moment_is_never_stored_as_a_mixture(
    strict: StrictStore, store: S3Store, script: Script
) -> None:
    strict.reset(Bucket(least_part_bytes=PART))
    resume: UploadState | None = None
    options = fast_options(
        single_put_bytes=PART, smallest_part_bytes=PART, largest_part_bytes=PART, workers=script.workers,
        backoff_base_s=0.0001, tries_without_progress=3,
    )  # fmt: skip
    with LyingSource(Content(body=b"")) as source:
        source.behave = script.behaviour
        for _ in range(4):
            observed = Observed()
            try:
                stored = run_transfer(source.url, store, observed=observed, resume=resume, options=options)
            except TransferError as error:
                failure: TransferError | None = error
            else:
                failure = None
            if failure is not None:
                assert failure.reason in MAY_COME, failure
                # The next process goes on with what this one had persisted.
                resume = observed.states[-1] if observed.states else resume
                continue
            bodies = [a_body(version, shared=script.shared) for version in (0, 1)]
            whole = strict.bucket.versions[strict.keys()[0]][0].body
            assert whole in bodies, f"a mixture was stored: {script}"
            check_stored(stored, whole, strict)
            return


@pytest.mark.parametrize("form", sorted(FORMS))
def test_s40_only_a_strong_validator_lets_ranges_be_read_side_by_side(
    serve: Serve, strict: StrictStore, store: S3Store, form: str
) -> None:
    source = serve(b"")
    script = Script(versions=(0,), cuts=(None,), form=form, shared=False, conditions=True, workers=3)
    source.behave = script.behaviour
    options = fast_options(smallest_part_bytes=PART, single_put_bytes=PART)
    check_stored(run_transfer(source.url, store, options=options), a_body(0, shared=False), strict)
    ranges = [request for request in source.served[1:] if request.first_byte is not None]
    if "strong" in form:
        assert len(ranges) > 1
        assert all("if-match" in request.headers or "if-range" in request.headers for request in ranges)
    else:
        assert ranges == []
        assert len(source.served) == 2


@pytest.mark.parametrize("form", ["weak ETag", "modified within the second", "nothing"])
def test_s40_a_small_file_without_a_strong_validator_is_of_one_response(
    serve: Serve, strict: StrictStore, store: S3Store, form: str
) -> None:
    source = serve(b"")
    # The probe is of the old content, the rest would be of the new one.
    source.behave = Script(
        versions=(0, 1), cuts=(None,), form=form, shared=False, conditions=True, workers=1
    ).behaviour  # fmt: skip
    check_stored(
        run_transfer(source.url, store, options=fast_options(single_put_bytes=SIZE)), a_body(1, shared=False), strict
    )


def test_s40_a_time_that_has_become_strong_does_not_vouch_for_parts_that_were_read_before(
    serve: Serve, strict: StrictStore, store: S3Store
) -> None:
    source, observed = serve(b""), Observed()
    stamp = {"Date": SOON}
    first, second = (Content(body=a_body(number, shared=True), etag=None, last_modified=SOON) for number in (0, 1))
    source.behave = lambda request: Behaviour(
        content=first, headers=stamp, cut_after=None if request.number == 1 else 3 * PART
    )
    options = fast_options(single_put_bytes=PART, smallest_part_bytes=PART, largest_part_bytes=PART)
    with pytest.raises(TransferError):
        run_transfer(source.url, store, observed=observed, options=options)
    assert strict.open_uploads() != []
    source.behave = lambda _: Behaviour(content=second, headers={"Date": LATER})
    stored = run_transfer(source.url, store, resume=observed.states[-1], options=options)
    check_stored(stored, second.body, strict)


@pytest.mark.parametrize(
    ("etag", "last_modified", "date", "pin"),
    [
        ('"a"', STAMPS[0], LATER, Pin(etag='"a"')),
        ('W/"a"', STAMPS[0], LATER, Pin(last_modified=STAMPS[0])),
        ('w/"a"', None, LATER, None),
        ('""', None, LATER, None),
        ("", None, LATER, None),
        ("a", None, LATER, None),
        ('"a", "b"', None, LATER, None),
        ('"a b"', None, LATER, None),
        ('"ä"', None, LATER, Pin(etag='"ä"')),
        (None, STAMPS[0], None, None),
        (None, STAMPS[0], "soon", None),
        (None, SOON, "Mon, 01 Jun 2026 10:00:59 GMT", None),
        (None, SOON, "Mon, 01 Jun 2026 10:01:00 GMT", Pin(last_modified=SOON)),
        (None, SOON, "Monday, 01-Jun-26 10:01:00 GMT", Pin(last_modified=SOON)),
        (None, "Mon, 01 Jun 2026 10:00:00 -9999", LATER, None),
        (None, "Mon, 01 Jun 99999 10:00:00 GMT", LATER, None),
    ],
)
def test_s40_which_validators_are_strong(
    etag: str | None, last_modified: str | None, date: str | None, pin: Pin | None
) -> None:
    assert pin_of(etag=etag, last_modified=last_modified, date=date) == pin

"""Numbers, times, states, searches and origins, without a server."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from recording_operator.api.meta import ObjectMeta
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.catalog.entries import CatalogArtifact, CatalogEntry
from recording_operator.console.pages.origins import store_origins
from recording_operator.console.pages.recordings import search_of
from recording_operator.console.pages.states import artifact_row, percent_of, row_of
from recording_operator.console.pages.words import amount, moment

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


def an_entry(**fields: object) -> CatalogEntry:
    usual = {
        "uid": "u", "namespace": "team", "name": "sync", "org": "acme", "labels": {}, "phase": "Pending",
        "created": NOW, "stored_uid": "u", "in_cluster": True,
    }  # fmt: skip
    return CatalogEntry(**{**usual, **fields})  # type: ignore[arg-type]


def a_location(**s3: object) -> StorageLocation:
    spec = {"s3": {"bucket": "media", **s3}}
    return StorageLocation.model_validate({"metadata": ObjectMeta(name="archive"), "spec": spec})


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("0", "0.00 USD"),
        ("0.00001", "< 0.0001 USD"),
        ("-0.00001", "> -0.0001 USD"),
        ("0.876", "0.8760 USD"),
        ("1234.567", "1,234.57 USD"),
        ("-158.591", "-158.59 USD"),
    ],
)
def test_amounts_have_as_many_decimals_as_they_need(value: str, shown: str) -> None:
    assert amount(Decimal(value), "USD") == shown


def test_an_age_has_the_exact_time() -> None:
    past, future = moment(NOW - timedelta(hours=3), NOW), moment(NOW + timedelta(minutes=20), NOW)
    assert past is not None
    assert future is not None
    assert past.__html__() == '<time datetime="2026-11-30T09:00:00Z" title="2026-11-30 09:00:00 UTC">3h ago</time>'
    assert ">in 20m</time>" in future.__html__()


def test_what_a_person_has_done_comes_before_the_phase() -> None:
    assert row_of(an_entry(phase="Uploading", suspended=True)).state.word == "Suspended"
    assert row_of(an_entry(phase="Failed", cancelled=True, reason="Cancelled")).state.word == "Cancelled"
    assert row_of(an_entry(phase="Complete", suspended=True)).state.word == "Complete"


def test_a_reason_that_says_nothing_new_is_left_out() -> None:
    assert row_of(an_entry(phase="Complete", reason="Stored")).state.reason == ""
    assert row_of(an_entry(phase="Pending", reason="Queued")).state.reason == "Queued"


def test_a_reason_of_a_newer_operator_is_shown_without_an_explanation() -> None:
    state = row_of(an_entry(phase="Failed", reason="NewInTheNextVersion")).state
    assert (state.reason, state.meaning) == ("NewInTheNextVersion", "")


@pytest.mark.parametrize(
    ("progress", "percent"), [("45.1%", Decimal("45.1")), ("", None), ("Expired", None), ("x%", None)]
)
def test_only_a_percentage_is_a_progress(progress: str, percent: Decimal | None) -> None:
    assert percent_of(progress) == percent


@pytest.mark.parametrize(
    ("content_type", "kind", "stored", "plays"),
    [
        ("video/mp4", "Video", True, "video"),
        ("audio/mpeg", "Video", True, "audio"),
        ("", "Audio", True, "audio"),
        ("text/html", "Video", True, ""),
        ("video/mp4", "Video", False, ""),
    ],
)
def test_only_stored_video_and_audio_can_be_played(content_type: str, kind: str, stored: bool, plays: str) -> None:
    artifact = CatalogArtifact(name="a", kind=kind, content_type=content_type, stored=stored)
    assert artifact_row(artifact).plays == plays


def test_a_search_in_a_url_has_the_fields_that_are_set() -> None:
    search = search_of(q=" a&b ", phase="Failed", created_from="2026-11-01", created_to="2026-13-01", org="")
    assert search.query() == "q=a%26b&phase=Failed&from=2026-11-01"
    assert search.created_from == date(2026, 11, 1)
    assert search_of(phase="Nonsense").query() == ""
    assert search_of(created_to="9999-12-31").wanted().created_before is None, "no day follows it"


def test_the_last_day_of_a_search_is_included() -> None:
    wanted = search_of(created_to="2026-11-30").wanted()
    assert wanted.created_before == datetime(2026, 12, 1, tzinfo=UTC)


def test_media_are_only_allowed_from_the_store() -> None:
    assert store_origins(a_location(endpoint="https://minio.example.com:9000/x", pathStyle=True)) == [
        "https://minio.example.com:9000"
    ]
    assert store_origins(a_location(endpoint="https://s3.example.com")) == [
        "https://media.s3.example.com",
        "https://s3.example.com",
    ]
    assert store_origins(a_location(region="eu-west-2")) == [
        "https://media.s3.amazonaws.com",
        "https://media.s3.eu-west-2.amazonaws.com",
        "https://s3.eu-west-2.amazonaws.com",
    ]


def test_nothing_but_an_origin_gets_into_the_policy() -> None:
    assert store_origins(a_location(endpoint="https://x.example; script-src *", pathStyle=True)) == []
    assert store_origins(a_location(endpoint="javascript:alert(1)", pathStyle=True)) == []

"""Usage samples as bytes: the same sample gives the same bytes, and no file can do harm."""

import gzip
import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from recording_operator.api.storagereport import ReportSource
from recording_operator.usage import codec
from recording_operator.usage.codec import (
    Period,
    UsageFile,
    UsageFormatError,
    day_name,
    decode,
    decode_month,
    encode,
    encode_month,
    month_name,
    sample_name,
    usage_file,
)
from recording_operator.usage.sample import (
    ArrivalRow,
    Carry,
    DownloadRow,
    EarlyDeletionRow,
    PastRow,
    RecordingRow,
    State,
    StockRow,
    StoredRecordingsRow,
    UsageSample,
)

AT = datetime(2026, 11, 28, 0, 0, 7, tzinfo=UTC)
DAY = date(2026, 11, 27)
STOCK: dict[str, Any] = {"org": "acme", "namespace": "team-a", "storage_class": "STANDARD"}
ROW = StockRow(
    **STOCK,
    state=State.NONCURRENT,
    objects=5,
    size_bytes=2**70,
    small_objects=(1, 2, 3),
    small_bytes=(10, 200, 3000),
    monitored=2,
    aged_bytes=(4, 3),
)
FULL = UsageSample(
    location="archive",
    at=AT,
    since=datetime(2026, 11, 27, tzinfo=UTC),
    source=ReportSource.INVENTORY,
    basis="b",
    counted_by="other",
    taken_over="older",
    profile="aws",
    stored=(ROW, StockRow(org="Zoë", namespace="ü", storage_class="")),
    arrived=(ArrivalRow(**STOCK, day=DAY, writes=3, second=86_400),),
    ahead=(ArrivalRow(**STOCK, day=DAY),),
    downloaded=(DownloadRow(day=DAY, size_bytes=7),),
    deleted_early=(EarlyDeletionRow(**STOCK, day=DAY),),
    recordings=(RecordingRow(org="acme", namespace="team-a", recordings=4, seconds_24h=9),),
    stored_recordings=(StoredRecordingsRow(org="acme", namespace="team-a", recordings=3),),
    past=(PastRow(begin=date(2026, 10, 1), end=date(2026, 10, 31), **STOCK, byte_seconds=2**65, estimated=True),),
    orphaned_bytes=1,
    orphaned_objects=1,
    foreign_bytes=2,
    unsized_uploads=True,
    notes=("z", "a\nb"),
    carry=Carry(recent=(ArrivalRow(**STOCK, day=DAY),), young=(EarlyDeletionRow(**STOCK, day=DAY),)),
)
SMALL = UsageSample(location="archive", at=AT, source=ReportSource.RECORDINGS)


def packed(*documents: object) -> bytes:
    """A file of these documents, valid or not."""
    return gzip.compress(b"".join(json.dumps(document).encode() + b"\n" for document in documents))


def fails(data: bytes) -> str:
    """The sentence that the file is rejected with."""
    with pytest.raises(UsageFormatError) as caught:
        decode_month(data)
    assert caught.value.__cause__ is None
    return str(caught.value)


def test_every_field_survives() -> None:
    assert sorted_rows(decode(encode(FULL))) == sorted_rows(FULL)
    assert set(UsageSample.model_fields) - set(FULL.model_fields_set) == {"schema_name", "download_source"}
    assert decode(encode(SMALL)) == SMALL


def sorted_rows(sample: UsageSample) -> UsageSample:
    """The sample with its rows in order."""
    return sample.model_copy(update={"stored": tuple(sorted(sample.stored, key=lambda row: row.org))})


def test_the_same_sample_gives_the_same_bytes() -> None:
    turned = FULL.model_copy(update={"stored": FULL.stored[::-1]})
    assert turned != FULL
    assert encode(turned) == encode(FULL)
    assert encode(decode(encode(FULL))) == encode(FULL)
    assert encode(FULL)[4:8] == bytes(4)  # no time in the header of gzip


def test_the_text_is_a_line_of_plain_json_without_defaults() -> None:
    text = gzip.decompress(encode(SMALL)).decode()
    assert text == (
        '{"schema":"recordings.dev/usage/v1","location":"archive","at":"2026-11-28T00:00:07Z","source":"Recordings"}\n'
    )
    full = gzip.decompress(encode(FULL)).decode()
    assert full.count("\n") == 1
    assert json.loads(full)["stored"][1] == {"org": "Zoë", "namespace": "ü", "class": ""}


def test_a_month_has_a_line_for_each_sample_and_one_carry() -> None:
    later = FULL.model_copy(update={"at": datetime(2026, 11, 29, tzinfo=UTC)})
    first, last = decode_month(encode_month([FULL, later]))
    assert (first.at, last.at) == (FULL.at, later.at)
    assert first.carry == Carry()
    assert last.carry == FULL.carry
    assert sorted_rows(first) == sorted_rows(FULL).model_copy(update={"carry": Carry()})


def test_names_hold_the_location_and_the_time() -> None:
    folder = ".recording-operator/usage/a.b"
    name = sample_name("a.b", AT)
    assert name == f"{folder}/2026/11/28T000007Z.json.gz"
    assert usage_file("a.b", name) == UsageFile(name=name, period=Period.SAMPLE, begin=AT)
    month = month_name("a.b", date(2026, 10, 1))
    assert month == f"{folder}/2026/10.json.gz"
    assert usage_file("a.b", month) == UsageFile(
        name=month, period=Period.MONTH, begin=datetime(2026, 10, 1, tzinfo=UTC)
    )
    day = day_name("a.b", date(2026, 10, 9))
    assert day == f"{folder}/2026/10/09.json.gz"
    assert usage_file("a.b", day) == UsageFile(name=day, period=Period.DAY, begin=datetime(2026, 10, 9, tzinfo=UTC))


def test_a_file_has_the_samples_of_its_time() -> None:
    times = [AT, AT.replace(second=8), AT.replace(day=27), AT.replace(month=10), AT.replace(year=2025)]
    names = [sample_name("a", AT), day_name("a", AT.date()), month_name("a", AT.date().replace(day=1))]
    for number, name in enumerate(names, start=1):
        file = usage_file("a", name)
        assert file is not None
        assert [file.has(time) for time in times] == [True] * number + [False] * (5 - number)


@pytest.mark.parametrize(
    "rest",
    [
        "", "2026/13.json.gz", "2026/02/30T000000Z.json.gz", "2026/11/28T250000Z.json.gz", "2026/11.json",
        "2026/11/31.json.gz",
        "0000/11.json.gz",
        "2026/11/28T000007Z.json.gz.json.gz", "x/2026/11.json.gz", "٢٠٢٦/11.json.gz", "2026/11.json.gz\n",
    ],
)  # fmt: skip
def test_other_names_are_not_usage_files(rest: str) -> None:
    assert usage_file("a", f".recording-operator/usage/a/{rest}") is None
    assert usage_file("a", ".recording-operator/usage/b/2026/11.json.gz") is None


def test_fields_of_a_newer_version_are_ignored() -> None:
    fields = json.loads(gzip.decompress(encode(SMALL)))
    assert decode(packed({**fields, "new": {"deep": [1]}})) == SMALL


GOOD = {"schema": "recordings.dev/usage/v1", "location": "a", "at": "2026-11-28T00:00:07Z", "source": "Inventory"}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"schema": "recordings.dev/usage/v2"}, "It has another schema than recordings.dev/usage/v1. A newer version"),
        ({"at": "CANARY"}, "It is not a usage sample (at: "),
        ({"source": "CANARY"}, "It is not a usage sample (source: enum)."),
        ({"stored": [{"CANARY": 1}]}, "It is not a usage sample (stored.0.org: missing)."),
        ({"downloaded": [{"day": "2026-11-28", "bytes": -1}]}, "It is not a usage sample (downloaded.0.bytes: g"),
        ({"notes": ["CANARY" * 100]}, "It is not a usage sample (notes.0: string_too_long)."),
    ],
)  # fmt: skip
def test_invalid_documents_are_rejected_without_their_values(change: dict[str, object], sentence: str) -> None:
    assert decode(packed(GOOD)).location == "a"
    message = fails(packed({**GOOD, **change}))
    assert message.startswith(sentence)
    assert "CANARY" not in message


@pytest.mark.parametrize("document", [[], 1, None, "text"])
def test_other_json_is_rejected(document: object) -> None:
    assert fails(packed(document)) == "It is not a usage sample (the document: model_type)."


def test_a_deep_document_is_rejected() -> None:
    assert "json_invalid" in fails(gzip.compress(b"[" * 100_000))


def test_damaged_files_are_rejected() -> None:
    good = encode(FULL)
    assert fails(b"CANARY") == "It is not compressed with gzip, or it is damaged."
    assert fails(good[:-1]) == "It ends before its end, or goes on after it."
    assert fails(good + good) == "It ends before its end, or goes on after it."
    assert fails(good[:-8] + bytes(8)) == "It is not compressed with gzip, or it is damaged."
    assert fails(b"") == "It ends before its end, or goes on after it."


def test_a_file_has_exactly_one_sample_where_one_is_expected() -> None:
    for number in (0, 2):
        with pytest.raises(UsageFormatError, match=f"It has {number} samples; expected one"):
            decode(packed(*[GOOD] * number))


def test_a_gzip_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "MOST_TEXT_BYTES", 10_000)
    bomb = gzip.compress(bytes(10_000_000))
    assert fails(bomb) == "It has more than 10000 bytes when decompressed."
    with pytest.raises(UsageFormatError, match="when decompressed"):
        encode_month([SMALL] * 1000)


def test_files_and_their_number_of_values_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode(FULL)
    monkeypatch.setattr(codec, "MOST_VALUES", 20)
    assert fails(data).startswith("It has ")
    assert fails(data).endswith(" values; at most 20 are read.")
    monkeypatch.setattr(codec, "MOST_FILE_BYTES", 100)
    assert fails(data) == f"It has {len(data)} bytes; at most 100 are read."

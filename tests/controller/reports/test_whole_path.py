"""From a cluster made late in a month to the next month, on a strict store: every figure is recomputed by hand."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from tests.controller.reports.whole_path import GB, Path, assert_cost, cost, sized


def test_the_whole_path(path: Path) -> None:
    path.put("2026-11-28T06:00", 20, "acme")
    upload = path.world.open_upload(datetime(2026, 11, 28, 12, tzinfo=UTC), 1, 1, org="globex")
    parts = path.world.strict.bucket.uploads[upload].parts
    for number, part in parts.items():
        parts[number] = replace(part, body=sized(5 * GB))

    # While the upload is open: 20 GB for 12 hours, and 10 GB for 6 hours, which cannot be read.
    path.apply("all")
    path.at("2026-11-28T18:00")
    status = path.status()
    assert (status["totals"]["objects"], status["totals"]["bytes"]) == (1, 20 * GB)
    assert status["totals"]["incompleteUploadBytes"] == 10 * GB
    assert_cost(path.day("2026-11-28")["cost"], cost("12.5", "10"))
    assert status["cost"]["monthToDate"] == "0.02"
    assert path.counts() == 1

    # After it is complete: 20 GB for 16 hours, 10 GB for 10 hours; readable on average half of the last 4 hours.
    path.world.complete(upload)
    versions = path.world.strict.bucket.versions
    [key] = [key for key in versions if key.startswith("globex")]
    versions[key] = [replace(version, body=sized(10 * GB)) for version in versions[key]]
    path.apply("all", refreshToken="complete")
    path.at("2026-11-28T22:00")
    status = path.status()
    assert (status["totals"]["objects"], status["totals"]["bytes"]) == (2, 30 * GB)
    assert status["totals"]["incompleteUploadBytes"] == 0
    assert_cost(path.day("2026-11-28")["cost"], cost("17.5", str(Decimal(20 * 16 + 10 * 2) / 24)))
    assert Decimal(path.day("2026-11-28")["uploadGB"]) == 30
    assert path.day("2026-11-28")["apiRequests"] == 1 + 4
    assert path.counts() == 2

    # The next day, by schedule: 20 GB for 18 hours, 10 GB for 12 hours.
    path.at("2026-11-29T00:00:05")
    assert_cost(path.day("2026-11-28")["cost"], cost("20", str(Decimal(20 * 18 + 10 * 4) / 24)))
    path.put("2026-11-29T12:00", 40, "acme")
    path.at("2026-11-30T00:00:00")
    assert_cost(path.day("2026-11-29")["cost"], cost("50", "50"))
    assert path.day("2026-11-29")["estimated"] is False

    # The next month: three days of November, and nothing yet of December.
    path.at("2026-12-01T00:00:00")
    november = cost("20", str(Decimal(400) / 24)) + cost("50", "50") + cost("70", "70")
    assert path.status()["cost"]["lastMonth"] == str(november.quantize(Decimal("0.01"))) == "0.31"
    assert path.status()["cost"]["monthToDate"] == "0.00"
    path.at("2026-12-02T00:00:00")
    assert path.status()["cost"]["monthToDate"] == str(cost("70", "70").quantize(Decimal("0.01"))) == "0.16"
    assert Decimal(path.status()["cost"]["projectedMonth"]) == (cost("70", "70") * 31).quantize(Decimal("0.01"))
    assert path.counts() == 6

    # Reports of single organisations, made now, have the same history at once, without a count.
    path.apply("acme", scope={"orgs": ["acme"]})
    path.apply("globex", scope={"orgs": ["globex"]})
    path.at("2026-12-02T12:00:00")
    assert path.counts() == 6
    for entry in path.status()["history"]:
        parts_of_day = [Decimal(path.day(entry["date"], name)["cost"]) for name in ("acme", "globex")]
        assert sum(parts_of_day) == Decimal(entry["cost"]), entry["date"]
    assert_cost(path.day("2026-11-30", "globex")["cost"], cost("10", "10"))

    # Samples are joined: a file for November, and those of December.
    folder = ".recording-operator/usage/archive/"
    keys = path.world.strict.keys()
    assert [key.removeprefix(folder) for key in keys if key.startswith(folder)] == [
        "2026/11.json.gz",
        "2026/12/01T000000Z.json.gz",
        "2026/12/02T000000Z.json.gz",
    ]
    assert path.events.reasons.count("Refreshed") == 3


def test_a_location_that_fails_keeps_the_old_numbers_and_the_token(path: Path) -> None:
    path.put("2026-11-28T06:00", 20, "acme")
    path.apply("all")
    path.at("2026-11-28T18:00")
    good = path.status()
    path.world.strict.denied = {"ListMultipartUploads"}
    path.apply("all", refreshToken="now")
    path.at("2026-11-28T19:00")
    failed = path.server.reports["all"]["status"]
    assert {name: failed[name] for name in ("asOf", "totals", "cost", "history")} == {
        name: good[name] for name in ("asOf", "totals", "cost", "history")
    }
    [ready] = [one for one in failed["conditions"] if one["type"] == "Ready"]
    assert ready["reason"] == "RefreshFailed"
    assert ready["message"].startswith("StorageLocation archive: ")
    assert (failed["failures"], failed.get("lastRefreshToken")) == (1, None)
    path.world.strict.denied = set()
    path.at("2026-11-28T19:01")
    assert path.status()["lastRefreshToken"] == "now"
    assert path.status()["asOf"] == "2026-11-28T19:01:00Z"


def test_a_token_is_about_what_is_stored_when_it_is_seen(path: Path) -> None:
    path.put("2026-11-28T06:00", 20, "acme")
    path.apply("all")
    path.at("2026-11-28T18:00:05.200")
    path.put("2026-11-28T18:00:05.500", 1, "acme")
    path.apply("all", refreshToken="now")
    path.at("2026-11-28T18:00:05.800")  # a count would have the name of the one that there is
    assert path.status().get("lastRefreshToken") is None
    path.at("2026-11-28T18:00:06.800")
    assert path.status()["lastRefreshToken"] == "now"
    assert path.status()["totals"]["bytes"] == 21 * GB


def test_a_token_is_not_forgotten_when_the_clock_is_set_back(path: Path) -> None:
    path.put("2026-11-28T06:00", 20, "acme")
    path.apply("all")
    path.at("2026-11-28T18:00:00")
    path.apply("all", refreshToken="now")
    path.at("2026-11-28T21:00:00.500")
    path.at("2026-11-28T19:00:00.500")
    path.at("2026-11-28T19:00:01.500")
    assert path.status()["lastRefreshToken"] == "now"
    assert path.status()["asOf"] == "2026-11-28T19:00:01Z"


def test_samples_that_vanish_before_a_refresh_are_counted_again(path: Path) -> None:
    path.put("2026-11-28T06:00", 20, "acme")
    path.apply("all")
    path.at("2026-11-28T18:00")
    for key in [key for key in path.world.strict.bucket.versions if "/usage/" in key]:
        del path.world.strict.bucket.versions[key]
    path.apply("all", scope={"orgs": ["acme"]})
    path.at("2026-11-28T18:01")
    failed = path.server.reports["all"]["status"]
    assert failed["totals"]["bytes"] == 20 * GB, "the old numbers"
    [ready] = [one for one in failed["conditions"] if one["type"] == "Ready"]
    assert ready["message"] == "StorageLocation archive: Its newest usage samples cannot be read any more."
    path.at("2026-11-28T18:02")
    assert path.status()["asOf"] == "2026-11-28T18:02:00Z"
    assert path.status()["totals"]["bytes"] == 20 * GB

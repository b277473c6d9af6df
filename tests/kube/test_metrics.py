"""The metrics as Prometheus scrapes them."""

import re

from prometheus_client.parser import text_string_to_metric_families

from recording_operator.api.reasons import Reason
from recording_operator.metrics import Metrics

# Names that cluster administrators choose or that are closed lists. Nothing that a user of Recordings writes.
LABELS = {
    "phase",
    "outcome",
    "reason",
    "direction",
    "error",
    "verb",
    "resource",
    "location",
    "version",
    "le",
    "scope",
    "report",
}


def everything_counted() -> Metrics:
    metrics = Metrics(version="0.1.0")
    metrics.set_recordings({"Pending": 3, "Complete": 5}, expiring={"Pending": 2})
    metrics.set_held({"all": 2})
    metrics.set_queue_depth(3)
    metrics.artifact_finished(outcome="Failed", reason=Reason.SOURCE_NOT_FOUND)
    metrics.retried(reason=Reason.SOURCE_RESET)
    metrics.source_expired()
    metrics.transfer_started()
    metrics.transfer_started()
    metrics.transfer_ended(outcome="Stopped", seconds=2)
    metrics.bytes_moved(direction="read", size_bytes=100)
    metrics.waited_for_bandwidth(1.5, scope="Operator")
    metrics.api_responded(verb="PATCH", outcome="Conflict", seconds=0.01)
    metrics.api_responded(verb="GET", outcome="Success", seconds=0.01)
    metrics.status_written(outcome="Conflict")
    metrics.set_leader(leading=True)
    metrics.watch_silence_from("recordings", lambda: 7.5)
    metrics.event_dropped()
    metrics.set_location_ready("archive", ready=True)
    return metrics


def values_of(metrics: Metrics) -> dict[tuple[str, tuple[str, ...]], float]:
    families = text_string_to_metric_families(metrics.render().decode())
    return {
        (sample.name.removeprefix("recording_operator_"), tuple(sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
    }


def test_the_figures() -> None:
    values = values_of(everything_counted())
    assert values["recordings", ("Pending",)] == 3
    assert values["recordings", ("Uploading",)] == 0
    assert values["recordings_held", ("all",)] == 2
    assert values["artifacts_finished_total", ("Failed", "SourceNotFound")] == 1
    assert values["transfers_in_flight", ()] == 1
    assert values["transfer_duration_seconds_count", ("Stopped",)] == 1
    assert values["transfer_bytes_total", ("read",)] == 100
    assert values["bandwidth_wait_seconds_total", ("Operator",)] == 1.5
    assert values["api_errors_total", ("Conflict",)] == 1
    assert ("api_errors_total", ("Success",)) not in values
    assert values["watch_seconds_since_last_byte", ("recordings",)] == 7.5
    assert values["location_ready", ("archive",)] == 1
    assert values["leader", ()] == 1
    assert values["build_info", ("0.1.0",)] == 1


def test_c19_only_closed_lists_and_locations_are_labels() -> None:
    text = everything_counted().render().decode()
    labels = {label for line in text.splitlines() if "{" in line for label in re.findall(r"[{,](\w+)=", line)}
    assert labels <= LABELS
    assert labels >= {"phase", "outcome", "reason", "location"}


def test_each_metric_is_named_by_the_conventions_of_prometheus() -> None:
    for family in text_string_to_metric_families(everything_counted().render().decode()):
        if family.name.startswith("process_"):
            continue
        assert family.name.startswith("recording_operator_"), family.name
        assert family.documentation.endswith("."), family.name
        assert not family.name.endswith("_created"), family.name
        if family.type == "counter":
            assert all(sample.name.endswith("_total") for sample in family.samples), family.name


def test_a_location_that_is_gone_has_no_metric() -> None:
    metrics = everything_counted()
    metrics.forget_location("archive")
    metrics.forget_location("never-there")
    assert b'location="archive"' not in metrics.render()


def test_two_operators_in_one_process_share_nothing() -> None:
    first, second = everything_counted(), Metrics(version="0.1.0")
    assert values_of(first)["source_expired_total", ()] == 1
    assert values_of(second)["source_expired_total", ()] == 0


def test_a_report_that_holds_nothing_any_more_has_no_series() -> None:
    metrics = Metrics(version="0.1.0")
    metrics.set_held({"all": 2, "acme": 0})
    metrics.set_held({"acme": 1})
    values = values_of(metrics)
    assert values["recordings_held", ("acme",)] == 1
    assert ("recordings_held", ("all",)) not in values

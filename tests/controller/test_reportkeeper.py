"""Events of StorageReports from the watch, and reports that are dropped."""

from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from recording_operator.controller.reports.keeper import ReportKeeper
from recording_operator.kube.client import KubeApi
from recording_operator.reportmetrics import ReportMetrics

SHOWN = "recording_operator_report_next_refresh_timestamp_seconds"


class Nobody:
    """A keeper without an API server and without a counter: nothing is due here."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was asked for")


class Kept:
    """A keeper, and what its metrics show."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        nobody: Any = Nobody()
        metrics = ReportMetrics(self.registry)
        self.keeper = ReportKeeper(
            kube=KubeApi(nobody), refresher=nobody, events=nobody, metrics=metrics, metric_orgs=0
        )

    def shown(self) -> dict[str, int]:
        """The second of the next refresh of each known report. Tests distinguish states by it."""
        self.keeper.learn()
        return {
            sample.labels["report"]: int(sample.value) % 60
            for metric in self.registry.collect()
            for sample in metric.samples
            if sample.name == SHOWN
        }


def a_report(name: str, *, uid: str, generation: int = 1, mark: int = 10, version: int = 1) -> dict[str, Any]:
    return {
        "apiVersion": "recordings.dev/v1alpha1",
        "kind": "StorageReport",
        "metadata": {"name": name, "uid": uid, "generation": generation, "resourceVersion": str(version)},
        "spec": {},
        "status": {"nextRefreshTime": f"2026-12-01T00:00:{mark}Z"},
    }


@pytest.fixture
def kept() -> Kept:
    made = Kept()
    made.keeper.seen(a_report("a", uid="1"))
    made.keeper.seen(a_report("b", uid="2"))
    return made


def test_a_report_is_known_until_it_is_deleted(kept: Kept) -> None:
    assert kept.shown() == {"a": 10, "b": 10}
    kept.keeper.gone("1")
    assert kept.shown() == {"b": 10}


def test_the_late_deletion_of_a_namesake_changes_nothing(kept: Kept) -> None:
    kept.keeper.seen(a_report("a", uid="3", mark=20))
    kept.keeper.gone("1")
    assert kept.shown() == {"a": 20, "b": 10}


def test_a_late_version_of_a_namesake_replaces_nothing(kept: Kept) -> None:
    kept.keeper.seen(a_report("a", uid="3", mark=20, version=9))
    kept.keeper.seen(a_report("a", uid="1", mark=30, version=7, generation=2))
    kept.keeper.gone("1")
    assert kept.shown() == {"a": 20, "b": 10}


def test_a_report_missing_from_the_list_is_removed(kept: Kept) -> None:
    kept.keeper.listed(frozenset({"2"}))
    assert kept.shown() == {"b": 10}


def test_an_edit_counts_and_an_older_state_does_not(kept: Kept) -> None:
    kept.keeper.seen(a_report("a", uid="1", generation=3, mark=30))
    kept.keeper.seen(a_report("a", uid="1", generation=2, mark=20))
    assert kept.shown() == {"a": 30, "b": 10}


def test_a_report_that_cannot_be_read_is_not_kept(kept: Kept) -> None:
    kept.keeper.seen(a_report("a", uid="1", generation=2) | {"spec": {"schedule": ["daily"]}})
    assert kept.shown() == {"b": 10}

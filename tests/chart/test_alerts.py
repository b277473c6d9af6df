"""Alerts: checked by promtool, with metrics that exist and a runbook page for each."""

import json
import re
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from localcluster.install import PROJECT
from recording_operator.api.quotas import Quota
from recording_operator.api.reasons import Reason
from recording_operator.api.storagereport import StorageReportStatus
from recording_operator.console.metrics import ConsoleMetrics
from recording_operator.engine.quotas import QuotaUsage
from recording_operator.metrics import Metrics
from recording_operator.providers.provider import Rejection
from recording_operator.receiver.metrics import ReceiverMetrics
from recording_operator.receiver.results import Result
from tests.chart.alert_cases import ALERT_CASES, AlertCase
from tests.chart.helm import CHART, Helm, Object, one

RUNBOOKS = PROJECT / "docs" / "runbooks"
_NAME = re.compile(r"\b((?:recording_operator|process)_[a-z_]+)")
_A_REPORT = StorageReportStatus.model_validate(
    {
        "conditions": [
            {"type": kind, "status": "False", "reason": "WithinBudget", "lastTransitionTime": "2026-11-21T06:00:00Z"}
            for kind in ("BudgetExceeded", "ForecastExceedsBudget")
        ],
        "lastRefreshTime": "2026-11-21T06:00:00Z",
        "nextRefreshTime": "2026-11-22T06:00:00Z",
        "cost": {},
        "totals": {},
        "byOrg": [{"name": "acme"}],
        "byStorageClass": [{"name": "STANDARD"}],
        "byStorageLocation": [
            {"name": "archive", "source": "Inventory", "profile": "aws", "pricesAsOf": "2026-11-01"},
        ],
    }
)
_ON: dict[str, Any] = {
    "prometheusRule": {"enabled": True, "renderMode": "alwaysRender"},
    "receiver": {"enabled": True},
    "console": {"enabled": True},
}


@pytest.fixture
def spec(helm4: Helm) -> Object:
    """The spec of the PrometheusRule."""
    rule: Object = one(helm4.objects(_ON), "PrometheusRule")["spec"]
    return rule


def _alerts(spec: Object) -> list[Object]:
    return [rule for group in spec["groups"] for rule in group["rules"]]


def exported() -> set[str]:
    """The names of all series that operator, receiver and console export, once each event has happened."""
    metrics = Metrics(version="1")
    metrics.artifact_finished(outcome="Failed", reason=Reason.SOURCE_EXPIRED)
    metrics.retried(reason=Reason.SOURCE_EXPIRED)
    metrics.transfer_started()
    metrics.transfer_ended(outcome="Stored", seconds=1)
    metrics.api_responded(verb="GET", outcome="Forbidden", seconds=1)
    metrics.status_written(outcome="Success")
    metrics.watch_silence_from("recordings", lambda: 1.0)
    metrics.set_location_ready("archive", ready=True)
    metrics.set_held({"all": 1})
    metrics.set_quotas([_A_QUOTA])
    metrics.objects_left(1, reason=Reason.STORE_DENIED)
    metrics.objects_expired(1, enforced_by="Bucket")
    metrics.manifest_failed(reason=Reason.STORE_DENIED)
    metrics.reports.show("all", _A_REPORT, budget=Decimal(100), orgs=1, stored={("archive", "STANDARD"): 1})
    metrics.notification(event="Completed", result="failed")
    metrics.set_sinks({True: 1, False: 1}, pending=1)
    metrics.provider_asked(provider="Recall", result="denied")
    metrics.fresh_url(provider="Recall")
    receiver = ReceiverMetrics(version="1")
    receiver.delivery_began()
    receiver.delivery_ended(provider="Recall", result=Result.ACCEPTED, seconds=1)
    receiver.delivery_rejected(provider="Recall", reason="wrong_time")
    receiver.api_responded(verb="GET", outcome="Forbidden", seconds=1)
    console = ConsoleMetrics(version="1")
    console.api_responded(verb="GET", outcome="Forbidden", seconds=1)
    text = "".join(one.render().decode() for one in (metrics, receiver, console))
    return set(re.findall(r"^([a-z_]+)[ {]", text, re.MULTILINE))


_A_QUOTA = QuotaUsage(
    location="archive", quota=Quota(org="acme", recordings=1), used_bytes=1, recordings=1, waiting=1, exceeded=True
)


def test_every_alert_names_exported_metrics_only(spec: Object) -> None:
    for rule in _alerts(spec):
        names = set(_NAME.findall(rule["expr"]))
        assert names, rule["alert"]
        assert names <= exported(), rule["alert"]


def test_every_query_of_the_dashboard_names_exported_metrics_only() -> None:
    for path in (CHART / "files" / "dashboards").glob("*.json"):
        dashboard = json.loads(path.read_text())
        queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
        queries += [entry["query"]["query"] for entry in dashboard["templating"]["list"] if entry["type"] == "query"]
        assert queries
        for query in queries:
            names = set(_NAME.findall(query))
            assert names, query
            assert names <= exported(), query


def test_the_dashboard_shows_the_console() -> None:
    text = (CHART / "files" / "dashboards" / "recording-operator.json").read_text()
    assert any(name.startswith("recording_operator_console_") for name in _NAME.findall(text))


def test_alerts_and_pages_name_results_of_deliveries_that_exist(spec: Object) -> None:
    results = {result.value for result in Result}
    for rule in _alerts(spec):
        for matched in re.findall(r'deliveries_total\{[^}]*result=~?"([a-z_|]+)"', rule["expr"]):
            assert set(matched.split("|")) <= results, rule["alert"]
    page = (RUNBOOKS / "RecordingDeliveriesRejected.md").read_text()
    assert {rejection.value for rejection in Rejection} <= set(re.findall(r"`([a-z_]+)`", page))


def test_dashboard_panels_do_not_overlap() -> None:
    for path in (CHART / "files" / "dashboards").glob("*.json"):
        taken: set[tuple[int, int]] = set()
        for panel in json.loads(path.read_text())["panels"]:
            at = panel["gridPos"]
            cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
            assert not cells & taken, panel["title"]
            assert at["x"] + at["w"] <= 24
            taken |= cells


def test_every_alert_has_its_page_and_every_page_its_alert(spec: Object) -> None:
    alerts = {rule["alert"] for rule in _alerts(spec)}
    assert {path.stem for path in RUNBOOKS.glob("*.md")} - {"README"} == alerts
    for rule in _alerts(spec):
        assert "runbook_url" not in rule["annotations"]  # the pages are not hosted in public
        page = (PROJECT / rule["annotations"]["runbook"]).read_text()
        assert page.startswith(f"# {rule['alert']}\n")
        assert {"## Meaning", "## Impact", "## Diagnosis", "## What to do"} <= set(page.splitlines())
        assert f"({rule['alert']}.md)" in (RUNBOOKS / "README.md").read_text()


def test_pages_name_reasons_and_metrics_that_exist() -> None:
    reasons = {reason.value for reason in Reason}
    for path in RUNBOOKS.glob("*.md"):
        text = path.read_text()
        assert {name for name in _NAME.findall(text) if not name.endswith("_")} <= exported(), path.name
        words = re.findall(
            r"`((?:Location|Secret|Sink|Provider|Source|Store|Endpoint|Credentials|Access|Prices|Currency|Schedule|Budget)[A-Z][A-Za-z]+)`",
            text,
        )
        assert set(words) <= reasons, path.name


def test_every_alert_has_a_case_that_fires_and_one_that_does_not(spec: Object) -> None:
    alerts = {rule["alert"] for rule in _alerts(spec)}
    assert {case.alert for case in ALERT_CASES if case.fires} == alerts
    assert {case.alert for case in ALERT_CASES if not case.fires} == alerts


def test_promtool_reads_the_rules(promtool: Path, spec: Object, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(yaml.safe_dump(spec))
    done = subprocess.run([promtool, "check", "rules", str(rules)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(_alerts(spec))} rules found" in done.stdout


def test_each_alert_fires_on_its_condition_and_not_otherwise(promtool: Path, spec: Object, tmp_path: Path) -> None:
    bare = [{key: rule[key] for key in ("alert", "expr", "for", "labels") if key in rule} for rule in _alerts(spec)]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": bare}]}))
    severity = {rule["alert"]: rule["labels"]["severity"] for rule in _alerts(spec)}
    tests = [_promtool_test(case, severity=severity[case.alert]) for case in ALERT_CASES]
    file = tmp_path / "tests.yaml"
    file.write_text(yaml.safe_dump({"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": tests}))
    done = subprocess.run([promtool, "test", "rules", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _promtool_test(case: AlertCase, *, severity: str) -> dict[str, Any]:
    return {
        "name": f"{case.alert} at {case.at}",
        "interval": "1m",
        "input_series": [{"series": series, "values": values} for series, values in case.series.items()],
        "alert_rule_test": [
            {
                "alertname": case.alert,
                "eval_time": case.at,
                "exp_alerts": [{"exp_labels": {"severity": severity, **labels}} for labels in case.fires],
            }
        ],
    }


def test_alerts_link_to_where_the_pages_are_hosted(helm4: Helm) -> None:
    values = {"prometheusRule": {**_ON["prometheusRule"], "runbookUrl": "https://wiki.example.com/runbooks/"}}
    for rule in _alerts(one(helm4.objects(values), "PrometheusRule")["spec"]):
        assert rule["annotations"]["runbook_url"] == f"https://wiki.example.com/runbooks/{rule['alert']}.md"


def test_alerts_can_be_left_out(helm4: Helm) -> None:
    values = {"prometheusRule": {**_ON["prometheusRule"], "disabled": ["RecordingQueueStuck"]}}
    alerts = {rule["alert"] for rule in _alerts(one(helm4.objects(values), "PrometheusRule")["spec"])}
    assert "RecordingQueueStuck" not in alerts
    assert {"RecordingTransfersStalled", "RecordingReceiverUnavailable"} <= alerts
    assert not {"RecordingReceiverAbsent", "RecordingConsoleAbsent"} & alerts  # these values run neither

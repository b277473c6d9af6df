"""What a bug report shows of objects and texts. No API server is needed."""

import base64
import json
from typing import Any

from recording_operator.cli.administration.bugreport.collecting import Collected
from recording_operator.cli.administration.bugreport.redaction import ReportRedaction
from tests.support.canaries import check_no_secret

HOOK = "https://hooks.example.com/services/T0000/B0000/XXXXXXXXXXXXXXXXXXXXXXXX"


def a_container(**fields: Any) -> dict[str, Any]:
    return {"kind": "Pod", "spec": {"containers": [{"name": "operator", **fields}]}}


def test_every_url_is_cut_to_its_host() -> None:
    redaction = ReportRedaction(anonymize=False)
    settings = {"kind": "ConfigMap", "data": {"settings.yaml": f"webhook: {HOOK}\nproxy: http://u:p@proxy:3128\n"}}
    shown = redaction.manifest(settings)["data"]["settings.yaml"]
    assert shown == "webhook: https://hooks.example.com/[redacted]\nproxy: http://proxy:3128\n"
    log = redaction.text(json.dumps({"message": f"POST {HOOK} failed, s3://archive/a/b stays, /apis/apps/v1 too"}))
    assert json.loads(log)["message"] == (
        "POST https://hooks.example.com/[redacted] failed, s3://archive/a/b stays, /apis/apps/v1 too"
    )
    assert redaction.text(log) == log


def test_arguments_keep_only_the_names_of_options() -> None:
    redaction = ReportRedaction(anonymize=False)
    pod = a_container(
        args=["run", "--log-level=info", "--password", "hunter2args", "--flag=hunter2flag", "-x"],
        command=["sh", "-c", "curl -u bob:hunter2curl https://h/p"],
    )
    redaction.learn([pod])
    container = redaction.manifest(pod)["spec"]["containers"][0]
    assert container["args"] == ["run", "--log-level=info", "--password", "[redacted]", "--flag=[redacted]", "-x"]
    assert container["command"] == ["[redacted]", "-c", "[redacted]"]
    log = redaction.text("with hunter2args and hunter2flag of bob:hunter2curl")
    assert log == "with [redacted] and [redacted] of [redacted]"


def test_a_value_is_found_in_json_and_base64() -> None:
    redaction = ReportRedaction(anonymize=False)
    value = 'p\u00e4"ssword1'
    redaction.learn([a_container(env=[{"name": "A", "value": value}])])
    encoded = base64.b64encode(value.encode()).decode()
    texts = (json.dumps({"m": value}), json.dumps({"m": value}, ensure_ascii=False), encoded)
    check_no_secret([("a log", redaction.text(text)) for text in texts], secrets=["ssword1", encoded])
    config = {"kind": "ConfigMap", "binaryData": {"a": "aHVudGVyMg=="}}
    assert redaction.manifest(config)["binaryData"] == {"a": "[redacted]"}


def test_names_of_organisations_are_replaced_everywhere() -> None:
    report = {
        "kind": "StorageReport",
        "spec": {"scope": {"orgs": ["acme"]}},
        "status": {"byOrg": [{"name": "globex"}], "history": [{"orgs": [{"name": "initech"}]}]},
    }
    source = {"kind": "RecordingSource", "spec": {"recording": {"owner": {"org": {"value": "hooli"}}}}}
    cut = {"kind": "Recording", "spec": {"title": "Board", "owner": {"org": "umbrella"}}}
    found = Collected(
        objects={"objects/reports.json": [report], "objects/sources.json": [source]},
        listed=[cut],
        texts={
            "operator/metrics/op.txt": 'bytes{location="a",org="stark"} 5\n',
            "log": "acme globex initech hooli umbrella stark Board",
        },
    )
    files = {one.path: one.text for one in found.files(ReportRedaction(anonymize=True))}
    names = ["acme", "globex", "initech", "hooli", "umbrella", "stark", "Board"]
    check_no_secret(files.items(), secrets=names)
    assert files["operator/metrics/op.txt"].startswith('bytes{location="a",org="org-')


def test_a_document_stays_one() -> None:
    recording = {"kind": "Recording", "spec": {"owner": {"org": "name"}}}
    checks = [{"name": "clock", "state": "ok", "message": "of name"}]
    found = Collected(objects={"objects/recordings.json": [recording]}, documents={"check.json": checks})
    files = {one.path: one.text for one in found.files(ReportRedaction(anonymize=True))}
    assert json.loads(files["check.json"]) == [{"name": "clock", "state": "ok", "message": "of org-1"}]

"""For each alert: series for which it fires, and similar series for which it does not (in promtool's notation).

`at` is the time of the evaluation. `fires` has the labels, except severity, of the alerts that then fire.
"""

from dataclasses import dataclass, field
from typing import Final

_OWN: Final = 'namespace="recordings",instance="a"'


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertCase:
    """One question to one alert."""

    alert: str
    series: dict[str, str]
    at: str
    fires: tuple[dict[str, str], ...] = field(default=())


def _m(name: str, labels: str = "") -> str:
    return f"recording_operator_{name}{{{_OWN}{',' + labels if labels else ''}}}"


_UNREAD: Final = _m("console_unread_locations")
_FAILED: Final = _m("artifacts_finished_total", 'outcome="Failed",reason="SourceTooSlow"')
_STORED: Final = _m("artifacts_finished_total", 'outcome="Stored",reason="Stored"')
_BYTES: Final = _m("transfer_bytes_total", 'direction="stored"')
_READ: Final = _m("transfer_bytes_total", 'direction="read"')
_ERRORS: Final = _m("api_errors_total", 'error="ApiUnavailable"')
_CONFLICTS: Final = _m("api_errors_total", 'error="Conflict"')
_CALLS: Final = _m("api_request_duration_seconds_count", 'verb="PATCH"')
_SILENT: Final = _m("watch_seconds_since_last_byte", 'resource="recordings"')
_START: Final = f"process_start_time_seconds{{{_OWN}}}"
_READY: Final = _m("location_ready", 'location="archive"')
_EXPIRING: Final = _m("recordings_expiring_soon", 'phase="Pending"')
_RUNNING: Final = _m("recordings_expiring_soon", 'phase="Uploading"')
_REPORTS: Final = _m("report_ready", 'report="all"')
_DUE: Final = _m("report_next_refresh_timestamp_seconds", 'report="all"')
_ACTUAL: Final = _m("report_budget_exceeded", 'report="all",type="Actual"')
_FORECAST: Final = _m("report_budget_exceeded", 'report="all",type="Forecasted"')
_HELD: Final = _m("recordings_held", 'report="all"')
_QUOTA: Final = _m("quota_exceeded", 'location="archive",kind="org",owner="acme"')
_OF_ACME: Final = {"location": "archive", "kind": "org", "owner": "acme"}
_LEFT: Final = _m("objects_left_total", 'reason="AccessDenied"')
_MANIFESTS: Final = _m("manifests_failed_total", 'reason="AccessDenied"')
_REASON: Final = {"reason": "SourceTooSlow"}
_RECALL: Final = {"provider": "Recall"}


def _deliveries(result: str) -> str:
    return _m("deliveries_total", f'provider="Recall",result="{result}"')


def _requests(result: str) -> str:
    return _m("provider_requests_total", f'provider="Recall",result="{result}"')


_RECEIVER: Final = _m("receiver_info", 'version="1"')
_CONSOLE: Final = _m("console_info", 'version="1"')
_NOT_READY: Final = _m("event_sinks", 'ready="false"')
_GIVEN_UP: Final = _m("notifications_total", 'event="Completed",result="failed"')
_RETRIED: Final = _m("notifications_total", 'event="Completed",result="retried"')

ALERT_CASES: Final = (
    AlertCase(alert="RecordingOperatorAbsent", series={"up": "1x20"}, at="6m", fires=({"namespace": "recordings"},)),
    AlertCase(alert="RecordingOperatorAbsent", series={"up": "1x20"}, at="4m"),
    AlertCase(alert="RecordingOperatorAbsent", series={_m("build_info", 'version="1"'): "1x20"}, at="10m"),
    AlertCase(
        alert="RecordingOperatorAbsent",
        series={'recording_operator_build_info{namespace="elsewhere"}': "1x20"},
        at="10m",
        fires=({"namespace": "recordings"},),
    ),
    AlertCase(alert="RecordingOperatorNoLeader", series={_m("leader"): "0x20"}, at="3m", fires=({},)),
    AlertCase(alert="RecordingOperatorNoLeader", series={_m("leader"): "0x1 1x20"}, at="5m"),
    AlertCase(alert="RecordingOperatorNoLeader", series={}, at="10m"),
    AlertCase(
        alert="RecordingOperatorTwoLeaders",
        series={_m("leader"): "1x20", _m("leader").replace('"a"', '"b"'): "1x20"},
        at="3m",
        fires=({},),
    ),
    AlertCase(
        alert="RecordingOperatorTwoLeaders",
        series={_m("leader"): "1x20", _m("leader").replace('"a"', '"b"'): "0x20"},
        at="10m",
    ),
    AlertCase(alert="RecordingOperatorRestarting", series={_START: "0+100x60"}, at="10m", fires=({},)),
    AlertCase(alert="RecordingOperatorRestarting", series={_START: "0x10 100x10 200x10 300x30"}, at="59m"),
    AlertCase(alert="RecordingOperatorRestarting", series={_START: "0+100x60", _RECEIVER: "1x60"}, at="10m"),
    AlertCase(alert="RecordingOperatorRestarting", series={_START: "0+100x60", _CONSOLE: "1x60"}, at="10m"),
    AlertCase(
        alert="RecordingOperatorWatchSilent",
        series={_SILENT: "100+60x20", _m("leader"): "1x20"},
        at="6m",
        fires=({"resource": "recordings"},),
    ),
    AlertCase(alert="RecordingOperatorWatchSilent", series={_SILENT: "100+60x20", _m("leader"): "0x20"}, at="10m"),
    AlertCase(alert="RecordingOperatorWatchSilent", series={_SILENT: "80x20", _m("leader"): "1x20"}, at="10m"),
    AlertCase(alert="RecordingOperatorApiErrors", series={_ERRORS: "0+2x60", _CALLS: "0+10x60"}, at="25m", fires=({},)),
    AlertCase(alert="RecordingOperatorApiErrors", series={_ERRORS: "0+1x60", _CALLS: "0+20x60"}, at="40m"),
    AlertCase(
        alert="RecordingOperatorApiErrors",
        series={_CONFLICTS: "0+9x60", _ERRORS: "0x60", _CALLS: "0+10x60"},
        at="40m",
    ),
    AlertCase(alert="RecordingUploadFailed", series={_FAILED: "0x20 1x20"}, at="25m", fires=(_REASON,)),
    AlertCase(alert="RecordingUploadFailed", series={_FAILED: "_x20 1x40"}, at="25m", fires=(_REASON,)),
    AlertCase(alert="RecordingUploadFailed", series={_FAILED: "_x20 1x40"}, at="40m"),
    AlertCase(alert="RecordingUploadFailed", series={_STORED: "0+1x40"}, at="25m"),
    AlertCase(
        alert="RecordingUploadFailureRatioHigh",
        series={_FAILED: "0+1x90", _STORED: "0+9x90"},
        at="80m",
        fires=({},),
    ),
    AlertCase(alert="RecordingUploadFailureRatioHigh", series={_FAILED: "0+1x90", _STORED: "0+30x90"}, at="80m"),
    AlertCase(
        alert="RecordingTransfersStalled",
        series={_m("transfers_in_flight"): "2x60", _BYTES: "500x60"},
        at="25m",
        fires=({},),
    ),
    AlertCase(
        alert="RecordingTransfersStalled", series={_m("transfers_in_flight"): "2x60", _BYTES: "0+1x60"}, at="40m"
    ),
    AlertCase(  # a large part is stored when it is whole
        alert="RecordingTransfersStalled",
        series={_m("transfers_in_flight"): "2x60", _BYTES: "500x60", _READ: "0+1x60"},
        at="40m",
    ),
    AlertCase(
        alert="RecordingTransfersStalled", series={_m("transfers_in_flight"): "0x60", _BYTES: "500x60"}, at="40m"
    ),
    AlertCase(
        alert="RecordingQueueStuck",
        series={_m("queue_depth"): "3x60", _m("transfers_in_flight"): "0x60"},
        at="31m",
        fires=({},),
    ),
    AlertCase(
        alert="RecordingQueueStuck",
        series={_m("queue_depth"): "3x60", _m("transfers_in_flight"): "0x20 1x5 0x40"},
        at="40m",
    ),
    AlertCase(
        alert="RecordingQueueStuck", series={_m("queue_depth"): "0x60", _m("transfers_in_flight"): "0x60"}, at="50m"
    ),
    AlertCase(alert="RecordingSourceExpired", series={_m("source_expired_total"): "0x10 1x60"}, at="15m", fires=({},)),
    AlertCase(alert="RecordingSourceExpired", series={_m("source_expired_total"): "0x10 1x60"}, at="55m"),
    AlertCase(alert="RecordingObjectsLeft", series={_LEFT: "_x20 3x90"}, at="25m", fires=({"reason": "AccessDenied"},)),
    AlertCase(alert="RecordingObjectsLeft", series={_LEFT: "1x70 3x90"}, at="75m", fires=({"reason": "AccessDenied"},)),
    AlertCase(alert="RecordingObjectsLeft", series={_LEFT: "_x20 3x90"}, at="90m"),
    AlertCase(
        alert="RecordingManifestsFailing",
        series={_MANIFESTS: "0+1x60"},
        at="35m",
        fires=({"reason": "AccessDenied"},),
    ),
    AlertCase(alert="RecordingManifestsFailing", series={_MANIFESTS: "0x5 6x60"}, at="35m"),
    AlertCase(alert="RecordingReceiverAbsent", series={"up": "1x20"}, at="6m", fires=({"namespace": "recordings"},)),
    AlertCase(alert="RecordingReceiverAbsent", series={_RECEIVER: "1x20"}, at="10m"),
    AlertCase(alert="RecordingConsoleAbsent", series={"up": "1x20"}, at="11m", fires=({"namespace": "recordings"},)),
    AlertCase(alert="RecordingConsoleAbsent", series={_CONSOLE: "1x20"}, at="15m"),
    AlertCase(alert="RecordingConsoleOutdated", series={_m("console_outdated"): "1x30"}, at="20m", fires=({},)),
    AlertCase(alert="RecordingConsoleOutdated", series={_m("console_outdated"): "1x10 0x20"}, at="20m"),
    AlertCase(alert="RecordingConsoleIncomplete", series={_UNREAD: "2x400"}, at="6h5m", fires=({},)),
    AlertCase(alert="RecordingConsoleIncomplete", series={_UNREAD: "2x300 0x100"}, at="6h5m"),
    AlertCase(
        alert="RecordingReceiverUnavailable",
        series={_deliveries("unavailable"): "0+1x30", _deliveries("accepted"): "0+9x30"},
        at="20m",
        fires=({},),
    ),
    AlertCase(
        alert="RecordingReceiverUnavailable",
        series={_deliveries("unavailable"): "0+1x30", _deliveries("accepted"): "0+99x30"},
        at="20m",
    ),
    AlertCase(
        alert="RecordingReceiverOverloaded",
        series={_deliveries("overloaded"): "0+1x30", _deliveries("accepted"): "0+9x30"},
        at="20m",
        fires=({},),
    ),
    AlertCase(
        alert="RecordingReceiverOverloaded",
        series={_deliveries("overloaded"): "0x5 9x30", _deliveries("accepted"): "0+9x30"},
        at="25m",
    ),
    AlertCase(
        alert="RecordingDeliveriesRejected",
        series={_deliveries("rejected"): "0+9x60", _deliveries("accepted"): "0+1x60"},
        at="45m",
        fires=(_RECALL,),
    ),
    AlertCase(
        alert="RecordingDeliveriesRejected",
        series={_deliveries("rejected"): "0+1x60", _deliveries("accepted"): "0+9x60"},
        at="45m",
    ),
    AlertCase(
        alert="RecordingDeliveriesUnreadable",
        series={_deliveries("unreadable"): "_x40 1x60", _deliveries("accepted"): "0+9x100"},
        at="45m",
        fires=(_RECALL,),
    ),
    AlertCase(alert="RecordingDeliveriesUnreadable", series={_deliveries("unreadable"): "1x100"}, at="90m"),
    AlertCase(
        alert="RecordingProviderFailing",
        series={_requests("unavailable"): "0+2x60", _requests("success"): "0+1x60"},
        at="30m",
        fires=(_RECALL,),
    ),
    AlertCase(
        alert="RecordingProviderFailing",
        series={_requests("no_media"): "0+2x60", _requests("success"): "0+1x60"},
        at="30m",
    ),
    AlertCase(alert="EventSinkNotReady", series={_NOT_READY: "0x5 1x30"}, at="22m", fires=({},)),
    AlertCase(alert="EventSinkNotReady", series={_NOT_READY: "0x5 1x10 0x30"}, at="22m"),
    AlertCase(
        alert="EventSinkEventsGivenUp", series={_GIVEN_UP: "_x20 1x90"}, at="25m", fires=({"event": "Completed"},)
    ),
    AlertCase(alert="EventSinkEventsGivenUp", series={_RETRIED: "0+1x90"}, at="25m"),
    AlertCase(alert="StorageLocationNotReady", series={_READY: "1 0x30"}, at="8m", fires=({"location": "archive"},)),
    AlertCase(alert="StorageLocationNotReady", series={_READY: "0x3 1x30"}, at="20m"),
    AlertCase(alert="RecordingSourceExpiringSoon", series={_EXPIRING: "0x5 2x20"}, at="12m", fires=({},)),
    AlertCase(alert="RecordingSourceExpiringSoon", series={_EXPIRING: "0x5 2x3 0x20"}, at="12m"),
    AlertCase(alert="RecordingSourceExpiringSoon", series={_EXPIRING: "0x20", _RUNNING: "3x20"}, at="12m"),
    AlertCase(alert="StorageReportNotReady", series={_REPORTS: "0x60"}, at="35m", fires=({"report": "all"},)),
    AlertCase(alert="StorageReportNotReady", series={_REPORTS: "0x20 1x60"}, at="35m"),
    AlertCase(alert="StorageReportStale", series={_DUE: "3600x300"}, at="200m", fires=({"report": "all"},)),
    AlertCase(alert="StorageReportStale", series={_DUE: "3600x300"}, at="170m"),
    AlertCase(alert="StorageReportStale", series={_DUE: "3600x70 90000x300"}, at="200m"),
    AlertCase(alert="StorageBudgetExceeded", series={_ACTUAL: "0x5 1x5"}, at="7m", fires=({"report": "all"},)),
    AlertCase(alert="StorageBudgetExceeded", series={_ACTUAL: "0x9", _FORECAST: "1x9"}, at="7m"),
    AlertCase(alert="StorageBudgetHoldsUploads", series={_HELD: "0x5 2x20"}, at="16m", fires=({"report": "all"},)),
    AlertCase(alert="StorageBudgetHoldsUploads", series={_HELD: "0x5 2x8 0x20"}, at="16m"),
    AlertCase(alert="StorageBudgetHoldsUploads", series={_HELD: "0x30", _ACTUAL: "1x30"}, at="25m"),
    AlertCase(alert="StorageQuotaExceeded", series={_QUOTA: "0x5 1x20"}, at="16m", fires=(_OF_ACME,)),
    AlertCase(alert="StorageQuotaExceeded", series={_QUOTA: "0x5 1x8 0x20"}, at="16m"),
    AlertCase(alert="StorageBudgetForecastExceeded", series={_FORECAST: "1x90"}, at="65m", fires=({"report": "all"},)),
    AlertCase(alert="StorageBudgetForecastExceeded", series={_ACTUAL: "1x90", _FORECAST: "0x90"}, at="65m"),
)

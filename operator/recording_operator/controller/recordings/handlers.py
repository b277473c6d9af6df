"""The table of actions: for each type, the handler and the fact that reports a failure."""

from collections.abc import Callable, Mapping
from typing import Protocol

from recording_operator.controller.executors.executor import Executor
from recording_operator.controller.executors.order import TransferOrder
from recording_operator.controller.recordings.announcements import Announcements
from recording_operator.controller.recordings.dispatch import Handler, InlineHandler, PoolHandler
from recording_operator.controller.recordings.manifests import ManifestWriter, manifest_failed
from recording_operator.controller.recordings.removal import Removal, abort_failed, clean_up_failed
from recording_operator.controller.recordings.requests import RecordingRequests, request_failure
from recording_operator.controller.sources import SourceResolver
from recording_operator.engine.actions import (
    AbortUpload,
    Action,
    AdmitTransfer,
    CleanUp,
    ConfirmLeadership,
    CountOutcome,
    DeleteRecording,
    EmitEvent,
    EmitLocationEvent,
    ProbeLocation,
    ReadNamespace,
    ReadRecording,
    RejectTransfer,
    ReportFault,
    ReportLeftObjects,
    ReportNotification,
    ResolveSource,
    SendNotification,
    StartTransfer,
    StopTransfer,
    UploadPersisted,
    WriteFinalizers,
    WriteManifest,
    WriteStatus,
)


class Announcer(Protocol):
    """Sends events to EventSinks, and reports what became of them. Nothing blocks."""

    def send(self, action: SendNotification) -> None: ...

    def report(self, action: ReportNotification) -> None: ...


def action_handlers(
    *,
    requests: RecordingRequests,
    removal: Removal,
    manifests: ManifestWriter,
    announcements: Announcements,
    executor: Executor,
    resolver: SourceResolver,
    announcer: Announcer,
    probe: Callable[[str], None],
) -> Mapping[type[Action], Handler]:
    """Create the table. `probe` schedules a probe of the StorageLocation with this name."""
    return {
        StartTransfer: InlineHandler(run=lambda action: executor.start(TransferOrder.of(action))),
        StopTransfer: InlineHandler(run=lambda action: executor.stop(action.uid, action.artifact)),
        UploadPersisted: InlineHandler(run=lambda action: executor.persisted(action.uid, action.artifact)),
        AdmitTransfer: InlineHandler(run=lambda action: executor.admitted(action.uid, action.artifact)),
        RejectTransfer: InlineHandler(
            run=lambda action: executor.rejected(
                action.uid, action.artifact, message=action.message, is_final=action.is_final
            )
        ),
        EmitEvent: InlineHandler(run=announcements.emit),
        EmitLocationEvent: InlineHandler(run=announcements.emit_about_location),
        CountOutcome: InlineHandler(run=announcements.count),
        ReportFault: InlineHandler(run=announcements.report_fault),
        ReportLeftObjects: InlineHandler(run=announcements.report_left_objects),
        SendNotification: InlineHandler(run=announcer.send),
        ReportNotification: InlineHandler(run=announcer.report),
        ProbeLocation: InlineHandler(run=lambda action: probe(action.name)),
        WriteStatus: PoolHandler(run=requests.write_status, tenant=_namespace, failure=request_failure, changes=True),
        WriteFinalizers: PoolHandler(
            run=requests.write_finalizers, tenant=_namespace, failure=request_failure, changes=True
        ),
        DeleteRecording: PoolHandler(run=requests.delete, tenant=_namespace, failure=request_failure, changes=True),
        ReadRecording: PoolHandler(run=requests.read, tenant=_namespace, failure=request_failure),
        ReadNamespace: PoolHandler(run=requests.read_namespace, tenant=lambda action: action.namespace),
        ConfirmLeadership: PoolHandler(run=requests.confirm_leadership, tenant=_own_tenant),
        ResolveSource: PoolHandler(
            run=resolver.resolve_for, tenant=lambda action: action.recording.metadata.namespace, asks_others=True
        ),
        AbortUpload: PoolHandler(run=removal.abort, tenant=_own_tenant, failure=abort_failed, changes=True),
        WriteManifest: PoolHandler(run=manifests.write, tenant=_namespace, failure=manifest_failed, changes=True),
        CleanUp: PoolHandler(run=removal.clean_up, tenant=_namespace, failure=clean_up_failed, changes=True),
    }


def _namespace(
    action: WriteStatus | WriteFinalizers | DeleteRecording | ReadRecording | WriteManifest | CleanUp,
) -> str:
    return action.ref.namespace


def _own_tenant(action: Action) -> str:
    """The tenant of actions without a namespace. It is not a valid name of a namespace."""
    return f"/{type(action).__name__}"

"""Copies one file with the operator's own data path, for `recording-operator copy`."""

import json
import logging
import os
import re
import sys
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Never

import click

from recording_operator.api.reasons import Reason, Trait
from recording_operator.api.recording_rules import CONTENT_TYPE_PATTERN, MAX_CONTENT_TYPE_CHARS
from recording_operator.api.units import format_bytes, parse_quantity
from recording_operator.checksums import ExpectedChecksum
from recording_operator.cli.arguments import EXIT_INTERRUPTED
from recording_operator.cli.files.meter import Meter
from recording_operator.cli.verb import note
from recording_operator.cli.words import for_copy
from recording_operator.egress.dialer import Dialer
from recording_operator.egress.errors import BlockedError, EgressError
from recording_operator.egress.policy import SourcePolicy
from recording_operator.egress.url import parse_url
from recording_operator.engine.expiry import expiry_in_url
from recording_operator.errors import LocationError, TransferError
from recording_operator.logs import Redactor, configure_logging
from recording_operator.settings import Settings, SettingsError, load_settings
from recording_operator.signals import on_end_signals
from recording_operator.stopping import Stopped
from recording_operator.stores.copy_target import CopyTarget
from recording_operator.stores.factory import name_may_be_rejected, open_copy_target
from recording_operator.stores.location_store import LocationStore
from recording_operator.stores.objects import ObjectSpec, StoredObject
from recording_operator.transfer.context import TransferContext
from recording_operator.transfer.jobs import FetchJob
from recording_operator.transfer.limits.bandwidth import Flow, RateLimiter
from recording_operator.transfer.options import TransferOptions
from recording_operator.transfer.source.errors import source_error
from recording_operator.transfer.source.identity import source_identity
from recording_operator.transfer.source.spec import SourceSpec
from recording_operator.transfer.upload.part_plan import LARGEST_PART_BYTES

EXIT_FAILED: Final = 1
EXIT_TRY_LATER: Final = 75  # EX_TEMPFAIL of sysexits.h
_BUCKET_NAMES: Final = (
    "The store may not accept this bucket name. AWS accepts 3 to 63 lower-case letters, digits, dots and hyphens."
)
_MEDIA_TYPE: Final = re.compile(CONTENT_TYPE_PATTERN)


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyRequest:
    """The command line of one copy. `repr` does not show the URL."""

    url: str = field(repr=False)
    target: tuple[str, str]
    endpoint_url: str | None
    region: str | None
    ca_bundle: Path | None
    settings_file: Path | None
    workers: int | None
    part_size: str | None
    content_type: str
    size: int | None
    checksum: str | None
    probes: bool
    as_json: bool


def run_copy(request: CopyRequest) -> Never:
    """Copy, then exit. The arguments are validated before any request is sent."""
    configure_logging(redactor=Redactor(), log_format="text", level=logging.WARNING)
    logging.getLogger("botocore.credentials").addFilter(_without_traceback)
    try:
        settings = load_settings(request.settings_file)
        options = _transfer_options(settings, request.workers, request.part_size)
        _check_expectations(request)
        dialer = Dialer(settings.source_policy)
    except (SettingsError, ValueError, OSError) as error:
        raise click.UsageError(_about(error)) from None
    try:
        obj = object_of(request.url, request.target, content_type=request.content_type)
        _check_url(request.url, settings.source_policy)
    except TransferError as error:
        sys.exit(_failed(error.reason, for_copy(error.message), status_of(error.reason), as_json=request.as_json))
    source = SourceSpec(
        url=request.url,
        expected_size_bytes=request.size,
        expected_checksum=request.checksum,
        expires_at=expiry_in_url(request.url),
    )
    flow = Flow([RateLimiter(settings.transfers.bandwidth_per_second)])
    store = _store(request)
    sys.exit(
        _run(
            source,
            obj,
            store=store,
            bucket=request.target[0],
            dialer=dialer,
            flow=flow,
            options=options,
            probes=request.probes,
            as_json=request.as_json,
        )
    )


def object_of(url: str, target: tuple[str, str], *, content_type: str = "") -> ObjectSpec:
    """The object that a copy of this URL stores. Copies with the same source identity, key and content are equal.

    Raises TransferError(SourceInvalid) if the URL is invalid.
    """
    bucket, key = target
    # A path may contain secrets, so only a hash of the identity is stored.
    uid = uuid.uuid5(uuid.NAMESPACE_URL, f"{source_identity(url)} s3://{bucket}/{key}")
    return ObjectSpec(
        key=key,
        content_type=content_type,
        kind="Other",
        recording_uid=str(uid),
        artifact="copy",
        pins_content=True,
    )


def _run(
    source: SourceSpec,
    obj: ObjectSpec,
    *,
    store: LocationStore,
    bucket: str,
    dialer: Dialer,
    flow: Flow,
    options: TransferOptions,
    probes: bool,
    as_json: bool,
) -> int:
    stop = threading.Event()
    on_end_signals(first=stop.set, again=_end_at_once)
    meter = Meter(show=sys.stderr.isatty(), started_s=time.monotonic())
    try:
        if probes:
            store = store.adapted(store.probe(name=f"copy-{uuid.uuid4().hex}"))
            if stop.is_set():
                raise Stopped
        stored = FetchJob(source=source, dialer=dialer).run(
            TransferContext(store=store, obj=obj, stop=stop, observer=meter, options=options, flow=flow)
        )
    except Stopped:
        meter.clear()
        _drop_uploads(obj, meter, store)
        return _failed(Reason.INTERRUPTED, "Interrupted. The upload was aborted.", EXIT_INTERRUPTED, as_json=as_json)
    except LocationError as error:
        return _failed(error.reason, for_copy(error.message), status_of(error.reason), as_json=as_json)
    except TransferError as error:
        meter.clear()
        _drop_uploads(obj, meter, store)
        message = for_copy(error.message)
        unnamed = error.reason in (Reason.INTERNAL_ERROR, Reason.STORE_UNSUPPORTED)
        if unnamed and name_may_be_rejected(bucket):
            return _failed(Reason.BUCKET_NOT_FOUND, f"{message} {_BUCKET_NAMES}", EXIT_FAILED, as_json=as_json)
        if not probes and error.reason in (Reason.INTERNAL_ERROR, Reason.STORE_UNSUPPORTED):
            message += " If the store lacks features of AWS S3, add --probe."
        status = EXIT_FAILED if error.is_final else status_of(error.reason)
        return _failed(error.reason, message, status, as_json=as_json)
    except Exception as error:  # noqa: BLE001 - the user sees its class
        # Its text may contain the URL.
        meter.clear()
        _drop_uploads(obj, meter, store)
        message = f"The copy failed with an unexpected error ({type(error).__name__}). Please report it."
        return _failed(Reason.INTERNAL_ERROR, message, EXIT_FAILED, as_json=as_json)
    meter.clear()
    _stored(stored, seconds=time.monotonic() - meter.started_s, as_json=as_json)
    return 0


def _without_traceback(record: logging.LogRecord) -> bool:
    """For credentials that cannot be renewed, the message is enough."""
    record.exc_info = None
    return True


def _end_at_once() -> None:
    note("Interrupted again. An upload may be left open in the bucket.")
    os._exit(EXIT_INTERRUPTED)


def status_of(reason: Reason) -> int:
    return EXIT_TRY_LATER if Trait.MAY_RECOVER in reason.traits else EXIT_FAILED


def _drop_uploads(obj: ObjectSpec, meter: Meter, store: LocationStore) -> None:
    """Abort the uploads of this copy. Other uploads at the key belong to other processes."""
    try:
        for upload_id in meter.upload_ids:
            store.abort(obj.key, upload_id)
    except TransferError as error:
        note(f"The upload could not be aborted: {for_copy(error.message)}")


def _failed(reason: Reason, message: str, status: int, *, as_json: bool) -> int:
    if as_json:
        _print(json.dumps({"reason": reason, "message": message}))
    note(f"{reason}: {message}")
    return status


def _about(error: Exception) -> str:
    """One line about a file or value that cannot be used."""
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror)
    return str(error)


def _stored(stored: StoredObject, *, seconds: float, as_json: bool) -> None:
    if as_json:
        fields = {
            "uri": stored.uri,
            "sizeBytes": stored.size_bytes,
            "checksum": stored.checksum,
            "etag": stored.etag,
            "versionId": stored.version_id,
            "contentType": stored.content_type,
            "seconds": round(seconds, 3),
        }
        _print(json.dumps({name: value for name, value in fields.items() if value is not None}))
        return
    rate = format_bytes(int(stored.size_bytes / max(seconds, 0.001)))
    _print(f"{stored.uri}  {format_bytes(stored.size_bytes)}  {stored.checksum}  {seconds:.1f} s, {rate}/s")


def _print(result: str) -> None:
    """Print the result. If that fails, the exit status still says what happened."""
    try:
        click.echo(result)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # buffered output would fail again at exit
        note(f"The result could not be written: {error.strerror}.")


def _transfer_options(settings: Settings, workers: int | None, part_size: str | None) -> TransferOptions:
    chosen = settings.transfer_options()
    workers = workers or chosen.workers
    if part_size is None:
        return TransferOptions(workers=workers)
    try:
        part_bytes = parse_quantity(part_size)
    except ValueError as error:
        raise ValueError(f"--part-size: {error}") from None
    if not 5 * 2**20 <= part_bytes <= LARGEST_PART_BYTES:
        raise ValueError("--part-size: S3 accepts parts of 5Mi to 5Gi.")
    return TransferOptions(
        workers=workers,
        single_put_bytes=part_bytes,
        smallest_part_bytes=part_bytes,
        largest_part_bytes=part_bytes,
    )


def _check_url(url: str, policy: SourcePolicy) -> None:
    """Reject what the dialer would reject without a connection. Raises TransferError (SourceInvalid, SourceBlocked)."""
    try:
        parsed = parse_url(url)
        if not policy.permits_url(parsed):
            raise BlockedError(parsed.host)
    except EgressError as error:
        raise source_error(error) from None


def _check_expectations(request: CopyRequest) -> None:
    """Raises ValueError."""
    if request.checksum is not None:
        try:
            ExpectedChecksum(request.checksum)
        except ValueError as error:
            raise ValueError(f"--checksum: {error}") from None
    if request.content_type and not _MEDIA_TYPE.fullmatch(request.content_type):
        raise ValueError("--content-type: write a type such as video/mp4 or text/plain; charset=utf-8.")
    if len(request.content_type) > MAX_CONTENT_TYPE_CHARS:
        raise ValueError(f"--content-type: write at most {MAX_CONTENT_TYPE_CHARS} characters.")


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"{file} is not UTF-8 text.") from None


def _store(request: CopyRequest) -> LocationStore:
    bundle = request.ca_bundle
    try:
        return open_copy_target(
            CopyTarget(
                bucket=request.target[0],
                region=request.region,
                endpoint=request.endpoint_url,
                ca_bundle_pem=None if bundle is None else _text_of(bundle),
            )
        )
    except (ValueError, OSError) as error:
        raise click.UsageError(_about(error)) from None
    except (TransferError, LocationError) as error:
        sys.exit(_failed(error.reason, for_copy(error.message), status_of(error.reason), as_json=request.as_json))

"""`recording-operator copy`: one transfer by hand, by the operator's own data path."""

import json
import os
import sys
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from recording_operator.api.meta import parse_quantity
from recording_operator.api.reasons import Reason
from recording_operator.engine.expiry import expiry_in_url
from recording_operator.engine.status import format_bytes, format_progress
from recording_operator.engine.verdicts import Verdict, verdict_of
from recording_operator.logs import Redactor, configure_logging
from recording_operator.settings import Settings, SettingsError, load_settings
from recording_operator.signals import on_end_signals
from recording_operator.transfer.artifact import abort_uploads, transfer_source
from recording_operator.transfer.bandwidth import Flow, Link
from recording_operator.transfer.dialer import Dialer
from recording_operator.transfer.errors import LocationError, Stopped, TransferError
from recording_operator.transfer.job import ObjectSpec, SourceSpec, StoredObject, TransferOptions, UploadState
from recording_operator.transfer.stores.client import S3Options
from recording_operator.transfer.stores.probe import check_bucket, probe
from recording_operator.transfer.stores.s3 import S3Store

EXIT_FAILED: Final = 1
EXIT_TRY_LATER: Final = 75  # EX_TEMPFAIL of sysexits.h
EXIT_INTERRUPTED: Final = 130
# The operator waits until somebody repairs the location; who stands here is that somebody.
_NEEDS_A_PERSON: Final = frozenset(
    {
        Reason.SOURCE_FORBIDDEN,
        Reason.TARGET_DENIED,
        Reason.ACCESS_DENIED,
        Reason.CREDENTIALS_INVALID,
        Reason.BUCKET_NOT_FOUND,
        Reason.CREDENTIALS_NOT_FOUND,
        Reason.ENDPOINT_BLOCKED,
        Reason.STORE_UNSUPPORTED,
        Reason.WRONG_REGION,
        Reason.ENCRYPTION_KEY_NOT_USABLE,
    }
)
_BAR_CELLS: Final = 30
_BAR_EVERY_S: Final = 0.2


class _Target(click.ParamType[tuple[str, str]]):
    name = "s3://BUCKET/KEY"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Split the address of an object."""
        if isinstance(value, tuple):
            return value
        bucket, _, key = str(value).removeprefix("s3://").partition("/")
        if not str(value).startswith("s3://") or not bucket or not key or key.endswith("/"):
            self.fail("write s3://BUCKET/KEY", param, ctx)
        return bucket, key


@dataclass(slots=True)
class _Meter:
    """Shows progress on a terminal, and remembers the upload so that an interrupted copy leaves nothing behind."""

    show: bool
    started_s: float
    shown_s: float = 0.0
    upload_id: str | None = None

    def upload_created(self, state: UploadState) -> None:
        """Part of TransferObserver. Nothing outlives this process that could resume, so nothing is kept."""
        self.upload_id = state.upload_id

    def progress(self, *, bytes_done: int, bytes_total: int | None) -> None:
        """Part of TransferObserver."""
        now_s = time.monotonic()
        if not self.show or now_s - self.shown_s < _BAR_EVERY_S:
            return
        self.shown_s = now_s
        rate = format_bytes(int(bytes_done / max(now_s - self.started_s, 0.001)))
        share = bytes_done / bytes_total if bytes_total else 0.0
        bar = "█" * int(share * _BAR_CELLS)
        text = f"{bar:<{_BAR_CELLS}} {format_progress(done=bytes_done, total=bytes_total):>8}  {rate}/s"
        click.echo(f"\r{text:<{_BAR_CELLS + 28}}", nl=False, err=True)

    def clear(self) -> None:
        """Take the bar off the terminal."""
        if self.show and self.shown_s:
            click.echo(f"\r{'':<{_BAR_CELLS + 28}}\r", nl=False, err=True)


@click.command()
@click.argument("url")
@click.argument("target", type=_Target())
@click.option("--endpoint-url", envvar="AWS_ENDPOINT_URL", help="A store that is not AWS. Implies path style.")
@click.option("--region", envvar=["AWS_REGION", "AWS_DEFAULT_REGION"], help="Default: us-east-1.")
@click.option(
    "--ca-bundle",
    envvar="AWS_CA_BUNDLE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Certificates (PEM) to trust for the store. Those for the source: tls.caFile of the settings.",
)
@click.option("--policy", type=click.Path(path_type=Path, dir_okay=False), help="The operator's settings file.")
@click.option("--workers", type=click.IntRange(1, 64), help="Connections at most. Default: that of the settings.")
@click.option("--part-size", help="Such as 16Mi; at least 5Mi. Default: by size.")
@click.option("--content-type", default="", help="Declared type; what arrives is checked against it.")
@click.option("--size", type=click.IntRange(0), help="Expected bytes; any other number is a failure.")
@click.option("--checksum", help="Expected checksum as algorithm:hex (sha256, md5, crc64nvme, crc32).")
@click.option(
    "--probe", "probes", is_flag=True, help="Find out first what the store can do: writes .recording-operator/."
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
def copy(
    *,
    url: str,
    target: tuple[str, str],
    endpoint_url: str | None,
    region: str | None,
    ca_bundle: Path | None,
    policy: Path | None,
    workers: int | None,
    part_size: str | None,
    content_type: str,
    size: int | None,
    checksum: str | None,
    probes: bool,
    as_json: bool,
) -> None:
    """Copy URL to TARGET (s3://BUCKET/KEY) with all checks of the operator; nothing is overwritten.

    The key pair comes from the environment (AWS_ACCESS_KEY_ID …) or the instance. Sources that the settings do not
    allow are refused, as in the operator. Doing it again finds the object and stores nothing. Exit status: 0 stored,
    1 failed for good, 75 may work later, 2 wrong usage, 130 interrupted (a second signal ends it at once).
    """
    redactor = Redactor()
    configure_logging(redactor=redactor, log_format="text", level=30)
    try:
        settings = load_settings(policy)
        options = _transfer_options(settings, workers, part_size)
        dialer = Dialer(settings.source_policy)
    except (SettingsError, ValueError, OSError) as error:
        raise click.UsageError(_about(error)) from None
    bucket, key = target
    source = SourceSpec(
        url=url,
        expected_size_bytes=size,
        expected_checksum=checksum,
        expires_at=expiry_in_url(url),
    )
    try:
        store = S3Store(
            S3Options(
                bucket=bucket,
                region=region,
                endpoint=endpoint_url,
                path_style=endpoint_url is not None,
                ca_bundle_pem=None if ca_bundle is None else ca_bundle.read_text(encoding="utf-8"),
                connections=options.workers * 2,
            )
        )
    except (ValueError, OSError) as error:
        raise click.UsageError(f"the store cannot be used: {_about(error)}") from None
    obj = ObjectSpec(key=key, content_type=content_type, kind="Other", recording_uid=_uid(url, target), artifact="copy")
    flow = Flow([Link(settings.transfers.bandwidth_per_second)])
    sys.exit(_run(source, obj, store=store, dialer=dialer, flow=flow, options=options, probes=probes, as_json=as_json))


def _run(
    source: SourceSpec,
    obj: ObjectSpec,
    *,
    store: S3Store,
    dialer: Dialer,
    flow: Flow,
    options: TransferOptions,
    probes: bool,
    as_json: bool,
) -> int:
    stop = threading.Event()
    on_end_signals(first=stop.set, again=_end_at_once)
    meter = _Meter(show=sys.stderr.isatty(), started_s=time.monotonic())
    try:
        check_bucket(store.options.bucket)
        if probes:
            store = store.adapted(probe(store, name=f"copy-{uuid.uuid4().hex}"))
            if stop.is_set():
                raise Stopped
        stored = transfer_source(
            source,
            obj,
            store=store,
            dialer=dialer,
            stop=stop,
            observer=meter,
            resume=None,
            options=options,
            flow=flow,
        )
    except Stopped:
        meter.clear()
        _drop_upload(obj, meter, store)
        return _failed(Reason.INTERRUPTED, "interrupted; the upload was aborted", EXIT_INTERRUPTED, as_json=as_json)
    except LocationError as error:
        return _failed(error.reason, error.message, _status_of(error.reason), as_json=as_json)
    except TransferError as error:
        meter.clear()
        _drop_upload(obj, meter, store)
        message = error.message
        if not probes and error.reason in (Reason.INTERNAL_ERROR, Reason.STORE_UNSUPPORTED):
            message += " A store that lacks what AWS S3 has needs --probe."
        status = EXIT_FAILED if error.is_final else _status_of(error.reason)
        return _failed(error.reason, message, status, as_json=as_json)
    except Exception as error:
        # Its text may hold the URL.
        meter.clear()
        _drop_upload(obj, meter, store)
        message = f"the copy failed in a way that nobody foresaw ({type(error).__name__})"
        return _failed(Reason.INTERNAL_ERROR, message, EXIT_FAILED, as_json=as_json)
    meter.clear()
    _stored(stored, seconds=time.monotonic() - meter.started_s, as_json=as_json)
    return 0


def _end_at_once() -> None:
    click.echo("recording-operator: interrupted again; an upload may be left open in the bucket", err=True)
    os._exit(EXIT_INTERRUPTED)


def _status_of(reason: Reason) -> int:
    final = verdict_of(reason) in (Verdict.FINAL, Verdict.EXPIRED) or reason in _NEEDS_A_PERSON
    return EXIT_FAILED if final else EXIT_TRY_LATER


def _drop_upload(obj: ObjectSpec, meter: _Meter, store: S3Store) -> None:
    if meter.upload_id is None:
        return
    try:
        abort_uploads(obj.key, store=store, upload_id=meter.upload_id)
    except TransferError as error:
        click.echo(f"recording-operator: the upload could not be aborted: {error.message}", err=True)


def _failed(reason: Reason, message: str, status: int, *, as_json: bool) -> int:
    if as_json:
        click.echo(json.dumps({"reason": reason, "message": message}))
    click.echo(f"recording-operator: {reason}: {message}", err=True)
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
        click.echo(json.dumps({name: value for name, value in fields.items() if value is not None}))
        return
    rate = format_bytes(int(stored.size_bytes / max(seconds, 0.001)))
    click.echo(f"{stored.uri}  {format_bytes(stored.size_bytes)}  {stored.checksum}  {seconds:.1f} s, {rate}/s")


def _transfer_options(settings: Settings, workers: int | None, part_size: str | None) -> TransferOptions:
    chosen = settings.transfer_options()
    workers = workers or chosen.workers
    if part_size is None:
        return TransferOptions(workers=workers)
    part_bytes = parse_quantity(part_size)
    if part_bytes < 5 * 2**20:
        raise ValueError("--part-size: S3 takes no parts under 5Mi")
    return TransferOptions(
        workers=workers,
        single_put_bytes=part_bytes,
        smallest_part_bytes=part_bytes,
        largest_part_bytes=part_bytes,
    )


def _uid(url: str, target: tuple[str, str]) -> str:
    """Names the pair of source and target: the same copy made again finds what it stored. Signatures do not count."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{url.partition('?')[0]} s3://{target[0]}/{target[1]}"))

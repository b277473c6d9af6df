"""Reads a delivery as the receiver does, without writing anything, for `recording-operator source test`."""

import logging
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final, Never

import click
import yaml
from pydantic import ValidationError

from recording_operator.api.masking import MARK, mask_urls
from recording_operator.api.names import RECORDING_SOURCE_KIND
from recording_operator.api.recordingsource import FailurePolicy, RecordingSource
from recording_operator.cli.caller import open_cluster
from recording_operator.cli.cluster_options import ClusterOptions
from recording_operator.cli.verb import note
from recording_operator.kube.client import KubeApi
from recording_operator.kube.errors import NotFound
from recording_operator.logs import Redactor, configure_logging
from recording_operator.providers.generic import check_mapping
from recording_operator.providers.provider import (
    Challenge,
    Delivery,
    DeliveryRejected,
    Event,
    MalformedDelivery,
    Outcome,
    Provider,
    Rejection,
)
from recording_operator.providers.table import provider_of, read_options
from recording_operator.receiver.drafting import Draft, DraftError, SecretDraft, draft

_FAILED: Final = 1
_MOST_BODY_BYTES: Final = 2**20
_SHOWN_CHARS: Final = 200
_REJECTIONS: Final = {
    Rejection.NO_SIGNATURE: "The headers contain no signature. Expected those with which the provider sends it.",
    Rejection.WRONG_SIGNATURE: "The signature does not match the payload and the Secret of spec.webhook. Compare the "
    "secrets, and use the payload exactly as it was sent, with every blank.",
    Rejection.NOT_CONFIGURED: "The Secret of spec.webhook contains no secret that can verify a signature.",
    Rejection.WRONG_TIME: "The delivery was signed more than five minutes ago, or in the future. The receiver would "
    "reject it now.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRequest:
    """The command line of one trial."""

    cluster: ClusterOptions
    name: str | None
    payload: BinaryIO
    headers: Path | None
    filename: Path | None


class _NoRecordingError(Exception):
    """There would be no Recording. The message says why."""


def run_trial(request: TrialRequest) -> None:
    """Print the Recording and its Secrets. If there would be none, print the reason to standard error and exit.

    Raises KubeError, ConnectionConfigError.
    """
    configure_logging(redactor=Redactor(), log_format="text", level=logging.ERROR)  # it prints itself what is wrong
    body = request.payload.read(_MOST_BODY_BYTES + 1)
    if len(body) > _MOST_BODY_BYTES:
        raise click.UsageError("--payload: the receiver accepts at most 1 MiB.")
    delivery = Delivery(method="POST", headers=_headers(request.headers), body=body)
    try:
        source, secrets = _source(request)
        drafted = _trial(source, secrets, delivery)
    except _NoRecordingError as error:
        _fail(str(error))
    documents = [_shortened(drafted.recording), *(_secret(secret) for secret in drafted.secrets)]
    click.echo(yaml.safe_dump_all(documents, sort_keys=False, allow_unicode=True), nl=False)


def _headers(path: Path | None) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in path.read_text(encoding="latin-1").splitlines() if path else ():
        name, colon, value = line.partition(":")
        if not line.strip():
            continue
        if not colon or not name.strip() or " " in name.strip():
            raise click.UsageError("--headers: write Name: value on each line.")
        key = name.strip().lower()
        headers[key] = f"{headers[key]}, {value.strip()}" if key in headers else value.strip()
    return headers


def _source(request: TrialRequest) -> tuple[RecordingSource, list[bytes] | None]:
    """The RecordingSource, and its secrets if the signature is verified."""
    if request.filename is not None:
        if request.headers is not None:
            note("The signature is not verified: a RecordingSource of a file has no Secret.")
        return _source_in_file(request, request.filename), None
    if request.name is None:
        raise click.UsageError("Write the NAME of a RecordingSource, or --filename.")
    with open_cluster(request.cluster) as cluster:
        namespace, name = cluster.address(request.name)
        return _source_in_cluster(KubeApi(cluster.rest), request, name, namespace)


def _source_in_cluster(
    kube: KubeApi, request: TrialRequest, name: str, namespace: str
) -> tuple[RecordingSource, list[bytes] | None]:
    try:
        source = _parsed(kube.get_recording_source(namespace, name))
    except NotFound:
        raise _NoRecordingError(f"RecordingSource {namespace}/{name} does not exist.") from None
    if request.headers is None:
        note("The signature is not verified. --headers does it.")
        return source, None
    secret = source.spec.webhook.secret_ref.name
    try:
        return source, list(kube.read_secret(namespace, secret).data.values())
    except NotFound:
        raise _NoRecordingError(f"Secret {namespace}/{secret} of spec.webhook does not exist.") from None


def _source_in_file(request: TrialRequest, path: Path) -> RecordingSource:
    try:
        documents = list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, UnicodeDecodeError):
        raise click.UsageError(f"--filename: {path} is not YAML.") from None
    found = [one for one in documents if isinstance(one, dict) and one.get("kind") == RECORDING_SOURCE_KIND]
    if request.name is not None:
        found = [one for one in found if (one.get("metadata") or {}).get("name") == request.name]
    if len(found) != 1:
        name = f" {request.name}" if request.name else ""
        raise click.UsageError(f"--filename: {path} contains {len(found)} RecordingSources{name}. Expected one.")
    metadata = {"namespace": request.cluster.namespace or "default", **(found[0].get("metadata") or {})}
    return _parsed({**found[0], "metadata": metadata})


def _parsed(document: Mapping[str, Any]) -> RecordingSource:
    try:
        return RecordingSource.model_validate(document)
    except ValidationError as error:
        fields = ", ".join(sorted({".".join(map(str, one["loc"])) for one in error.errors(include_input=False)}))
        raise _NoRecordingError(f"The RecordingSource cannot be read. Check {fields}.") from None


def _trial(source: RecordingSource, secrets: list[bytes] | None, delivery: Delivery) -> Draft:
    problems = check_mapping(source.spec)
    if problems:
        raise _NoRecordingError("\n".join(problems))
    if source.spec.suspend:
        note("spec.suspend is true: the receiver rejects all deliveries.")
    provider = provider_of(source.spec)
    if secrets is not None:
        _verify(provider, delivery, secrets)
    try:
        event = provider.read(delivery, secrets or (), read_options(source.spec))
        return draft(source, _creating(source, event), asks_api=provider.has_api)
    except (MalformedDelivery, DraftError) as error:
        raise _NoRecordingError(str(error)) from None


def _verify(provider: Provider, delivery: Delivery, secrets: list[bytes]) -> None:
    try:
        provider.verify(delivery, secrets, now=datetime.now(UTC))
    except DeliveryRejected as error:
        if error.rejection is not Rejection.WRONG_TIME:
            raise _NoRecordingError(_REJECTIONS[error.rejection]) from None
        note(_REJECTIONS[error.rejection])


def _creating(source: RecordingSource, event: Event | Challenge) -> Event:
    """The event if it creates a Recording."""
    if isinstance(event, Challenge):
        raise _NoRecordingError("The request only checks the endpoint. The receiver responds to it.")
    if event.outcome is Outcome.IGNORED or (event.outcome is Outcome.MEDIA and not event.media):
        text = f"The event ({event.kind}) brings no file that spec.recording.artifacts wants"
        raise _NoRecordingError(f"{text}. The receiver counts it.")
    if event.outcome is Outcome.FAILED and source.spec.failures is FailurePolicy.IGNORE:
        text = f"The event reports that there will be no recording ({event.failure}), and spec.failures is Ignore"
        raise _NoRecordingError(f"{text}. The receiver counts it.")
    return event


def _shortened(value: Any) -> Any:
    """The document without signatures of URLs, and with the beginning of long texts."""
    if isinstance(value, Mapping):
        return {key: _shortened(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_shortened(one) for one in value]
    if not isinstance(value, str):
        return value
    text = mask_urls(value)
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}… ({len(value.encode())} bytes)"


def _secret(secret: SecretDraft) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": secret.name, "labels": dict(secret.labels), "annotations": dict(secret.annotations)},
        "stringData": {key: _shown(value) for key, value in secret.data.items()},
    }


def _shown(value: bytes) -> str:
    """A URL without its query; of anything else, only the size."""
    text = value.decode("utf-8", "replace")
    is_url = text.startswith(("https://", "http://")) and len(text.split()) == 1
    return mask_urls(text) if is_url else f"{MARK} ({len(value)} bytes)"


def _fail(message: str) -> Never:
    note(message)
    sys.exit(_FAILED)

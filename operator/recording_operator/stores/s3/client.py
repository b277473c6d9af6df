"""The botocore client of one StorageLocation: its own credentials, its own trust, bodies sent as they come."""

import os
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import boto3
import botocore.session
import certifi
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ParamValidationError, PartialCredentialsError
from botocore.handlers import validate_bucket_name
from botocore.utils import parse_timestamp

from recording_operator.api.storagelocation import ChecksumUse
from recording_operator.stores.credentials import StoreCredentials
from recording_operator.stores.s3 import error_documents
from recording_operator.stores.s3.errors import no_credentials
from recording_operator.stores.s3.once import once
from recording_operator.stores.s3.refused_bodies import RefusedBody
from recording_operator.stores.s3.retries import StoreRetries
from recording_operator.stores.s3.service_models import service_models
from recording_operator.stores.s3.transport import framing
from recording_operator.stores.s3.transport.endpoint import CONNECT_TIMEOUT_S
from recording_operator.stores.s3.transport.handler import StoreTransport
from recording_operator.stores.s3.transport.sending import Timeouts

_ISO_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_SEND_TIMEOUT_S: Final = 30
_AWS_ANSWER_TIMEOUT_S: Final = 60.0
_IDENTITY_SERVICES: Final = ("sts", "sso", "sso-oidc", "signin")
_DEFAULT_REGION: Final = "us-east-1"
# With keys of its own, a location depends on no file, profile or region of whoever runs the process. Each row: name in
# the file, environment variable, default, conversion.
_NOBODYS_FILES: Final = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
    "region": (None, None, None, None),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Options:
    """An S3 bucket, how to reach it and how objects are kept in it.

    `credentials` None means the process's own (IRSA, instance role): only then are environment and metadata service
    asked. `prefix` is the location's, ending as it is to be used. `ca_bundle_pem` is PEM text. A request without a
    response within `answer_timeout_s` is retried.
    """

    bucket: str
    region: str | None = None
    endpoint: str | None = None
    path_style: bool = False
    prefix: str = ""
    storage_class: str | None = None
    encryption_type: str | None = None
    kms_key_id: str | None = None
    tags: tuple[tuple[str, str], ...] = ()
    checksums: ChecksumUse = ChecksumUse.AUTO
    ca_bundle_pem: str | None = None
    credentials: StoreCredentials | None = None
    answer_timeout_s: float = 60.0


@dataclass(frozen=True, slots=True)
class S3Connection:
    """A client and what sends its requests."""

    client: Any
    transport: StoreTransport
    retries: StoreRetries
    refused: RefusedBody = field(default_factory=RefusedBody)

    def close(self) -> None:
        """Drop idle connections."""
        self.client.close()
        self.transport.close()


def connect(options: S3Options) -> S3Connection:
    """The client of a location, as its data goes over it.

    Raises ValueError as `build_client`, for a bad bundle and for a configuration of the process's own that cannot be
    used; StoreError (CredentialsNotFound) where that names half a key pair.
    """
    try:
        made = S3Connection(build_client(options), _transport(options), StoreRetries())
    except PartialCredentialsError:
        raise no_credentials() from None
    except BotoCoreError as error:
        raise ValueError(f"The AWS configuration cannot be used: {error}") from None
    made.retries.register(made.client)
    framing.register(made.client)
    error_documents.register(made.client)
    made.transport.register(made.client)
    return made


def build_client(options: S3Options) -> Any:
    """Make the client; what sends its requests is registered by `connect`.

    Reads nothing from the network; raises ValueError for an endpoint that is no URL.
    """
    core = _session(options)
    core.register_component("data_loader", service_models())
    core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_parse_timestamp)
    given: dict[str, str | None] = {}
    if options.credentials is None:
        send_identity_requests(core)
    else:
        given = {
            "aws_access_key_id": options.credentials.access_key_id,
            "aws_secret_access_key": options.credentials.secret_access_key,
            "aws_session_token": options.credentials.session_token,
        }
    client = boto3.session.Session(botocore_session=core).client(
        "s3",
        region_name=options.region or core.get_config_variable("region") or _DEFAULT_REGION,
        endpoint_url=options.endpoint,
        config=_config(options),
        **given,
    )
    client.meta.events.register("before-parameter-build.s3", _check_key)
    if options.endpoint is not None and options.path_style:
        # It knows the names of AWS only; another store says itself what it does not take.
        client.meta.events.unregister("before-parameter-build.s3", validate_bucket_name)
    return client


def send_identity_requests(session: botocore.session.Session) -> None:
    """Have our transport send the requests that turn the process's own identity into keys.

    botocore makes the clients for them from the session. Raises ValueError as `aws_transport`.
    """
    transport = aws_transport(session.get_config_variable("ca_bundle"))
    for service in _IDENTITY_SERVICES:
        session.register(f"before-send.{service}", transport)


def aws_transport(trusted: str | None) -> StoreTransport:
    """What sends requests to services of AWS other than S3. `trusted` is the file that AWS_CA_BUNDLE names.

    Raises ValueError where that cannot be read.
    """
    with _bundle_errors():
        tls = _trust_in(trusted or certifi.where())
    timeouts = Timeouts(connect_s=CONNECT_TIMEOUT_S, send_s=_SEND_TIMEOUT_S, answer_s=_AWS_ANSWER_TIMEOUT_S)
    return StoreTransport(tls=tls, timeouts=timeouts)


def _session(options: S3Options) -> botocore.session.Session:
    return botocore.session.Session(session_vars=_NOBODYS_FILES if options.credentials else None)


def _check_key(params: dict[str, Any], **_: Any) -> None:
    """Without its key a request is about the bucket. All else that the library's check finds, types find earlier."""
    if params.get("Key") == "":
        raise ParamValidationError(report="The key is empty.")


def _parse_timestamp(value: Any) -> datetime:
    """A time in a response. The library's own parser takes two thirds of the time of a listing for these."""
    if isinstance(value, str) and _ISO_TIME.fullmatch(value):
        return datetime.fromisoformat(value)
    parsed: datetime = parse_timestamp(value)
    return parsed


def _config(options: S3Options) -> Config:
    # Bodies are neither hashed before they are sent nor wrapped in chunks with a trailer: the store sums them, and
    # every sum is compared with ours.
    s3 = {"addressing_style": "path" if options.path_style else "auto", "payload_signing_enabled": False}
    if options.endpoint is not None:
        s3["use_accelerate_endpoint"] = False  # of AWS; a profile may ask for it
    return Config(
        s3=s3,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        retries={"mode": "standard", "total_max_attempts": 1},  # see StoreRetries
        ignore_configured_endpoint_urls=True,
        parameter_validation=False,  # see _check_key
        # botocore builds its own twice for each request, from values that never change. boto3 adds botocore's version.
        user_agent="recording-operator",
    )


def _transport(options: S3Options) -> StoreTransport:
    with _bundle_errors():
        tls = _trust(options)
    # 256 KiB windows make the deadline of a send a detector of stalls.
    timeouts = Timeouts(connect_s=CONNECT_TIMEOUT_S, send_s=_SEND_TIMEOUT_S, answer_s=options.answer_timeout_s)
    return StoreTransport(tls=tls, timeouts=timeouts)


@contextmanager
def _bundle_errors() -> Iterator[None]:
    try:
        yield
    except ssl.SSLError:
        raise ValueError("The CA bundle contains no certificate in PEM form.") from None
    except OSError:
        raise ValueError("The CA bundle that the environment names cannot be read.") from None


def _trust(options: S3Options) -> ssl.SSLContext:
    if options.ca_bundle_pem == "":  # with this the library would trust whom the system does
        raise ssl.SSLError
    if options.ca_bundle_pem is not None:
        return ssl.create_default_context(cadata=options.ca_bundle_pem)
    return _trust_in(_trusted_file(options))


def _trust_in(path: str) -> ssl.SSLContext:
    return _public_trust() if path == certifi.where() else ssl.create_default_context(cafile=path)


@once
def _public_trust() -> ssl.SSLContext:
    """One for all who trust the packaged list: each would take 0.7 MiB."""
    return ssl.create_default_context(cafile=certifi.where())


def _trusted_file(options: S3Options) -> str:
    """Whom a client trusts that has no bundle of its own; with ambient credentials AWS_CA_BUNDLE says so."""
    ambient = None if options.credentials else _session(options).get_config_variable("ca_bundle")
    return str(ambient or certifi.where())

"""The botocore client of one StorageLocation, with its own credentials and CA certificates. Bodies are streamed."""

import os
import re
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, Final, Self

import boto3
import botocore.session
import certifi
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ParamValidationError, PartialCredentialsError
from botocore.handlers import validate_bucket_name
from botocore.utils import parse_timestamp

from recording_operator.api.reasons import Reason
from recording_operator.api.storagelocation_store import ChecksumUse
from recording_operator.stores.credentials import StoreCredentials
from recording_operator.stores.errors import StoreError
from recording_operator.stores.s3 import error_documents, lifecycle
from recording_operator.stores.s3.assumed_role import AssumedRole, Keys, assumed, use_role
from recording_operator.stores.s3.errors import no_credentials
from recording_operator.stores.s3.object_lock import Retention
from recording_operator.stores.s3.once import once
from recording_operator.stores.s3.rejected_bodies import RejectedBody
from recording_operator.stores.s3.retries import StoreRetries
from recording_operator.stores.s3.service_models import service_models
from recording_operator.stores.s3.transport import framing
from recording_operator.stores.s3.transport.endpoint import CONNECT_TIMEOUT_S
from recording_operator.stores.s3.transport.handler import StoreTransport
from recording_operator.stores.s3.transport.sending import Timeouts

_ISO_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_SEND_TIMEOUT_S: Final = 30
_AWS_RESPONSE_TIMEOUT_S: Final = 60.0
_IDENTITY_SERVICES: Final = ("sts", "sso", "sso-oidc", "signin")
# Only the writer and the owner of the bucket can read objects with these ACLs.
_PRIVATE_ACLS: Final = ("private", "bucket-owner-read", "bucket-owner-full-control")
_DEFAULT_REGION: Final = "us-east-1"
# A location with an access key ignores the AWS configuration files, profile and region of the process. Each row: name
# in the file, environment variable, default, conversion.
_NO_CONFIGURATION: Final = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
    "region": (None, None, None, None),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Options:
    """An S3 bucket, its endpoint, and the attributes of objects in it.

    `credentials` None means the identity of the process (IRSA, instance role): only then are the environment and the
    metadata service used. With `role`, it is the identity that assumes the role. `prefix` includes its final '/'.
    `ca_bundle_pem` is PEM text. A request without a response within `response_timeout_s` is retried.
    """

    bucket: str
    region: str | None = None
    endpoint: str | None = None
    path_style: bool = False
    prefix: str = ""
    storage_class: str | None = None
    encryption_type: str | None = None
    kms_key_id: str | None = None
    bucket_key_enabled: bool | None = None
    acl: str | None = None
    lock: Retention | None = None
    tags: tuple[tuple[str, str], ...] = ()
    checksums: ChecksumUse = ChecksumUse.AUTO
    ca_bundle_pem: str | None = None
    credentials: StoreCredentials | None = None
    role: AssumedRole | None = None
    response_timeout_s: float = 60.0

    @property
    def of_probe(self) -> Self:
        """Attributes of test objects: not archived and not retained, so that they can be read and removed."""
        return replace(self, storage_class=None, lock=None)

    @property
    def of_documents(self) -> Self:
        """Attributes of the operator's own files. No ACL makes them readable by others than the bucket's owner."""
        acl = self.acl if self.acl in _PRIVATE_ACLS else None
        return replace(self.of_probe, acl=acl)


@dataclass(frozen=True, slots=True)
class S3Connection:
    """A client and its transport."""

    client: Any
    transport: StoreTransport
    retries: StoreRetries
    rejected: RejectedBody = field(default_factory=RejectedBody)

    def close(self) -> None:
        """Drop idle connections."""
        self.client.close()
        self.transport.close()


def connect(options: S3Options) -> S3Connection:
    """Create the client of a location, with our transport and retries.

    Raises ValueError for an invalid endpoint, CA bundle or AWS configuration of the process, and StoreError
    (CredentialsNotFound) if that configuration contains only half of an access key.
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
    lifecycle.register(made.client)
    made.transport.register(made.client)
    return made


def build_client(options: S3Options) -> Any:
    """Create the client; `connect` registers the transport.

    Sends no request. Raises ValueError if the endpoint is not a URL.
    """
    core = _session(options)
    core.register_component("data_loader", service_models())
    core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_parse_timestamp)
    given = identify(core, options)
    client = boto3.session.Session(botocore_session=core).client(
        "s3",
        region_name=options.region or core.get_config_variable("region") or _DEFAULT_REGION,
        endpoint_url=options.endpoint,
        config=_config(options),
        **given,
    )
    client.meta.events.register("before-parameter-build.s3", _check_key)
    client.meta.events.register_first("choose-signer.s3", _presign_with_v4)
    client.meta.events.register_first("before-endpoint-resolution.s3", _presign_for_region)
    if options.endpoint is not None and options.path_style:
        # It knows only the bucket names of AWS; another store validates the names itself.
        client.meta.events.unregister("before-parameter-build.s3", validate_bucket_name)
    return client


def identify(session: botocore.session.Session, options: S3Options) -> dict[str, str | None]:
    """Give the session the identity of the options. Returns the arguments for a client with an access key."""
    role = options.role
    if role is not None:
        use_role(session, partial(_assume, role, options))
        return {}
    if options.credentials is None:
        send_identity_requests(session)
    return _keys(options.credentials)


def _keys(credentials: StoreCredentials | None) -> dict[str, str | None]:
    if credentials is None:
        return {}
    return {
        "aws_access_key_id": credentials.access_key_id,
        "aws_secret_access_key": credentials.secret_access_key,
        "aws_session_token": credentials.session_token,
    }


def _assume(role: AssumedRole, options: S3Options) -> Keys:
    """New keys of the role. Raises StoreError. The client is not kept: it is needed once in 45 minutes."""
    try:
        client, transport = _sts(role, options)
    except PartialCredentialsError:
        raise no_credentials() from None
    except (BotoCoreError, ValueError):
        raise StoreError(
            Reason.ENDPOINT_UNREACHABLE,
            "STS cannot be requested, because assumeRole.endpoint, the region, AWS_CA_BUNDLE, a proxy variable or "
            "another AWS variable of the operator cannot be used.",
        ) from None
    with closing(client), closing(transport):
        return assumed(client, role)


def _sts(role: AssumedRole, options: S3Options) -> tuple[Any, StoreTransport]:
    core = _session(options)
    core.register_component("data_loader", service_models())
    core.set_config_variable("sts_regional_endpoints", "regional")
    shared = send_identity_requests(core) if options.credentials is None else None
    client = boto3.session.Session(botocore_session=core).client(
        "sts",
        region_name=options.region or core.get_config_variable("region") or _DEFAULT_REGION,
        endpoint_url=role.endpoint,
        config=Config(
            retries={"mode": "standard", "total_max_attempts": 3},
            ignore_configured_endpoint_urls=True,
            user_agent="recording-operator",
        ),
        **_keys(options.credentials),
    )
    if shared is not None:  # botocore would call both, and send the request twice
        client.meta.events.unregister("before-send.sts", shared)
    # A private STS has a certificate of the same CA as the store.
    transport = _transport(options if role.endpoint else replace(options, ca_bundle_pem=None))
    transport.register(client)
    return client, transport


def send_identity_requests(session: botocore.session.Session) -> StoreTransport:
    """Use our transport for the requests that exchange the identity of the process for an access key, and return it.

    botocore creates the clients for them from the session. Raises ValueError, see `aws_transport`.
    """
    transport = aws_transport(session.get_config_variable("ca_bundle"))
    for service in _IDENTITY_SERVICES:
        session.register(f"before-send.{service}", transport)
    return transport


def aws_transport(trusted: str | None) -> StoreTransport:
    """The transport for AWS services other than S3. `trusted` is the value of AWS_CA_BUNDLE.

    Raises ValueError if that file cannot be read.
    """
    with _bundle_errors():
        tls = _trust_in(trusted or certifi.where())
    timeouts = Timeouts(connect_s=CONNECT_TIMEOUT_S, send_s=_SEND_TIMEOUT_S, response_s=_AWS_RESPONSE_TIMEOUT_S)
    return StoreTransport(tls=tls, timeouts=timeouts)


def _session(options: S3Options) -> botocore.session.Session:
    return botocore.session.Session(session_vars=_NO_CONFIGURATION if options.credentials else None)


def _check_key(params: dict[str, Any], **_: Any) -> None:
    """Reject an empty key, with which a request would refer to the bucket. Types ensure the rest."""
    if params.get("Key") == "":
        raise ParamValidationError(report="The key is empty.")


def _presign_with_v4(signature_version: str, **_: Any) -> str | None:
    """Presign URLs with Signature Version 4: in regions from before 2014, botocore would use version 2."""
    return "s3v4-query" if signature_version in ("s3v4-query", "v4-query") else None


def _presign_for_region(context: dict[str, Any], **_: Any) -> None:
    """Presign URLs of the bucket's own region: botocore would use s3.amazonaws.com, which may redirect."""
    context.pop("use_global_endpoint", None)


def _parse_timestamp(value: Any) -> datetime:
    """Parse a time in a response. botocore's parser would take two thirds of the time of a listing."""
    if isinstance(value, str) and _ISO_TIME.fullmatch(value):
        return datetime.fromisoformat(value)
    parsed: datetime = parse_timestamp(value)
    return parsed


def _config(options: S3Options) -> Config:
    # botocore neither hashes bodies before they are sent nor wraps them in chunks with a trailer: the store computes
    # the checksums, and each one is compared with ours.
    s3 = {"addressing_style": "path" if options.path_style else "auto", "payload_signing_enabled": False}
    if options.endpoint is not None:
        s3["use_accelerate_endpoint"] = False  # AWS only, but a profile may enable it
    return Config(
        s3=s3,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        retries={"mode": "standard", "total_max_attempts": 1},  # see StoreRetries
        ignore_configured_endpoint_urls=True,
        parameter_validation=False,  # see _check_key
        # botocore would build a user agent twice for each request. boto3 adds botocore's version.
        user_agent="recording-operator",
    )


def _transport(options: S3Options) -> StoreTransport:
    with _bundle_errors():
        tls = _trust(options)
    # Each send is a window of 256 KiB, so its timeout detects a stall.
    timeouts = Timeouts(connect_s=CONNECT_TIMEOUT_S, send_s=_SEND_TIMEOUT_S, response_s=options.response_timeout_s)
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
    if options.ca_bundle_pem == "":  # otherwise ssl would load the certificates of the system
        raise ssl.SSLError
    if options.ca_bundle_pem is not None:
        return ssl.create_default_context(cadata=options.ca_bundle_pem)
    return _trust_in(_trusted_file(options))


def _trust_in(path: str) -> ssl.SSLContext:
    return _public_trust() if path == certifi.where() else ssl.create_default_context(cafile=path)


@once
def _public_trust() -> ssl.SSLContext:
    """One shared context for the packaged certificates, because each takes 0.7 MiB."""
    return ssl.create_default_context(cafile=certifi.where())


def _trusted_file(options: S3Options) -> str:
    """The CA file of a client without its own bundle: AWS_CA_BUNDLE, but only with the identity of the process."""
    ambient = None if options.credentials else _session(options).get_config_variable("ca_bundle")
    return str(ambient or certifi.where())

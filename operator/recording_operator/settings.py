"""The operator's own settings: one YAML file, read once at start. An unknown key or value is an error."""

import posixpath
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from recording_operator.api.storagelocation_rules import LEAST_BANDWIDTH
from recording_operator.api.units import parse_quantity, parse_seconds, parse_size
from recording_operator.egress.policy import Network, SourcePolicy
from recording_operator.engine.queue import Capacity
from recording_operator.engine.state import EngineOptions
from recording_operator.kube.lease import LeaseTimings
from recording_operator.notify.policy import SinkPolicy
from recording_operator.transfer.options import TransferOptions
from recording_operator.usage.months import DEFAULT_RETENTION_MONTHS


class SettingsError(Exception):
    """The settings cannot be used. The text is one line that says where and what to write."""


def _timedelta(value: object) -> timedelta:
    return value if isinstance(value, timedelta) else timedelta(seconds=parse_seconds(value))


def _give_up_after(value: object) -> timedelta | None:
    if value is None:
        return None
    after = _timedelta(value)
    if after < _SHORTEST_GIVE_UP:
        raise ValueError("must be at least 10s; omit it to never give up")
    return after


def _bandwidth(value: object) -> int | None:
    if value is None:
        return None
    size_bytes = parse_size(value)
    if size_bytes < parse_quantity(LEAST_BANDWIDTH):
        raise ValueError(f"must be at least {LEAST_BANDWIDTH}; omit it for no limit")
    return size_bytes


def _directory(value: object) -> str:
    if not isinstance(value, str) or not value.startswith("/") or value != posixpath.normpath(value) or value == "/":
        raise ValueError("write an absolute path such as /recordings, without '..' and without a slash at the end")
    return value


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError("must be more than 0s")
    return value


def _web_origin(value: object) -> str:
    parts = urlsplit(value) if isinstance(value, str) else None
    if parts is None or parts.scheme not in {"http", "https"} or value != f"{parts.scheme}://{parts.netloc.lower()}":
        raise ValueError("write an origin such as https://app.example, without a path")
    return f"{parts.scheme}://{parts.netloc}"


_LEASE: Final = LeaseTimings()
_SHORTEST_GIVE_UP: Final = timedelta(seconds=10)
Duration = Annotated[timedelta, BeforeValidator(_timedelta)]
PositiveDuration = Annotated[Duration, AfterValidator(_positive)]
HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,63}$")]
HostName = Annotated[str, Field(pattern=r"^[a-z0-9.-]+(:[0-9]+)?$|^\[[0-9a-f:.]+\](:[0-9]+)?$", max_length=253)]
WebOrigin = Annotated[str, BeforeValidator(_web_origin)]
Size = Annotated[int, BeforeValidator(parse_size), Field(ge=1024, le=2**30)]
Directory = Annotated[str, BeforeValidator(_directory)]
Bandwidth = Annotated[int | None, BeforeValidator(_bandwidth)]


class _Section(BaseModel):
    """Unknown keys are errors, so that a misspelt setting is not silently ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class TransferSettings(_Section):
    """How much is transferred at the same time."""

    concurrent: int = Field(default=16, ge=1, le=1024)
    """The most artifacts that this process transfers at the same time."""
    per_namespace: int = Field(default=8, ge=1, le=1024)
    """The most of these from one namespace."""
    workers: int = Field(default=4, ge=1, le=64)
    """The most connections of one transfer."""
    bandwidth_per_second: Bandwidth = None
    """The limit in bytes per second for all transfers of this process together, such as 100Mi; null means no limit."""


class RecordingSettings(_Section):
    """How long Recordings are kept, and how often they are updated."""

    ttl_after_finished: Duration = timedelta(hours=720)
    """How long a finished Recording stays in Kubernetes unless its spec says otherwise; 0s keeps it forever."""
    progress_interval: Duration = timedelta(seconds=10)
    """The shortest time between two progress updates of one Recording."""


class DeletionSettings(_Section):
    """What happens if the objects of a deleted Recording cannot be deleted (deletionPolicy Delete)."""

    give_up_after: Annotated[timedelta | None, BeforeValidator(_give_up_after)] = None
    """How long after its deletion such a Recording is removed and its objects stay, such as 168h; null means never."""


class LocationSettings(_Section):
    """How often StorageLocations are checked."""

    probe_interval: Duration = timedelta(minutes=10)
    """How often a location that is ready is checked again."""
    retry_interval: Duration = timedelta(seconds=30)
    """The longest time until a location that is not ready is checked again."""


class SweepSettings(_Section):
    """How often the operator searches for work that no event announces."""

    finished_interval: Duration = timedelta(hours=6)
    """How often all finished Recordings are read, to find edits and deletions made while no operator was running."""
    uploads_interval: Duration = timedelta(minutes=10)
    """How often open multipart uploads that belong to no Recording are searched for."""
    upload_min_age: Duration = timedelta(minutes=10)
    """The age from which such an upload is aborted."""
    manifests_interval: Duration = timedelta(hours=24)
    """How often manifests are listed, at locations whose lifecycle rules the operator carries out."""


class LeaseSettings(_Section):
    """Times of leader election; retry must be shorter than renew, and renew shorter than duration."""

    duration: Duration = timedelta(seconds=_LEASE.duration_s)
    """How long a Lease is valid after its last renewal."""
    renew: Duration = timedelta(seconds=_LEASE.renew_s)
    """How long the leader keeps trying to renew its Lease before it gives up leadership."""
    retry: Duration = timedelta(seconds=_LEASE.retry_s)
    """The time between two attempts to acquire or renew the Lease."""


class ShutdownSettings(_Section):
    """What happens after SIGTERM."""

    grace: Duration = timedelta(seconds=20)
    """How long running transfers may take to finish; the others go back to Pending, and no attempt is counted."""


class FilesystemSettings(_Section):
    """Which directories StorageLocations may use."""

    roots: tuple[Directory, ...] = Field(default=(), max_length=64)
    """Absolute paths; spec.filesystem.path of a location must be one of them or below one; none by default."""


class ReportSettings(_Section):
    """How StorageReports are exported."""

    metric_orgs: int = Field(default=0, ge=0, le=100)
    """How many of the largest organisations get series of their own in /metrics; with 0, no label names one."""


class UsageSettings(_Section):
    """How often StorageLocations are counted, and how long the counts are kept."""

    interval: Duration = timedelta(hours=24)
    """The longest time between two counts of a location. Reports that need one are counted for sooner."""
    retention: int = Field(default=DEFAULT_RETENTION_MONTHS, ge=1, le=1200)
    """How many months before the current one are kept."""


class ReceiverSettings(_Section):
    """Limits of `recording-operator receiver`."""

    body_bytes: Size = 2**20
    """The largest body of a request; larger ones are rejected with 413."""
    bodies_together: Size = 64 * 2**20
    """The most memory for all bodies that are read or processed at the same time."""
    header_timeout: Duration = timedelta(seconds=10)
    """How long a client may take for the headers of a request."""
    body_timeout: Duration = timedelta(seconds=10)
    """How long a client may take for the body."""
    connections: int = Field(default=1000, ge=1, le=100_000)
    """The most open connections; then the one that has been idle for longest is closed for a new one."""
    threads: int = Field(default=8, ge=1, le=256)
    """How many deliveries are written at the same time."""
    queue: int = Field(default=256, ge=0, le=100_000)
    """How many verified deliveries may wait for a thread; others are rejected with 429."""
    queue_wait: Duration = timedelta(milliseconds=250)
    """How long a delivery of a burst may wait for a thread before it is rejected with 429. When deliveries have been
    waiting for that long without a break, each waits for 20 ms at most."""
    shutdown_delay: Duration = timedelta(seconds=3)
    """How long the receiver accepts connections after SIGTERM, while load balancers learn that it is not ready."""


class SessionSettings(_Section):
    """How long a browser session of the console lasts; never longer than the token of the user."""

    idle: PositiveDuration = timedelta(minutes=30)
    """How long a session lasts without a request."""
    longest: PositiveDuration = timedelta(hours=12)
    """How long a session lasts in any case."""


class UserProxySettings(_Section):
    """An authenticating proxy that names the user in headers."""

    addresses: tuple[Network, ...] = Field(default=(), max_length=64)
    """Networks of the proxy; headers from other addresses are ignored; none by default. Programs at these addresses can
    be any user: do not list 127.0.0.1/32 if users may forward ports to the pod."""
    user_header: HeaderName = "X-Remote-User"
    """Header with the name of the user."""
    group_header: HeaderName = "X-Remote-Group"
    """Header with a group of the user; it may be repeated."""
    extra_header_prefix: HeaderName = "X-Remote-Extra-"
    """Beginning of the names of headers with other attributes of the user."""


class ConsoleSettings(_Section):
    """Limits and security of `recording-operator console`."""

    hosts: tuple[HostName, ...] = Field(default=(), max_length=64)
    """Names, with a port if it is not the usual one, that the Host header may have; without any, every name."""
    https: bool = False
    """Whether browsers use https only: then cookies are always Secure. Otherwise they are if a trusted proxy says that
    the request was sent by https."""
    hsts_max_age: Duration = timedelta(0)
    """How long browsers remember to use https only (Strict-Transport-Security); 0s sends no such header."""
    trusted_proxies: tuple[Network, ...] = Field(default=(), max_length=64)
    """Networks of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed."""
    user_proxy: UserProxySettings = UserProxySettings()
    cors_origins: tuple[WebOrigin, ...] = Field(default=(), max_length=64)
    """Origins, such as https://app.example, whose pages may call the HTTP API with a token."""
    token_audiences: tuple[str, ...] = Field(default=(), max_length=16)
    """Audiences, one of which a token must be for; without any, it must be for the API server."""
    session: SessionSettings = SessionSettings()
    calls_per_minute: int = Field(default=1200, ge=1, le=1_000_000)
    """How many requests a user may send in a minute; others are rejected with 429."""
    calls_at_once: int = Field(default=8, ge=1, le=1000)
    """How many requests of a user may run at the same time; others are rejected with 429."""
    failures_per_minute: int = Field(default=30, ge=1, le=1_000_000)
    """How many invalid tokens an address may send in a minute; then new tokens from it are rejected with 429."""
    body_bytes: Size = 2**20
    """The largest body of a request; larger ones are rejected with 413."""
    header_timeout: PositiveDuration = timedelta(seconds=10)
    """How long a client may take for the headers of a request."""
    body_timeout: PositiveDuration = timedelta(seconds=10)
    """How long a client may take for the body."""
    request_timeout: PositiveDuration = timedelta(seconds=60)
    """How long the response to a request may take to begin; then it is 504."""
    manifests_hour: int = Field(default=3, ge=0, le=23)
    """The hour of the day in UTC at which the catalog is compared with the manifests in the buckets."""
    connections: int = Field(default=1000, ge=1, le=100_000)
    """The most open connections; then the one that has been idle for longest is closed for a new one."""


class Settings(_Section):
    """The settings file of the operator. Every key is optional."""

    source_policy: SourcePolicy = SourcePolicy()
    sink_policy: SinkPolicy = SinkPolicy()
    transfers: TransferSettings = TransferSettings()
    recordings: RecordingSettings = RecordingSettings()
    deletion: DeletionSettings = DeletionSettings()
    locations: LocationSettings = LocationSettings()
    sweep: SweepSettings = SweepSettings()
    lease: LeaseSettings = LeaseSettings()
    shutdown: ShutdownSettings = ShutdownSettings()
    filesystem: FilesystemSettings = FilesystemSettings()
    reports: ReportSettings = ReportSettings()
    usage: UsageSettings = UsageSettings()
    receiver: ReceiverSettings = ReceiverSettings()
    console: ConsoleSettings = ConsoleSettings()

    def engine_options(self) -> EngineOptions:
        """The options of the engine."""
        return EngineOptions(
            capacity=Capacity(total=self.transfers.concurrent, per_namespace=self.transfers.per_namespace),
            progress_every=self.recordings.progress_interval,
            default_ttl=self.recordings.ttl_after_finished,
            give_up_deleting_after=self.deletion.give_up_after,
        )

    def transfer_options(self) -> TransferOptions:
        """The options of transfers."""
        return TransferOptions(workers=self.transfers.workers)

    def lease_timings(self) -> LeaseTimings:
        """The timings of the Lease. Raises SettingsError if they are in the wrong order."""
        try:
            return LeaseTimings(
                duration_s=int(self.lease.duration.total_seconds()),
                renew_s=self.lease.renew.total_seconds(),
                retry_s=self.lease.retry.total_seconds(),
            )
        except ValueError as error:
            raise SettingsError(str(error)) from None


def load_settings(path: Path | None) -> Settings:
    """Read the settings; without a file they are the defaults. Raises SettingsError."""
    if path is None:
        return Settings()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SettingsError(f"settings file {path}: {reason}") from None
    return parse_settings(text, origin=f"settings file {path}")


def parse_settings(text: str, *, origin: str) -> Settings:
    """The settings in a text. `origin` says in errors where it is from. Raises SettingsError."""
    try:
        document: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise SettingsError(f"{origin}: invalid YAML{where}") from None
    if document is None:
        return Settings()
    if not isinstance(document, dict):
        raise SettingsError(f"{origin}: write a mapping such as 'sourcePolicy:' at the top")
    try:
        settings = Settings.model_validate(document)
    except ValidationError as error:
        raise SettingsError(f"{origin}: {_first_fault(error)}") from None
    try:
        settings.lease_timings()
    except SettingsError as error:
        raise SettingsError(f"{origin}: {error}") from None
    return settings


def _first_fault(error: ValidationError) -> str:
    fault = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        return f"{where} is not a setting; check the spelling"
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return f"{where}: {fault['msg'].removeprefix('Value error, ')}{more}"

"""The composition root of a leader: creates its parts and connects them."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from recording_operator.api.recording import Claim
from recording_operator.controller.clock import uptime
from recording_operator.controller.executors.threads import ThreadExecutor
from recording_operator.controller.expiry.manifests import ExpiredManifests
from recording_operator.controller.expiry.recordings import ExpiredRecordings
from recording_operator.controller.expiry.sweep import ExpirySweep
from recording_operator.controller.leader import Leader
from recording_operator.controller.locations.bandwidth import BandwidthLimits
from recording_operator.controller.locations.keeper import LocationKeeper
from recording_operator.controller.locations.lifecycle import LifecycleApplier
from recording_operator.controller.locations.prober import LocationProber
from recording_operator.controller.locations.quotas import QuotaKeeper
from recording_operator.controller.locations.status import LocationStatusWriter
from recording_operator.controller.loop import ControlLoop
from recording_operator.controller.notifications.attempts import Attempts
from recording_operator.controller.notifications.cluster import ClusterOutbox
from recording_operator.controller.notifications.deliveries import Deliveries
from recording_operator.controller.notifications.keeper import SinkKeeper
from recording_operator.controller.notifications.payloads import Payloads
from recording_operator.controller.notifications.status import SinkStatusWriter
from recording_operator.controller.notifications.targets import TargetResolver
from recording_operator.controller.notifications.threads import SinkThreads
from recording_operator.controller.orphans import OrphanReports, OrphanSweep
from recording_operator.controller.process import Replica, end_at_once
from recording_operator.controller.provider_requests import ProviderRequests
from recording_operator.controller.provider_urls import ProviderUrls
from recording_operator.controller.recordings.announcements import Announcements
from recording_operator.controller.recordings.dispatch import Dispatcher, call_later
from recording_operator.controller.recordings.fairpool import FairPool
from recording_operator.controller.recordings.handlers import action_handlers
from recording_operator.controller.recordings.manifests import ManifestWriter
from recording_operator.controller.recordings.removal import Removal
from recording_operator.controller.recordings.requests import RecordingRequests
from recording_operator.controller.reports.holds import HoldKeeper
from recording_operator.controller.reports.keeper import ReportKeeper
from recording_operator.controller.reports.prices import PriceBook
from recording_operator.controller.reports.refresher import Refresher
from recording_operator.controller.sources import SourceResolver
from recording_operator.controller.start_error import StartError
from recording_operator.controller.sweep import Sweeper, SweepIntervals
from recording_operator.controller.usage.archive import LocationArchive
from recording_operator.controller.usage.copies import UsageCopies
from recording_operator.controller.usage.counter import UsageCounter
from recording_operator.controller.usage.entries import MapEntries
from recording_operator.controller.usage.keeper import UsageKeeper
from recording_operator.controller.usage.migration import Migration
from recording_operator.controller.watching import MakeWatcher, WatchHandlers
from recording_operator.egress.dialer import Dialer
from recording_operator.engine.actions import Action
from recording_operator.engine.engine import Engine
from recording_operator.kube.client import KubeApi
from recording_operator.kube.errors import KubeError
from recording_operator.kube.events import EventRecorder
from recording_operator.kube.fence import FencedClient
from recording_operator.kube.lease import Leadership
from recording_operator.kube.ownwrites import OwnWrites
from recording_operator.kube.secrets import location_cdn
from recording_operator.notify.sender import Sender
from recording_operator.stores.factory import open_store

_API_THREADS: Final = 8


def make_leader(replica: Replica, leadership: Leadership, *, make_watcher: MakeWatcher) -> Leader:
    """Create a leader. Raises StartError."""
    settings, metrics, clock = replica.settings, replica.metrics, replica.clock
    fenced = FencedClient(replica.rest, may_change=leadership.held)
    own_writes = OwnWrites()
    kube = KubeApi(fenced, own_writes=own_writes)
    events = EventRecorder(fenced, instance=replica.identity, on_drop=metrics.event_dropped)
    claim = Claim(holder=replica.identity, transitions=leadership.epoch)

    def act(action: Action) -> None:
        dispatcher(action)

    def find_unsettled() -> None:
        sweeper.find_unsettled_soon()

    loop = ControlLoop(Engine(claim=claim, options=settings.engine_options()), act=act, clock=clock)
    cluster_id = _cluster_id(kube)
    bandwidth = BandwidthLimits(operator_limit=settings.transfers.bandwidth_per_second, metrics=metrics)
    location_status = LocationStatusWriter(kube, now=clock.now)
    locations = LocationKeeper(
        prober=LocationProber(
            kube=kube,
            open_store=partial(open_store, roots=settings.filesystem.roots),
            cluster_id=cluster_id,
            operator_namespace=replica.namespace,
            register_secret=replica.register_secret,
        ),
        lifecycle=LifecycleApplier(events=events),
        status=location_status,
        post=loop.post,
        pool=ThreadPoolExecutor(max_workers=_API_THREADS, thread_name_prefix="probe"),
        metrics=metrics,
        bandwidth=bandwidth,
        probe_interval=settings.locations.probe_interval,
        retry_interval=settings.locations.retry_interval,
    )
    resolver = SourceResolver(
        kube,
        providers=ProviderUrls(
            kube,
            fetch=ProviderRequests(settings.source_policy, stop=replica.stop),
            register_secret=replica.register_secret,
            observer=metrics,
            now=clock.now,
            steady_s=time.monotonic,
        ),
        register_secret=replica.register_secret,
    )
    executor = ThreadExecutor(
        stores=locations,
        resolver=resolver,
        dialer=Dialer(settings.source_policy),
        post=loop.post,
        metrics=metrics,
        options=settings.transfer_options(),
        bandwidth=bandwidth,
        concurrent=settings.transfers.concurrent,
    )
    sinks = SinkKeeper(
        resolver=TargetResolver(kube, register_secret=replica.register_secret),
        status=SinkStatusWriter(kube, events=events, now=clock.now),
        post=loop.post,
        on_recovery=find_unsettled,
        pool=ThreadPoolExecutor(max_workers=2, thread_name_prefix="sinks"),
        now=clock.now,
    )
    sink_threads = SinkThreads()
    attempts = Attempts(keeper=sinks, sender=Sender(settings.sink_policy, now=clock.now), stop=threading.Event())
    cluster_outbox = ClusterOutbox(
        keeper=sinks,
        attempts=attempts,
        threads=sink_threads,
        metrics=metrics,
        operator_namespace=replica.namespace,
        leads=leadership.held,
        now=clock.now,
    )
    handlers = action_handlers(
        requests=RecordingRequests(kube, lease=leadership, observer=metrics, on_deposed=end_at_once),
        removal=Removal(locations),
        manifests=ManifestWriter(locations, on_failure=lambda reason: metrics.manifest_failed(reason=reason)),
        announcements=Announcements(events=events, metrics=metrics),
        executor=executor,
        resolver=resolver,
        announcer=Deliveries(
            keeper=sinks,
            attempts=attempts,
            payloads=Payloads(locations, cdn=partial(location_cdn, kube, operator_namespace=replica.namespace)),
            threads=sink_threads,
            events=events,
            metrics=metrics,
            post=loop.post,
            may_change=leadership.held,
        ),
        probe=locations.recheck,
    )
    api_pool = ThreadPoolExecutor(max_workers=_API_THREADS, thread_name_prefix="api")
    dispatcher = Dispatcher(
        handlers,
        post=loop.post,
        pool=FairPool(api_pool),
        others_pool=FairPool(ThreadPoolExecutor(max_workers=_API_THREADS, thread_name_prefix="sources")),
        may_change=leadership.held,
        later=call_later,
    )
    expired = ExpirySweep(
        recordings=ExpiredRecordings(kube=kube, locations=locations, post=loop.post, metrics=metrics, now=clock.now),
        manifests=ExpiredManifests(
            kube=kube,
            locations=locations,
            metrics=metrics,
            cluster_id=cluster_id,
            every=settings.sweep.manifests_interval,
            now=clock.now,
        ),
    )
    sweeper = Sweeper(
        kube=kube,
        locations=locations,
        post=loop.post,
        intervals=SweepIntervals(
            finished=settings.sweep.finished_interval,
            uploads=settings.sweep.uploads_interval,
            upload_min_age=settings.sweep.upload_min_age,
        ),
        default_ttl=settings.recordings.ttl_after_finished,
        cluster_id=cluster_id,
        leads=leadership.held,
        expired=expired,
        orphans=OrphanSweep(
            kube=kube,
            locations=locations,
            cluster_id=cluster_id,
            leads=leadership.held,
            now=clock.now,
            uptime=uptime,
        ),
        now=clock.now,
    )
    prices = PriceBook(kube=kube, operator_namespace=replica.namespace)
    usage = UsageKeeper(
        archive=LocationArchive(
            stores=locations,
            kube=kube,
            operator_namespace=replica.namespace,
            keep_months=settings.usage.retention,
            now=clock.now,
        ),
        counter=UsageCounter(
            kube=kube,
            stores=locations,
            classes_of=prices.classes_of,
            stopping=lambda: replica.stop.is_set() or not leadership.held(),
        ),
        first_samples=Migration(kube=kube, classes_of=prices.classes_of),
        copies=UsageCopies(MapEntries(kube=kube, namespace=replica.namespace)),
        keep_months=settings.usage.retention,
        interval=settings.usage.interval,
        observer=OrphanReports(status=location_status, metrics=metrics),
        post=loop.post,
    )
    quotas = QuotaKeeper(
        kube=kube,
        events=events,
        metrics=metrics,
        pool=ThreadPoolExecutor(max_workers=1, thread_name_prefix="quotas"),
    )
    reports = ReportKeeper(
        kube=kube,
        refresher=Refresher(kube=kube, usage=usage, prices=prices),
        events=events,
        metrics=metrics.reports,
        metric_orgs=settings.reports.metric_orgs,
        leads=leadership.held,
        quota_needs=quotas.needs,
        now=clock.now,
    )
    holds = HoldKeeper(post=loop.post, now=clock.now)
    watch_handlers = WatchHandlers(
        post=loop.post,
        locations=locations,
        reports=reports,
        holds=holds,
        sinks=sinks,
        outbox=cluster_outbox,
        sweeper=sweeper,
    )
    watcher = make_watcher(
        replica.connection,
        on_change=watch_handlers.on_change,
        on_listed=watch_handlers.on_listed,
        own_writes=own_writes,
    )
    for resource in watch_handlers.on_change:
        metrics.watch_silence_from(resource, partial(watcher.health.seconds_since_last_byte, resource))
    return Leader(
        loop=loop,
        watcher=watcher,
        locations=locations,
        sweeper=sweeper,
        reports=reports,
        holds=holds,
        sinks=sinks,
        outbox=cluster_outbox,
        quotas=quotas,
        events=events,
        metrics=metrics,
        grace_s=settings.shutdown.grace.total_seconds(),
    )


def _cluster_id(kube: KubeApi) -> str:
    try:
        return kube.namespace_uid("kube-system")
    except KubeError as error:
        raise StartError(
            f"The namespace kube-system, whose uid identifies this cluster, cannot be read: {error}"
        ) from None

"""kopf as a watcher: it delivers events and writes nothing.

kopf lists, watches, lists again after 410, logs in again and keeps the events of one object in order. It is used by its
public API only: handlers for events, with peering, scanning and posting turned off. If an error ends kopf (a watch
error other than 410, permissions removed for a while, a CRD deleted), it is started again in the same process, and
uploads continue. Why it is done this way: docs/decisions/watching.md.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import aiohttp
import kopf

from recording_operator.api.names import GROUP, RECORDING_PLURAL, VERSION
from recording_operator.backoff import exponential_s
from recording_operator.kube.connection import Connection
from recording_operator.kube.ownwrites import OwnWrites
from recording_operator.kube.watch.events import TRUE_TYPE
from recording_operator.kube.watch.options import WatchOptions, kopf_settings
from recording_operator.kube.watch.session import open_session
from recording_operator.kube.watch.streams import Stream, WatchHealth
from recording_operator.log_throttle import LogThrottle

_logger = logging.getLogger(__name__)

_FIRST_RESTART_S: Final = 1.0
_LONGEST_RESTART_S: Final = 10.0
_BEAT_S: Final = 1.0
_CANCEL_TRIES: Final = 40
_CANCEL_PAUSE_S: Final = 0.25
# kopf requests new credentials as soon as some are rejected: without a pause, an invalid token would cause a busy loop.
_LOGIN_PAUSE_S: Final = 2.0
# Without it kopf looks up the name of the process's user. The user of a pod may have none.
_IDENTITY: Final[Mapping[str, Any]] = {"identity": "recording-operator"}


OnChange = Callable[[str, dict[str, Any]], None]
"""Called with LISTED, ADDED, MODIFIED or DELETED, and the object as stored, without managedFields."""


class Watcher:
    """Reports every object that exists at start, and every change.

    `on_change` has a callback for each resource that is watched, by plural name. `on_listed(resource, uids)` is called
    after each complete LIST: the first one, and one after each lost WATCH. `uids` are the objects delivered since the
    LIST began. Other objects known to the receiver were finished or deleted in the meantime, and it must read them.
    Callbacks run in the watcher's thread and must return quickly; exceptions are logged. Events of `own_writes` of
    Recordings are left out.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        on_change: Mapping[str, OnChange],
        on_listed: Callable[[str, frozenset[str]], None],
        own_writes: OwnWrites | None = None,
        options: WatchOptions | None = None,
    ) -> None:
        self._connection = connection
        self._on_change = on_change
        self._on_listed = on_listed
        self._options = options or WatchOptions()
        self._streams = {resource: Stream(on_listed=partial(self._report_listed, resource)) for resource in on_change}
        self._own_writes = {RECORDING_PLURAL: own_writes or OwnWrites()}
        self._logged_in_s = -_LOGIN_PAUSE_S
        self._sessions: list[aiohttp.ClientSession] = []
        self.health = WatchHealth(self._streams)
        self.listed = threading.Event()
        """Set when all resources have been listed and delivered for the first time."""
        self._listed_once: set[str] = set()
        self._throttle = LogThrottle()
        self._cancelling = False

    def run(self, stop: threading.Event) -> None:
        """Watch until `stop` is set. Blocks; meant for a separate thread."""
        with asyncio.Runner() as runner:
            runner.run(self._run(stop))

    async def _run(self, stop: threading.Event) -> None:
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._loop_failed)
        threading.Thread(target=_pass_on, args=(stop, loop, stopping), name="watch-stop", daemon=True).start()
        failures = 0
        while not stopping.is_set():
            started_s = time.monotonic()
            try:
                why = await self._run_kopf(stopping)
            except Exception as error:  # noqa: BLE001 - any error that ends the watch starts it again
                why = type(error).__name__
            if stopping.is_set():
                return
            self.health.restarts += 1
            failures = 0 if time.monotonic() - started_s > self._options.start_timeout_s * 2 else failures + 1
            delay_s = exponential_s(failures + 1, first_s=_FIRST_RESTART_S, longest_s=_LONGEST_RESTART_S)
            _logger.log(self._throttle.level(why), "The watcher stopped (%s) and starts again in %g s", why, delay_s)
            await _wait(stopping, delay_s)

    async def _run_kopf(self, stopping: asyncio.Event) -> str:
        """Run kopf once. Returns why it ended."""
        ending = asyncio.Event()
        for stream in self._streams.values():
            stream.restart()
        ours = {asyncio.current_task(), asyncio.create_task(self._beat(stopping, ending), name="watch-health")}
        ended = asyncio.create_task(ending.wait(), name="watch-end")
        tasks = await kopf.spawn_tasks(
            registry=self._registry(),
            settings=kopf_settings(self._options),
            standalone=True,
            clusterwide=True,
            **_IDENTITY,
        )
        done, _ = await asyncio.wait({*tasks, ended}, return_when=asyncio.FIRST_COMPLETED)
        self._cancelling = True
        self.health.hopeless = not await _cancel_all(ours)
        for session in self._sessions:
            await session.close()
        self._sessions.clear()
        await _cancel_all({asyncio.current_task()})
        self._cancelling = False
        errors = [error for task in done if not task.cancelled() and (error := task.exception()) is not None]
        return _named(errors[0]) if errors else "resources were not available"

    def _loop_failed(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Callbacks of kopf fail when its tasks are cancelled. Their results are not needed."""
        if not self._cancelling:
            loop.default_exception_handler(context)

    async def _beat(self, stopping: asyncio.Event, ending: asyncio.Event) -> None:
        begun_s = time.monotonic()
        while not (stopping.is_set() or self._is_stuck(time.monotonic() - begun_s)):
            self.health.beat()
            await _wait(stopping, _BEAT_S)
        ending.set()
        while True:  # kopf may take a moment to end
            self.health.beat()
            await asyncio.sleep(_BEAT_S)

    def _is_stuck(self, age_s: float) -> bool:
        """A resource that was never requested (no CRD), or whose WATCH has been missing too long."""
        streams = self._streams.values()
        never_requested = age_s > self._options.start_timeout_s and not all(stream.requested for stream in streams)
        return never_requested or any(stream.seconds_away() > self._options.away_timeout_s for stream in streams)

    def _registry(self) -> kopf.OperatorRegistry:
        registry = kopf.OperatorRegistry()
        kopf.on.login(id="login", registry=registry)(self._login)
        for resource in self._on_change:
            kopf.on.event(GROUP, VERSION, resource, id=resource, registry=registry)(self._handle)
        return registry

    async def _login(self, **_: Any) -> kopf.AiohttpSession:
        await asyncio.sleep(self._logged_in_s + _LOGIN_PAUSE_S - time.monotonic())
        self._logged_in_s = time.monotonic()
        session = open_session(self._connection, self._streams, self._own_writes)
        self._sessions.append(session)
        return kopf.AiohttpSession(
            server=self._connection.server, default_namespace=self._connection.namespace, aiohttp_session=session
        )

    async def _handle(self, *, resource: kopf.Resource, event: Mapping[str, Any], **_: Any) -> None:
        """Pass one event on. kopf awaits the events of one object in order; a plain function would run in a thread."""
        stored = event["object"]
        stored["metadata"].pop("managedFields", None)
        from_list = event["type"] is None
        kind = "LISTED" if from_list else event.get(TRUE_TYPE, event["type"])
        try:
            self._on_change[resource.plural](kind, stored)
        except Exception:
            _logger.exception("Handling a %s event of %s failed", kind, resource.plural)
        self._streams[resource.plural].event_arrived(stored["metadata"]["uid"], from_list=from_list)

    def _report_listed(self, resource: str, uids: frozenset[str]) -> None:
        try:
            self._on_listed(resource, uids)
        except Exception:
            _logger.exception("Handling the list of %s failed", resource)
        self._listed_once.add(resource)
        if self._listed_once.issuperset(self._on_change):
            self.listed.set()


async def _cancel_all(spared: set[asyncio.Task[Any] | None]) -> bool:
    """Cancel all other tasks of the loop repeatedly until they have ended. Returns False if some do not end.

    kopf's own end is not waited for: it deadlocks when a watch of one resource fails while that of another is about
    to log in.
    """
    for _ in range(_CANCEL_TRIES):
        others = asyncio.all_tasks() - spared
        if not others:
            return True
        for task in others:
            task.cancel()
        ended, _ = await asyncio.wait(others, timeout=_CANCEL_PAUSE_S)
        for task in ended:
            if not task.cancelled():
                task.exception()  # otherwise asyncio logs an unretrieved exception
    return False


def _named(error: BaseException) -> str:
    """The class and, for a response of the API server, the resource. Not its text, which may quote objects."""
    details = getattr(error, "details", None) or {}
    about = f" for {details['kind']}" if details.get("kind") else ""
    return f"{type(error).__name__}{about}"


async def _wait(event: asyncio.Event, timeout_s: float) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        return


def _pass_on(stop: threading.Event, loop: asyncio.AbstractEventLoop, stopping: asyncio.Event) -> None:
    stop.wait()
    try:
        loop.call_soon_threadsafe(stopping.set)
    except RuntimeError:  # the loop is closed already
        return

"""The provider of the simulation: it keeps recordings, gives URLs that expire, fails, and counts what it is asked."""

import base64
from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any, Final

from recording_operator.api.reasons import Reason, Verdict
from recording_operator.api.recording import ArtifactKind, ProviderRecording
from recording_operator.api.recordingsource import RecordingSource
from recording_operator.controller.provider_urls import ProviderUrls
from recording_operator.kube.client import KubeApi
from recording_operator.kube.errors import NotFound
from recording_operator.providers.provider import Media, ProviderError, ReadOptions
from tests.engine.simulation.sources import Fate, draw_fate

if TYPE_CHECKING:
    from tests.engine.simulation.operator import Operator
    from tests.engine.simulation.world import World

SOURCE: Final = "calls"
MARK: Final = "signature-of-a-fresh-url"
"""In every URL that a provider gives. It may be in no status and no Event."""
_MINUTE_S: Final = 60.0


class Provider:
    """One provider for all namespaces. `is_down`, `denies` and `is_missing` are its troubles."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._files: dict[str, dict[str, Fate]] = {}
        self._asked: dict[tuple[str, str], float] = {}
        self._urls = 0
        self._secret = 0
        self.is_down = False
        self.denied_secret: int | None = None
        self.is_missing = False
        self.has_no_media = False
        self.requests = 0
        self.dud_urls = 0
        """So many of the next URLs have expired when they are given."""

    # What users and faults do

    def keep(self, recording_id: str, media: str, *, fate: Fate | None = None) -> ProviderRecording:
        """A file that the provider has."""
        faulty = "sources" in self._world.faults
        self._files.setdefault(recording_id, {})[media] = fate or draw_fate(self._world.rng, faulty=faulty)
        return ProviderRecording(recording_source=SOURCE, id=recording_id, media=media)

    def trouble(self, rng: Random) -> None:
        """Something fails, or is repaired."""
        what = rng.choice(("down", "denies", "missing", "no media", "well"))
        self._world.trace("world", f"the provider is {what}")
        self.recover()
        self.is_down, self.is_missing, self.has_no_media = what == "down", what == "missing", what == "no media"
        self.denied_secret = self._secret if what == "denies" else None

    def recover(self) -> None:
        """All is well: the Secret was replaced, too."""
        self.is_down = self.is_missing = self.has_no_media = False
        if self.denied_secret is not None:
            self._secret += 1
        self.denied_secret = None

    # The API server

    def source(self, namespace: str, name: str) -> dict[str, Any]:
        """The RecordingSource. Raises NotFound."""
        if self.is_missing or name != SOURCE:
            raise NotFound("no such RecordingSource", status=404)
        meta = {"name": name, "namespace": namespace, "uid": f"source-{namespace}", "generation": 1}
        owner = {"org": {"value": "acme"}}
        spec = {
            "provider": "MeetingBaaS",
            "webhook": {"secretRef": {"name": "hook"}},
            "api": {"secretRef": {"name": "api"}},
            "recording": {"owner": owner},
        }
        return {"metadata": meta, "spec": spec}

    def secret(self) -> dict[str, Any]:
        """Its API Secret."""
        value = base64.b64encode(f"key-{self._secret}".encode()).decode()
        return {"metadata": {"name": "api"}, "data": {"apiKey": value}}

    # The API of the provider

    def urls_of(self, operator: "Operator", kube: KubeApi) -> ProviderUrls:
        """The part of an operator that asks this provider."""

        def fetch(
            source: RecordingSource, credentials: Mapping[str, str], recording_id: str, options: ReadOptions
        ) -> tuple[Media, ...]:
            assert options.kinds == frozenset(ArtifactKind)
            return self._response(operator, f"{source.metadata.namespace} {recording_id}", credentials, recording_id)

        return ProviderUrls(
            kube,
            fetch=fetch,
            register_secret=lambda _: None,
            observer=self._world.metrics,
            now=operator.clock.now,
            steady_s=lambda: self._world.schedule.elapsed_s,
        )

    def _response(
        self, operator: "Operator", what: str, credentials: Mapping[str, str], recording_id: str
    ) -> tuple[Media, ...]:
        now_s = self._world.schedule.elapsed_s
        self.requests += 1
        before_s = self._asked.get((operator.name, what), -_MINUTE_S)
        denied = credentials["apiKey"] == f"key-{self.denied_secret}"
        assert now_s - before_s >= _MINUTE_S or self._secret, f"{what} was asked for {now_s - before_s} s ago"
        self._asked[operator.name, what] = now_s
        self._world.trace("api", f"{operator.name} asks the provider for {recording_id}")
        if self.is_down:
            wait_s = self._world.rng.choice((None, None, 7.0, 400.0))
            raise ProviderError(Reason.PROVIDER_UNAVAILABLE, "it is down", retry_after_s=wait_s)
        if denied:
            raise ProviderError(Reason.PROVIDER_DENIED, "it denies access")
        if self.has_no_media:
            raise ProviderError(Reason.PROVIDER_HAS_NO_MEDIA, "it has none")
        return tuple(self._media(name, fate) for name, fate in self._files[recording_id].items())

    def _media(self, name: str, fate: Fate) -> Media:
        self._urls += 1
        url = f"https://media.example.com/{name}/{self._urls}?sig={MARK}-{self._urls}"
        expires = "sources" in self._world.faults and self._world.rng.random() < 0.4
        if self.dud_urls > 0:
            self.dud_urls -= 1
            self._world.fates[url] = replace(fate, verdict=Verdict.EXPIRED, chance=1.0, parts=0)
        elif expires:
            self._world.fates[url] = replace(fate, verdict=Verdict.EXPIRED, chance=1.0)
        else:
            self._world.fates[url] = replace(fate, verdict=None if fate.verdict is Verdict.EXPIRED else fate.verdict)
        return Media(name=name, kind=ArtifactKind.VIDEO, url=url)

"""The second part of `make demo`: a provider's webhook becomes a Recording, and an application learns the outcome."""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from typing import Any, Final

from localcluster.install import secrets_binding
from localcluster.kubectl import Kubectl
from localcluster.process import ComponentError
from localcluster.sampleprovider import BOT, VIDEO, SampleProvider
from localcluster.samplesink import SampleSink
from localcluster.stack import BUCKET, LOCATION, Stack
from localcluster.webhooks import SINK, SOURCE, new_key, sink_objects, source_objects

_EVENT_TIMEOUT_S: Final = 60.0
_READY_TIMEOUT_S: Final = 180


class WebhookDemo:
    """Sends one webhook whose URL expires during the upload, and checks what becomes of it."""

    def __init__(self, stack: Stack, *, show: Callable[..., None]) -> None:
        """`show` runs kubectl with these arguments and prints the command and its output."""
        self._stack = stack
        self._show = show

    @property
    def _kubectl(self) -> Kubectl:
        return self._stack.control_plane.kubectl

    def run(self) -> list[str]:
        """Run it, and return what did not happen as it should. Raises KubectlError and OSError."""
        with self._running() as (provider, sink):
            self._wait_ready(f"recordingsource/{SOURCE}", f"eventsink/{SINK}")
            self._show("get", "recordingsources,eventsinks")
            path = self._kubectl.json("get", "recordingsource", SOURCE)["status"]["path"]
            status = provider.send_webhook(f"{self._stack.receiver_url}{path}", key=self._stack.webhook_key)
            print(f"\nThe sample provider sent bot.completed to {path}; the receiver responded {status}.", flush=True)
            recording = self._recording()
            name = recording["metadata"]["name"]
            self._wait_ready(f"recording/{name}")
            event = sink.wait(name, timeout_s=_EVENT_TIMEOUT_S)
            self._show("get", "recording", name)
            self._show("events", f"--for=recording/{name}")
            return self._outcome(provider, self._kubectl.json("get", "recording", name), event)

    @contextmanager
    def _running(self) -> Iterator[tuple[SampleProvider, SampleSink]]:
        with ExitStack() as running:
            sink_key = new_key()
            provider = running.enter_context(SampleProvider(media_url=self._stack.media_url))
            sink = running.enter_context(SampleSink(key=sink_key))
            source = source_objects(
                key=self._stack.webhook_key, location=LOCATION, api=provider.api, api_key=provider.api_key
            )
            self._kubectl.apply(secrets_binding("default"), *source, *sink_objects(uri=sink.url, key=sink_key))
            yield provider, sink

    def _wait_ready(self, *names: str) -> None:
        options = ("--for=condition=Ready", f"--timeout={_READY_TIMEOUT_S}s")
        self._kubectl("wait", *options, *names, timeout_s=_READY_TIMEOUT_S + 10)

    def _recording(self) -> dict[str, Any]:
        found = self._kubectl.json("get", "recordings", f"--selector=recordings.dev/source={SOURCE}")["items"]
        if not found:
            raise ComponentError(f"the webhook became no Recording:\n{self._stack.receiver_log_tail()}")
        return dict(found[0])

    def _outcome(self, provider: SampleProvider, recording: dict[str, Any], event: dict[str, Any] | None) -> list[str]:
        facts = {
            f"The URL in the webhook expired before all {VIDEO.size_bytes:,} bytes were read": provider.has_expired(),
            f"The operator requested a fresh URL from the provider's API for bot {BOT}": HTTPStatus.OK
            in provider.requests,
            "The upload went on, and the stored bytes are those of the provider": self._is_whole(recording),
            "The application received Completed, and its signature is valid": event is not None
            and event.get("type") == "dev.recordings.recording.completed.v1",
        }
        print()
        for fact, happened in facts.items():
            print(f"  {'yes' if happened else 'NO':4} {fact}")
        if event is not None:
            print(f"\nThe event, as the application received it:\n{json.dumps(event, indent=2)}", flush=True)
        return [fact for fact, happened in facts.items() if not happened]

    def _is_whole(self, recording: dict[str, Any]) -> bool:
        """Compare the stored video with the provider's."""
        uri = recording["status"]["artifacts"][0]["uri"]
        body = self._stack.s3.client().get_object(Bucket=BUCKET, Key=uri.split("/", 3)[3])["Body"]
        stored, expected = hashlib.sha256(), hashlib.sha256()
        for chunk in body.iter_chunks(2**20):
            stored.update(chunk)
        for window in VIDEO.windows():
            expected.update(window)
        return stored.digest() == expected.digest()

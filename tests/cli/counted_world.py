"""Usage samples in a strict store, and an API server that knows a report and its locations."""

import base64
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from recording_operator.usage.codec import CONTENT_TYPE, encode, sample_name
from recording_operator.usage.sample import UsageSample
from tests.costs.views import arrival, at, row, sample
from tests.support.fake_sts import EXTERNAL_ID, ROLE, FakeSts, IssuedKeys
from tests.support.strict_store import StrictStore
from tests.support.transfers import store_of

PROFILE: Final = "aws-s3/us-east-1"
PREFIX: Final = "prod/"
NAMESPACE: Final = "recording-operator"


def counts(location: str = "archive", *, profile: str = PROFILE) -> list[UsageSample]:
    """Three days of two organisations in two namespaces."""
    held = [row("acme", 300), row("globex", 50, namespace="other", storage_class="GLACIER_IR")]
    first, second, third = at("2026-11-27T01:00"), at("2026-11-28T01:00"), at("2026-11-29T01:00")
    came = (arrival("acme", 10, at("2026-11-27T12:00"), writes=80),)
    later = [row("acme", 310), held[1]]
    return [
        sample(first, held, location=location, profile=profile),
        sample(second, later, location=location, profile=profile, since=first, arrived=came),
        sample(third, later, location=location, profile=profile, since=second),
    ]


def keep(strict: StrictStore, samples: Sequence[UsageSample], *, prefix: str = PREFIX) -> None:
    """Put samples into the store as the operator does."""
    store = store_of(strict)
    for one in samples:
        store.create_document(f"{prefix}{sample_name(one.location, one.at)}", encode(one), CONTENT_TYPE)
    store.close()


def put(strict: StrictStore, key: str, data: bytes) -> None:
    """Put any bytes into the store."""
    store = store_of(strict)
    store.create_document(key, data, CONTENT_TYPE)
    store.close()


def a_report(**spec: Any) -> dict[str, Any]:
    """A StorageReport that was never refreshed."""
    return {
        "apiVersion": "recordings.dev/v1alpha1",
        "kind": "StorageReport",
        "metadata": {"name": "all", "uid": "u", "resourceVersion": "1", "generation": 1},
        "spec": spec,
    }


def a_location(strict: StrictStore, name: str = "archive", **spec: Any) -> dict[str, Any]:
    """A StorageLocation whose keys are in Secret `keys`."""
    s3 = {
        "bucket": strict.bucket_name,
        "prefix": PREFIX,
        "endpoint": strict.endpoint,
        "region": "eu-west-2",
        "credentials": {"secretName": "keys"},
    }
    return {
        "apiVersion": "recordings.dev/v1alpha1",
        "kind": "StorageLocation",
        "metadata": {"name": name, "uid": name, "resourceVersion": "1", "generation": 1},
        "spec": {"s3": s3, "prices": {"profile": PROFILE}, **spec},
    }


def a_secret(strict: StrictStore, *, secret_key: str | None = None) -> dict[str, Any]:
    """The Secret `keys`."""
    data = {"AWS_ACCESS_KEY_ID": strict.access_key, "AWS_SECRET_ACCESS_KEY": secret_key or strict.secret_key}
    encoded = {name: base64.b64encode(value.encode()).decode() for name, value in data.items()}
    return {"metadata": {"name": "keys", "namespace": NAMESPACE}, "data": encoded}


@contextmanager
def sts_of(strict: StrictStore) -> Iterator[FakeSts]:
    """An STS for the keys of the store. Then the store accepts only the newest keys of the role."""
    first = strict.access_key

    def accept(keys: IssuedKeys) -> None:
        strict.access_key, strict.secret_key, strict.session_token = keys.access_key, keys.secret_key, keys.token

    with FakeSts(accept) as sts:
        sts.access_key, sts.secret_key = strict.access_key, strict.secret_key
        yield sts
    strict.access_key = first


def a_role(sts: FakeSts, secret: str | None) -> dict[str, Any]:
    """Credentials of a location whose role this STS issues keys for."""
    role = {"roleArn": ROLE, "externalId": EXTERNAL_ID, "endpoint": sts.endpoint}
    return {"assumeRole": role if secret is None else {**role, "secretName": secret}}


class ApiServer:
    """Responds to GET with the objects that it has by path; a status instead of an object is an error."""

    def __init__(self, objects: Mapping[str, dict[str, Any] | int]) -> None:
        self.objects = objects

    @contextmanager
    def kubeconfig(self, folder: Path, *, namespace: str = NAMESPACE) -> Iterator[Path]:
        """Run it, and write a kubeconfig for it, whose context has the namespace."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self.objects))
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        path = folder / "kubeconfig"
        cluster = {"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_address[1]}"}}
        context = {"name": "c", "context": {"cluster": "c", "user": "u", "namespace": namespace}}
        users = [{"name": "u", "user": {"token": "t"}}]
        config = {"clusters": [cluster], "contexts": [context], "users": users, "current-context": "c"}
        path.write_text(json.dumps(config))
        try:
            yield path
        finally:
            server.shutdown()
            server.server_close()


def api_of(
    report: dict[str, Any],
    locations: Sequence[dict[str, Any]],
    secret: dict[str, Any] | int,
    *,
    config_maps: Mapping[str, dict[str, Any]] | None = None,
) -> ApiServer:
    """A server that has these objects."""
    api, core = "/apis/recordings.dev/v1alpha1", f"/api/v1/namespaces/{NAMESPACE}"
    return ApiServer(
        {
            f"{api}/storagereports/all": report,
            f"{api}/storagelocations": {"items": list(locations), "metadata": {}},
            f"{core}/secrets/keys": secret,
            **{f"{core}/configmaps/{name}": found for name, found in (config_maps or {}).items()},
        }
    )


_LISTED: Final = ("/deployments", "/leases")
"""Where the verbs look for the operator."""


def _handler_of(objects: Mapping[str, dict[str, Any] | int]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            found = objects.get(path, {"items": [], "metadata": {}} if path.endswith(_LISTED) else 404)
            status = found if isinstance(found, int) else 200
            failure = {"kind": "Status", "code": status, "reason": {403: "Forbidden", 404: "NotFound"}.get(status, "")}
            if status == 403:
                failure["message"] = "User u cannot get resource x"
            body = json.dumps(failure if isinstance(found, int) else found).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    return Handler

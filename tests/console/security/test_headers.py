"""What browsers are told with every response."""

from collections.abc import Callable

import pytest
from fastapi import FastAPI, Request

from recording_operator.console.protection import protected
from recording_operator.settings import ConsoleSettings
from recording_operator.webserver.connections import ConnectionLimits, Connections
from recording_operator.webserver.server import HttpServer
from tests.console.running import HOST, Person, RunningConsole, fetch

LIST = "/api/v1/recordings"
FEATURES = ("camera=()", "microphone=()", "geolocation=()")


def check_headers(headers: dict[str, str], *, page: bool = False) -> None:
    """Raises AssertionError if one is missing or weak."""
    policy = headers["content-security-policy"]
    directives = {one.split()[0]: one.split()[1:] for one in policy.split(";")}
    assert directives["default-src"] == ["'self'"]
    assert directives["frame-ancestors"] == ["'none'"]  # clickjacking
    assert directives["base-uri"] == directives["object-src"] == ["'none'"]
    assert directives["form-action"] == ["'self'"]
    assert "unsafe" not in policy
    assert "*" not in policy
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == ("same-origin" if page else "no-referrer")
    assert headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin"
    assert all(feature in headers["permissions-policy"] for feature in FEATURES)
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers
    assert "x-powered-by" not in headers


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", LIST, 200),
        ("GET", f"{LIST}?limit=0", 422),
        ("GET", f"{LIST}/none/none", 404),
        ("GET", "/api/v1/none", 404),
        ("GET", f"{LIST}/", 404),
        ("PUT", LIST, 405),
        ("BREW", LIST, 501),
        ("POST", "/login", 303),
        ("HEAD", LIST, 200),
        ("GET", "/openapi.json", 200),
    ],
)
def test_every_response_has_them(running: RunningConsole, person: Person, method: str, path: str, status: int) -> None:
    response = running.call(method, path, who=person)
    assert response.status_code == status
    check_headers(dict(response.headers))


def test_a_response_without_credentials_has_them_too(running: RunningConsole) -> None:
    response = running.get(LIST)
    assert response.status_code == 401
    check_headers(dict(response.headers))


def test_browsers_remember_https_if_that_is_configured_and_only_over_https(
    start: Callable[..., RunningConsole],
) -> None:
    name, year = "strict-transport-security", "max-age=31536000"
    assert start(https=True, hsts_max_age="8760h").get(LIST).headers[name] == year
    assert name not in start(https=True).get(LIST).headers
    behind = start(hsts_max_age="8760h", trusted_proxies=["127.0.0.1/32"])
    assert name not in behind.get(LIST).headers
    assert behind.get(LIST, headers={"X-Forwarded-Proto": "https"}).headers[name] == year


def test_no_cache_keeps_what_one_user_has_seen_for_another(running: RunningConsole, person: Person) -> None:
    """Neither a shared cache nor a header that is no part of the cache's key changes the response (cache poisoning)."""
    poisons = {
        "X-Forwarded-Host": "attacker.example",
        "X-Forwarded-Prefix": "/attacker",
        "X-Original-URL": "/attacker",
        "X-Rewrite-URL": "/attacker",
        "X-HTTP-Method-Override": "DELETE",
        "Forwarded": "host=attacker.example;proto=https",
        "Host": "attacker.example",
    }
    for path in (LIST, f"{LIST}/by-uid/none", "/openapi.json"):
        plain = running.get(path, who=person)
        assert plain.headers["cache-control"] == "no-store"
        for name, value in poisons.items():
            poisoned = running.get(path, who=person, headers={name: value})
            assert (poisoned.status_code, "attacker" in poisoned.text + str(poisoned.headers)) == (
                plain.status_code,
                False,
            )
    login = running.log_in("made-up", headers={"X-Forwarded-Host": "attacker.example"})
    assert login.headers["location"].startswith("/login?")


def test_only_configured_origins_may_call_from_a_page(
    running: RunningConsole, start: Callable[..., RunningConsole], person: Person
) -> None:
    app, other = {"Origin": "https://app.example"}, {"Origin": "https://app.example.attacker.example"}
    allowed = "access-control-allow-origin"
    asks = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    assert allowed not in running.get(LIST, who=person, headers=app).headers
    assert running.call("OPTIONS", LIST, headers=app | asks).status_code == 405

    shared = start(cors_origins=["https://app.example"])
    response = shared.get(LIST, who=person, headers=app)
    assert (response.status_code, response.headers[allowed]) == (200, "https://app.example")
    assert "origin" in response.headers["vary"].lower()
    assert "access-control-allow-credentials" not in response.headers
    assert shared.call("OPTIONS", LIST, headers=app | asks).status_code == 200
    assert allowed not in shared.get(LIST, who=person, headers=other).headers
    assert shared.call("OPTIONS", LIST, headers=other | asks).status_code == 400
    assert allowed not in shared.get(LIST, who=person, headers={"Origin": "null"}).headers


def test_a_page_of_a_configured_origin_may_also_change_something_with_a_token(
    start: Callable[..., RunningConsole], admin_token: str, namespace: str
) -> None:
    shared = start(cors_origins=["https://app.example"])
    sent = {"Authorization": f"Bearer {admin_token}", "Sec-Fetch-Site": "cross-site"}
    path = f"{LIST}/{namespace}/none/retry"
    assert shared.call("POST", path, headers=sent | {"Origin": "https://app.example"}).status_code == 404
    assert shared.call("POST", path, headers=sent | {"Origin": "https://other.example"}).status_code == 403


def test_other_hosts_are_rejected_if_the_own_ones_are_configured(
    start: Callable[..., RunningConsole], person: Person
) -> None:
    running = start(hosts=["console.example", "localhost:8080"])
    for host in ("console.example", "CONSOLE.example", "localhost:8080"):
        assert running.get(LIST, who=person, headers={"Host": host}).status_code == 200
    for host in ("attacker.example", "console.example.attacker.example", "console.example:81", ""):
        response = running.get(LIST, who=person, headers={"Host": host})
        assert response.status_code == 421
        check_headers(dict(response.headers))


def test_urls_of_the_console_are_https_where_the_browser_uses_it() -> None:
    """The application sees the scheme of the browser, not that between the proxy and the console."""
    app = FastAPI()

    @app.get("/")
    def url(request: Request) -> str:
        return str(request.base_url)

    trusting = ConsoleSettings.model_validate({"trusted_proxies": ["127.0.0.1/32"]})
    for settings, scheme in ((trusting, "https"), (ConsoleSettings(), "http"), (ConsoleSettings(https=True), "https")):
        server = HttpServer(protected(app, settings), host=HOST, port=0, connections=Connections(ConnectionLimits()))
        server.start()
        headers = {"Host": "console.example", "X-Forwarded-Proto": "https"}
        response = fetch(f"http://{HOST}:{server.port}/", headers)
        server.stop()
        assert response.json() == f"{scheme}://console.example/"

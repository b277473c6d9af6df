"""Text of clients and tenants that is meant for something else: SQL, paths, headers, HTML."""

import base64
import json
import socket
from collections.abc import Callable
from urllib.parse import quote, urlencode

import pytest

from recording_operator.kube.rest import MERGE_PATCH, RestClient
from tests.console.running import HOST, Person, RunningConsole
from tests.kube.objects import a_recording
from tests.support.recordings import path_of
from tests.support.waiting import eventually

LIST = "/api/v1/recordings"
SQL = [
    "' OR '1'='1",
    "'; DROP TABLE recordings; --",
    '" OR 1=1 --',
    "%' UNION SELECT id, sealed FROM sessions --",
    "\\' OR 1=1 --",
    "$$;select pg_sleep(5);$$",
    "%",
    "_______",
    "*",
    "a:* | b:*",
    'NEAR("a" "b")',
]


def cursor(*values: object) -> str:
    """A cursor as a client can make it up."""
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_text_in_a_query_is_never_sql(
    request: pytest.FixtureRequest,
    start: Callable[..., RunningConsole],
    admin: RestClient,
    namespace: str,
    admin_token: str,
    database: str,
) -> None:
    url = request.getfixturevalue("postgres_url") if database == "postgresql" else "sqlite://"
    running = start(database_url=url)
    a_recording(admin, namespace, "weekly")
    bearer = {"Authorization": f"Bearer {admin_token}"}

    def count(**query: str) -> int:
        response = running.get(f"{LIST}?{urlencode(query)}", headers=bearer)
        assert response.status_code == 200, (query, response.text)
        return len(response.json()["items"])

    eventually(lambda: count(namespace=namespace) == 1)
    for text in SQL:
        for name in ("org", "user", "project", "location", "namespace"):
            assert count(**{name: text}) == 0
        assert count(q=text, namespace=namespace) == 0
        for path in (
            f"by-uid/{quote(text, safe='')}",
            f"{quote(text, safe='')}/weekly",
            f"{namespace}/{quote(text, safe='')}",
        ):
            assert running.get(f"{LIST}/{path}", headers=bearer).status_code in {404, 422}
        for made_up in (text, cursor(0, text), cursor(text, "a"), cursor({"a": text}), cursor(text)):
            response = running.get(f"{LIST}?{urlencode({'cursor': made_up})}", headers=bearer)
            assert response.status_code in {200, 400, 422}
    assert count(namespace=namespace) == 1


@pytest.mark.parametrize(
    "path",
    [
        "/../../../../etc/passwd",
        "/static/../../../etc/passwd",
        "/static/..%2f..%2f..%2fetc/passwd",
        "/static/%2e%2e/%2e%2e/etc/passwd",
        "/static//etc/passwd",
        "/static/..\\..\\etc\\passwd",
        "/files/x/../../../etc/passwd",
        "/files/..%2f..%2fetc%2fpasswd/x",
        "/api/v1/recordings/..%2f..%2f..%2fapi%2fv1/secrets",
        "/api/v1/recordings/kube-system/..%2f..%2fsecrets",
        "/api/v1/recordings/%2e%2e/%2e%2e",
        "/api/v1/recordings/a/b%2f..%2f..%2fc",
        "/api/v1/recordings/a%00b/c",
    ],
)
def test_a_path_leads_to_no_file_and_to_no_other_resource(running: RunningConsole, admin_token: str, path: str) -> None:
    """As bytes on the connection: clients and proxies would shorten it."""
    for method, end in (("GET", ""), ("POST", "/retry"), ("DELETE", "")):
        headers = f"Host: a\r\nAuthorization: Bearer {admin_token}\r\nConnection: close"
        head = f"{method} {path}{end} HTTP/1.1\r\n{headers}\r\n\r\n"
        with socket.create_connection((HOST, running.port), timeout=10) as connection:
            connection.sendall(head.encode())
            received = b""
            while more := connection.recv(65536):
                received += more
        assert received.split(b" ")[1] in {b"400", b"403", b"404", b"405", b"422"}, received
        assert b"root:" not in received


def test_text_of_tenants_is_data_and_never_a_page_or_a_header(
    running: RunningConsole, admin: RestClient, namespace: str, admin_token: str
) -> None:
    """The pages have their own tests; this one is about what browsers do with the responses of the API."""
    script = '<script>alert(1)</script><img src=x onerror="alert(1)">'
    uid = a_recording(admin, namespace, "weekly")["metadata"]["uid"]
    body = {"spec": {"title": script}}  # names of organisations and users cannot have these characters
    admin.request("PATCH", f"{path_of(namespace)}/weekly", body=body, content_type=MERGE_PATCH)
    bearer = {"Authorization": f"Bearer {admin_token}", "Accept": "text/html"}
    path = f"{LIST}/by-uid/{uid}"
    eventually(lambda: script in running.get(path, headers=bearer).text.replace("\\", ""))
    responses = [
        running.get(path, headers=bearer),
        running.get(f"{LIST}/{namespace}/{quote(script, safe='')}", headers=bearer),
        running.get(f"{LIST}?phase={quote(script)}", headers=bearer),
        running.get(f"/api/v1/{quote(script)}", headers=bearer),
        running.get(path, headers={"Authorization": script}),
    ]
    assert [response.status_code for response in responses] == [200, 404, 422, 404, 401]
    for response in responses:
        assert response.headers["content-type"] in {"application/json", "application/problem+json"}
        assert response.headers["x-content-type-options"] == "nosniff"
        assert "script" not in str(response.headers).replace("script-src", "")


def test_a_name_in_a_path_is_no_header(running: RunningConsole, person: Person) -> None:
    for path in (
        f"{LIST}/a%0d%0aSet-Cookie:%20planted=1/b",
        f"{LIST}/by-uid/a%0d%0aX-Planted:%201",
        "/%0d%0aX-Planted:1",
    ):
        response = running.get(path, who=person)
        assert response.status_code in {404, 422}
        assert "planted" not in str(response.headers).lower()

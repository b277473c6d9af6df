"""What the demo says when something else responds on the port of the console."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from localcluster.consoledemo import ConsoleDemo
from localcluster.process import ComponentError


class _Html(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>")

    def log_message(self, *_: object) -> None:
        """Nothing."""


def test_a_response_that_is_no_json_is_said() -> None:
    with HTTPServer(("127.0.0.1", 0), _Html) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        with pytest.raises(ComponentError, match="does not respond"):
            ConsoleDemo(url=f"http://127.0.0.1:{server.server_port}", token="t").names()
        thread.join()

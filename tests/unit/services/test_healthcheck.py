"""A container's own question: am I ready?"""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from services.healthcheck import reason_not_ready


class Answering(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/readyz" else 503)
        self.end_headers()
        self.wfile.write(b"the broker is out of reach")

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def port() -> Iterator[int]:
    server = HTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_ready_process_is_healthy(port: int) -> None:
    assert reason_not_ready(port, "/readyz") is None


def test_one_that_is_not_ready_says_why(port: int) -> None:
    assert reason_not_ready(port, "/other") == "503 the broker is out of reach"


def test_one_that_does_not_listen_is_not_healthy() -> None:
    with socket.socket() as taken:  # bound, and not listening
        taken.bind(("127.0.0.1", 0))
        assert "ConnectionRefused" in (reason_not_ready(taken.getsockname()[1], "/readyz") or "")

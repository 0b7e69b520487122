"""One HTTP request with JSON in and out, over TCP or a Unix socket, for commands that ask and print. Blocking."""

import http.client
import json
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lab.control.address import reachable
from lab.errors import OutOfReach

TIMEOUT_S = 15.0


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any  # parsed JSON, or the text where it was none

    def problem(self) -> str:
        """What the answer says went wrong, in one line."""
        if not isinstance(self.body, dict):
            return f"HTTP {self.status}: {str(self.body)[:200]}"
        text = ": ".join(str(self.body[key]) for key in ("error", "cause") if self.body.get(key))
        problems = [f"{each.get('path')}: {each.get('problem')}" for each in self.body.get("problems", [])]
        return "; ".join([text or f"HTTP {self.status}", *problems])


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("lab", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        with reachable(self._path) as address:
            self.sock.connect(address)


def ask(
    method: str, url: str, body: object | None = None, *, token: str | None = None, timeout_s: float = TIMEOUT_S
) -> Answer:
    """Raises ``OutOfReach`` when no answer came."""
    parts = urlsplit(url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout_s)
    try:
        return _exchange(connection, method, path, body, token)
    except (OSError, http.client.HTTPException) as error:
        raise OutOfReach(f"{method} {url}: {error or type(error).__name__}") from error


def ask_socket(method: str, path: Path, target: str, *, timeout_s: float = TIMEOUT_S) -> Answer:
    """Over a Unix socket. Raises ``OSError`` when nobody listens there."""
    return _exchange(_UnixConnection(path, timeout_s), method, target, None, None)


def _exchange(
    connection: http.client.HTTPConnection, method: str, target: str, body: object | None, token: str | None
) -> Answer:
    headers = {"Accept": "application/json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    content = None
    if body is not None:
        content = json.dumps(body).encode()
        headers["Content-Type"] = "application/json"
    try:
        connection.request(method, target, content, headers)
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
    finally:
        connection.close()
    try:
        return Answer(answer.status, json.loads(text))
    except ValueError:
        return Answer(answer.status, text)

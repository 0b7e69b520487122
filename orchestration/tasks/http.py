"""``http://<service>/<path>``: the parameters as the body of a POST, answered by JSON.

The host is a service's name, looked up in the settings. Errors get the names that a state machine catches: a refusal
its own, and what may be tried again ``Http.Unavailable``, ``Http.ConnectionLost`` or ``States.Timeout``.
"""

import functools
import string
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

import orjson

from orchestration.asl.protocol import RunTask, TaskFailed, TaskSucceeded
from orchestration.tasks.http_client import Address, CallFailed, HttpClient
from orchestration.tasks.registry import MAX_KEPT_CHARS, Told
from orchestration.tracing import traceparent

UNAVAILABLE: Final = "Http.Unavailable"
CONNECTION_LOST: Final = "Http.ConnectionLost"
BAD_REQUEST: Final = "Http.BadRequest"
TIMEOUT: Final = "States.Timeout"

LEAST_TIMEOUT_S: Final = 1.0
CAUSE_CHARACTERS: Final = 1000
PASSING_STATUSES: Final = frozenset({408, 425, 429})
# What stays as it is; all else could not be sent, or would end the line.
_OF_PATHS: Final = "/%:@!$&'()*+,;=~-._?"
_OF_HEADERS: Final = f"{string.punctuation} "


class HttpTasks:
    """``base_urls``: service -> where it listens; an empty URL is an unknown service. Raises ``ValueError``."""

    def __init__(self, client: HttpClient, base_urls: Mapping[str, str]) -> None:
        self._client = client
        self._addresses = {service: Address.of(url) for service, url in base_urls.items() if url}

    def told_at_once(self, task: RunTask) -> None:
        return None

    async def run(self, execution: str, task: RunTask) -> Told:
        kept = len(task.resource) <= MAX_KEPT_CHARS
        service, path = _target(task.resource) if kept else _target.__wrapped__(task.resource)
        address = self._addresses.get(service)
        if address is None:
            return TaskFailed(task.entry, "States.Runtime", f"no address is known for {task.resource}")
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": header_text(task.key),
            "traceparent": traceparent(execution, task),
        }
        timeout_s = None if task.timeout_s is None else max(LEAST_TIMEOUT_S, task.timeout_s)
        try:
            answer = await self._client.post(address, path, orjson.dumps(task.parameters), headers, timeout_s)
        except TimeoutError:
            return TaskFailed(task.entry, TIMEOUT, f"no answer from {task.resource} within {timeout_s} s")
        except CallFailed as error:
            return TaskFailed(task.entry, CONNECTION_LOST, f"{task.resource}: {error}")
        return told(task.entry, answer.status, answer.body)


def told(entry: int, status: int, body: bytes) -> TaskSucceeded | TaskFailed:
    """What an answer means. Pure."""
    answer = _json_object(body)
    if status == 200:
        if answer is None:
            return TaskFailed(entry, UNAVAILABLE, f"not a JSON object: {_excerpt(body)}")
        return TaskSucceeded(entry, answer)
    cause = _excerpt(body) if answer is None else str(answer.get("cause") or _excerpt(body))
    if status == 409 and answer is not None and "error" in answer:
        return TaskFailed(entry, str(answer["error"]), cause)
    if status >= 500 or status in PASSING_STATUSES:
        return TaskFailed(entry, UNAVAILABLE, f"{status}: {cause}")
    return TaskFailed(entry, BAD_REQUEST, f"{status}: {cause}")


def header_text(text: str) -> str:
    """Printable ASCII stays as it is."""
    return text if text.isascii() and text.isprintable() else quote(text, safe=_OF_HEADERS)


@functools.lru_cache(maxsize=1024)
def _target(resource: str) -> tuple[str, str]:
    """The service, and the path on it."""
    service, _, path = resource.partition("://")[2].partition("/")
    return service, f"/{quote(path, safe=_OF_PATHS)}"


def _json_object(body: bytes) -> dict[str, Any] | None:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return answer if isinstance(answer, dict) else None


def _excerpt(body: bytes) -> str:
    return body[:CAUSE_CHARACTERS].decode(errors="replace")

"""``http://<service>/<path>``: the parameters as the body of a POST, answered by JSON.

The host is a service's name, looked up in the settings. Errors get the names that a state machine catches: a refusal
its own, and what may be tried again ``Http.Unavailable``, ``Http.ConnectionLost`` or ``States.Timeout``.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import aiohttp
import orjson
from yarl import URL

from orchestration.asl.protocol import RunTask, TaskFailed, TaskSucceeded
from orchestration.tasks.registry import Told

UNAVAILABLE: Final = "Http.Unavailable"
CONNECTION_LOST: Final = "Http.ConnectionLost"
BAD_REQUEST: Final = "Http.BadRequest"
TIMEOUT: Final = "States.Timeout"

LEAST_TIMEOUT_S: Final = 1.0
# Shorter than the services' own: who closes an idle connection must be who sends, or requests get lost in the gap.
KEEP_ALIVE_S: Final = 30.0
CAUSE_CHARACTERS: Final = 1000
PASSING_STATUSES: Final = frozenset({408, 425, 429})


def client_session() -> aiohttp.ClientSession:
    """A session for many small calls to few hosts: no limit of its own, no cookies, connections kept alive."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_S, use_dns_cache=True),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=None),
    )


class HttpTasks:
    """``base_urls``: service -> where it listens."""

    def __init__(self, session: aiohttp.ClientSession, base_urls: Mapping[str, str]) -> None:
        self._session = session
        self._base_urls = base_urls
        self._urls: dict[str, URL | None] = {}

    def told_at_once(self, task: RunTask) -> None:
        return None

    async def run(self, execution: str, task: RunTask) -> Told:
        url = self._url(task.resource)
        if url is None:
            return TaskFailed(task.entry, "States.Runtime", f"no address is known for {task.resource}")
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": task.key,
            "traceparent": traceparent(execution, task),
        }
        try:
            async with self._session.post(
                url, data=orjson.dumps(task.parameters), headers=headers, timeout=_timeout(task.timeout_s)
            ) as response:
                return told(task.entry, response.status, await response.read())
        except TimeoutError:
            return TaskFailed(task.entry, TIMEOUT, f"no answer from {task.resource} within {task.timeout_s} s")
        except (aiohttp.ClientError, OSError) as error:
            return TaskFailed(task.entry, CONNECTION_LOST, f"{task.resource}: {type(error).__name__}: {error}")

    def _url(self, resource: str) -> URL | None:
        if resource not in self._urls:
            host, _, path = resource.partition("://")[2].partition("/")
            base = self._base_urls.get(host, "")
            self._urls[resource] = URL(f"{base.rstrip('/')}/{path}") if base else None
        return self._urls[resource]


def _timeout(timeout_s: float | None) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None if timeout_s is None else max(LEAST_TIMEOUT_S, timeout_s))


def told(entry: int, status: int, body: bytes) -> TaskSucceeded | TaskFailed:
    """What an answer means. Pure."""
    answer = _json_object(body)
    if status == 200:
        if answer is None:
            return TaskFailed(entry, UNAVAILABLE, f"not a JSON object: {_excerpt(body)}")
        return TaskSucceeded(entry, answer)
    cause = _excerpt(body) if answer is None else str(answer.get("cause") or answer.get("detail") or _excerpt(body))
    if status == 409 and answer is not None and "error" in answer:
        return TaskFailed(entry, str(answer["error"]), cause)
    if status >= 500 or status in PASSING_STATUSES:
        return TaskFailed(entry, UNAVAILABLE, f"{status}: {cause}")
    return TaskFailed(entry, BAD_REQUEST, f"{status}: {cause}")


def traceparent(execution: str, task: RunTask) -> str:
    """W3C trace context, derived: one trace for an execution, one span for each attempt, the same after a take-over."""
    trace = hashlib.blake2b(execution.encode(), digest_size=16).hexdigest()
    span = hashlib.blake2b(f"{task.key}:{task.attempt}".encode(), digest_size=8).hexdigest()
    return f"00-{trace}-{span}-01"


def _json_object(body: bytes) -> dict[str, Any] | None:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return answer if isinstance(answer, dict) else None


def _excerpt(body: bytes) -> str:
    return body[:CAUSE_CHARACTERS].decode(errors="replace")

"""The words in which AWS's SDKs tell of an answer or an error, as integrations hand them on. Pure.

Must not know any one service.
"""

import uuid
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from orchestration.asl.protocol import Json, RunTask, TaskFailed

# Ids that are made from a task's key are the same however often the task is done.
_NAMESPACE: Final = uuid.UUID("6a3f6c1e-5d0b-4f0e-9a55-1f1d2a6c5b77")


class Invalid(Exception):
    """The parameters of a task are not what its service takes; the message says why."""


def stable_id(task: RunTask, *what: object) -> str:
    return str(uuid.uuid5(_NAMESPACE, ":".join([task.key, *map(str, what)])))


def once_id(task: RunTask) -> str:
    """What a message is deduplicated by: the state entry; where it carries a token, which each attempt has anew, the
    attempt.
    """
    return task.key if task.token is None else f"{task.key}:{task.attempt}"


def metadata(headers: Iterable[tuple[str, str]], status: int, request_id: str) -> dict[str, Json]:
    """What optimized integrations add to a service's answer."""
    single = dict(headers)
    return {
        "SdkHttpMetadata": {
            "AllHttpHeaders": {name: [value] for name, value in single.items()},
            "HttpHeaders": single,
            "HttpStatusCode": status,
        },
        "SdkResponseMetadata": {"RequestId": request_id},
    }


def own_metadata(request_id: str, content_type: str = "application/x-amz-json-1.0") -> dict[str, Json]:
    """Of a request that never left this process."""
    return metadata((("x-amzn-RequestId", request_id), ("Content-Type", content_type)), 200, request_id)


def optimized_cause(message: object, service: str, code: str, request_id: str, status: int = 400) -> str:
    told = f"Service: {service}; Status Code: {status}; Error Code: {code}; Request ID: {request_id}; Proxy: null"
    return f"{message} ({told})"


def sdk_cause(message: str, *, service: str, status: int, request_id: str) -> str:
    return f"{message} (Service: {service}, Status Code: {status}, Request ID: {request_id})"


def parameters_of(task: RunTask, required: Iterable[str], allowed: Iterable[str] = ()) -> dict[str, Any]:
    """Raises ``Invalid``."""
    if not isinstance(task.parameters, dict):
        raise Invalid("The parameters must be a JSON object.")
    for name in required:
        if task.parameters.get(name) is None:
            raise Invalid(f"The field '{name}' is required but was missing.")
    if unknown := sorted(task.parameters.keys() - {*required, *allowed}):
        raise Invalid(f"The field '{unknown[0]}' is not supported by Step Functions.")
    return {name: value for name, value in task.parameters.items() if value is not None}


def split_url(url: Json) -> SplitResult:
    """Raises ``Invalid``."""
    try:
        parts = urlsplit(url if isinstance(url, str) else "")
        complete = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        complete = False
    if not complete:
        raise Invalid(f"'ApiEndpoint' must be the URL of an HTTP API, not {url!r}")
    return parts


def failed(task: RunTask, error: str, cause: str | None) -> TaskFailed:
    return TaskFailed(task.entry, error, cause)

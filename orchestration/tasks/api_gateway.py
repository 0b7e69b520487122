"""``apigateway:invoke``: a call of an API's stage, as the parameters say. Nothing is signed: emulators do not look."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

import orjson

from orchestration.asl.protocol import Json, RunTask
from orchestration.tasks.http_client import CallFailed
from orchestration.tasks.registry import Told, in_time, succeeded
from orchestration.tasks.sdk import Invalid, failed, parameters_of, split_url
from orchestration.tasks.web import METHODS, Request, Web, WebAnswer
from orchestration.tracing import traceparent

CLIENT_ERROR: Final = "ApiGateway.SdkClientException"
ANSWER_WITHIN_S: Final = 30.0  # a gateway's own limit
INVALID: Final = "ApiGateway.ValidationException"
WITH_BODY: Final = ("PATCH", "POST", "PUT")
OPTIONAL: Final = (
    "AllowNullValues",
    "AuthType",
    "Headers",
    "Path",
    "QueryParameters",
    "RequestBody",
    "Stage",
)
FORBIDDEN_HEADERS: Final = frozenset(
    [
        "authorization",
        "connection",
        "content-md5",
        "expect",
        "host",
        "max-forwards",
        "proxy-authenticate",
        "server",
        "te",
        "transfer-encoding",
        "trailer",
        "upgrade",
        "via",
        "www-authenticate",
    ]
)


class ApiGatewayTasks:
    def __init__(self, web: Web) -> None:
        self._web = web

    def told_at_once(self, task: RunTask) -> Told | None:
        return None

    async def run(self, execution: str, task: RunTask) -> Told:
        return await in_time(task, self._call(execution, task))

    async def _call(self, execution: str, task: RunTask) -> Told:
        try:
            answer = await self._web.call(request_of(task, traceparent(execution, task)), ANSWER_WITHIN_S)
        except Invalid as wrong:
            return failed(task, INVALID, str(wrong))
        except TimeoutError:
            return failed(task, "ApiGateway.504", f"no answer within {ANSWER_WITHIN_S:g} seconds")
        except CallFailed as error:
            return failed(task, CLIENT_ERROR, f"Unable to execute HTTP request: {error}")
        return told(task, answer)


def request_of(task: RunTask, trace: str) -> Request:
    """Pure. Raises ``Invalid``."""
    given = parameters_of(task, ("ApiEndpoint", "Method"), OPTIONAL)
    method = given["Method"]
    if method not in METHODS:
        raise Invalid(f"The value of 'Method' must be one of: [{', '.join(METHODS)}]")
    if "RequestBody" in given and method not in WITH_BODY:
        raise Invalid(f"'RequestBody' is not supported for the method {method}")
    with_nulls = bool(given.get("AllowNullValues", False))
    headers = {"Accept": "application/json", "Idempotency-Key": task.key, "traceparent": trace}
    for name, values in _lists(given, "Headers", with_nulls).items():
        if name.lower() in FORBIDDEN_HEADERS or name.lower().startswith(("x-forwarded", "x-amz")):
            raise Invalid(f"The 'Headers' field contains unsupported values: {name}")
        headers[name] = ", ".join(values)
    body = None
    if "RequestBody" in given:
        body = orjson.dumps(given["RequestBody"])
        headers.setdefault("Content-Type", "application/json")
    return Request(method, _url(given, _lists(given, "QueryParameters", with_nulls)), headers, body)


def told(task: RunTask, answer: WebAnswer) -> Told:
    """Pure."""
    text = answer.body.decode(errors="replace")
    if not 200 <= answer.status < 300:
        return failed(task, f"ApiGateway.{answer.status}", text)
    headers: dict[str, list[str]] = {}
    for name, value in answer.headers:
        headers.setdefault(name, []).append(value)
    try:
        body: Json = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        body = text
    return succeeded(
        task, {"Headers": headers, "ResponseBody": body, "StatusCode": answer.status, "StatusText": answer.reason}
    )


def _url(given: Mapping[str, Any], query: Mapping[str, list[str]]) -> str:
    endpoint = str(given["ApiEndpoint"])
    parts = split_url(endpoint if "://" in endpoint else f"https://{endpoint}")
    path = [quote(str(given.get(name, "")).strip("/"), safe="/%:@!$&'()*+,;=~-._") for name in ("Stage", "Path")]
    tail = "/".join(filter(None, [parts.path.strip("/"), *path]))
    return f"{parts.scheme}://{parts.netloc}/{tail}" + (f"?{urlencode(query, doseq=True)}" if query else "")


def _lists(given: Mapping[str, Any], name: str, with_nulls: bool) -> dict[str, list[str]]:
    """A map of lists, as both fields are; a value that is no list stands for a list of one."""
    value = given.get(name, {})
    if not isinstance(value, dict):
        raise Invalid(f"The field {name!r} must be a JSON object.")
    made: dict[str, list[str]] = {}
    for key, values in value.items():
        plain = [_plain(each) for each in (values if isinstance(values, list) else [values]) if each is not None]
        if plain or with_nulls:
            made[str(key)] = plain or [""]
    return made


def _plain(value: Json) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()

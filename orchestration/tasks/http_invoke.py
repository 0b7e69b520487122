"""``http:invoke``: a call of any HTTP API, as the parameters say.

Headers, query and body that a connection adds come from the settings: there is no secret store here.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlencode, urlunsplit

import orjson

from orchestration.asl.errors import RUNTIME
from orchestration.asl.protocol import Json, RunTask
from orchestration.names import REGION
from orchestration.tasks.http_client import CallFailed
from orchestration.tasks.registry import Told, in_time, succeeded
from orchestration.tasks.sdk import Invalid, failed, parameters_of, split_url
from orchestration.tasks.web import METHODS, Request, Web, WebAnswer
from orchestration.tracing import traceparent

SOCKET: Final = "States.Http.Socket"
STATUS: Final = "States.Http.StatusCode"
CONNECTION: Final = "Events.ConnectionResource.InvalidConnectionState"
# AWS's own limit for one call.
ANSWER_WITHIN_S: Final = 60.0

OPTIONAL: Final = ("Authentication", "InvocationConfig", "Headers", "QueryParameters", "RequestBody", "Transform")
FORM: Final = "application/x-www-form-urlencoded"
FORBIDDEN_HEADERS: Final = frozenset(
    [
        "a-im",
        "accept-charset",
        "accept-datetime",
        "accept-encoding",
        "cache-control",
        "connection",
        "content-encoding",
        "content-md5",
        "date",
        "expect",
        "forwarded",
        "from",
        "host",
        "http2-settings",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "max-forwards",
        "origin",
        "pragma",
        "proxy-authorization",
        "referer",
        "server",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "via",
        "warning",
    ]
)
_OWN_HEADERS: Final = {"User-Agent": f"Amazon|StepFunctions|HttpInvoke|{REGION}", "Range": "bytes=0-262144"}

Connections = Mapping[str, Mapping[str, Any]]


class UnknownConnection(Exception):
    """No connection of this name is configured."""


class HttpInvokeTasks:
    """``connections``: name -> {"Headers": {…}, "QueryParameters": {…}, "Body": {…}}."""

    def __init__(self, web: Web, connections: Connections) -> None:
        self._web = web
        self._connections = connections

    def told_at_once(self, task: RunTask) -> Told | None:
        return None

    async def run(self, execution: str, task: RunTask) -> Told:
        return await in_time(task, self._call(execution, task))

    async def _call(self, execution: str, task: RunTask) -> Told:
        try:
            made = request_of(task, self._connections, traceparent(execution, task))
        except Invalid as wrong:
            return failed(task, RUNTIME, str(wrong))
        except UnknownConnection as unknown:
            return failed(task, CONNECTION, str(unknown))
        try:
            answer = await self._web.call(made, ANSWER_WITHIN_S)
        except TimeoutError:
            return failed(task, SOCKET, f"no answer within {ANSWER_WITHIN_S:g} seconds")
        except CallFailed as error:
            return failed(task, SOCKET, str(error))
        return told(task, answer)


def request_of(task: RunTask, connections: Connections, trace: str) -> Request:
    """Pure. Raises ``Invalid`` and ``UnknownConnection``."""
    given = parameters_of(task, ("ApiEndpoint", "Method"), OPTIONAL)
    connection = _connection(given, connections)
    if given["Method"] not in METHODS:
        raise Invalid(f"The value of 'Method' must be one of: [{', '.join(METHODS)}]")
    headers = {name: _header(name, value) for name, value in _map(given, "Headers").items()}
    body, content_type = _body(given, _map(connection, "Body"), headers)
    own = {**_OWN_HEADERS, **content_type, "Idempotency-Key": task.key, "traceparent": trace}
    added = {str(name): str(value) for name, value in _map(connection, "Headers").items()}
    merged = _merged(own, headers, added)
    query = {**_map(given, "QueryParameters"), **_map(connection, "QueryParameters")}
    return Request(given["Method"], url_of(given["ApiEndpoint"], query), merged, body)


def url_of(endpoint: Json, query: Mapping[str, Json]) -> str:
    parts = split_url(endpoint)
    pairs = [*parse_qsl(parts.query, keep_blank_values=True), *_repeated(query)]
    path = quote(parts.path, safe="/%:@!$&'()*+,;=~-._")
    return urlunsplit((parts.scheme, parts.netloc, path, urlencode(pairs), ""))


def told(task: RunTask, answer: WebAnswer) -> Told:
    """Pure."""
    if not 200 <= answer.status < 300:
        return failed(task, f"{STATUS}.{answer.status}", answer.reason or f"HTTP status {answer.status}")
    headers: dict[str, list[str]] = {}
    for name, value in answer.headers:
        headers.setdefault(name.lower(), []).append(value)
    result: dict[str, Json] = {"Headers": headers, "StatusCode": answer.status, "StatusText": answer.reason}
    if answer.body:
        result["ResponseBody"] = body_of(answer)
    return succeeded(task, result)


def body_of(answer: WebAnswer) -> Json:
    """JSON where it is JSON, else the text."""
    kind, _, options = (answer.header("Content-Type") or "").partition(";")
    charset = options.partition("charset=")[2].strip().strip('"') or "utf-8"
    if not kind or "json" in kind.lower():
        try:
            return orjson.loads(answer.body)
        except orjson.JSONDecodeError:
            pass
    try:
        return answer.body.decode(charset, errors="replace")
    except LookupError:
        return answer.body.decode(errors="replace")


def _connection(given: Mapping[str, Any], connections: Connections) -> Mapping[str, Any]:
    """Of ``Authentication`` or ``InvocationConfig``; a call without either needs none."""
    config = given.get("Authentication", given.get("InvocationConfig"))
    if config is None:
        return {}
    arn = config.get("ConnectionArn") if isinstance(config, dict) else None
    if not isinstance(arn, str):
        raise Invalid("The field 'ConnectionArn' is required but was missing.")
    name = arn.partition(":connection/")[2].partition("/")[0] or arn
    found = connections.get(name)
    if found is None:
        raise UnknownConnection(f"The connection {name!r} is not known here: LAB_HTTP_CONNECTIONS names the known ones")
    return found


def _body(
    given: Mapping[str, Any], added: dict[str, Json], headers: Mapping[str, str]
) -> tuple[bytes | None, dict[str, str]]:
    """The body's bytes, and the header that tells what they are."""
    transform = _map(given, "Transform")
    if "RequestBody" not in given and not added:
        return None, {}
    body = given.get("RequestBody", {})
    if added and isinstance(body, dict):
        body = {**body, **added}
    if transform.get("RequestBodyEncoding", "NONE") == "URL_ENCODED":
        if not isinstance(body, dict):
            raise Invalid("'RequestBody' must be a JSON object to be URL_ENCODED")
        style = _map(transform, "RequestEncodingOptions").get("ArrayFormat", "INDICES")
        return urlencode(list(form_of(body, str(style)))).encode(), {"Content-Type": FORM}
    if isinstance(body, str) and not _is_json(headers):
        return body.encode(), {}
    return orjson.dumps(body), {"Content-Type": "application/json"}


def form_of(body: Mapping[str, Json], style: str) -> Iterator[tuple[str, str]]:
    """The pairs of a form; objects within are flattened as ``a[b]``."""
    stack = [(str(name), value) for name, value in reversed(list(body.items()))]
    while stack:
        name, value = stack.pop()
        if isinstance(value, dict):
            stack += [(f"{name}[{inner}]", each) for inner, each in reversed(list(value.items()))]
        elif not isinstance(value, list):
            yield name, _plain(value)
        elif style == "COMMAS":
            yield name, ",".join(map(_plain, value))
        else:
            names = {"BRACKETS": f"{name}[]", "REPEAT": name}
            found = [(names.get(style, f"{name}[{index}]"), each) for index, each in enumerate(value)]
            stack += reversed(found)


def _plain(value: Json) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _repeated(query: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    for name, value in query.items():
        for each in value if isinstance(value, list) else [value]:
            yield name, _plain(each)


def _map(given: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = given.get(name, {})
    if not isinstance(value, dict):
        raise Invalid(f"The field {name!r} must be a JSON object.")
    return value


def _header(name: str, value: Json) -> str:
    lower = name.lower()
    if lower in FORBIDDEN_HEADERS or lower.startswith(("x-forwarded", "x-amz", "x-amzn")):
        raise Invalid(f"The 'Headers' field contains unsupported values: {name}")
    return ", ".join(map(_plain, value)) if isinstance(value, list) else _plain(value)


def _merged(*layers: Mapping[str, str]) -> dict[str, str]:
    """A later layer's header stands against an earlier one's, however it is written."""
    found = {name.lower(): (name, value) for layer in layers for name, value in layer.items()}
    return dict(found.values())


def _is_json(headers: Mapping[str, str]) -> bool:
    kinds = [value for name, value in headers.items() if name.lower() == "content-type"]
    return not kinds or any("json" in kind for kind in kinds)

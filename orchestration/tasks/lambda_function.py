"""Lambda functions, through Lambda's own Invoke API at a given endpoint, so that any emulator serves.

A function's ARN as the resource: the task's input is the function's, its payload the result. ``lambda:invoke``: the
parameters are Invoke's, and so is the answer.
"""

import base64
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

import orjson

from orchestration.asl.protocol import Json, RunTask, TaskFailed
from orchestration.names import REGION
from orchestration.tasks.http_client import CallFailed
from orchestration.tasks.registry import FUNCTION_ARN, Told, in_time, integration_of, succeeded
from orchestration.tasks.sdk import Invalid, failed, metadata, optimized_cause, parameters_of, stable_id
from orchestration.tasks.web import Request, Web, WebAnswer
from orchestration.tracing import traceparent

CLIENT_ERROR: Final = "Lambda.SdkClientException"
UNKNOWN: Final = "Lambda.Unknown"
NO_ANSWER: Final = "Lambda.ClientExecutionTimeoutException"
ANSWER_WITHIN_S: Final = 910.0  # a function may run for 15 minutes
INVOKE_PARAMETERS: Final = ("ClientContext", "InvocationType", "LogType", "Payload", "Qualifier")
INVOCATION_TYPES: Final = ("DryRun", "Event", "RequestResponse")

# Emulators take any signature, but some look at it to see which service and region are meant.
_AUTHORIZATION: Final = (
    f"AWS4-HMAC-SHA256 Credential=local/20000101/{REGION}/lambda/aws4_request, SignedHeaders=host, Signature=local"
)
_NAME: Final = re.compile(
    r"(?:arn:[^:]+:lambda:[^:]*:)?(?:\d{12}:)?(?:function:)?(?P<name>[\w-]+)(?::(?P<of>[\w$-]+))?"
)


class LambdaTasks:
    """``endpoint`` empty: every call fails, and says which setting is missing."""

    def __init__(self, web: Web, endpoint: str) -> None:
        self._web = web
        self._endpoint = endpoint.rstrip("/")

    def told_at_once(self, task: RunTask) -> Told | None:
        return None

    async def run(self, execution: str, task: RunTask) -> Told:
        return await in_time(task, self._invoke(execution, task))

    async def _invoke(self, execution: str, task: RunTask) -> Told:
        if not self._endpoint:
            return failed(task, CLIENT_ERROR, "no Lambda endpoint is known: set AWS_ENDPOINT_URL_LAMBDA")
        try:
            request = invocation(self._endpoint, execution, task)
        except Invalid as wrong:
            return failed(task, CLIENT_ERROR, str(wrong))
        try:
            answer = await self._web.call(request, ANSWER_WITHIN_S)
        except TimeoutError:
            return failed(task, NO_ANSWER, f"no answer within {ANSWER_WITHIN_S:g} seconds")
        except CallFailed as error:
            return failed(task, CLIENT_ERROR, f"Unable to execute HTTP request: {error}")
        return told(task, answer)


def invocation(endpoint: str, execution: str, task: RunTask) -> Request:
    """The Invoke call of a task. Pure. Raises ``Invalid``."""
    if integration_of(task.resource) == FUNCTION_ARN:
        parameters: Mapping[str, Any] = {"FunctionName": task.resource, "Payload": task.parameters}
    else:
        parameters = parameters_of(task, ("FunctionName",), INVOKE_PARAMETERS)
    name = _NAME.fullmatch(str(parameters["FunctionName"]))
    if name is None:
        raise Invalid(f"{parameters['FunctionName']!r} is not the name or the ARN of a function.")
    kind = parameters.get("InvocationType", "RequestResponse")
    if kind not in INVOCATION_TYPES:
        raise Invalid(f"InvocationType must be one of: [{', '.join(INVOCATION_TYPES)}]")
    headers = {
        "Content-Type": "application/json",
        "X-Amz-Invocation-Type": kind,
        "Authorization": _AUTHORIZATION,
        "Idempotency-Key": task.key,
        "traceparent": traceparent(execution, task),
    }
    if "LogType" in parameters:
        headers["X-Amz-Log-Type"] = str(parameters["LogType"])
    if "ClientContext" in parameters:
        headers["X-Amz-Client-Context"] = _client_context(parameters["ClientContext"])
    qualifier = parameters.get("Qualifier", name["of"])
    query = f"?{urlencode({'Qualifier': qualifier})}" if qualifier else ""
    url = f"{endpoint}/2015-03-31/functions/{quote(name['name'])}/invocations{query}"
    body = orjson.dumps(parameters["Payload"]) if "Payload" in parameters else b""
    return Request("POST", url, headers, body)


def told(task: RunTask, answer: WebAnswer) -> Told:
    """What Lambda's answer means. Pure."""
    if not 200 <= answer.status < 300:
        return _refused(task, answer)
    payload = _parsed(answer.body)
    if answer.header("X-Amz-Function-Error") is not None:
        return _function_failed(task, payload, answer)
    if isinstance(payload, _NotJson):
        return failed(task, UNKNOWN, f"The function's answer is not JSON: {_text(answer.body)[:1000]}")
    if integration_of(task.resource) == FUNCTION_ARN:
        return succeeded(task, payload)
    request_id = answer.header("x-amzn-RequestId") or stable_id(task, task.attempt)
    result: dict[str, Json] = {"ExecutedVersion": answer.header("X-Amz-Executed-Version") or "$LATEST"}
    if (log := answer.header("X-Amz-Log-Result")) is not None:
        result["LogResult"] = log
    if answer.body:
        result["Payload"] = payload
    return succeeded(
        task, {**result, **metadata(answer.headers, answer.status, request_id), "StatusCode": answer.status}
    )


def _function_failed(task: RunTask, payload: object, answer: WebAnswer) -> TaskFailed:
    """The function raised: its errorType is the error, and its whole payload the cause."""
    text = _text(answer.body)
    if isinstance(payload, dict) and isinstance(payload.get("errorType"), str) and payload["errorType"]:
        return failed(task, payload["errorType"], text)
    told = "The cause could not be determined because Lambda did not return an error type."
    return failed(task, UNKNOWN, f"{told} Returned payload: {text}")


def _refused(task: RunTask, answer: WebAnswer) -> TaskFailed:
    """Lambda did not run the function."""
    content = _parsed(answer.body)
    fields = content if isinstance(content, dict) else {}
    code = (answer.header("x-amzn-ErrorType") or str(fields.get("__type", ""))).partition(":")[0].rpartition("#")[2]
    if not code:
        code = "TooManyRequestsException" if answer.status == 429 else "AWSLambdaException"
    message = str(fields.get("Message") or fields.get("message") or _text(answer.body)[:1000] or answer.reason)
    request_id = answer.header("x-amzn-RequestId") or stable_id(task, task.attempt)
    cause = optimized_cause(message, "AWSLambda", code, request_id, answer.status)
    return failed(task, f"Lambda.{code}", cause)


class _NotJson:
    pass


def _parsed(body: bytes) -> object:
    try:
        return orjson.loads(body) if body else None
    except orjson.JSONDecodeError:
        return _NotJson()


def _text(body: bytes) -> str:
    return body.decode(errors="replace")


def _client_context(context: Json) -> str:
    """Base64 of its JSON; text is taken to be that already."""
    return context if isinstance(context, str) else base64.b64encode(orjson.dumps(context)).decode()

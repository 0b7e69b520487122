"""``aws-sdk:sfn:<operation>``: any operation of a Step Functions API, this one's own as a rule, over HTTP.

Parameters and answers have the API's names with a capital letter, as the SDK integrations want them.
"""

import re
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from orchestration.asl.protocol import Json, RunTask
from orchestration.names import REGION
from orchestration.tasks.http_client import CallFailed
from orchestration.tasks.registry import Told, in_time, integration_of, succeeded
from orchestration.tasks.sdk import failed, sdk_cause, stable_id
from orchestration.tasks.sfn_names import api_parameters
from orchestration.tasks.web import Request, Web, WebAnswer

CLIENT_ERROR: Final = "Sfn.SdkClientException"
ANSWER_WITHIN_S: Final = 330.0  # StartSyncExecution may take five minutes
CONTENT_TYPE: Final = "application/x-amz-json-1.0"
_AUTHORIZATION: Final = (
    f"AWS4-HMAC-SHA256 Credential=local/20000101/{REGION}/states/aws4_request, SignedHeaders=host, Signature=local"
)
_INSTANT: Final = re.compile(r"(?:.*[dD]ate|timestamp)")


class SfnApiTasks:
    """``endpoint`` empty: every call fails, and says which setting is missing."""

    def __init__(self, web: Web, endpoint: str) -> None:
        self._web = web
        self._endpoint = endpoint.rstrip("/")

    def told_at_once(self, task: RunTask) -> Told | None:
        return None

    async def run(self, execution: str, task: RunTask) -> Told:
        return await in_time(task, self._call(task))

    async def _call(self, task: RunTask) -> Told:
        if not self._endpoint:
            return failed(task, CLIENT_ERROR, "no Step Functions endpoint is known: set AWS_ENDPOINT_URL_SFN")
        try:
            answer = await self._web.call(request_of(self._endpoint, task), ANSWER_WITHIN_S)
        except TimeoutError:
            return failed(task, CLIENT_ERROR, f"no answer within {ANSWER_WITHIN_S:g} seconds")
        except CallFailed as error:
            return failed(task, CLIENT_ERROR, f"Unable to execute HTTP request: {error}")
        return told(task, answer)


def request_of(endpoint: str, task: RunTask) -> Request:
    """Pure. Where the caller names no execution, the task does, so that a repeated start starts nothing new."""
    operation = integration_of(task.resource).rpartition(":")[2]
    api_operation = f"{operation[:1].upper()}{operation[1:]}"
    body = api_parameters(api_operation, task.parameters or {})
    if operation in ("startExecution", "startSyncExecution") and isinstance(body, dict):
        body.setdefault("name", stable_id(task, task.attempt))
    headers = {
        "Content-Type": CONTENT_TYPE,
        "X-Amz-Target": f"AWSStepFunctions.{api_operation}",
        "Authorization": _AUTHORIZATION,
    }
    return Request("POST", f"{endpoint}/", headers, orjson.dumps(body))


def told(task: RunTask, answer: WebAnswer) -> Told:
    """Pure."""
    try:
        content: Any = orjson.loads(answer.body or b"{}")
    except orjson.JSONDecodeError:
        return failed(
            task, CLIENT_ERROR, f"Unable to unmarshall response: {answer.body[:1000].decode(errors='replace')}"
        )
    if answer.status == 200:
        return succeeded(task, _told_names(content))
    fields = content if isinstance(content, dict) else {}
    code = str(fields.get("__type", "SfnException")).rpartition("#")[2]
    message = str(fields.get("message") or fields.get("Message") or answer.reason)
    request_id = answer.header("x-amzn-RequestId") or stable_id(task, task.attempt)
    cause = sdk_cause(message, service="Sfn", status=answer.status, request_id=request_id)
    return failed(task, f"Sfn.{code if code.endswith('Exception') else f'{code}Exception'}", cause)


def _told_names(value: Json) -> Json:
    """Of an answer, whose payloads are text: member names at any depth; instants as text."""
    if isinstance(value, dict):
        return {f"{name[:1].upper()}{name[1:]}": _member(name, each) for name, each in value.items()}
    if isinstance(value, list):
        return [_told_names(each) for each in value]
    return value


def _member(name: str, value: Json) -> Json:
    if type(value) not in (int, float) or not _INSTANT.fullmatch(name):
        return _told_names(value)
    try:
        return datetime.fromtimestamp(value, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (OverflowError, OSError, ValueError):
        return value  # no instant that can be written

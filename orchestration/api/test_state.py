"""TestState: one state run alone, with a mock in place of its work or with the real service."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import urlencode

from orchestration.api.definitions import ACTIVITY, CALLBACK, JOB
from orchestration.api.errors import ApiError, validation
from orchestration.api.inspection import Inspection
from orchestration.api.mock_context import context_of
from orchestration.api.payloads import BadPayload, json_text, parsed
from orchestration.api.protocol import Handlers
from orchestration.api.services import ApiServices
from orchestration.api.tested_state import FANS, Mock, TestedState, mock_of, tested_state
from orchestration.api.trial_run import EXECUTION, Ran, Setting, Told, run_state
from orchestration.asl.errors import RUNTIME, TIMEOUT, DefinitionInvalid
from orchestration.asl.protocol import Json, RunTask, TaskFailed, TaskSucceeded
from orchestration.names import machine_arn
from orchestration.off_loop import LONG, off_loop
from orchestration.rfc3339 import rfc3339

Request = dict[str, Any]
Answer = dict[str, Any]

INFO: Final = "INFO"
TRACE: Final = "TRACE"
LIMIT_S: Final = 300.0
# Stands for the work of what is no call: its answer is all that is waited for.
STAND_IN: Final = "mock:answer"
TOLERATED: Final = "States.ExceedToleratedFailureThreshold"
# Fields of Map and Parallel that a Task does not have.
_OF_FANS: Final = (
    "Branches",
    "ItemBatcher",
    "ItemProcessor",
    "ItemReader",
    "ItemSelector",
    "Items",
    "ItemsPath",
    "Iterator",
    "Label",
    "MaxConcurrency",
    "MaxConcurrencyPath",
    "ResultWriter",
    "ToleratedFailureCount",
    "ToleratedFailureCountPath",
    "ToleratedFailurePercentage",
    "ToleratedFailurePercentagePath",
)


def handlers(services: ApiServices) -> Handlers:
    async def test_state(request: Request) -> Answer:
        try:
            text = request["definition"]
            state = await off_loop(len(text), tested_state, text, request.get("stateName"))
            given, configuration = request.get("mock"), request.get("stateConfiguration", {})
            size = 0 if given is None else LONG  # the model of a service may have to be read
            mock = await off_loop(size, mock_of, state, given, configuration)
            return await _Test(services, request, state, mock).answer()
        except DefinitionInvalid as problem:
            raise ApiError("InvalidDefinition", f"Invalid State Machine Definition: '{problem}'") from problem

    return {"TestState": test_state}


@dataclass
class _Called:
    """The state's work, done once however often the state is run again to look at it."""

    services: ApiServices
    mock: Mock | None
    task: RunTask | None = None
    told: Told | None = field(default=None)

    async def perform(self, task: RunTask) -> Told:
        if self.told is None:
            self.task, self.told = task, await self._first(task)
        return replace(self.told, entry=task.entry)

    async def _first(self, task: RunTask) -> Told:
        if self.mock is not None:
            if self.mock.error is not None:
                return TaskFailed(task.entry, self.mock.error, self.mock.cause)
            return TaskSucceeded(task.entry, self.mock.result)
        if self.services.tasks is None:
            return TaskFailed(task.entry, RUNTIME, f"no integration serves the resource {task.resource!r} here")
        try:
            told = await asyncio.wait_for(self.services.tasks.run(EXECUTION, task), LIMIT_S)
        except TimeoutError:
            return TaskFailed(task.entry, TIMEOUT, None)
        return told or TaskFailed(task.entry, RUNTIME, f"the resource {task.resource!r} gave no answer")


class _Test:
    def __init__(self, services: ApiServices, request: Request, state: TestedState, mock: Mock | None) -> None:
        self._request = request
        self._configuration: Mapping[str, Any] = request.get("stateConfiguration", {})
        self._state = state
        self._mock = mock
        if self._mock is not None and request.get("revealSecrets"):
            raise validation("TestState does not support RevealSecrets when a mock is specified.")
        if self._mock is None and "context" in request:
            raise validation("State context can only be specified when a mock is specified.")
        self._document = _input(request.get("input", "{}"))
        self._setting = self._set(services)
        self._called = _Called(services, self._failing(self._mock))

    def _set(self, services: ApiServices) -> Setting:
        at = services.clock()
        retries_made = self._configuration.get("retrierRetryCount", 0)
        context = context_of(self._request["context"]) if "context" in self._request else {}
        execution = {"Name": "TestState", "Id": EXECUTION, "Input": self._document, "StartTime": rfc3339(at)}
        facts: dict[str, Any] = {
            "Execution": {**execution, "RoleArn": self._request.get("roleArn", ""), **context.get("Execution", {})},
            "StateMachine": {"Id": machine_arn("TestState"), "Name": "TestState", **context.get("StateMachine", {})},
        }
        if self._state.type == "Task" or "State" in context:
            facts["State"] = {"RetryCount": retries_made, **context.get("State", {})}
        if self._state.resource.endswith(CALLBACK) or "Task" in context:
            facts["Task"] = {"Token": "TestState", **context.get("Task", {})}
        return Setting(
            self._state.language,
            at,
            services.chance(),
            _variables(self._request.get("variables")),
            facts,
            retries_made,
        )

    def _failing(self, mock: Mock | None) -> Mock | None:
        """More failed iterations than a Map tolerates fail it, whatever its mocked result."""
        failures = self._configuration.get("mapIterationFailureCount")
        if failures is None or mock is None:
            return mock
        if self._state.type != "Map":
            raise validation("mapIterationFailureCount can only be specified for a Map state.")
        tolerated = self._state.definition.get("ToleratedFailureCount", 0)
        if mock.error is None and isinstance(tolerated, int) and failures > tolerated:
            return Mock(error=TOLERATED, cause="The specified tolerated failure threshold was exceeded.")
        return mock

    async def answer(self) -> Answer:
        definition = self._definition()
        ran = await self._run(definition)
        failure = ran
        if ran.retry is not None or ran.catch is not None:
            failure = await self._run(_without(definition, "Retry", "Catch"))
        told = _told(ran, failure)
        if self._request.get("inspectionLevel", INFO) != INFO:
            told["inspectionData"] = await self._inspected(ran, definition)
        return told

    async def _run(self, definition: dict[str, Any]) -> Ran:
        return await run_state(self._state.name, definition, self._document, self._setting, self._called.perform)

    def _definition(self) -> dict[str, Any]:
        """A mocked state's work is one call, whatever its kind."""
        definition = self._state.definition
        if self._mock is None:
            return definition
        resource = self._state.resource.removesuffix(CALLBACK).removesuffix(":2").removesuffix(JOB)
        if self._state.type in FANS:
            definition = _without(definition, *_OF_FANS, *(["Parameters"] if self._state.type == "Map" else []))
            resource = STAND_IN
        elif ACTIVITY in resource:
            resource = STAND_IN
        return {**definition, "Type": "Task", "Resource": resource}

    async def _inspected(self, ran: Ran, definition: dict[str, Any]) -> dict[str, Any]:
        read = self._configuration.get("mapItemReaderData")
        inspection = Inspection(self._state, self._document, self._setting, read)
        await inspection.before()
        result = self._called.told
        if isinstance(result, TaskSucceeded):
            await inspection.after(result.output, raw=True)
        elif self._state.type == "Pass" and ran.succeeded:
            await self._pass_result(inspection)
        shown = inspection.shown
        variables = {**self._setting.variables, **ran.assigned}
        if variables:
            shown["variables"] = json_text(variables)
        if details := _error_details(ran):
            shown["errorDetails"] = details
        if self._request["inspectionLevel"] == TRACE and self._state.resource.endswith("http:invoke"):
            shown |= _http(self._called)
        return shown

    async def _pass_result(self, inspection: Inspection) -> None:
        definition = self._state.definition
        if "Result" in definition:
            await inspection.after(definition["Result"], raw=True)
        elif "afterParameters" in inspection.shown:
            await inspection.after(parsed(inspection.shown["afterParameters"]), raw=False)


def _input(text: str) -> Json:
    try:
        return parsed(text)
    except BadPayload as error:
        raise ApiError("InvalidExecutionInput", f"Invalid State Machine Execution Input: '{error}'") from error


def _variables(text: str | None) -> dict[str, Json]:
    if text is None:
        return {}
    try:
        variables = parsed(text)
    except BadPayload as error:
        raise validation(f"Variables must be valid JSON: {error}") from error
    if not isinstance(variables, dict) or not all(name.isidentifier() and name != "states" for name in variables):
        raise validation("Variables must be a JSON object whose keys are names of variables")
    return variables


def _without(definition: Mapping[str, Any], *fields: str) -> dict[str, Any]:
    return {name: value for name, value in definition.items() if name not in fields}


def _told(ran: Ran, failure: Ran) -> Answer:
    if ran.retry is not None:
        return {"status": "RETRIABLE", "error": failure.error, "cause": failure.cause}
    if not ran.succeeded:
        return {"status": "FAILED", "error": ran.error, "cause": ran.cause}
    told = {"status": "SUCCEEDED", "output": json_text(ran.output), "nextState": ran.next_state}
    if ran.catch is not None:
        told |= {"status": "CAUGHT_ERROR", "error": failure.error, "cause": failure.cause}
    return told


def _error_details(ran: Ran) -> dict[str, int]:
    if ran.retry is not None:
        index, pause_s = ran.retry
        return {"retryIndex": index, "retryBackoffIntervalSeconds": round(pause_s)}
    return {} if ran.catch is None else {"catchIndex": ran.catch}


def _http(called: _Called) -> dict[str, Any]:
    """The call of an HTTP task, as its parameters and its result tell it."""
    asked = None if called.task is None else called.task.parameters
    if not isinstance(asked, dict) or called.mock is not None:
        return {}
    url = str(asked.get("ApiEndpoint", ""))
    query = asked.get("QueryParameters")
    if query and isinstance(query, dict):
        url += f"?{urlencode(query, doseq=True)}"
    request = {"protocol": url.partition(":")[0], "method": asked.get("Method"), "url": url}
    shown: dict[str, Any] = {"request": {**request, **_head_and_body(asked, "RequestBody")}}
    if isinstance(called.told, TaskSucceeded) and isinstance(called.told.output, dict):
        answer = called.told.output
        status = {"statusCode": str(answer.get("StatusCode", "")), "statusMessage": str(answer.get("StatusText", ""))}
        shown["response"] = {
            "protocol": request["protocol"],
            **status,
            **_head_and_body(answer, "ResponseBody"),
        }
    return shown


def _head_and_body(message: Mapping[str, Any], body: str) -> dict[str, str]:
    headers = message.get("Headers")
    listed = headers.items() if isinstance(headers, dict) else ()
    told = {"headers": f"[{', '.join(f'{name}: {_plain(value)}' for name, value in listed)}]"}
    return {**told, "body": _plain(message[body])} if body in message else told


def _plain(value: Json) -> str:
    if isinstance(value, list):
        return ", ".join(map(_plain, value))
    return value if isinstance(value, str) else json_text(value)

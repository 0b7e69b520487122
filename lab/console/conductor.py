"""What the pages about executions and machines ask of a lane's conductor: AWS's own API, and the stories beside it.

Every method raises ``OutOfReach``, ``Refused`` or ``BadInput`` with a line that a page can show.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

from lab.console.backend import LaneBackend
from lab.errors import OutOfReach, Refused

ROLE: Final = "arn:aws:iam::000000000000:role/console"
MAX_MACHINES: Final = 1_000
PAGE: Final = 50


@dataclass(frozen=True)
class Machine:
    name: str
    arn: str
    kind: str


class Conductor:
    def __init__(self, lane: LaneBackend) -> None:
        self._lane = lane

    # --- executions -----------------------------------------------------------------------------------

    async def executions(
        self, *, machine: str = "", status: str = "", waiting: str = "", after: str = "", limit: int = PAGE
    ) -> dict[str, Any]:
        """A page: ``executions`` and ``next``. With ``waiting`` of all machines, the longest waiting first."""
        asked = {"machine": machine, "status": status, "after": after} if not waiting else {"after": after}
        if waiting == "stuck":
            asked["stuck_for_s"] = "30"
        elif waiting:
            asked["waiting"] = waiting
        query = urlencode({"limit": limit} | {name: value for name, value in asked.items() if value})
        return dict(await self._lane.json("GET", "door", f"/executions?{query}"))

    async def story(self, arn_or_token: str) -> dict[str, Any]:
        return dict(await self._lane.json("GET", "door", f"/executions/{quote(arn_or_token, safe='')}"))

    async def events(self, arn: str, token: str | None = None) -> dict[str, Any]:
        """A page of the history as AWS tells it."""
        more = {"nextToken": token} if token else {}
        return await self._call("GetExecutionHistory", {"executionArn": arn, "maxResults": 200, **more})

    async def described(self, arn: str) -> dict[str, Any]:
        return await self._call("DescribeExecution", {"executionArn": arn})

    async def start(self, machine_arn: str, input_text: str) -> str:
        """The new execution's ARN."""
        return str(
            (await self._call("StartExecution", {"stateMachineArn": machine_arn, "input": input_text}))["executionArn"]
        )

    async def stop(self, arn: str, error: str, cause: str) -> None:
        await self._call("StopExecution", {"executionArn": arn, "error": error, "cause": cause})

    async def redrive(self, arn: str) -> None:
        await self._call("RedriveExecution", {"executionArn": arn})

    async def answer_token(self, token: str, output: str) -> None:
        await self._call("SendTaskSuccess", {"taskToken": token, "output": output})

    async def fail_token(self, token: str, error: str, cause: str) -> None:
        await self._call("SendTaskFailure", {"taskToken": token, "error": error, "cause": cause})

    # --- machines -------------------------------------------------------------------------------------

    async def machines(self) -> list[Machine]:
        found: list[Machine] = []
        token: dict[str, str] = {}
        while len(found) < MAX_MACHINES:
            page = await self._call("ListStateMachines", {"maxResults": 100, **token})
            found += [Machine(each["name"], each["stateMachineArn"], each["type"]) for each in page["stateMachines"]]
            if not page.get("nextToken"):
                break
            token = {"nextToken": page["nextToken"]}
        return sorted(found, key=lambda machine: machine.name)

    async def definition(self, arn: str) -> str:
        return str((await self._call("DescribeStateMachine", {"stateMachineArn": arn}))["definition"])

    async def problems(self, definition: str) -> list[dict[str, Any]]:
        """What is wrong with a definition; each with ``severity``, ``message`` and, where it has one, ``location``."""
        asked = {"definition": definition, "severity": "WARNING", "maxResults": 100}
        return list((await self._call("ValidateStateMachineDefinition", asked))["diagnostics"])

    async def publish(self, name: str, definition: str, says: str) -> str:
        """The ARN of the new version, of a new machine where there is none of this name yet."""
        known = {machine.name: machine.arn for machine in await self.machines()}
        asked: dict[str, Any] = {"definition": definition, "roleArn": ROLE, "publish": True, "versionDescription": says}
        if name in known:
            answer = await self._call("UpdateStateMachine", {"stateMachineArn": known[name], **asked})
        else:
            answer = await self._call("CreateStateMachine", {"name": name, **asked})
        return str(answer["stateMachineVersionArn"])

    async def test_state(
        self, definition: str, state: str, given: str, mock: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        """One state run alone. ``mock`` as AWS's TestState takes it: a result or an error in place of its work."""
        asked = {"definition": definition, "stateName": state, "input": given, "inspectionLevel": "DEBUG"}
        return await self._call("TestState", asked | ({"mock": dict(mock)} if mock is not None else {}))

    async def _call(self, operation: str, body: Mapping[str, Any]) -> dict[str, Any]:
        answer = await self._lane.aws(operation, body)
        if answer.status == 200:
            return dict(answer.body) if isinstance(answer.body, dict) else {}
        told = answer.body if isinstance(answer.body, dict) else {}
        kind = str(told.get("__type", f"HTTP {answer.status}")).rpartition("#")[2]
        text = f"{operation}: {kind}: {told.get('message') or told.get('Message') or ''}"
        raise OutOfReach(text) if answer.status >= 500 else Refused(text)


def compact(text: str) -> str:
    """JSON as one line, to be sent; what is none is sent as it is, and refused by whoever knows why."""
    try:
        return json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False)
    except ValueError:
        return text

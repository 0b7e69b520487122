"""The results of a map run: what each child's end becomes in the state's output or in an exported file. Pure.

A child's end is AWS's description of its execution: Status, Input, Output, Error, Cause, ExecutionArn …
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import orjson

from orchestration.asl.distributed import Plan
from orchestration.asl.errors import DATA_LIMIT, StatesError
from orchestration.asl.limits import PAYLOAD_LIMIT_BYTES
from orchestration.asl.protocol import Json
from orchestration.asl.timestamps import format_timestamp

ChildEnd = Mapping[str, Json]

SUCCEEDED: Final = "SUCCEEDED"


def transformation(plan: Plan) -> str:
    writer = plan.get("writer") or {}
    default = "NONE" if writer.get("resource") else "COMPACT"
    return str(writer.get("config", {}).get("Transformation", default))


class Gathering:
    """The output of a map run that exports nothing, from its children's ends in their order."""

    def __init__(self, plan: Plan) -> None:
        self.output: list[Json] = []
        self._plan = plan
        self._form = transformation(plan)
        self._size = 2

    def add(self, end: ChildEnd) -> None:
        """Raises ``StatesError`` as soon as it is too large, so that no more than that is ever held."""
        for result in results(self._form, (end,)):
            self._size += len(orjson.dumps(result)) + 1
            if self._size > PAYLOAD_LIMIT_BYTES:
                what = f"The state/task '{self._plan['state']}' returned a result"
                raise StatesError(
                    DATA_LIMIT, f"{what} with a size exceeding the maximum number of bytes service limit."
                )
            self.output.append(result)


def results(form: str, ends: Iterable[ChildEnd]) -> Iterator[Json]:
    """A child that failed is told of whole, whatever the form."""
    for end in ends:
        if form == "NONE" or end["Status"] != SUCCEEDED:
            yield whole(end)
        elif form == "FLATTEN" and isinstance(end.get("Output"), list):
            yield from end["Output"]
        else:
            yield end.get("Output")


def whole(end: ChildEnd) -> dict[str, Any]:
    """As AWS exports it: input and output as text, instants written out."""
    told = dict(end)
    for name in ("Input", "Output"):
        if name in told:
            told[name] = orjson.dumps(told[name]).decode()
    for name in ("StartDate", "StopDate"):
        if isinstance(told.get(name), int | float):
            told[name] = format_timestamp(told[name] / 1000)
    redrivable = told.get("Status") != SUCCEEDED
    told["RedriveCount"] = told.get("RedriveCount", 0)
    told["RedriveStatus"] = "REDRIVABLE" if redrivable else "NOT_REDRIVABLE"
    if not redrivable:
        told["RedriveStatusReason"] = f"Execution is {SUCCEEDED} and cannot be redriven"
    return dict(sorted(told.items()))

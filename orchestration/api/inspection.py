"""What TestState shows of a state's data on its way: each step told by a probe, a smaller state run on the same data.

So the values are the interpreter's own, whatever the query language, and nothing here knows how it computes them.
"""

import io
import itertools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from orchestration.api.errors import validation
from orchestration.api.payloads import json_text
from orchestration.api.tested_state import JSONPATH, TestedState
from orchestration.api.trial_run import Setting, run_state
from orchestration.asl.errors import AslError
from orchestration.asl.protocol import Json
from orchestration.datasets.errors import DatasetError
from orchestration.datasets.formats import read_items

_NOTHING: Final = object()
_ITEMS: Final = "testStateItems"
MAX_ITEMS: Final = 10_000
# Fields of a Map that are numbers, or say where one is found.
_NUMBERS: Final = ("MaxConcurrency", "ToleratedFailureCount", "ToleratedFailurePercentage")


class Inspection:
    """Gathers the steps of one state. A step that fails ends the gathering: the state itself has failed there."""

    def __init__(self, state: TestedState, document: Json, setting: Setting, read: str | None = None) -> None:
        """``read`` is what the ItemReader of a Map would find."""
        self._state = state
        self._document = document
        self._setting = setting
        self._read = read
        self.shown: dict[str, Any] = {"input": json_text(document)}

    async def before(self) -> None:
        """The steps up to the state's work."""
        fields = self._state.definition
        if self._state.language != JSONPATH:
            if "Arguments" in fields:
                await self._show("afterArguments", {"Output": fields["Arguments"]}, self._document)
        elif not (self._state.type == "Pass" and "Result" in fields):
            effective = await self._show("afterInputPath", _only(fields, "InputPath"), self._document)
            if self._state.type in ("Pass", "Task", "Parallel") and effective is not _NOTHING:
                await self._show("afterParameters", _only(fields, "InputPath", "Parameters"), self._document)
        if self._state.type == "Map":
            await self._items()

    async def after(self, result: Json, *, raw: bool) -> None:
        """The steps from the state's result to its output; ``raw``: the result is shown, too."""
        if raw:
            self.shown["result"] = json_text(result)
        if self._state.language != JSONPATH or self._state.type not in ("Pass", "Task", "Parallel", "Map"):
            return
        fields = self._state.definition
        selector = {"Parameters": fields["ResultSelector"]} if "ResultSelector" in fields else {}
        selected = await self._show("afterResultSelector", selector, result)
        if selected is not _NOTHING:
            placed = {"Result": selected, **_only(fields, "ResultPath")}
            await self._show("afterResultPath", placed, self._document)

    async def _items(self) -> None:
        fields = self._state.definition
        for name in _NUMBERS:
            number = await self._number(fields, name)
            if number is not None:
                self.shown[f"{name[0].lower()}{name[1:]}"] = number
        if "ItemReader" in fields:
            await self._read_items()
            return
        if self._state.language == JSONPATH:
            effective = await self._value(_only(fields, "InputPath"), self._document)
            path = {"InputPath": fields["ItemsPath"]} if "ItemsPath" in fields else {}
            if effective is _NOTHING or await self._show("afterItemsPath", path, effective) is _NOTHING:
                return
        await self._select(_only(fields, "ItemsPath", "Items"), self._setting)

    async def _read_items(self) -> None:
        """Of the data that stands for what the reader reads: its items are given to the selector as a variable."""
        if self._read is None:
            return
        config = self._state.definition["ItemReader"].get("ReaderConfig") or {}
        try:
            items = list(itertools.islice(read_items(io.BytesIO(self._read.encode()), config), MAX_ITEMS))
        except DatasetError as error:
            raise validation(f"mapItemReaderData cannot be read: {error}") from error
        ways = {"ItemsPath": f"${_ITEMS}"} if self._state.language == JSONPATH else {"Items": f"{{% ${_ITEMS} %}}"}
        await self._select(ways, replace(self._setting, variables={**self._setting.variables, _ITEMS: items}))

    async def _select(self, ways: Mapping[str, Any], setting: Setting) -> None:
        fields = self._state.definition
        if "ItemSelector" not in fields and "Parameters" not in fields:
            return
        processor = {"StartAt": "Item", "States": {"Item": {"Type": "Pass", "End": True}}}
        kept = _only(fields, "InputPath", "ItemSelector", "Parameters")
        probe = {"Type": "Map", "ItemProcessor": processor, **kept, **ways}
        await self._show("afterItemSelector", probe, self._document, setting)

    async def _number(self, fields: Mapping[str, Any], name: str) -> Any:
        value: Any = fields.get(name)
        if f"{name}Path" in fields:
            value = await self._value({"InputPath": fields[f"{name}Path"]}, self._document)
        elif isinstance(value, str):
            value = await self._value({"Output": value}, self._document)
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None

    async def _show(self, name: str, fields: Mapping[str, Any], document: Json, setting: Setting | None = None) -> Json:
        value = await self._value(fields, document, setting)
        if value is not _NOTHING:
            self.shown[name] = json_text(value)
        return value

    async def _value(self, fields: Mapping[str, Any], document: Json, setting: Setting | None = None) -> Json:
        probe = {"Type": "Pass", "End": True, **fields}
        try:
            ran = await run_state(self._state.name, probe, document, setting or self._setting)
        except AslError:
            return _NOTHING
        return ran.output if ran.succeeded else _NOTHING


def _only(fields: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: fields[name] for name in names if name in fields}

"""The machine on the bench: text and states, each following the other, and the way back. No page, no network."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from lab.console.studio.edits import EMPTY, Edited
from lab.console.studio.places import line_of, parse_error
from lab.console.studio.states import Definition, all_states

KEPT: Final = 100


@dataclass(frozen=True)
class Problem:
    """``state`` is empty where the problem is of no state; ``line`` None: of no line."""

    severity: str
    message: str
    line: int | None
    state: str

    @property
    def bad(self) -> bool:
        return self.severity == "ERROR"


class Workbench:
    """``text`` is what is written; ``definition`` the last that could be read: what the graph shows."""

    def __init__(self, definition: Definition = EMPTY) -> None:
        self.definition = definition
        self.text = written(definition)
        self.selected = str(definition.get("StartAt", ""))
        self._before: list[str] = []

    def load(self, text: str) -> None:
        """Another machine; there is no way back to the one before."""
        self._before.clear()
        self.text = text
        self._read()
        self.selected = str(self.definition.get("StartAt", ""))

    def type(self, text: str) -> bool:
        """Somebody typed; True: the definition is another now."""
        if text == self.text:
            return False
        self._remember()
        self.text = text
        return self._read()

    def edit(self, change: Callable[[Definition], Edited]) -> None:
        """Somebody changed the graph or a field. Raises ``CannotEdit``, and changes nothing then."""
        edited = change(self.definition)
        self.selected = edited.selected
        if edited.definition != self.definition:
            self._remember()
            self.definition = edited.definition
            self.text = written(edited.definition)

    def undo(self) -> bool:
        if not self._before:
            return False
        self.text = self._before.pop()
        self._read()
        if self.selected not in all_states(self.definition):
            self.selected = str(self.definition.get("StartAt", ""))
        return True

    def _remember(self) -> None:
        self._before.append(self.text)
        del self._before[:-KEPT]

    def _read(self) -> bool:
        try:
            read = json.loads(self.text)
        except (ValueError, RecursionError):
            return False
        if not isinstance(read, dict) or read == self.definition:
            return False
        self.definition = read
        return True

    def typing_problem(self) -> Problem | None:
        """What keeps the text from being read; the graph shows the last that could be."""
        found = parse_error(self.text)
        return None if found is None else Problem("ERROR", f"this is no JSON: {found[1]}", found[0], "")

    def placed(self, diagnostics: list[dict[str, Any]]) -> list[Problem]:
        """AWS's diagnostics at their lines and states."""
        return [
            Problem(
                each["severity"],
                each["message"],
                line_of(self.text, each["location"]) if each.get("location") else None,
                state_of(each.get("location") or ""),
            )
            for each in diagnostics
        ]


def written(definition: Definition) -> str:
    return json.dumps(definition, indent=2, ensure_ascii=False)


def state_of(pointer: str) -> str:
    """The innermost state that a JSON pointer leads into."""
    steps = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")]
    found = ""
    for step, following in pairwise(steps):
        if step == "States":
            found = following
    return found

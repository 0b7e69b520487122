"""The kinds of state that can be put into a machine, and what a new one begins with. Plain data."""

from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True)
class Kind:
    """``fields`` are those of a new state, besides what leads on from it."""

    type: str
    says: str
    fields: dict[str, Any]


def _inner(name: str) -> dict[str, Any]:
    return {"StartAt": name, "States": {name: {"Type": "Pass", "End": True}}}


KINDS: Final = (
    Kind("Task", "asks somebody to do a piece of work", {"Resource": "http://payment/charges"}),
    Kind("Choice", "goes one way or another", {"Choices": []}),
    Kind("Wait", "lets time pass", {"Seconds": 1}),
    Kind("Pass", "changes the data, or nothing", {}),
    Kind("Parallel", "does several things at once", {"Branches": []}),
    Kind("Map", "does the same for every item", {"ItemProcessor": {}}),
    Kind("Succeed", "ends well", {}),
    Kind("Fail", "ends badly, with an error", {"Error": "Failed", "Cause": ""}),
)
KIND_OF: Final = {kind.type: kind for kind in KINDS}


def new_state(type_: str, name: str) -> dict[str, Any]:
    """``name`` is the state's: what runs inside it is named after it."""
    state: dict[str, Any] = {"Type": type_, **KIND_OF[type_].fields}
    if type_ == "Parallel":
        state["Branches"] = [_inner(f"{name} left"), _inner(f"{name} right")]
    elif type_ == "Map":
        state["ItemProcessor"] = {"ProcessorConfig": {"Mode": "INLINE"}, **_inner(f"{name} item")}
    return state

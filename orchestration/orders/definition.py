"""The order's state machine as it is deployed: the definition file with settings filled in and practices taken out.

Pure but for reading the package's own definition file. Must not know how executions are run.
"""

import json
import math
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Final

from orchestration.asl.checking import check
from orchestration.asl.errors import DefinitionInvalid
from orchestration.asl.fields import MAX_SECONDS
from orchestration.asl.findings import Severity
from orchestration.asl.interpreter import Machine, load_machine
from services.commands import Refusal
from services.operations import PATH_OF, SERVICE_OF, Operation, is_undo
from services.practices import Practice, Practices

DEFINITION_FILE: Final = Path(__file__).parents[1] / "order_fulfilment.asl.json"
APPROVAL_STATE: Final = "Approval"
THRESHOLD_STATE: Final = "IsLarge"
GUARD_PREFIX: Final = "compensation:"

# An undo is retried for ever (DESIGN §3), three events a try; AWS's quota of 25,000 events would end it after days.
ORDER_HISTORY_LIMIT: Final = 1_000_000

RESOURCE_OF: Final = {operation: f"http://{SERVICE_OF[operation]}{PATH_OF[operation]}" for operation in Operation}
OPERATION_OF_RESOURCE: Final = {resource: operation for operation, resource in RESOURCE_OF.items()}

# Errors that are outcomes of the business: undoing what went before is the order's way, not a hardening; see decision
# 0018. A timeout of the approval is one since it is the deadline's doing, and ``deadlines`` is a practice of its own.
ACTION_OUTCOMES: Final = tuple(refusal.value for refusal in Refusal)
APPROVAL_OUTCOMES: Final = ("ApprovalRejected", "States.Timeout")
ANY_ERROR: Final = "States.ALL"


@cache
def _file_text() -> str:
    return DEFINITION_FILE.read_text(encoding="utf-8")


def order_machine(
    practices: Practices,
    *,
    time_scale: float,
    approval_threshold_cents: int,
    approval_timeout_s: float,
    call_timeout_s: float,
    guards_removed: Iterable[str] = (),
) -> dict[str, Any]:
    """The definition to deploy. Raises ``DefinitionInvalid`` when a setting makes it wrong.

    ``approval_timeout_s`` and ``call_timeout_s`` are real seconds, as in the other lane; every interval of the machine
    is multiplied by ``time_scale`` when a timer is set, so these two are divided by it here. An approval's deadline is
    cut off at the language's longest interval.
    """
    definition: dict[str, Any] = json.loads(_file_text())
    states: dict[str, dict[str, Any]] = definition["States"]
    for state in states.values():
        if state.get("Resource") in OPERATION_OF_RESOURCE:
            state["TimeoutSeconds"] = _whole_seconds(call_timeout_s / time_scale)
    states[APPROVAL_STATE]["TimeoutSeconds"] = _whole_seconds(approval_timeout_s / time_scale)
    states[THRESHOLD_STATE]["Choices"][0]["NumericGreaterThanEquals"] = approval_threshold_cents
    for operation in _removed_compensations(guards_removed):
        _remove_compensation(states, operation)
    _strip(states, practices)
    definition["States"] = _reachable(definition["StartAt"], states)
    for problem in check(definition):
        if problem.severity is Severity.ERROR:
            raise DefinitionInvalid(problem.message, problem.path)
    return definition


def load_order_machine(
    practices: Practices,
    *,
    time_scale: float,
    approval_threshold_cents: int,
    approval_timeout_s: float,
    call_timeout_s: float,
    guards_removed: Iterable[str] = (),
) -> Machine:
    """``order_machine``, ready to run."""
    definition = order_machine(
        practices,
        time_scale=time_scale,
        approval_threshold_cents=approval_threshold_cents,
        approval_timeout_s=approval_timeout_s,
        call_timeout_s=call_timeout_s,
        guards_removed=guards_removed,
    )
    return load_machine(definition, time_scale=time_scale, history_limit=ORDER_HISTORY_LIMIT)


def operation_of(definition: dict[str, Any], state: str) -> Operation | None:
    """Which operation of a service a state asks for; None for all other states."""
    return OPERATION_OF_RESOURCE.get(definition["States"].get(state, {}).get("Resource", ""))


def _whole_seconds(seconds: float) -> int:
    """The language has whole seconds only; rounded up, less what floating point adds."""
    return min(MAX_SECONDS, max(1, math.ceil(round(seconds, 6))))


def _removed_compensations(guards_removed: Iterable[str]) -> list[Operation]:
    names = [guard.removeprefix(GUARD_PREFIX) for guard in guards_removed if guard.startswith(GUARD_PREFIX)]
    return [Operation(name) for name in names]


def _remove_compensation(states: dict[str, dict[str, Any]], operation: Operation) -> None:
    """For the test that shows what the undo is for: it does nothing."""
    for name, state in states.items():
        if state.get("Resource") == RESOURCE_OF[operation]:
            states[name] = {"Comment": state.get("Comment", ""), "Type": "Pass", "Next": state["Next"]}


def _strip(states: dict[str, dict[str, Any]], practices: Practices) -> None:
    gone: list[str] = []
    if Practice.RETRIES not in practices:
        gone.append("Retry")
    if Practice.DEADLINES not in practices:
        gone += ["TimeoutSeconds", "HeartbeatSeconds"]
    for name, state in states.items():
        for field in gone:
            state.pop(field, None)
        if Practice.DEAD_LETTERS not in practices:
            _catch_only(state, _outcomes_of(name, state))


def _outcomes_of(name: str, state: dict[str, Any]) -> tuple[str, ...]:
    """An undo has none: one that is refused cannot go on without a person, whatever the reason."""
    if name == APPROVAL_STATE:
        return APPROVAL_OUTCOMES
    operation = OPERATION_OF_RESOURCE.get(state.get("Resource", ""))
    return () if operation is None or is_undo(operation) else ACTION_OUTCOMES


def _catch_only(state: dict[str, Any], outcomes: tuple[str, ...]) -> None:
    """Each of the outcomes goes where it went before; every other error now ends the execution."""
    kept: list[dict[str, Any]] = []
    left = list(outcomes)
    for rule in state.pop("Catch", ()):
        names = [name for name in left if name in rule["ErrorEquals"] or ANY_ERROR in rule["ErrorEquals"]]
        left = [name for name in left if name not in names]
        if names:
            kept.append({**rule, "ErrorEquals": names})
    if kept:
        state["Catch"] = kept


def _reachable(start: str, states: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """A state that nothing leads to is an error, and with a catcher taken out nothing may lead to some."""
    reached: set[str] = set()
    pending = [start]
    while pending:
        name = pending.pop()
        if name in reached:
            continue
        reached.add(name)
        state = states[name]
        pending += [state[field] for field in ("Next", "Default") if field in state]
        pending += [rule["Next"] for field in ("Choices", "Catch") for rule in state.get(field, [])]
    return {name: state for name, state in states.items() if name in reached}

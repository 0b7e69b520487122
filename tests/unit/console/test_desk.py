"""What became of a wait, read off each lane's own trail."""

from typing import Any

import pytest

from lab.console.desk import decision_in
from lab.mail.links import Choice


def entry(what: str, step: str | None = None) -> dict[str, Any]:
    return {"what": what, "step": step, "at": "2026-01-01T10:00:00Z"}


@pytest.mark.parametrize(
    ("entries", "choice"),
    [
        ([entry("OrderPlaced"), entry("ApprovalGranted")], Choice.APPROVE),
        ([entry("ApprovalRequested"), entry("ApprovalRejected")], Choice.REJECT),
        ([entry("ApprovalRequested"), entry("OrderExpired")], None),
        ([entry("TaskSucceeded", "Charge"), entry("TaskSucceeded", "Approval")], Choice.APPROVE),
        ([entry("TaskFailed", "Charge"), entry("TaskFailed", "Approval")], Choice.REJECT),
        ([entry("TaskSucceeded", "Charge"), entry("TaskTimedOut", "Approval")], None),
    ],
)
def test_the_decision_is_found_in_the_trail(entries: list[dict[str, Any]], choice: Choice | None) -> None:
    assert decision_in(entries) == (choice, "2026-01-01T10:00:00Z")


def test_a_wait_that_goes_on_has_no_decision() -> None:
    assert decision_in([entry("TaskFailed", "Charge"), entry("TaskScheduled", "Approval")]) is None

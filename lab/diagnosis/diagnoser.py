"""The scripted diagnoser: names what failed in an order, from whatever evidence it was given. Pure.

It is one script for every lane and every source: the last attempt of an action that is told to have failed is what the
order failed of. It must not know how a lane works.
"""

from typing import Final

from lab.diagnosis.evidence import Evidence, Fact
from lab.diagnosis.truth import Failure, Reason
from services.commands import Refusal
from services.operations import Operation, is_undo

_UNAVAILABLE: Final = ("unavailable", "503")
_NO_ANSWER: Final = ("noanswer", "timeout", "no answer", "connectionlost", "connection lost", "answer was lost")
_ORDER_UNDONE: Final = Refusal.ORDER_UNDONE.lower()
_REFUSED: Final = tuple(refusal.value.lower() for refusal in Refusal)


def diagnose(evidence: Evidence) -> Failure | None:
    """None: nothing that it was given tells of a failure."""
    failed = [fact for fact in evidence.facts if fact.error is not None and _is_cause(fact)]
    if not failed:
        return None
    last = max(failed, key=lambda fact: fact.at)
    # Whoever called may know less of the reason than who was called: the last one to say one is believed.
    errors = [
        fact.error
        for fact in sorted(failed, key=lambda fact: fact.at)
        if fact.operation == last.operation and fact.error
    ]
    reason = next((found for error in reversed(errors) if (found := reason_of(error)) is not None), None)
    if reason is None:
        return None
    return Failure(last.service, last.operation, reason, evidence.input)


def _is_cause(fact: Fact) -> bool:
    """An undo's failure is none, nor is an action that was refused since the order was being undone already."""
    late = _ORDER_UNDONE in (fact.error or "").lower()
    return not (is_undo(Operation(fact.operation)) or late)


def reason_of(error: str) -> Reason | None:
    """By the words of the error."""
    text = error.lower()
    for words, reason in (
        (_REFUSED, Reason.REFUSED),
        (_NO_ANSWER, Reason.NO_ANSWER),
        (_UNAVAILABLE, Reason.UNAVAILABLE),
    ):
        if any(word in text for word in words):
            return reason
    return None

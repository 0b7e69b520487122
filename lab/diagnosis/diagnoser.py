"""The scripted diagnoser: names what failed in an order, from whatever evidence it was given. Pure.

It is one script for every lane and every source: the last attempt of an action that is told to have failed is what the
order failed of. It must not know how a lane works.
"""

from typing import Final

from lab.diagnosis.evidence import Evidence, Fact
from lab.diagnosis.truth import Failure, Reason
from services.commands import Refusal
from services.operations import Operation, is_undo

_ORDER_UNDONE: Final = Refusal.ORDER_UNDONE.lower()
# The first that fits.
_WORDS: Final = {
    Reason.REFUSED: tuple(refusal.value.lower() for refusal in Refusal),
    Reason.NO_ANSWER: ("noanswer", "timeout", "no answer", "connectionlost", "connection lost", "answer was lost"),
    Reason.UNAVAILABLE: ("unavailable", "503"),
}


def diagnose(evidence: Evidence) -> Failure | None:
    """None: nothing that it was given tells of a failure."""
    failed = [fact for fact in evidence.facts if fact.error is not None and _is_cause(fact)]
    if not failed:
        return None
    last = max(failed, key=lambda fact: fact.at)
    # Whoever called may know less of the reason than who was called: the last one to say one is believed.
    newest_first = sorted(failed, key=lambda fact: fact.at, reverse=True)
    reasons = (reason_of(fact.error or "") for fact in newest_first if fact.operation == last.operation)
    reason = next((found for found in reasons if found is not None), None)
    return None if reason is None else Failure(last.service, last.operation, reason, evidence.input)


def _is_cause(fact: Fact) -> bool:
    """An undo's failure is none, nor is an action that was refused since the order was being undone already."""
    late = _ORDER_UNDONE in (fact.error or "").lower()
    return not (is_undo(Operation(fact.operation)) or late)


def reason_of(error: str) -> Reason | None:
    """By the words of the error."""
    text = error.lower()
    return next((reason for reason, words in _WORDS.items() if any(word in text for word in words)), None)

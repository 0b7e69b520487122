"""What a listener does about a command that failed: a plain decision.

Only ``AttemptFailed`` and the wait differ from one try to the next; the numbers are those of ``services.retry``.
"""

from dataclasses import dataclass

from services.errors import KeyReused, NoAnswer, TechnicalError, Unstorable
from services.operations import Operation, is_undo
from services.practices import Practice, Practices
from services.retry import ACTION_RETRY, UNDO_RETRY

LOST_REPLY = "lost_reply"
HANG = "hang"


@dataclass(frozen=True)
class LeaveUnacknowledged:
    """The effect is there and only the acknowledgement is lost: the broker delivers the message again by itself."""


@dataclass(frozen=True)
class TryAgain:
    wait_s: float
    attempt: int


@dataclass(frozen=True)
class GiveUp:
    """``certain``: the failure is no technical one, another try can only fail the same way."""

    attempt: int
    certain: bool


AfterFailure = LeaveUnacknowledged | TryAgain | GiveUp


@dataclass(frozen=True)
class RetryRules:
    """What does not change from failure to failure."""

    practices: Practices
    time_scale: float
    call_timeout_s: float


def after_failure(
    error: Exception, operation: Operation, *, deliveries: int, u: float, rules: RetryRules
) -> AfterFailure:
    """``deliveries`` counts this one; ``u`` in [0, 1) is a fresh random number for the jitter."""
    attempt = error.attempt if isinstance(error, TechnicalError) else deliveries
    if isinstance(error, NoAnswer) and error.kind == LOST_REPLY:
        return LeaveUnacknowledged()
    if isinstance(error, KeyReused | Unstorable):
        return GiveUp(attempt, certain=True)
    policy = (UNDO_RETRY if is_undo(operation) else ACTION_RETRY).scaled(rules.time_scale)
    retries_made = attempt - 1
    if Practice.RETRIES not in rules.practices or not policy.may_retry(retries_made):
        return GiveUp(attempt, certain=False)
    unanswered_s = rules.call_timeout_s if isinstance(error, NoAnswer) and error.kind == HANG else 0.0
    return TryAgain(unanswered_s + policy.wait_s(retries_made, u), attempt)

"""The manager's desk: who waits in each lane, a decision taken, and what became of one that is over.

It asks the lanes, which alone know whether a wait is over. It must not know mails or pages.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from urllib.parse import quote

from lab.console.backend import Backend, LaneBackend
from lab.errors import BadInput, OutOfReach
from lab.mail.letters import Wait
from lab.mail.links import Choice, Link

_SAYS_NO: Final = frozenset({"ApprovalRejected", "TaskFailed"})
_SAYS_YES: Final = frozenset({"ApprovalGranted", "TaskSucceeded"})
_SAYS_LATE: Final = frozenset({"OrderExpired", "TaskTimedOut"})
_STATE: Final = "Approval"
STRANGE: Final = "The lane knows nothing of it: perhaps it was started anew since the mail was sent."


class Outcome(StrEnum):
    """What a click came to."""

    WAITS = "waiting"
    DECIDED = "done"
    REPEATED = "decided before"
    OPPOSITE = "the opposite was decided"
    TOO_LATE = "too late"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Told:
    """``says`` is a sentence for a person; ``order_status`` where the order stands now."""

    outcome: Outcome
    says: str
    order_status: str = ""


async def waits_in(lane: LaneBackend) -> list[Wait]:
    found = await lane.json("GET", "door", "/approvals")
    return [Wait(lane.name, each["order_id"], each["token"], each["total_cents"], each["since"]) for each in found]


async def standing(backend: Backend, link: Link) -> Told:
    """Where the wait stands, without deciding anything."""
    lane = backend.lane(link.lane)
    if any(wait.token == link.token for wait in await waits_in(lane)):
        return Told(Outcome.WAITS, "It waits for your decision.", "waiting_for_approval")
    return await _over(lane, link, Outcome.TOO_LATE)


async def decide(backend: Backend, link: Link, comment: str) -> Told:
    """Take the decision, once. Raises ``OutOfReach`` when it is not known whether it was taken: do it again."""
    lane = backend.lane(link.lane)
    body = {"decision": str(link.choice), "comment": comment}
    answer = await lane.ask("POST", "door", f"/approvals/{quote(link.token, safe='')}", body)
    if answer.status >= 500:
        raise OutOfReach(f"{link.lane}: {answer.problem()}")
    if answer.status == 200 and answer.body.get("decided") == "accepted":
        return Told(Outcome.DECIDED, f"You {_past(link.choice)} it. {_consequence(link.choice)}")
    if answer.status == 200:
        return await _over(lane, link, Outcome.REPEATED)
    if answer.status == 404:
        return Told(Outcome.UNKNOWN, STRANGE)
    return await _over(lane, link, Outcome.OPPOSITE if answer.status == 409 else Outcome.TOO_LATE)


async def _over(lane: LaneBackend, link: Link, outcome: Outcome) -> Told:
    try:
        trail = await lane.trail(link.order_id)
    except BadInput:
        return Told(Outcome.UNKNOWN, STRANGE)
    ended = decision_in(trail["entries"])
    if ended is None:
        return Told(outcome, "Nobody waits for this decision any more. Nothing was changed.", trail["status"])
    choice, at = ended
    what = "nobody decided in time, and the wait ended" if choice is None else f"it was {_past(choice)}"
    if outcome is Outcome.TOO_LATE and choice is not None:
        outcome = Outcome.REPEATED if choice is link.choice else Outcome.OPPOSITE
    says = f"This is over: {what} at {at[:19].replace('T', ' ')}. Nothing was changed now."
    return Told(outcome, says, trail["status"])


def decision_in(entries: Iterable[dict[str, Any]]) -> tuple[Choice | None, str] | None:
    """What ended the wait, and when; no choice: time did. Plain."""
    for entry in entries:
        of_wait = entry.get("step") == _STATE or not str(entry["what"]).startswith("Task")
        if not of_wait:
            continue
        if entry["what"] in _SAYS_YES:
            return Choice.APPROVE, entry["at"]
        if entry["what"] in _SAYS_NO:
            return Choice.REJECT, entry["at"]
        if entry["what"] in _SAYS_LATE:
            return None, entry["at"]
    return None


def _past(choice: Choice) -> str:
    return "approved" if choice is Choice.APPROVE else "rejected"


def _consequence(choice: Choice) -> str:
    return "Its label is printed now." if choice is Choice.APPROVE else "What was done for it is undone now."

"""The checks of lessons 1 to 8 and 10: what orders did, in which lane, and how their books stand. Pure."""

from collections.abc import Callable
from itertools import pairwise
from typing import Final

from lab.story import instant
from lab.workshop.evidence import SeenLab, SeenLane, SeenOrder
from lab.workshop.finding import Finding, InLane, first_order, together
from services.trail import OrderStatus, TrailEntry

CHOREOGRAPHY, ORCHESTRATION = "choreography", "orchestration"
UNDO_EVENTS: Final = ("LabelVoided", "InventoryReleased", "PaymentRefunded")
STATES: Final = ("Charge", "Reserve", "IsLarge", "PrintLabel")
MOST_TRIES: Final = 4
PUT_OUT: Final = "charged_not_shipped"


def megaphone(lab: SeenLab) -> Finding:
    """Lesson 1: each service heard the one before it."""

    def told(order: SeenOrder) -> str | None:
        by_id = {entry.id: entry for entry in order.moments if entry.id}
        heard = [
            f"{entry.service} heard {by_id[entry.cause].what} and told {entry.what}"
            for entry in order.moments
            if entry.cause in by_id and entry.service != by_id[entry.cause].service
        ]
        return "; ".join(heard) if order.status is OrderStatus.FULFILLED and len(heard) >= 3 else None

    return together(
        [first_order(lab.lane(CHOREOGRAPHY), told, "orders that ended fulfilled, each event caused by another's")],
        "a fulfilled order of the choreography in which three services reacted, each to the event of the one before",
        "place an order: lab order --lane choreography --wait",
    )


def out_of_ink(lab: SeenLab) -> Finding:
    """Lesson 2: without practices, the customer pays for nothing, in either lane."""

    def told(order: SeenOrder) -> str | None:
        if PUT_OUT not in order.anomalies or not order.met("broken", "print_label"):
            return None
        return f"charged {cents(order, 'charge')}, no label, nothing undone: the auditor calls it {PUT_OUT}"

    naive = all({"retries", "dead_letters", "deadlines"} <= lane.off for lane in lab.both())
    first = "" if naive else "this lab has practices on: lab down; lab up --detach --fresh --practices naive; "
    return together(
        [first_order(lane, told, f"orders that met the broken printer and ended {PUT_OUT}") for lane in lab.both()],
        "in each lane an order that was paid, never shipped, and never undone",
        f"{first}lab fault shipping broken --operation print_label; lab order --wait --timeout 5; lab audit --wait",
    )


def who_undoes(lab: SeenLab) -> Finding:
    """Lesson 3: every service heard that shipping failed, and undid its own part."""

    def told(order: SeenOrder) -> str | None:
        tries = len(order.met("broken", "print_label"))
        undone = {entry.what: entry.service for entry in order.moments if entry.what in UNDO_EVENTS}
        if not tries or tuple(undone) != UNDO_EVENTS or not clean_rollback(order):
            return None
        who = ", ".join(f"{service} told {what}" for what, service in undone.items())
        return f"{tries} tries at the label; then {who}; charged and refunded {cents(order, 'refund')}"

    return together(
        [first_order(lab.lane(CHOREOGRAPHY), told, "orders that met the broken printer and were undone by all three")],
        "an order of the choreography that met the broken printer, and was undone by each service for itself",
        "lab fault shipping broken --operation print_label --lane choreography; lab order --lane choreography --wait",
    )


def conductor(lab: SeenLab) -> Finding:
    """Lesson 4: one process decided each step, and one store tells it."""

    def told(order: SeenOrder) -> str | None:
        entered = [entry.step for entry in order.moments if entry.what.endswith("StateEntered")]
        stores = {entry.store for entry in order.moments}
        if order.status is not OrderStatus.FULFILLED or not set(STATES) <= set(entered) or len(stores) != 1:
            return None
        return f"{' → '.join(map(str, entered))}; {len(order.moments)} events, all told by {stores.pop()}"

    return together(
        [first_order(lab.lane(ORCHESTRATION), told, "orders that ended fulfilled")],
        "a fulfilled order of the orchestration, each of whose steps is in the conductor's own history",
        "place an order: lab order --lane orchestration --wait",
    )


def retry(lab: SeenLab) -> Finding:
    """Lesson 5: two failures that nobody outside noticed."""

    def told(order: SeenOrder) -> str | None:
        failed = order.met("error", "print_label")
        done = [effect for effect in order.effects if effect.operation == "print_label"]
        if order.status is not OrderStatus.FULFILLED or len(failed) < 2 or len(done) != 1:
            return None
        instants = [*(fault.at_s for fault in failed), done[0].at_s]
        waits = " and ".join(f"{later - earlier:.2f} s" for earlier, later in pairwise(instants))
        return f"{len(failed)} tries at the label failed, try {done[0].attempt} printed it; waits {waits}"

    return together(
        [first_order(lane, told, "orders whose label failed twice and was then printed") for lane in lab.both()],
        "in each lane an order whose label was printed once, after two tries that failed",
        "lab fault shipping error --operation print_label --attempts 2; lab order --wait",
    )


def manager(lab: SeenLab) -> Finding:
    """Lesson 6: an order waited for a person, and went on."""

    def told(order: SeenOrder) -> str | None:
        asked, answered = _asked(order), _answered(order, "approve")
        labels = [effect.at_s for effect in order.effects if effect.operation == "print_label"]
        if order.status is not OrderStatus.FULFILLED or asked is None or answered is None or len(labels) != 1:
            return None
        if labels[0] < answered:
            return None
        return f"asked, waited {answered - asked:.1f} s for a yes, and printed its label only then"

    return together(
        [first_order(lane, told, "orders that a manager approved") for lane in lab.both()],
        "in each lane an order that waited for a manager, was approved, and was labelled only after that",
        "lab order --large --id dear; then lab approve dear (lab approvals lists what waits)",
    )


def undo_button(lab: SeenLab) -> Finding:
    """Lesson 7: a manager's no, and everything undone in the reverse order."""

    def told(order: SeenOrder) -> str | None:
        if _answered(order, "reject") is None or not clean_rollback(order) or order.count("print_label"):
            return None
        done = [effect.operation for effect in sorted(order.effects, key=lambda effect: effect.at_s)]
        in_order = [each for each in done if each in ("charge", "reserve", "release", "refund")]
        return " → ".join(in_order) if in_order == ["charge", "reserve", "release", "refund"] else None

    return together(
        [first_order(lane, told, "orders that a manager rejected, undone in the reverse order") for lane in lab.both()],
        "in each lane an order that a manager rejected: released, then refunded, and no label ever printed",
        "lab order --large --id regretted; then lab reject regretted",
    )


def lost_replies(lab: SeenLab) -> Finding:
    """Lesson 8: the same lost reply, with the idempotency records and without."""

    def once(order: SeenOrder) -> str | None:
        if not order.met("lost_reply", "charge") or order.count("charge") != 1:
            return None
        return f"its first answer was lost, payment was asked again, and charged once: {cents(order, 'charge')}"

    def twice(order: SeenOrder) -> str | None:
        if not order.met("lost_reply", "charge") or "double_charge" not in order.anomalies:
            return None
        return f"its first answer was lost, and the customer was charged {order.count('charge')} times: double_charge"

    return together(
        [_settled(lane, once, "orders that lost a reply and were charged once") for lane in lab.both()]
        + [first_order(lane, twice, "orders that lost a reply and were charged twice") for lane in lab.both()],
        "in each lane an order that lost a reply and was charged once, and another that was charged twice",
        "lab fault payment lost_reply --operation charge --attempts 1; lab order; this check; then lab down;"
        " lab up --detach --practices hardened,-idempotency (not --fresh); and another lab order",
    )


def _settled(lane: SeenLane, tell: Callable[[SeenOrder], str | None], what: str) -> InLane:
    """Of an order whose event is still to come again nobody knows how often it will have been charged."""
    if lane.unacknowledged:
        return InLane(False, f"{lane.lane}: {what}: the broker is still to deliver an event again; look again soon")
    return first_order(lane, tell, what)


def stuck(lab: SeenLab) -> Finding:
    """Lesson 10: an undo that could not be done was parked, found, and put right by a person."""

    def told(order: SeenOrder) -> str | None:
        parked = [instant(entry.at) for entry in order.moments if _is_parked(entry)]
        if not parked or not any(map(_is_resumed, order.moments)) or not clean_rollback(order):
            return None
        waited = (order.finished_s or 0.0) - parked[0]
        return f"it was parked for {waited:.0f} s; now {order.status}, and refunded {cents(order, 'refund')}"

    return together(
        [first_order(lane, told, "orders that were parked and have since been undone") for lane in lab.both()],
        "in each lane an order that was parked, and is rolled back with clean books since a person had it tried again",
        "lab orders --status parked tells which; lab why ORDER why; then lab repair and lab dead-letters replay ORDER",
    )


def clean_rollback(order: SeenOrder) -> bool:
    return order.status is OrderStatus.ROLLED_BACK and order.count("refund") == 1 and not order.anomalies


def cents(order: SeenOrder, operation: str) -> str:
    """The money that an operation moved, in the currency's own unit."""
    return f"{sum(each.amount_cents for each in order.effects if each.operation == operation) / 100:.2f}"


def _asked(order: SeenOrder) -> float | None:
    """When the manager was asked, as either lane tells it."""
    return next(
        (
            instant(entry.at)
            for entry in order.moments
            if entry.what == "ApprovalRequested" or (entry.what == "TaskScheduled" and entry.step == "Approval")
        ),
        None,
    )


def _answered(order: SeenOrder, decision: str) -> float | None:
    """When the manager answered so."""
    event = {"approve": "ApprovalGranted", "reject": "ApprovalRejected"}[decision]
    end = {"approve": "TaskSucceeded", "reject": "TaskFailed"}[decision]
    return next(
        (
            instant(entry.at)
            for entry in order.moments
            if entry.what == event or (entry.what == end and entry.step == "Approval")
        ),
        None,
    )


def _is_parked(entry: TrailEntry) -> bool:
    """An undo that failed for good: a dead letter, or a state that waits for a person."""
    if entry.what.startswith("DeadLetter"):
        return (entry.error or "").startswith("undo_failed")
    return (entry.step or "").endswith("Parked") and entry.what == "TaskScheduled"


def _is_resumed(entry: TrailEntry) -> bool:
    """A person had it tried again."""
    return entry.what == "DeadLetter (replayed)" or (
        (entry.step or "").endswith("Parked") and entry.what == "TaskSucceeded"
    )

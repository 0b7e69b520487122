"""Whether what a lane did to an order had its grounds: a manager's yes before a label, a cause before a rollback. Pure.

Books can be right without: a lane that rolls every order back leaves clean ledgers. What counts as a ground is what
was done to the lane (faults, lost processes, the manager's answers) and what its ledgers show. The lane's own reason
must be there too, but is never a ground by itself. It must not know how a lane works.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from lab.auditor import AcceptedOrder, Effect, StockLevel
from lab.auditor.books import fold
from loadtests.manager import Desk
from loadtests.workload import Decision
from services.commands import Refusal
from services.faults.plan import FaultKind
from services.operations import Operation, is_undo
from services.trail import OrderStatus

ANSWERED: Final = 200
# How long before its time is up an answer may come too late: the manager asks now and then only.
ASKING_S: Final = 1.0
# A lane that names one of these (spaces and case aside) says no for the business: a lost process explains none of them.
BUSINESS_REASONS: Final = (Refusal.CARD_DECLINED.lower(), Refusal.OUT_OF_STOCK.lower(), "approvalrejected")


class Breach(StrEnum):
    """What an order met that had no ground."""

    ROLLED_BACK_WITHOUT_REASON = "rolled_back_without_reason"
    SHIPPED_AGAINST_DECISION = "shipped_against_decision"
    SHIPPED_WITHOUT_APPROVAL = "shipped_without_approval"


@dataclass(frozen=True)
class Grounds:
    """What is known of one lane. ``lost_lives``: processes of the lane that ended and were started again."""

    desk: Desk
    effects: Mapping[str, Iterable[Effect]]
    stock: Mapping[str, StockLevel]
    stories: Mapping[str, str | None]
    reasons: Mapping[str, str | None]
    injected: Mapping[str, Sequence[Mapping[str, Any]]]  # the services' ground truth
    lost_lives: int = 0
    needing_approval: frozenset[str] = field(default_factory=frozenset)
    approval_timeout_s: float | None = None  # None: longer than any run

    @property
    def processes_died(self) -> bool:
        crashed = any(row["kind"] == FaultKind.CRASH for rows in self.injected.values() for row in rows)
        return crashed or self.lost_lives > 0


def breaches(grounds: Grounds, orders: Iterable[AcceptedOrder]) -> dict[str, tuple[Breach, ...]]:
    """By order, only for orders that show any."""
    live = {order_id for order_id, books in fold(grounds.effects, {}).items() if books.live_labels}
    lowest = lowest_levels(grounds.effects.get("warehouse", ()), grounds.stock)
    faulty = _orders_with_faulty_actions(grounds.injected)
    found = {}
    for order in orders:
        own = []
        if grounds.stories.get(order.order_id) == OrderStatus.ROLLED_BACK and not _had_cause(
            grounds, order, faulty, lowest
        ):
            own.append(Breach.ROLLED_BACK_WITHOUT_REASON)
        if order.order_id in live:
            own += _of_the_decision(grounds, order.order_id)
        if own:
            found[order.order_id] = tuple(own)
    return found


def _of_the_decision(grounds: Grounds, order_id: str) -> list[Breach]:
    """Of a shipped order. A yes whose answer was lost may have been heard: it counts for the lane."""
    desk = grounds.desk
    decision = desk.decisions.get(order_id)
    settled = desk.answered.get(order_id) == ANSWERED
    if decision is not None and settled and not decision.approve:
        return [Breach.SHIPPED_AGAINST_DECISION]
    approved = decision is not None and decision.approve and (settled or order_id in desk.unsure)
    if order_id in grounds.needing_approval and not approved:
        return [Breach.SHIPPED_WITHOUT_APPROVAL]
    return []


def _had_cause(grounds: Grounds, order: AcceptedOrder, faulty: set[str], lowest: Mapping[str, int]) -> bool:
    reason = grounds.reasons.get(order.order_id)
    if not reason:
        return False
    decision = grounds.desk.decisions.get(order.order_id)
    heard = order.order_id in grounds.desk.answered or order.order_id in grounds.desk.unsure
    if decision is not None and not decision.approve and heard:
        return True
    if decision is not None and _out_of_time(decision, grounds.approval_timeout_s):
        return True
    if order.order_id in faulty or _may_have_run_short(order, lowest):
        return True
    return grounds.processes_died and not _for_the_business(reason)


def _out_of_time(decision: Decision, timeout_s: float | None) -> bool:
    """Whether the plan had the manager think for longer than the lane had to wait."""
    if timeout_s is None:
        return False
    return decision.answers == "never" or decision.delay_s >= timeout_s - ASKING_S


def _for_the_business(reason: str) -> bool:
    return reason.replace(" ", "").lower().startswith(BUSINESS_REASONS)


def _orders_with_faulty_actions(injected: Mapping[str, Sequence[Mapping[str, Any]]]) -> set[str]:
    """A fault of an undo step is no cause: the order was being rolled back already."""
    return {row["order_id"] for rows in injected.values() for row in rows if not is_undo(Operation(row["operation"]))}


def _may_have_run_short(order: AcceptedOrder, lowest: Mapping[str, int]) -> bool:
    return any(quantity > lowest.get(sku, 0) for sku, quantity, _ in order.lines)


def lowest_levels(ledger: Iterable[Effect], stock: Mapping[str, StockLevel]) -> dict[str, int]:
    """The fewest pieces of each product that the shelf ever had to offer, by the warehouse's own ledger."""
    left = {sku: level.seeded for sku, level in stock.items()}
    lowest = dict(left)
    for effect in sorted(ledger, key=lambda each: each.seq):
        sign = 1 if effect.operation == Operation.RELEASE else -1
        for sku, quantity in effect.lines:
            left[sku] = left.get(sku, 0) + sign * quantity
            lowest[sku] = min(lowest.get(sku, 0), left[sku])
    return lowest

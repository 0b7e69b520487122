"""How long undoing took, by the facts of the ledgers, which mean the same in every lane. Pure.

Times are seconds after ``start``, the trial's first planned moment (epoch).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lab.experiment.records import ENDED_WELL, OrderRow
from lab.scenario import Scenario
from lab.story import instant
from loadtests.workload import PlannedOrder
from services.operations import Operation, is_undo

Rows = Iterable[Mapping[str, Any]]  # of one service


def undoing_s(row: OrderRow, horizon_s: float) -> float | None:
    """From the first failure to the last undo; of an undoing that never ended, to the horizon. None: nothing undone."""
    if row.failed_s is None or row.last_undo_s is None:
        return None
    return max(0.0, (row.last_undo_s if row.outcome in ENDED_WELL else horizon_s) - row.failed_s)


def overdue_s(
    scenario: Scenario,
    orders: Iterable[PlannedOrder],
    rows: Iterable[OrderRow],
    ledgers: Iterable[Rows],
    start: float,
    horizon_s: float,
) -> Iterator[float]:
    """From the moment at which the manager's time was up to the last undo, of orders whose manager answers too late."""
    timeout_s = scenario.conditions.approval_timeout_s
    decisions = {order.order_id: order.decision for order in orders}
    asked = _last_effects_before_undo(ledgers, start)
    for row in rows:
        decision = decisions[row.order_id]
        if timeout_s is None or decision is None or row.placed != "accepted" or row.outcome == "fulfilled":
            continue
        if decision.answers == "never" or decision.delay_s >= timeout_s:
            undone_s = row.last_undo_s if row.outcome == "rolled_back" else None
            yield (horizon_s if undone_s is None else undone_s) - (asked.get(row.order_id, row.planned_s) + timeout_s)


def _last_effects_before_undo(ledgers: Iterable[Rows], start: float) -> dict[str, float]:
    """By order that was undone; after this effect, the next step said no, or nothing."""
    found: dict[str, float] = {}
    for order_id, effects in _by_order(ledgers).items():
        undos = [instant(row["at"]) for row in effects if is_undo(Operation(row["operation"]))]
        if undos:
            before = [instant(row["at"]) for row in effects if not is_undo(Operation(row["operation"]))]
            found[order_id] = max((at for at in before if at <= min(undos)), default=min(undos)) - start
    return found


def first_failures(ledgers: Iterable[Rows], injected: Iterable[Rows], start: float) -> dict[str, float]:
    """By order that was undone: its first injected fault, or else its last effect before the first undo.

    Both are facts of the ledgers and mean the same in every lane.
    """
    found = _last_effects_before_undo(ledgers, start)
    for order_id, faults in _by_order(injected).items():
        if order_id in found:
            found[order_id] = min(found[order_id], *(instant(row["at"]) - start for row in faults))
    return found


def _by_order(ledgers: Iterable[Rows]) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for ledger in ledgers:
        for row in ledger:
            found[row["order_id"]].append(row)
    return found

"""The verdict on one run of a lane: what the auditor found, beside the figures on speed, retries, recovery and stories.

Pure. The same figures, in the same order and words, for every lane.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from lab.auditor import Audit, Evidence, accepted_order, audit
from lab.auditor.anomalies import BookOutcome
from lab.grounds import Breach, Grounds, breaches
from lab.scenario import Scenario
from lab.trial import LaneRun, Run
from loadtests.open_loop import LATE_AFTER_S, Placing
from loadtests.workload import PlannedOrder
from services.operations import UNDOES
from services.settings import Settings
from services.trail import OrderStatus

BEYOND: Final = "> horizon"
# Figures that must be nought in a clean run, whatever was broken.
NEVER: Final = (
    "orders_refused",
    "orders_unanswered",
    Breach.SHIPPED_AGAINST_DECISION,
    Breach.SHIPPED_WITHOUT_APPROVAL,
)


@dataclass(frozen=True)
class OrderRow:
    """One order in one lane, so that the verdict can be checked by hand. Times in seconds after the start."""

    order_id: str
    planned_s: float
    placing: str
    tries: int
    story: str | None
    books: str | None
    anomalies: tuple[str, ...]
    finished_s: float | None
    total_cents: int
    needs_approval: bool
    breaches: tuple[str, ...] = ()

    @property
    def latency_s(self) -> float | None:
        """From the planned arrival to the lane's durable end; None where it has not ended."""
        return None if self.finished_s is None else self.finished_s - self.planned_s


@dataclass(frozen=True)
class Verdict:
    """One lane under one preset."""

    lane: str
    audit: Audit
    rows: tuple[OrderRow, ...]
    figures: dict[str, Any]

    @property
    def clean(self) -> bool:
        """Right books are not enough: a lane that does nothing has them too.

        No valid order was refused or left unanswered, each had one of the two outcomes by its story, at least one was
        fulfilled, none was shipped past the manager. None was rolled back without a known cause either, unless
        processes were broken: then not every cause is on record.
        """
        figures = self.figures
        worked = not figures["orders_planned"] or self.audit.outcome_counts()[BookOutcome.FULFILLED] > 0
        caused = figures["machinery_disturbed"] or not figures[Breach.ROLLED_BACK_WITHOUT_REASON]
        failed = figures["stories"].get(OrderStatus.FAILED, 0)
        return self.audit.clean and worked and caused and not failed and not any(figures[name] for name in NEVER)

    def to_json(self) -> dict[str, Any]:
        return {**self.audit.to_json(), "clean": self.clean, **self.figures}


def judge(run: Run, lane_run: LaneRun, orders: Sequence[PlannedOrder], scenario: Scenario) -> Verdict:
    """Audit one lane of a run, and work out its figures."""
    bodies = {order.order_id: accepted_order(order.body) for order in orders}
    by_placing = {
        placing: [bodies[each.order_id] for each in lane_run.placements if each.placing is placing]
        for placing in Placing
    }
    found = audit(
        Evidence(
            accepted=by_placing[Placing.ACCEPTED],
            unanswered=by_placing[Placing.UNANSWERED],
            effects=lane_run.effects,
            stock=lane_run.stock,
            stories=lane_run.stories,
        )
    )
    needing = frozenset(each.order_id for each in bodies.values() if each.total_cents >= threshold_cents(scenario))
    grounds = grounds_of(lane_run, needing, scenario.conditions.approval_timeout_s)
    broken = breaches(grounds, bodies.values())
    rows = _rows(run, lane_run, orders, found, needing, broken)
    counted = Counter(breach for each in broken.values() for breach in each)
    figures = {
        "orders_planned": len(orders),
        "orders_refused": len(by_placing[Placing.REFUSED]),
        "orders_unanswered": len(by_placing[Placing.UNANSWERED]),
        "stories": dict(Counter(story or "unknown" for story in lane_run.stories.values())),
        **{breach.value: counted[breach] for breach in Breach},
        "machinery_disturbed": bool(scenario.machinery or scenario.links) or grounds.processes_died,
        "approvals_answered": len(lane_run.desk.answered),
        "placing_tries": sum(each.tries for each in lane_run.placements),
        "late_departures": sum(each.late_s > LATE_AFTER_S for each in lane_run.placements),
        "latency": latency_figures(rows),
        "retries": round(lane_run.counters.get("lab_retries_total", 0.0)),
        "dead_letters": round(lane_run.counters.get("lab_dead_letters_total", 0.0)),
        "compensations": compensations(lane_run),
        "recovery": recovery(rows, scenario.cleared_at_s),
        "story_cost": story_cost(lane_run.trails),
        "faults_injected": faults_injected(lane_run.injected),
        "came_to_rest": lane_run.rested,
        "seconds": round(run.ended_at - run.starts_at, 1),
        "peak_rss_mib": round(lane_run.peak_rss_bytes / 2**20),
        "cpu_ms_per_order": round(1000 * lane_run.cpu_s / max(1, len(orders)), 1),
    }
    return Verdict(lane_run.lane, found, rows, figures)


def threshold_cents(scenario: Scenario) -> int:
    """From which total on an order needs a manager's yes, as the lanes were told."""
    told = scenario.conditions.approval_threshold_cents
    return Settings.model_construct().approval_threshold_cents if told is None else told


def grounds_of(lane_run: LaneRun, needing_approval: frozenset[str], approval_timeout_s: float | None = None) -> Grounds:
    return Grounds(
        desk=lane_run.desk,
        effects=lane_run.effects,
        stock=lane_run.stock,
        stories=lane_run.stories,
        reasons=lane_run.reasons,
        injected=lane_run.injected,
        lost_lives=lane_run.lost_lives,
        needing_approval=needing_approval,
        approval_timeout_s=approval_timeout_s,
    )


def _rows(
    run: Run,
    lane_run: LaneRun,
    orders: Sequence[PlannedOrder],
    found: Audit,
    needing_approval: frozenset[str],
    broken: Mapping[str, Sequence[Breach]],
) -> tuple[OrderRow, ...]:
    placements = {each.order_id: each for each in lane_run.placements}
    rows = []
    for order in orders:
        placement = placements[order.order_id]
        ended = lane_run.outcomes.ended.get(order.order_id)
        rows.append(
            OrderRow(
                order_id=order.order_id,
                planned_s=order.at_s,
                placing=placement.placing,
                tries=placement.tries,
                story=lane_run.stories.get(order.order_id),
                books=found.outcomes.get(order.order_id),
                anomalies=tuple(found.anomalies.get(order.order_id, ())),
                finished_s=_epoch(ended.finished_at) - run.starts_at if ended else None,
                total_cents=order.body["total_cents"],
                needs_approval=order.order_id in needing_approval,
                breaches=tuple(broken.get(order.order_id, ())),
            )
        )
    return tuple(rows)


def _epoch(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()


def latency_figures(rows: Sequence[OrderRow]) -> dict[str, Any]:
    """Of the fulfilled orders and of those rolled back, apart: how fast is one thing, how many came through another.

    An order with neither outcome counts as infinitely slow in both, as nobody can say which it missed: who loses the
    slow ones is not faster. Orders that wait for a manager are left out: they would measure the manager.
    """
    measured = [row for row in rows if not row.needs_approval]
    endless = sum(not _has_outcome(row) for row in measured)
    return {
        "unfinished": sum(row.latency_s is None for row in rows),
        "without_outcome": endless,
        **{
            outcome.value: _latencies([row for row in measured if row.story == outcome], endless)
            for outcome in (OrderStatus.FULFILLED, OrderStatus.ROLLED_BACK)
        },
    }


def _has_outcome(row: OrderRow) -> bool:
    return row.latency_s is not None and row.story in (OrderStatus.FULFILLED, OrderStatus.ROLLED_BACK)


def _latencies(rows: Sequence[OrderRow], endless: int) -> dict[str, Any]:
    ended = sorted(row.latency_s for row in rows if row.latency_s is not None)
    ordered = [*ended, *[math.inf] * endless]
    return {
        "orders": len(ended),
        "p50_ms": _ms(percentile(ordered, 0.50)),
        "p99_ms": _ms(percentile(ordered, 0.99)),
        "max_ms": _ms(ordered[-1] if ordered else None),
    }


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """The nearest-rank percentile of a sorted sequence; None of an empty one."""
    if not ordered:
        return None
    return ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))]


def _ms(seconds: float | None) -> float | str | None:
    """None: nothing to measure. Infinity is said in words, as JSON has no number for it."""
    if seconds is None:
        return None
    return BEYOND if seconds == math.inf else round(1000 * seconds, 1)


def compensations(lane_run: LaneRun) -> dict[str, int]:
    """Undo effects by operation, from the ledgers."""
    counted = Counter(effect.operation for effects in lane_run.effects.values() for effect in effects)
    return {undo.value: counted[undo.value] for undo in UNDOES}


def recovery(rows: Sequence[OrderRow], cleared_at_s: float | None) -> dict[str, Any]:
    """From the last planned repair until the last order that was due before it has ended, managers' thinking left out.

    ``seconds`` is None where some never ended (``unrecovered`` says how many), or where no fault had an end.
    """
    if cleared_at_s is None:
        return {"seconds": None, "unrecovered": 0}
    due = [row for row in rows if row.planned_s < cleared_at_s and not row.needs_approval]
    open_orders = sum(row.finished_s is None for row in due)
    last = max((row.finished_s for row in due if row.finished_s is not None), default=cleared_at_s)
    return {
        "seconds": None if open_orders else round(max(0.0, last - cleared_at_s), 2),
        "unrecovered": open_orders,
    }


def story_cost(trails: Mapping[str, dict[str, Any] | None]) -> dict[str, Any]:
    """How many stores and queries it took to tell the stories of orders that did not just succeed."""
    told = [trail for trail in trails.values() if trail is not None]
    stores = sorted(len(trail["stores"]) for trail in told)
    queries = sorted(trail["queries"] for trail in told)
    return {
        "orders_asked": len(trails),
        "orders_told": len(told),
        "stores_median": percentile(stores, 0.5),
        "stores_most": stores[-1] if stores else None,
        "queries_median": percentile(queries, 0.5),
        "queries_most": queries[-1] if queries else None,
        "entries_median": percentile(sorted(len(trail["entries"]) for trail in told), 0.5),
    }


def faults_injected(injected: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, int]:
    """By kind, from the services' own ground truth."""
    return dict(sorted(Counter(row["kind"] for rows in injected.values() for row in rows).items()))

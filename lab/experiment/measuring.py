"""From what one lane showed in a trial to its figures: rows, phases, samples, measures. Pure.

The same definitions for every lane; ``docs/experiments.md`` tells them in words. What cannot be measured in a trial is
``None``. An order without an end counts with the time until the horizon: that much at least it took.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final

from lab.auditor import Anomaly, accepted_order
from lab.experiment.aws_price import choreography_usd, orchestration_usd
from lab.experiment.measures import MEASURES
from lab.experiment.phases import Moments, Phases, phases_of
from lab.experiment.records import ENDED_WELL, OrderRow, Outcome, Placed, Sample, Window
from lab.experiment.timeline import Posted, Wrong, is_silent, samples, violation_s, wrong_spans
from lab.experiment.undoing import first_failures, overdue_s, undoing_s
from lab.grounds import Breach
from lab.scenario import Scenario
from lab.story import instant
from lab.trial import LaneRun, Run
from lab.verdict import OrderRow as JudgedRow
from lab.verdict import Verdict, percentile
from loadtests.workload import PlannedOrder
from services.operations import Operation, is_undo
from services.trail import OrderStatus

LATE_AFTER_S: Final = 0.05
# Latency is back in band when the median of a second's orders is within this of what it was before the fault.
BAND: Final = 2.0
MILLION: Final = 1e6
UNFINISHED: Final = {Anomaly.STUCK, Anomaly.LOST, Anomaly.CHARGED_NOT_SHIPPED}
SPIKE: Final = "load spike"


@dataclass(frozen=True)
class Stored:
    """What a lane's broker holds: ``messages`` ever stored, ``deliveries`` ever made to its work consumers."""

    messages: int = 0
    bytes: int = 0
    deliveries: int = 0


@dataclass(frozen=True)
class Observed:
    """A trial as it was: everything that measures are made of."""

    scenario: Scenario
    orders: Sequence[PlannedOrder]
    run: Run
    lane_run: LaneRun
    verdict: Verdict
    stored: Stored | None  # None: out of reach
    ledger_bytes: int | None
    generator_cpu_share: float | None
    audited_at: float
    others_cpu_share: float | None = None
    telemetry: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Figures:
    rows: tuple[OrderRow, ...]
    windows: tuple[Window, ...]
    samples: tuple[Sample, ...]
    measures: dict[str, float | None]


def figures(seen: Observed) -> Figures:
    rows = order_rows(seen)
    done = _done(seen)
    phases = phases_of(seen.scenario.phases.warm_up_s, done, _moments(seen, rows))
    horizon_s = horizon_of(seen)
    spans = _spans(seen, rows, horizon_s)
    measures = _measures(seen, rows, phases, spans, horizon_s)
    seconds = samples(rows, spans, seen.run.ended_at - seen.run.starts_at)
    return Figures(rows, (*phases.windows(), *done), seconds, measures)


def horizon_of(seen: Observed) -> float:
    """The scenario's own, not the moment at which this lane came to rest: what never ends weighs the same in each."""
    return max(seen.scenario.load.seconds + seen.scenario.settle.within_s, seen.run.ended_at - seen.run.starts_at)


# --- orders ----------------------------------------------------------------------------------------------------------


def order_rows(seen: Observed) -> tuple[OrderRow, ...]:
    start, lane = seen.run.starts_at, seen.lane_run
    met = Counter(row["order_id"] for rows in lane.injected.values() for row in rows)
    undone = _undo_times(lane, start)
    failed = first_failures(lane.ledgers.values(), lane.injected.values(), start)
    placements = {each.order_id: each for each in lane.placements}
    rows = []
    for told in seen.verdict.rows:
        placement = placements[told.order_id]
        undos = undone.get(told.order_id, [])
        rows.append(
            OrderRow(
                order_id=told.order_id,
                planned_s=told.planned_s,
                left_s=placement.sent_at - start,
                answered_s=placement.answered_at - start if placement.http_status is not None else None,
                placed=_placed(told.placing),
                ended_s=told.finished_s,
                outcome=_outcome(told),
                total_cents=told.total_cents,
                anomalies=told.anomalies,
                faults_met=met[told.order_id],
                first_undo_s=min(undos, default=None),
                last_undo_s=max(undos, default=None),
                failed_s=failed.get(told.order_id),
                managed=told.needs_approval,
            )
        )
    return tuple(rows)


def _placed(placing: str) -> Placed:
    return "accepted" if placing == "accepted" else "refused" if placing == "refused" else "unanswered"


def _outcome(told: JudgedRow) -> Outcome:
    """By the books; an order that its lane gave up as failed has neither outcome, whatever the books say."""
    if told.placing != "accepted" and told.books is None:
        return "none"
    if told.books in ENDED_WELL and not told.anomalies and told.story != OrderStatus.FAILED:
        return "fulfilled" if told.books == "fulfilled" else "rolled_back"
    return "open" if set(told.anomalies) <= UNFINISHED else "inconsistent"


def _undo_times(lane: LaneRun, start: float) -> dict[str, list[float]]:
    times: dict[str, list[float]] = defaultdict(list)
    for rows in lane.ledgers.values():
        for row in rows:
            if is_undo(Operation(row["operation"])):
                times[row["order_id"]].append(instant(row["at"]) - start)
    return times


# --- time ------------------------------------------------------------------------------------------------------------


def _done(seen: Observed) -> tuple[Window, ...]:
    """A spike of the load is done to a lane like any fault."""
    start, load = seen.run.starts_at, seen.scenario.load
    windows = [Window(each.kind, each.label, each.from_at - start, each.to_at - start) for each in seen.run.happenings]
    if load.peak_for_s is not None:
        windows.append(Window("fault", SPIKE, load.peak_from_s, load.peak_from_s + load.peak_for_s))
    return tuple(sorted(windows, key=lambda window: window.from_s))


def _moments(seen: Observed, rows: Sequence[OrderRow]) -> Moments:
    start = seen.run.starts_at
    load_ended = seen.scenario.load.seconds
    drained = max((row.ended_s for row in rows if row.ended_s is not None), default=load_ended)
    return Moments(
        load_ended_s=load_ended,
        drained_s=max(drained, load_ended),
        rested_s=seen.run.ended_at - start,
        audited_s=seen.audited_at - start,
    )


def _spans(seen: Observed, rows: Sequence[OrderRow], horizon_s: float) -> list[Wrong]:
    start = seen.run.starts_at
    posted: dict[str, list[Posted]] = defaultdict(list)
    for ledger in seen.lane_run.ledgers.values():
        for each in ledger:
            posted[each["order_id"]].append(Posted(instant(each["at"]) - start, each))
    bodies = {order.order_id: accepted_order(order.body) for order in seen.orders}
    stories = seen.lane_run.stories
    spans: list[Wrong] = []
    for row in rows:
        own = sorted(posted[row.order_id], key=lambda each: each.at_s)
        ended = None if row.ended_s is None else (row.ended_s, stories.get(row.order_id) or "")
        last_news_s = max((row.answered_s or row.planned_s, *(each.at_s for each in own)))
        silent_from_s = last_news_s if is_silent(row.anomalies) else None
        spans += wrong_spans(bodies[row.order_id], own, ended, silent_from_s, horizon_s)
    return spans


# --- measures --------------------------------------------------------------------------------------------------------


def _measures(
    seen: Observed, rows: Sequence[OrderRow], phases: Phases, spans: Sequence[Wrong], horizon_s: float
) -> dict[str, float | None]:
    accepted = [row for row in rows if row.placed == "accepted"]
    known: dict[str, float | None] = {
        "recovery_s": recovery_s(unmanaged(rows), phases, horizon_s),
        "fulfilled_share": share(sum(row.outcome == "fulfilled" for row in accepted), len(accepted)),
        "refused_share": share(len(rows) - len(accepted), len(rows)),
        "late_departures_share": share(
            sum(row.left_s is not None and row.left_s - row.planned_s > LATE_AFTER_S for row in rows), len(rows)
        ),
        "generator_cpu_share": seen.generator_cpu_share,
        "others_cpu_share": seen.others_cpu_share,
        **_rightness(seen, accepted, spans),
        **_speed(rows, phases, horizon_s),
        **_cost(seen, len(accepted)),
        **_undoing(seen, rows, horizon_s),
        **seen.telemetry,
    }
    return {measure.name: known.get(measure.name) for measure in MEASURES}


def _rightness(seen: Observed, accepted: Sequence[OrderRow], spans: Sequence[Wrong]) -> dict[str, float | None]:
    found, figures = seen.verdict.audit, seen.verdict.figures
    return {
        "anomalies": float(len(found.anomalies)),
        "lost": float(found.tallies[Anomaly.LOST].count) if Anomaly.LOST in found.tallies else 0.0,
        "violation_s": violation_s(spans),
        "past_manager": float(figures[Breach.SHIPPED_AGAINST_DECISION] + figures[Breach.SHIPPED_WITHOUT_APPROVAL]),
        # Where processes were broken, not every cause is on record.
        "undone_without_cause": (
            None if figures["machinery_disturbed"] else float(figures[Breach.ROLLED_BACK_WITHOUT_REASON])
        ),
        "stuck": float(sum(row.ended_s is None for row in accepted)),
        "given_up": float(figures["stories"].get(OrderStatus.FAILED, 0)),
    }


def share(part: float, whole: int) -> float | None:
    return part / whole if whole else None


def unmanaged(rows: Sequence[OrderRow]) -> list[OrderRow]:
    """Orders that need no manager: the others would measure the manager. Whether the lane took them or not."""
    return [row for row in rows if not row.managed]


def latency_s(row: OrderRow, horizon_s: float) -> float:
    """Until the outcome. What has none by the horizon, was turned away or ended with wrong books is as slow as that:
    who loses the slow ones, or fails fast, is not faster."""
    ended_s = row.ended_s if row.outcome in ENDED_WELL else None
    return (horizon_s if ended_s is None else ended_s) - row.planned_s


def _speed(rows: Sequence[OrderRow], phases: Phases, horizon_s: float) -> dict[str, float | None]:
    timed = sorted(latency_s(row, horizon_s) for row in unmanaged(rows) if row.planned_s >= phases.warm_up_s)
    steady_s = phases.steady_to_s - phases.warm_up_s
    ends = [row.ended_s for row in rows if row.ended_s is not None and row.outcome in ENDED_WELL]
    finished = sum(phases.warm_up_s <= ended_s < phases.steady_to_s for ended_s in ends)
    return {
        "latency_p50_s": percentile(timed, 0.50),
        "latency_p99_s": percentile(timed, 0.99),
        "finished_per_s": finished / steady_s if steady_s > 0 else None,
    }


def recovery_s(rows: Sequence[OrderRow], phases: Phases, horizon_s: float) -> float | None:
    """From the end of the last fault until the median latency of a second's arrivals is back in band, and stays there.

    A load that ends out of band recovers when its last order ends. None: no fault had an end, or nothing came before.
    """
    if phases.cleared_s is None:
        return None
    before = [latency_s(row, horizon_s) for row in rows if phases.warm_up_s <= row.planned_s < phases.steady_to_s]
    if not before:
        return None
    limit = BAND * median(before)
    seconds: dict[int, list[OrderRow]] = defaultdict(list)
    for row in rows:
        seconds[math.floor(row.planned_s)].append(row)
    out = [second for second, due in seconds.items() if median(latency_s(row, horizon_s) for row in due) > limit]
    out = [second for second in out if second + 1 > phases.steady_to_s]
    if not out:
        return 0.0
    if max(out) == max(seconds):
        back_s = max(row.planned_s + latency_s(row, horizon_s) for row in seconds[max(out)])
    else:
        back_s = max(out) + 1.0
    return max(0.0, back_s - phases.cleared_s)


def _cost(seen: Observed, accepted: int) -> dict[str, float | None]:
    lane, stored, ledgers = seen.lane_run, seen.stored, seen.ledger_bytes
    return {
        "cpu_ms_per_order": share(1000 * lane.cpu_s, accepted),
        "messages_per_order": None if stored is None else share(stored.messages, accepted),
        "bytes_per_order": None if stored is None or ledgers is None else share(stored.bytes + ledgers, accepted),
        "peak_memory_mib": lane.peak_rss_bytes / 2**20,
        "aws_usd_per_million": _aws(seen, accepted),
    }


def _counts_died(lane: LaneRun) -> bool:
    """A process that was killed took along what it had counted since it was last asked: too little is no figure."""
    return lane.lost_lives > 0


def _calls(lane: LaneRun) -> tuple[int, float]:
    """Calls that had to be made (one for each effect), and those made."""
    needed = sum(len(rows) for rows in lane.ledgers.values())
    return needed, needed + lane.counters.get("lab_retries_total", 0.0)


def _aws(seen: Observed, accepted: int) -> float | None:
    """None where messages were delivered again on purpose: that sets the broker's own count of deliveries back."""
    if not accepted or _counts_died(seen.lane_run) or any(fault.do == "again" for fault in seen.scenario.messages):
        return None
    _, calls = _calls(seen.lane_run)
    if seen.lane_run.lane == "orchestration":
        usd = orchestration_usd(seen.lane_run.counters.get("conductor_transitions_total", 0.0), calls)
    elif seen.stored is None:
        return None
    else:
        usd = choreography_usd(seen.stored.messages, seen.stored.deliveries, calls)
    return usd * MILLION / accepted


def _undoing(seen: Observed, rows: Sequence[OrderRow], horizon_s: float) -> dict[str, float | None]:
    needed, calls = _calls(seen.lane_run)
    counted = not _counts_died(seen.lane_run)
    overdue = overdue_s(seen.scenario, seen.orders, rows, seen.lane_run.ledgers.values(), seen.run.starts_at, horizon_s)
    took = sorted(each for row in unmanaged(rows) if (each := undoing_s(row, horizon_s)) is not None)
    return {
        "retry_amplification": share(calls, needed) if counted else None,
        "dead_letters": seen.lane_run.counters.get("lab_dead_letters_total", 0.0) if counted else None,
        "compensation_p50_s": percentile(took, 0.50),
        "compensation_p99_s": percentile(took, 0.99),
        "overdue_p50_s": percentile(sorted(overdue), 0.50),
    }

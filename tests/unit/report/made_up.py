"""A made-up experiment with everything that a report shows: orders, samples, faults, anomalies and worst orders."""

from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from lab.experiment.records import Arm, Experiment, OrderRow, Outcome, Sample, Trial, Window, WorstOrder
from lab.experiment.store import save_manifest, save_trial
from lab.statistics.synthetic import Truth, experiment_of

ARMS = (Arm("orchestration", "orchestration"), Arm("choreography", "choreography"))
WINDOWS = (
    Window("phase", "warm-up", 0, 5),
    Window("phase", "steady", 5, 15),
    Window("phase", "fault", 15, 25),
    Window("phase", "recovery", 25, 40),
    Window("phase", "drain", 40, 50),
    Window("fault", "shipping: broken", 15, 25),
)
NASTY = "<script>alert('order')</script>"


def experiment(blocks: int = 6, orders: int = 120, arms: tuple[Arm, ...] = ARMS, seed: int = 3) -> Experiment:
    """The second arm is a little slower, and now and then leaves an order with wrong books."""
    rng = np.random.default_rng(seed)
    bare = experiment_of(Truth(blocks, {"latency_p50_s": 1.3, "messages_per_order": 1.5}), rng)
    names = {"first": arms[0].name, "second": arms[1].name}
    trials = [replace(_full(trial, rng, orders), arm=names[trial.arm]) for trial in bare.trials]
    manifest = {
        "design": {"blocks": blocks, "seed": 7},
        "machine": {"usable_processors": 2},
        "load_average_before": [0.4, 0.5, 0.6],
        "revision": {"commit": "0" * 40, "changed": False},
        "note": NASTY,
    }
    asks = "What happens to orders while the label printer is out of ink, and after it is filled again?"
    return Experiment("made-up", "printer-out-of-ink", asks, arms, manifest, tuple(trials))


def keep(made: Experiment, folder: Path) -> None:
    """As a finished experiment keeps itself."""
    scenario = {"name": made.scenario, "asks": made.asks, "lanes": ["choreography", "orchestration"]}
    design = {"scenario": scenario, "arms": [asdict(arm) for arm in made.arms], "blocks": 3, "seed": 7}
    save_manifest(folder, {**made.manifest, "design": design})
    for trial in made.trials:
        save_trial(folder, f"{trial.block:04d}-{trial.arm}", trial, [])


def _full(trial: Trial, rng: np.random.Generator, orders: int) -> Trial:
    rows = tuple(_orders(trial, rng, orders))
    wrong = [row for row in rows if row.anomalies]
    outcomes = {name: sum(row.outcome == name for row in rows) for name in ("fulfilled", "rolled_back", "open")}
    measures = {**trial.measures, "anomalies": float(len(wrong)), "lost": 0.0, "stuck": 0.0, "compensation_p99_s": None}
    return replace(
        trial,
        measures={**measures, "late_departures_share": 0.001, "generator_cpu_share": 0.2, "others_cpu_share": 0.01},
        anomalies={"double_charge": len(wrong)},
        outcomes={**outcomes, "inconsistent": len(wrong)},
        orders=rows,
        windows=WINDOWS,
        samples=tuple(_samples(rows)),
        worst=tuple(WorstOrder(row.order_id, NASTY, f"+0.0 s  {NASTY} & more\n" * 8) for row in wrong[:2]),
    )


def _orders(trial: Trial, rng: np.random.Generator, orders: int) -> Iterator[OrderRow]:
    slow = 1.3 if trial.arm == "second" else 1.0
    for index, planned in enumerate(np.sort(rng.uniform(0, 40, orders))):
        broken = 15 <= planned <= 25
        latency = slow * (rng.gamma(2, 0.02) + (rng.gamma(3, 1.0) if broken else 0.0))
        kinds: tuple[Outcome, ...] = ("fulfilled", "rolled_back", "open", "inconsistent")
        outcome = kinds[rng.choice(4, p=[0.5, 0.45, 0.02, 0.03] if broken else [1.0, 0, 0, 0])]
        undone = outcome == "rolled_back"
        yield OrderRow(
            order_id=f"ord-{trial.seed}-{index:04d}",
            planned_s=float(planned),
            left_s=float(planned) + 0.001,
            answered_s=float(planned) + 0.01,
            placed="accepted",
            ended_s=None if outcome == "open" else float(planned + latency),
            outcome=outcome,
            total_cents=int(rng.integers(500, 20_000)),
            anomalies=("double_charge",) if outcome == "inconsistent" else (),
            faults_met=3 if broken else 0,
            first_undo_s=float(planned + latency * 0.8) if undone else None,
            last_undo_s=float(planned + latency) if undone else None,
            failed_s=float(planned + latency * 0.2) if undone else None,
        )


def _samples(rows: tuple[OrderRow, ...]) -> Iterator[Sample]:
    for second in range(50):
        ended = [row.ended_s for row in rows if row.ended_s is not None]
        yield Sample(
            at_s=float(second),
            accepted=sum(second <= row.planned_s < second + 1 for row in rows),
            finished=sum(second <= each < second + 1 for each in ended),
            in_flight=sum(row.planned_s <= second and (row.ended_s is None or row.ended_s > second) for row in rows),
            anomalous=sum(bool(row.anomalies) and row.planned_s <= second for row in rows),
        )

"""Measures of hand-made trials: what is counted, what is left out, and what cannot be measured."""

import pytest

from lab.experiment.ablation import in_words, is_ablation, markdown, newest
from lab.experiment.aws_price import choreography_usd, orchestration_usd
from lab.experiment.design import Design, ablation_arms
from lab.experiment.measures import MEASURES
from lab.experiment.measuring import recovery_s
from lab.experiment.phases import Moments, Phases
from lab.experiment.records import Experiment, OrderRow, Trial
from lab.experiment.stored import stored_in
from lab.experiment.worst import worth_a_look
from lab.scenario import load_scenario

MOMENTS = Moments(12, 14, 15, 16)


def row(order_id: str, planned_s: float, ended_s: float | None, *anomalies: str, met: int = 0) -> OrderRow:
    outcome = "fulfilled" if ended_s is not None else "open"
    return OrderRow(order_id, planned_s, planned_s, planned_s, "accepted", ended_s, outcome, 100, anomalies, met)  # type: ignore[arg-type]


def trial_with(latency_of: dict[int, float], seconds: int = 12) -> list[OrderRow]:
    """Ten orders a second."""
    return [
        row(f"o{second}-{n}", second + n / 10, second + n / 10 + latency_of.get(second, 0.1))
        for second in range(seconds)
        for n in range(10)
    ]


def recovered(latency_of: dict[int, float]) -> float | None:
    return recovery_s(trial_with(latency_of), Phases(2, 4, (4.0, 6.0), MOMENTS), 30.0)


def test_a_lane_that_never_left_its_band_has_recovered_at_once() -> None:
    assert recovered({}) == 0.0
    assert recovered({5: 0.15}) == 0.0


def test_recovery_lasts_until_the_last_second_out_of_band() -> None:
    assert recovered({5: 2.0, 6: 1.0, 7: 0.5}) == pytest.approx(2.0)  # back from second 8 on, cleared at 6


def test_one_slow_order_is_not_out_of_band() -> None:
    rows = [*trial_with({}), row("late", 9.05, 25.0)]
    assert recovery_s(rows, Phases(2, 4, (4.0, 6.0), MOMENTS), 30.0) == 0.0


def test_a_load_that_ends_out_of_band_recovers_with_its_last_order() -> None:
    assert recovered({11: 5.0}) == pytest.approx(11.9 + 5.0 - 6.0)


def test_without_a_fault_that_ended_there_is_nothing_to_recover_from() -> None:
    assert recovery_s(trial_with({}), Phases(2, 12, None, MOMENTS), 30.0) is None


def test_the_price_is_made_of_what_each_wiring_pays_for() -> None:
    assert orchestration_usd(1_000_000, 0) == pytest.approx(25.0)
    assert choreography_usd(1_000_000, 0, 0) == pytest.approx(1.0)
    assert choreography_usd(0, 1_000_000, 0) == pytest.approx(1.2)
    assert orchestration_usd(0, 1000) == choreography_usd(0, 0, 1000) > 0


def test_what_a_broker_holds_is_read_from_its_own_page() -> None:
    work = {"name": "conductor", "delivered": {"consumer_seq": 12}}
    other = {"name": "read-model", "delivered": {"consumer_seq": 99}}
    stream = {"state": {"last_seq": 40, "bytes": 900}, "consumer_detail": [work, other]}
    page = {"account_details": [{"stream_detail": [stream, {"state": {"last_seq": 2, "bytes": 50}}]}]}
    found = stored_in(page, "orchestration")
    assert (found.messages, found.bytes, found.deliveries) == (42, 950, 12)


def test_worst_orders_are_those_with_anomalies_then_open_then_hit_then_slow() -> None:
    rows = [
        row("good", 0, 1),
        row("slow", 0, 9),
        row("hit", 0, 1, met=3),
        row("bad", 0, 2, "stuck"),
        row("open", 0, None),
    ]
    chosen = worth_a_look(rows, also=("good", "stranger"))
    assert list(chosen) == ["bad", "open", "hit", "slow", "good"]
    assert chosen["hit"] == "met 3 faults"


# --- ablation --------------------------------------------------------------------------------------------------------


def trial(arm: str, clean: bool = True, **anomalies: int) -> Trial:
    empty = {measure.name: None for measure in MEASURES}
    return Trial(0, 0, arm, 1, 0.0, empty, anomalies=anomalies, clean=clean)


def ablation_of(name: str, started_at: str, *trials: Trial) -> Experiment:
    scenario = load_scenario(name)
    design = Design(scenario, ablation_arms(scenario), 1, 1)
    manifest = {"started_at": started_at, "finished_at": "then", "revision": {"commit": "abc"}}
    return Experiment("x", name, scenario.asks, design.arms, manifest, trials)


def test_the_table_has_a_row_for_each_practice_and_a_column_for_each_lane() -> None:
    done = ablation_of("calm", "1", trial("choreography"), trial("orchestration-without-outbox", False, lost=2))
    text = markdown([done])
    assert "| nothing | clean | – |" in text
    assert "| `outbox` | – | lost 2 |" in text
    assert "| switched off | choreography | orchestration |" in text


def test_the_latest_of_each_scenario_is_shown() -> None:
    old, new = ablation_of("calm", "1"), ablation_of("calm", "2")
    assert is_ablation(old)
    assert newest([new, old]) == [new]


def test_right_books_are_not_all_that_is_wanted() -> None:
    assert in_words([trial("a")]) == "clean"
    assert in_words([trial("a", clean=False)]) == "not clean"
    assert in_words([trial("a", stuck=1), trial("a", stuck=2, lost=1)]) == "lost 1, stuck 3"

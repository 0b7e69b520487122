"""Measures of hand-made trials: what is counted, what is left out, and what cannot be measured."""

from dataclasses import replace

import pytest

from lab.experiment.ablation import in_words, is_ablation, markdown, newest
from lab.experiment.aws_price import choreography_usd, orchestration_usd
from lab.experiment.design import Design, ablation_arms
from lab.experiment.measures import MEASURES
from lab.experiment.measuring import latency_s, recovery_s
from lab.experiment.phases import Moments, Phases, phases_of
from lab.experiment.records import Experiment, OrderRow, Trial, Window
from lab.experiment.stored import stored_in
from lab.experiment.undoing import overdue_s, undoing_s
from lab.experiment.worst import worth_a_look
from lab.scenario import known_scenarios, load_scenario
from loadtests.workload import Decision, PlannedOrder
from services.settings import Settings

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


def test_who_fails_fast_is_not_faster() -> None:
    ended = row("ended", 1.0, 1.5)
    assert latency_s(ended, 40.0) == 0.5
    for outcome in ("open", "inconsistent", "none"):
        assert latency_s(replace(ended, outcome=outcome), 40.0) == 39.0  # type: ignore[arg-type]


def test_an_undoing_that_never_ended_lasts_to_the_horizon() -> None:
    undone = replace(row("undone", 1.0, 3.0), outcome="rolled_back", failed_s=1.5, last_undo_s=2.5)
    assert undoing_s(undone, 40.0) == 1.0
    assert undoing_s(replace(undone, outcome="open", ended_s=None), 40.0) == 38.5
    assert undoing_s(row("whole", 1.0, 3.0), 40.0) is None


def test_an_order_whose_manager_never_answers_is_timed_from_the_end_of_the_time_for_it() -> None:
    scenario = load_scenario("approval-never")  # 12 s
    orders = [
        PlannedOrder(at_s=1.0, body={"order_id": name}, decision=Decision(approve=True, delay_s=0.1, answers=answers))
        for name, answers in (("undone", "never"), ("hanging", "never"), ("answered", "once"))
    ]
    ledger = [
        {"order_id": "undone", "operation": "reserve", "at": "1970-01-01T00:01:42+00:00"},
        {"order_id": "undone", "operation": "release", "at": "1970-01-01T00:01:54.500000+00:00"},
    ]
    undone = replace(row("undone", 1.0, 15.0), outcome="rolled_back", last_undo_s=14.5)
    rows = [undone, row("hanging", 1.0, None), row("answered", 1.0, 2.0)]
    assert list(overdue_s(scenario, orders, rows, [ledger], 100.0, 46.0)) == [14.5 - (2.0 + 12.0), 46.0 - (1.0 + 12.0)]


def test_a_kill_is_over_at_once_and_the_start_after_it_is_recovery() -> None:
    done = [Window("fault", "shipping: broken", 3.0, 5.0), Window("machinery", "kill payment", 6.0, 9.5)]
    assert phases_of(2.0, done, MOMENTS).cleared_s == 6.0
    frozen = [Window("machinery", "freeze broker", 6.0, 9.0)]
    assert phases_of(2.0, frozen, MOMENTS).cleared_s == 9.0


@pytest.mark.parametrize("name", known_scenarios())
def test_what_is_recovered_from_comes_after_seconds_that_say_what_is_normal(name: str) -> None:
    """Its latency is the base of "in band": a few orders are none."""
    scenario = load_scenario(name)
    blows = [each.at_s for each in (*scenario.machinery, *scenario.links, *scenario.messages)]
    blows += [each.at_s for each in scenario.faults if each.for_s is not None]
    blows += [scenario.load.peak_from_s] if scenario.load.peak_for_s is not None else []
    if blows:
        steady_s = min(blows) - scenario.phases.warm_up_s
        assert steady_s * scenario.load.rate_per_s * (1 - scenario.load.large_share) >= 50


@pytest.mark.parametrize("name", known_scenarios())
def test_no_managers_time_is_up_before_a_lane_would_look(name: str) -> None:
    """A watch that sleeps until the quiet time is over would tell a shorter deadline late, a timer would not."""
    told = load_scenario(name).conditions
    settings = Settings.model_construct(time_scale=told.time_scale)
    if told.quiet_after_base_s is not None:
        settings = Settings.model_construct(time_scale=told.time_scale, quiet_after_base_s=told.quiet_after_base_s)
    assert told.approval_timeout_s is None or told.approval_timeout_s > settings.quiet_after_s


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


def test_the_first_table_says_where_each_practice_is_missed_and_counts_only_what_its_absence_adds() -> None:
    crash = ablation_of(
        "conductor-crash",
        "1",
        trial("orchestration", stuck=1),
        trial("orchestration-without-outbox", False, stuck=3, lost=1),
        trial("orchestration-without-retries", stuck=1),
    )
    text = markdown([ablation_of("calm", "1"), crash])
    none = "in none of these scenarios"
    assert f"| `outbox` | {none} | [conductor-crash](#conductor-crash): lost, stuck |" in text
    assert f"| `retries` | {none} | {none} |" in text


def test_the_latest_of_each_scenario_is_shown() -> None:
    old, new = ablation_of("calm", "1"), ablation_of("calm", "2")
    assert is_ablation(old)
    assert newest([new, old]) == [new]


def test_right_books_are_not_all_that_is_wanted() -> None:
    assert in_words([trial("a")]) == "clean"
    assert in_words([trial("a", clean=False)]) == "not clean"
    assert in_words([trial("a", stuck=1), trial("a", stuck=2, lost=1)]) == "lost 1, stuck 3"

"""From a run of two lanes to figures, tables, CSV and JSON."""

import csv
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lab.demo import tour, try_next
from lab.results import results_folder
from lab.scenario import Scenario
from lab.trial import LaneRun, Run
from lab.verdict import BEYOND, Verdict, faults_injected, judge, percentile, story_cost
from lab.verdict_report import examples, named_orders, text_report, write_csv
from loadtests.manager import Desk
from loadtests.open_loop import Placement, Placing
from loadtests.outcomes import Ended, Outcomes
from loadtests.workload import Decision, PlannedOrder
from tests.judge_ledgers import SKU, TOTAL, Ledgers

START = 1_700_000_000.0


def planned(number: int, at_s: float, decision: Decision | None = None, cents: int = TOTAL) -> PlannedOrder:
    lines = [{"sku": SKU, "quantity": 2, "unit_price_cents": cents // 2}]
    body = {"order_id": f"o{number}", "total_cents": cents, "lines": lines}
    return PlannedOrder(at_s=at_s, body=body, decision=decision)


def placement(order: PlannedOrder, placing: Placing = Placing.ACCEPTED) -> Placement:
    at = START + order.at_s
    return Placement(order.order_id, placing, at, at + 0.2, at + 0.3, 2, 202)


def ended(order_id: str, status: str, at_s: float) -> Ended:
    at = datetime.fromtimestamp(START + at_s, UTC).isoformat()
    return Ended(order_id, status, at, at)


def lane_run(lane: str, orders: list[PlannedOrder], ledgers: Ledgers, ends: dict[str, tuple[str, float]]) -> LaneRun:
    return LaneRun(
        lane,
        placements=[placement(order) for order in orders],
        outcomes=Outcomes(ended={order_id: ended(order_id, *end) for order_id, end in ends.items()}),
        effects={service: list(rows) for service, rows in ledgers.rows.items()},
        stock=ledgers.stock(),
        stories={
            order.order_id: ends[order.order_id][0] if order.order_id in ends else "in_progress" for order in orders
        },
        reasons={order_id: "Unavailable: broken" for order_id, (status, _) in ends.items() if status == "rolled_back"},
        injected={"shipping": [{"kind": "broken", "order_id": "o2", "operation": "print_label"}]},
        desk=Desk({o.order_id: o.decision for o in orders if o.decision}, answered={"o3": 200}),
        rested=True,
    )


LARGE = 60_000
ORDERS = [planned(1, 1.0), planned(2, 2.0), planned(3, 6.0, Decision(approve=True, delay_s=1.0), LARGE)]
SCENARIO = Scenario.model_validate(
    {"name": "x", "faults": [{"service": "shipping", "kind": "broken", "at_s": 1.0, "for_s": 4.0}]}
)


def good_run() -> LaneRun:
    ledgers = Ledgers().fulfil("o1").fulfil("o3", LARGE).roll_back("o2")
    ends = {"o1": ("fulfilled", 1.1), "o2": ("rolled_back", 7.5), "o3": ("fulfilled", 8.0)}
    return lane_run("choreography", ORDERS, ledgers, ends)


def judged(lane: LaneRun, orders: list[PlannedOrder] = ORDERS, scenario: Scenario = SCENARIO) -> Verdict:
    return judge(Run(START, START + 10), lane, orders, scenario)


def good() -> Verdict:
    return judged(good_run())


def bad() -> Verdict:
    ledgers = Ledgers().fulfil("o1").fulfil("o3", LARGE).do("charge", order_id="o2")
    ends = {"o1": ("fulfilled", 1.1), "o3": ("fulfilled", 8.0)}
    run = Run(START, START + 10)
    return judge(run, lane_run("orchestration", ORDERS, ledgers, ends), ORDERS, SCENARIO)


def test_latency_counts_from_the_planned_arrival_and_leaves_the_manager_out() -> None:
    latency = good().figures["latency"]
    assert latency["fulfilled"] == {"orders": 1, "p50_ms": 100.0, "p99_ms": 100.0, "max_ms": 100.0}
    assert latency["rolled_back"] == {"orders": 1, "p50_ms": 5500.0, "p99_ms": 5500.0, "max_ms": 5500.0}
    assert latency["unfinished"] == 0


def test_who_loses_the_slow_orders_is_not_faster() -> None:
    latency = bad().figures["latency"]
    assert (latency["unfinished"], latency["without_outcome"]) == (1, 1)
    assert latency["fulfilled"] == {"orders": 1, "p50_ms": 100.0, "p99_ms": BEYOND, "max_ms": BEYOND}
    assert latency["rolled_back"]["p50_ms"] == BEYOND


def test_an_order_that_ended_as_failed_has_no_finite_latency() -> None:
    lane = good_run()
    lane.stories["o2"] = "failed"
    assert judged(lane).figures["latency"]["fulfilled"]["p99_ms"] == BEYOND


def test_recovery_counts_from_the_repair_to_the_last_order_due_before_it() -> None:
    assert good().figures["recovery"] == {"seconds": 2.5, "unrecovered": 0}
    assert bad().figures["recovery"] == {"seconds": None, "unrecovered": 1}


def test_compensations_come_from_the_ledgers() -> None:
    assert good().figures["compensations"] == {"refund": 1, "release": 1, "void_label": 0}


def test_a_good_run_is_clean_and_a_bad_one_says_what_is_wrong() -> None:
    assert good().clean
    assert not bad().clean
    told = bad().to_json()
    assert told["orders"] == 3
    assert told["outcomes"] == {"fulfilled": 2, "rolled_back": 0, "open": 1}
    assert told["anomalies"] == {"charged_not_shipped": 1, "stuck": 1}
    json.dumps(told)


def test_an_order_that_a_lane_refused_is_not_clean() -> None:
    ledgers = Ledgers().fulfil("o1")
    lane = lane_run("choreography", ORDERS[:1], ledgers, {"o1": ("fulfilled", 1.1)})
    lane.placements.append(placement(ORDERS[1], Placing.REFUSED))
    assert not judge(Run(START, START + 10), lane, ORDERS[:2], SCENARIO).clean


def test_an_order_that_ended_as_failed_is_not_clean_however_clean_its_books() -> None:
    lane = lane_run("choreography", ORDERS[:1], Ledgers(), {"o1": ("failed", 1.1)})
    verdict = judge(Run(START, START + 10), lane, ORDERS[:1], SCENARIO)
    assert verdict.audit.clean
    assert not verdict.clean


def test_a_lane_that_never_answers_is_not_clean() -> None:
    lane = lane_run("choreography", [], Ledgers(), {})
    lane.placements = [placement(order, Placing.UNANSWERED) for order in ORDERS]
    verdict = judged(lane)
    assert verdict.audit.clean
    assert not verdict.clean


def test_one_unanswered_order_is_not_clean() -> None:
    lane = good_run()
    lane.placements.append(placement(planned(4, 7.0), Placing.UNANSWERED))
    verdict = judged(lane, [*ORDERS, planned(4, 7.0)])
    assert verdict.audit.clean
    assert not verdict.clean


def test_a_lane_that_rolls_every_order_back_is_not_clean_even_with_a_cause_for_each() -> None:
    lane = lane_run("choreography", ORDERS[1:2], Ledgers(), {"o2": ("rolled_back", 2.5)})
    verdict = judged(lane, ORDERS[1:2])
    assert verdict.audit.clean
    assert verdict.figures["rolled_back_without_reason"] == 0
    assert not verdict.clean


def test_an_order_rolled_back_without_reason_is_not_clean() -> None:
    lane = good_run()
    lane.injected = {}
    verdict = judged(lane)
    assert verdict.audit.clean
    assert verdict.figures["rolled_back_without_reason"] == 1
    assert not verdict.clean


def test_where_processes_were_killed_a_rollback_without_reason_is_told_but_clean() -> None:
    lane = good_run()
    lane.injected, lane.reasons = {}, {}
    kill = {"machinery": [{"at_s": 1.0, "do": "kill", "target": "payment"}]}
    verdict = judged(lane, scenario=Scenario.model_validate({**SCENARIO.model_dump(), **kill}))
    assert verdict.figures["rolled_back_without_reason"] == 1
    assert verdict.clean


def test_shipped_against_a_managers_no_is_not_clean() -> None:
    orders = [*ORDERS[:2], planned(3, 6.0, Decision(approve=False, delay_s=1.0), LARGE)]
    lane = good_run()
    lane.desk.decisions = {"o3": Decision(approve=False, delay_s=1.0)}
    verdict = judged(lane, orders)
    assert verdict.audit.clean
    assert verdict.figures["shipped_against_decision"] == 1
    assert verdict.rows[2].breaches == ("shipped_against_decision",)
    assert not verdict.clean
    text = text_report(["title"], {"hardened": [verdict, good()]})
    assert "choreography: shipped_against_decision × 1: first o3" in text


def test_a_large_order_shipped_without_approval_is_not_clean() -> None:
    lane = good_run()
    lane.desk.answered.clear()
    verdict = judged(lane)
    assert verdict.audit.clean
    assert verdict.figures["shipped_without_approval"] == 1
    assert not verdict.clean


@pytest.mark.parametrize(("share", "expected"), [(0.5, 5), (0.99, 10), (0.0, 1), (1.0, 10), (0.1, 1), (0.11, 2)])
def test_percentiles_are_of_the_nearest_rank(share: float, expected: int) -> None:
    assert percentile(range(1, 11), share) == expected


def test_no_values_have_no_percentile() -> None:
    assert percentile([], 0.5) is None


def test_what_a_story_costs() -> None:
    trails = {
        "o1": {"stores": ["a"], "queries": 1, "entries": [1, 2]},
        "o2": {"stores": ["a", "b"], "queries": 4, "entries": [1]},
        "o3": None,
    }
    cost = story_cost(trails)
    assert (cost["orders_asked"], cost["orders_told"]) == (3, 2)
    assert (cost["stores_median"], cost["stores_most"], cost["queries_most"]) == (1, 2, 4)
    assert story_cost({})["stores_most"] is None


def test_injected_faults_are_counted_by_kind() -> None:
    rows = {"payment": [{"kind": "error"}, {"kind": "lost_reply"}], "shipping": [{"kind": "error"}]}
    assert faults_injected(rows) == {"error": 2, "lost_reply": 1}


def test_the_report_has_the_same_rows_for_every_lane() -> None:
    text = text_report(["title"], {"naive": [good(), bad()]})
    assert "preset naive" in text
    header = next(line for line in text.splitlines() if "choreography" in line)
    assert header.index("choreography") < header.index("orchestration")
    for figure in ("rolled back without a known cause", "shipped against", "shipped without", "never acknowledged"):
        assert any(figure in line and line.split()[-3::2] == ["0", "0"] for line in text.splitlines()), figure
    row = next(line for line in text.splitlines() if "charged_not_shipped" in line)
    assert row.split()[-3::2] == ["0", "1"]
    assert "orchestration: charged_not_shipped × 1: first o2, worst o2 (10.00 at stake)" in text
    assert all(len(line) <= 100 for line in text.splitlines())


def test_a_note_under_the_table_says_what_the_counters_count_and_what_time_scale_leaves_out() -> None:
    text = " ".join(text_report(["title"], {"naive": [good(), bad()]}).split())
    for words in ("refused connections included", "waits in the broker for a dead service", "docs/decisions/0013"):
        assert words in text
    assert "time_scale shortens retry waits, not the time in which a killed process is back" in text


def test_the_csv_has_a_row_for_every_order_of_every_lane(tmp_path: Path) -> None:
    write_csv(tmp_path / "orders.csv", {"naive": [good(), bad()]})
    with (tmp_path / "orders.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6
    assert rows[4]["lane"] == "orchestration"
    assert rows[4]["anomalies"] == "charged_not_shipped stuck"
    assert rows[4]["finished_s"] == ""
    assert rows[0]["latency_s"] == "0.100"


def test_results_appear_whole_and_latest_points_to_the_newest(tmp_path: Path) -> None:
    now = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
    for content in ("first", "second"):
        with results_folder(tmp_path, now) as folder:
            (folder.path / "verdict.json").write_text(content)
            latest = folder.finish()
    assert (latest / "verdict.json").read_text() == "second"
    assert latest == tmp_path / "results" / "latest"
    names = sorted(path.name for path in (tmp_path / "results").iterdir())
    assert names == ["20300102-030405", "20300102-030405-2", "latest"]


def test_a_failed_run_leaves_no_results(tmp_path: Path) -> None:
    def fail() -> None:
        with results_folder(tmp_path, datetime.now(UTC)) as folder:
            (folder.path / "half").write_text("written")
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError):
        fail()
    assert list((tmp_path / "results").iterdir()) == []


def test_the_orders_that_the_verdict_names_are_known_each_once() -> None:
    assert named_orders(good()) == []
    assert named_orders(bad()) == ["o2"]
    assert all(order_id in "\n".join(examples([bad()])) for order_id in named_orders(bad()))


def test_after_a_demo_the_story_of_a_named_order_is_advised_where_it_is_kept(tmp_path: Path) -> None:
    first, *advice = try_next(tmp_path, {"hardened": [good()], "naive": [good(), bad()]})
    assert first == "try next:"
    assert advice[0].split("  ")[1] == f"lab why o2 --home {tmp_path}"
    assert not any("lab why" in line for line in try_next(tmp_path, {"hardened": [good()]}))


def test_after_a_demo_three_pages_are_named_with_the_command_that_serves_them(tmp_path: Path) -> None:
    serves, *stops = tour(tmp_path, 9000)
    assert serves == f"in the console, once lab up --port-base 9000 --home {tmp_path} runs:"
    assert [stop.split()[0] for stop in stops] == [
        f"http://127.0.0.1:9040/{page}" for page in ("", "approvals", "studio")
    ]
    assert tour(Path(".lab"))[0] == "in the console, once lab up runs:"


def test_orders_that_never_ended_are_counted_in_words() -> None:
    assert "never: 1 open" in text_report(["title"], {"naive": [bad()]})

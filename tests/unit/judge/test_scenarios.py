"""Scenario files: read, checked, and asked what happens when."""

import tomllib
from pathlib import Path

import pytest

from lab.errors import BadInput
from lab.scenario import (
    DECIDER,
    BadScenario,
    MessageFault,
    Scenario,
    component_of,
    known_scenarios,
    load_scenario,
    parse_scenario,
)
from lab.scenario_words import explained, pairing
from lab.topology import LANES, LabConfig
from services.faults.plan import FaultKind
from services.operations import Service

# fmt: off
PROMISED = {
    "calm", "printer-out-of-ink", "shipping-timeouts", "lost-replies", "card-declined", "sold-out",
    "slow-warehouse", "payment-flaky", "warehouse-crash", "conductor-crash", "listener-crash", "broker-restart",
    "broker-freeze", "link-cut", "duplicate-storm", "out-of-order", "poison-message", "undo-fails", "approval-late",
    "approval-never", "approval-twice", "black-friday", "everything",
}
# fmt: on
MINIMAL = 'name = "x"\n'


def scenario_of(text: str, tmp_path: Path) -> Scenario:
    path = tmp_path / "x.toml"
    path.write_text(text)
    return load_scenario(str(path))


@pytest.mark.parametrize("name", known_scenarios())
def test_the_labs_own_scenarios_can_be_read(name: str) -> None:
    assert load_scenario(name).name == name


@pytest.mark.parametrize("name", known_scenarios())
def test_each_scenario_says_what_it_is_for(name: str) -> None:
    scenario = load_scenario(name)
    assert scenario.title
    assert scenario.asks.endswith("?")
    told = dict(explained(scenario))
    assert told["asks"] == scenario.asks
    assert scenario.paired is (pairing(scenario) == "paired")


def test_all_that_was_promised_is_there() -> None:
    assert set(known_scenarios()) >= PROMISED


@pytest.mark.parametrize("name", known_scenarios())
def test_a_lane_has_time_to_look_for_quiet_orders_before_its_silence_counts_as_rest(name: str) -> None:
    scenario = load_scenario(name)
    told = scenario.conditions
    quiet_after_s = max(10.0, (told.quiet_after_base_s or 120.0) * told.time_scale)
    if scenario.faults or scenario.machinery or scenario.links or scenario.messages:
        assert scenario.settle.quiet_s > quiet_after_s


def test_messages_come_again_at_planned_moments() -> None:
    fault = MessageFault(at_s=3, do="again", for_s=2, every_s=0.5, back_s=1)
    assert fault.moments() == [3.0, 3.5, 4.0, 4.5, 5.0]
    assert MessageFault(at_s=3, do="malformed", count=2).moments() == [3.0]


def test_a_scenario_of_one_lane_may_break_what_only_that_has() -> None:
    text = 'name = "x"\nlanes = ["orchestration"]\n[[machinery]]\nat_s = 1\ndo = "kill"\ntarget = "conductor-1"'
    scenario = parse_scenario(tomllib.loads(text), "x.toml")
    assert (scenario.paired, pairing(scenario)) == (False, "orchestration only")


def test_the_default_is_what_was_promised() -> None:
    scenario = load_scenario("printer-out-of-ink")
    lost = [fault for fault in scenario.faults if fault.kind is FaultKind.LOST_REPLY]
    assert [(fault.service, fault.probability, fault.for_s) for fault in lost] == [("every", 0.03, None)]
    assert [fault.service for fault in scenario.faults if fault.kind is FaultKind.BROKEN] == [Service.SHIPPING]
    kills = {(fault.do, fault.target in set(Service)) for fault in scenario.machinery}
    assert kills == {("kill", True), ("kill", False)}


def test_the_fault_plan_follows_the_clock(tmp_path: Path) -> None:
    scenario = scenario_of(
        MINIMAL
        + """
        [[faults]]
        service = "every"
        kind = "error"
        probability = 0.5
        [[faults]]
        service = "shipping"
        kind = "broken"
        at_s = 2
        for_s = 3
        """,
        tmp_path,
    )
    assert scenario.plan_changes() == [0.0, 2.0, 5.0]
    assert [rule.service for rule in scenario.faults_at(7, 1.9).rules] == list(Service)
    assert [rule.kind for rule in scenario.faults_at(7, 2.0).rules][-1] is FaultKind.BROKEN
    assert len(scenario.faults_at(7, 5.0).rules) == 3
    assert scenario.faults_at(7, 0.0).seed == 7
    assert scenario.cleared_at_s == 5.0


def test_a_freeze_ends_with_a_thaw(tmp_path: Path) -> None:
    text = """
        [[machinery]]
        at_s = 3
        do = "freeze"
        target = "broker"
        for_s = 2
        [[machinery]]
        at_s = 1
        do = "kill"
        target = "decider"
        """
    actions = scenario_of(MINIMAL + text, tmp_path).actions()
    assert actions == [(1.0, "kill", "decider"), (3.0, "freeze", "broker"), (5.0, "thaw", "broker")]


@pytest.mark.parametrize("lane", LANES)
@pytest.mark.parametrize("role", [*Service, "decider", "door"])
def test_every_role_is_a_component_of_every_lane(lane: str, role: str) -> None:
    components = {part.component for part in LabConfig().parts(lane)}
    assert component_of(role, lane) in components  # type: ignore[arg-type]


def test_every_lane_has_a_decider() -> None:
    assert set(DECIDER) == set(LANES)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name = ", "cannot read"),
        ("", "name: Field required"),
        ('name = "Has Spaces"', "name: String should match"),
        (MINIMAL + "colour = 1", "colour: Extra inputs"),
        (MINIMAL + "[load]\nrate_per_s = 0", "load.rate_per_s: Input should be greater than 0"),
        (MINIMAL + '[[faults]]\nservice = "oven"\nkind = "error"', "faults.0.service"),
        (MINIMAL + '[[faults]]\nservice = "every"\nkind = "slow"', "slow needs a delay"),
        (MINIMAL + '[[faults]]\nservice = "every"\nkind = "error"\noperation = "charge"', "name the service"),
        (MINIMAL + '[[faults]]\nservice = "shipping"\nkind = "error"\noperation = "charge"', "not an operation"),
        (MINIMAL + '[[machinery]]\nat_s = 1\ndo = "freeze"\ntarget = "broker"', "freeze needs for_s"),
        (MINIMAL + '[[machinery]]\nat_s = 1\ndo = "kill"\ntarget = "conductor-1"', "machinery.0.target"),
        (MINIMAL + '[[links]]\nat_s = 1\nfor_s = 1\ndo = "cut"\ntarget = "payment"', "links.0.target"),
        (MINIMAL + '[[links]]\nat_s = 1\nfor_s = 1\ndo = "cut"\ntarget = "broker"', "not by the broker"),
        (MINIMAL + '[[links]]\nat_s = 1\nfor_s = 1\ndo = "slow"\ntarget = "door"', "needs delay_s"),
        (MINIMAL + '[[messages]]\nat_s = 1\ndo = "again"', "again needs for_s and back_s"),
        (MINIMAL + '[[messages]]\nat_s = 1\ndo = "malformed"', "malformed needs a count"),
        (MINIMAL + "lanes = []", "lanes"),
        (MINIMAL + 'criterion = "beauty"', "criterion"),
    ],
)
def test_a_bad_file_is_named_with_its_problem_and_exit_code_2(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(BadScenario, match=r"x\.toml") as caught:
        scenario_of(text, tmp_path)
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_every_problem_is_named_not_only_the_first() -> None:
    with pytest.raises(BadScenario, match=r"load\.seconds.*settle\.quiet_s"):
        parse_scenario({"name": "x", "load": {"seconds": -1}, "settle": {"quiet_s": 0}}, "x.toml")


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadScenario, match=r"x\.toml"):
        load_scenario(str(path))


@pytest.mark.parametrize("name", ["nothing-like-it", "../secrets", "/no/such/file.toml", "."])
def test_an_unknown_scenario_is_a_wrong_question(name: str) -> None:
    with pytest.raises(BadInput) as caught:
        load_scenario(name)
    assert caught.value.exit_code == 2

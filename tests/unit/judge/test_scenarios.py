"""Scenario files: read, checked, and asked what happens when."""

from pathlib import Path

import pytest

from lab.errors import BadInput
from lab.scenario import (
    DECIDER,
    BadScenario,
    Scenario,
    component_of,
    known_scenarios,
    load_scenario,
    parse_scenario,
)
from lab.topology import LANES, LabConfig
from services.faults.plan import FaultKind
from services.operations import Service

MINIMAL = 'name = "x"\n'


def scenario_of(text: str, tmp_path: Path) -> Scenario:
    path = tmp_path / "x.toml"
    path.write_text(text)
    return load_scenario(str(path))


@pytest.mark.parametrize("name", known_scenarios())
def test_the_labs_own_scenarios_can_be_read(name: str) -> None:
    assert load_scenario(name).name == name


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

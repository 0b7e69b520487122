"""What a scenario asks of containers is compared with what they were told, before anything is sent."""

from dataclasses import replace
from pathlib import Path

import pytest

from lab.errors import BadInput
from lab.experiment.design import Design, arms_of
from lab.experiment.on_containers import VARIABLES, misfits, must_fit
from lab.experiment.records import Arm
from lab.scenario import Conditions, load_scenario
from lab.topology import LabConfig
from services.practices import PRESETS

ROOT = Path(__file__).parents[3]
CALM = load_scenario("calm")
ARM = Arm("choreography", "choreography")


def told(**other: object) -> LabConfig:
    """Containers that were told what the scenario asks, but for ``other``."""
    conditions = {name: value for name, value in CALM.conditions.model_dump().items() if value is not None}
    config = LabConfig(home=Path(), practices=dict.fromkeys(("choreography", "orchestration"), PRESETS["hardened"]))
    return replace(config, **conditions | other)


def test_containers_that_were_told_so_fit() -> None:
    assert misfits(told(), CALM, ARM) == {}
    must_fit(told(), CALM, ARM)


def test_every_condition_that_differs_is_named_with_its_variable() -> None:
    config = told(time_scale=0.7, quiet_after_base_s=7.0, stock_scale=0.25)
    assert set(misfits(config, CALM, ARM)) == {"LAB_TIME_SCALE", "LAB_QUIET_AFTER_BASE_S", "LAB_STOCK_SCALE"}
    with pytest.raises(BadInput, match=f"LAB_TIME_SCALE={CALM.conditions.time_scale}"):
        must_fit(config, CALM, ARM)


def test_other_practices_must_be_given_to_the_containers() -> None:
    naive = Arm("choreography", "choreography", practices="naive")
    assert set(misfits(told(), CALM, naive)) == {"LAB_PRACTICES"}


@pytest.mark.parametrize("name", ["link-cut", "poison-message"])
def test_links_and_messages_need_an_embedded_lab(name: str) -> None:
    with pytest.raises(BadInput, match="only an embedded lab"):
        must_fit(told(), load_scenario(name), ARM)


def test_a_handicap_needs_an_embedded_lab() -> None:
    with pytest.raises(BadInput, match="handicap"):
        must_fit(told(), CALM, replace(ARM, handicap=0.5))


def test_every_condition_has_a_variable_that_compose_reads() -> None:
    assert set(VARIABLES) == set(Conditions.model_fields)
    text = (ROOT / "compose.yaml").read_text()
    for variable in VARIABLES.values():
        assert f"{variable}: ${{{variable}:-" in text, variable


def test_no_trial_reads_the_spans_of_containers() -> None:
    with pytest.raises(BadInput, match="traces"):
        Design(CALM, arms_of(CALM, ()), 1, 1, traces=True, target="compose")


def test_a_design_says_its_target() -> None:
    design = Design(CALM, arms_of(CALM, ()), 1, 1, target="compose")
    assert design.to_json()["target"] == "compose"
    assert Design.from_json(design.to_json()) == design

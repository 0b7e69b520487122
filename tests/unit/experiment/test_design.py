"""Blocks, arms and seeds: interleaved, paired, and the same again from the same seed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.errors import BadInput
from lab.experiment.design import Design, ablation_arms, arms_of, practices_of
from lab.scenario import load_scenario
from services.practices import Practice

CALM = load_scenario("calm")
BOTH = ("choreography", "orchestration")


def design(blocks: int = 10, seed: int = 1) -> Design:
    return Design(CALM, arms_of(CALM, ()), blocks, seed)


@given(blocks=st.integers(1, 30), seed=st.integers(0, 2**31))
def test_every_arm_of_a_block_has_its_seed(blocks: int, seed: int) -> None:
    slots = list(design(blocks, seed).slots())
    assert len(slots) == 2 * blocks
    for block in range(blocks):
        own = [slot for slot in slots if slot.block == block]
        assert {slot.arm.name for slot in own} == set(BOTH)
        assert len({slot.seed for slot in own}) == 1
        assert [slot.position for slot in own] == [0, 1]


def test_the_order_of_the_arms_changes_from_block_to_block() -> None:
    first = [slot.arm.name for slot in design(40).slots() if slot.position == 0]
    assert 10 < first.count("orchestration") < 30


def test_the_same_seed_makes_the_same_slots_and_another_others() -> None:
    assert list(design().slots()) == list(design().slots())
    assert list(design(seed=1).slots()) != list(design(seed=2).slots())


def test_more_blocks_begin_with_the_same_ones() -> None:
    assert list(design(20).slots())[:20] == list(design(10).slots())


def test_a_design_survives_its_manifest() -> None:
    whole = Design(load_scenario("everything"), arms_of(CALM, ("choreography",), without="outbox"), 3, 7)
    assert Design.from_json(whole.to_json()) == whole


def test_a_lane_named_twice_is_two_arms_and_the_handicap_is_the_last_ones() -> None:
    arms = arms_of(CALM, ("orchestration", "orchestration"), handicap=0.1)
    assert [(arm.name, arm.lane, arm.handicap) for arm in arms] == [
        ("orchestration-1", "orchestration", 0.0),
        ("orchestration-2", "orchestration", 0.1),
    ]


def test_a_practice_is_taken_out_alone() -> None:
    (arm,) = arms_of(CALM, ("choreography",), without="outbox")
    assert practices_of(arm) == set(Practice) - {Practice.OUTBOX}


def test_an_ablation_takes_each_practice_out_of_each_lane() -> None:
    arms = ablation_arms(CALM)
    assert len(arms) == len({arm.name for arm in arms}) == 2 * (1 + len(Practice))
    assert {(arm.lane, arm.without) for arm in arms} == {
        (lane, practice) for lane in BOTH for practice in (None, *Practice)
    }


def test_a_scenario_of_one_lane_has_one_arm() -> None:
    crash = load_scenario("conductor-crash")
    assert [arm.lane for arm in arms_of(crash, ())] == ["orchestration"]
    with pytest.raises(BadInput, match="it is for orchestration"):
        arms_of(crash, ("choreography",))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"lanes": ("north",)}, "unknown lane 'north'"),
        ({"practices": "brave"}, "unknown preset"),
        ({"without": "sleep"}, "unknown practice"),
        ({"handicap": 2.0}, "a handicap"),
    ],
)
def test_what_does_not_exist_is_named(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        arms_of(CALM, **{"lanes": (), **wrong})  # type: ignore[arg-type]


def test_a_number_of_blocks_is_checked() -> None:
    with pytest.raises(BadInput, match="blocks must be"):
        design(0)

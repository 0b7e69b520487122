"""What the lab advises reaches the lab that advised it."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from lab.commands.faults import when_back
from lab.errors import OutOfReach
from lab.hints import advised, counted
from lab.problems import problems_of
from lab.processes.state import State
from lab.serving import what_next
from lab.topology import LabConfig
from services.faults.plan import FaultRule


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_hint_names_a_home_that_is_not_the_default(tmp_path: Path) -> None:
    assert advised("lab down", Path(".lab")) == "lab down"
    assert advised("lab down", tmp_path / ".lab") == "lab down"
    assert advised("lab down", tmp_path / "other") == f"lab down --home {tmp_path}/other"
    assert advised("lab down", tmp_path / "a b") == f"lab down --home '{tmp_path}/a b'"


def test_everything_a_second_lab_says_to_try_reaches_it(tmp_path: Path) -> None:
    first, *commands, last = what_next(LabConfig(home=tmp_path / "second"))
    assert first.startswith("Try")
    assert all(f"--home {tmp_path}/second" in line for line in [*commands, last])
    assert not any("--home" in line for line in what_next(LabConfig()))


def test_counted_things_have_their_plural() -> None:
    assert (counted(1, "fault"), counted(2, "fault"), counted(0, "fault")) == ("1 fault", "2 faults", "0 faults")


def test_problems_are_told_without_the_validator_s_own_words() -> None:
    with pytest.raises(ValidationError) as raised:
        FaultRule.model_validate({"kind": "error", "service": "payment", "probability": 2})
    assert (
        problems_of(raised.value) == "probability should be a valid number"
        or problems_of(raised.value) == "probability should be less than or equal to 1"
    )


class Crashing:
    """Out of reach for so many calls."""

    def __init__(self, calls: int) -> None:
        self.left = calls

    def __call__(self) -> str:
        self.left -= 1
        if self.left >= 0:
            raise OutOfReach("connection refused")
        return "done"


@pytest.mark.parametrize("state", [State.STARTING, State.BACKOFF, State.READY])
def test_a_service_that_comes_back_is_asked_again(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.commands.faults.ASK_AGAIN_AFTER_S", 0.0)
    assert when_back(Crashing(3), lambda: state) == "done"


@pytest.mark.parametrize("state", [State.DOWN, State.FROZEN, State.STOPPED])
def test_one_that_does_not_come_back_by_itself_is_not_waited_for(state: State) -> None:
    asked = Crashing(10)
    with pytest.raises(OutOfReach, match="refused"):
        when_back(asked, lambda: state)
    assert asked.left == 9


def test_after_some_time_it_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.commands.faults.BACK_WITHIN_S", -1.0)
    with pytest.raises(OutOfReach):
        when_back(Crashing(10), lambda: State.BACKOFF)

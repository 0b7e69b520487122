"""``lab workshop`` at the terminal: what it prints, writes and answers."""

from pathlib import Path

import pytest

from lab.cli import run
from lab.commands.workshop import told
from lab.workshop.finding import Finding

Out = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no containers are known of that could be asked."""
    monkeypatch.chdir(tmp_path)


def test_the_lessons_are_listed(capsys: Out) -> None:
    assert run(["workshop"]) == 0
    said = capsys.readouterr().out
    assert "The megaphone" in said
    assert "When the megaphone wins" in said


@pytest.mark.parametrize("asked", [["workshop", "4"], ["workshop", "show", "4"]])
def test_a_lesson_is_shown_by_its_number(asked: list[str], tmp_path: Path, capsys: Out) -> None:
    assert run([*asked, "--home", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "The conductor" in said
    assert "lab order --lane orchestration --id conducted --wait" in said
    assert "What it showed" not in said
    assert run([*asked, "--whole", "--home", str(tmp_path)]) == 0
    assert "What it showed" in capsys.readouterr().out


@pytest.mark.parametrize("asked", [["13"], ["0"], ["check", "13"], ["nothing"]])
def test_a_lesson_that_is_not_there_is_a_wrong_question(asked: list[str], tmp_path: Path, capsys: Out) -> None:
    assert run(["workshop", *asked]) == 2
    assert capsys.readouterr().err.startswith("lab: ")


def test_a_check_without_a_lab_says_so(tmp_path: Path, capsys: Out) -> None:
    assert run(["workshop", "check", "1", "--home", str(tmp_path)]) == 2
    assert "no lab is up" in capsys.readouterr().err


def test_a_subscriber_needs_a_name_that_a_broker_takes(tmp_path: Path, capsys: Out) -> None:
    assert run(["workshop", "listen", "a.b*", "--home", str(tmp_path)]) == 2
    assert "small letters" in capsys.readouterr().err


@pytest.mark.parametrize("what", ["slides", "handout"])
def test_slides_and_handout_are_written_where_they_can_be(what: str, tmp_path: Path, capsys: Out) -> None:
    assert run(["workshop", what, str(tmp_path / "page.html")]) == 0
    assert (tmp_path / "page.html").read_text().startswith("<!doctype html>")
    assert run(["workshop", what, str(tmp_path / "nowhere" / "page.html")]) == 2
    assert "cannot write" in capsys.readouterr().err


def test_a_finding_says_what_was_looked_for_what_was_seen_and_what_to_do() -> None:
    missed = told(4, "The conductor", Finding(False, "an order", ("none",), "place one"))
    assert missed == [
        "lesson 4, The conductor: NOT met yet",
        "  looked for: an order",
        "  saw:        none",
        "  do:         place one",
    ]
    assert told(4, "The conductor", Finding(True, "an order", ("one",), "place one"))[-1] == "  saw:        one"

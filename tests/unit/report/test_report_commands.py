from dataclasses import replace
from pathlib import Path

import pytest

from lab.application import answer
from tests.unit.report.made_up import experiment, keep


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name, seed in (("one", 1), ("two", 2)):
        keep(replace(experiment(blocks=3, orders=10, seed=seed), name=name), tmp_path / "experiments" / name)
    return tmp_path


def test_two_experiments_are_compared_by_name(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(["compare", "one", "two", "--home", str(home), "--csv", str(home / "both.csv")]) == 0
    said = capsys.readouterr().out
    assert "latency_p50_s" in said
    assert "no verdict is given across them" in said
    assert (home / "both.csv").read_text(encoding="utf-8").count("latency_p50_s") == 4


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["compare", "one", "one"], "the same experiment"),
        (["compare", "one", "three"], "no experiment 'three'"),
        (["report", "three"], "there are: one, two"),
        (["compare", "one", "two", "--csv", "/nowhere/at/all.csv"], "cannot be written"),
    ],
)
def test_a_wrong_question_is_one_line(
    home: Path, arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer([*arguments, "--home", str(home)]) == 2
    assert says in capsys.readouterr().err

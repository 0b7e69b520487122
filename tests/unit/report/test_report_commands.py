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


def test_the_tables_of_several_go_into_a_page_between_its_marks(home: Path) -> None:
    page = home / "page.md"
    page.write_text("Before.\n<!-- made by: lab report one two -->\nold\n<!-- end -->\nAfter.\n", encoding="utf-8")
    for _ in range(2):
        assert answer(["report", "one", "two", "--write", str(page), "--home", str(home)]) == 0
    text = page.read_text(encoding="utf-8")
    assert text.startswith("Before.\n<!-- made by: lab report one two -->\n\n### ")
    assert text.endswith("\n<!-- end -->\nAfter.\n")
    assert "old" not in text
    assert text.count("### printer-out-of-ink") == 2
    assert text.count("`latency_p50_s`") == 2
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {row.count("|") for row in rows} == {5, 8}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["compare", "one", "one"], "the same experiment"),
        (["compare", "one", "three"], "no experiment 'three'"),
        (["report", "three"], "there are: one, two"),
        (["report", "one", "--write", "/nowhere/at/all.md"], "cannot be read"),
        (["report", "one", "--write", "/dev/null"], "has no place for the tables"),
        (["report", "one", "two", "--output", "/nowhere"], "the report of one result"),
        (["compare", "one", "two", "--csv", "/nowhere/at/all.csv"], "cannot be written"),
    ],
)
def test_a_wrong_question_is_one_line(
    home: Path, arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer([*arguments, "--home", str(home)]) == 2
    assert says in capsys.readouterr().err

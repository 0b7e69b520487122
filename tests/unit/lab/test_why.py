"""``lab why`` when no lab is up: the latest results tell."""

from pathlib import Path

import pytest

from lab.cli import run
from lab.home import Home
from lab.kept_trails import keep, kept_trails

TRAIL = {
    "order_id": "o-1",
    "lane": "choreography",
    "status": "in_progress",
    "stores": ["ORDERS"],
    "queries": 1,
    "entries": [{"at": "2026-01-01T00:00:01Z", "what": "OrderPlaced", "store": "ORDERS"}],
}


@pytest.fixture(autouse=True)
def _results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LAB_HOME", raising=False)
    results = tmp_path / ".lab" / "results"
    for preset in ("hardened", "naive"):
        keep(results / "run-1", preset, {"o-1": TRAIL, "unknown": None})
    (results / "latest").symlink_to("run-1")


def test_a_kept_story_is_told_for_each_preset(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["why", "o-1"]) == 0
    said = capsys.readouterr().out
    assert "in the latest results, preset hardened" in said
    assert "preset naive" in said
    assert "told by ORDERS; 1 store asked, 1 query" in said
    assert run(["why", "o-1", "--json"]) == 0
    assert '"naive/choreography"' in capsys.readouterr().out


def test_an_order_that_nobody_knows_is_still_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["why", "o-2"]) == 2
    assert "no lab is up" in capsys.readouterr().err
    assert run(["why", "o-1", "--lane", "orchestration"]) == 2


def test_a_pattern_is_no_order(tmp_path: Path) -> None:
    assert kept_trails(Home(tmp_path / ".lab"), "*", None) == []


def test_a_broken_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    next(tmp_path.glob(".lab/results/run-1/naive/trails/*/o-1.json")).write_text("{")
    assert run(["why", "o-1"]) == 2
    assert "cannot read" in capsys.readouterr().err

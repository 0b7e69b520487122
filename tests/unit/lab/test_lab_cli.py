"""Bad input on the command line: one clear line on stderr, exit code 2, never a traceback."""

import re
from pathlib import Path

import pytest

from lab.cli import run
from lab.commands.faults import describe
from lab.errors import BadInput
from services.faults.plan import FaultRule


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LAB_HOME", raising=False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["frobnicate"], "No such command 'frobnicate'"),
        (["status"], "no lab is up in .*; start one with `lab up`"),
        (["down"], "no lab is up"),
        (["order"], "no lab is up"),
        (["orders"], "no lab is up"),
        (["why", "order-1"], "no lab is up"),
        (["why"], "Missing argument 'ORDER'"),
        (["approvals"], "no lab is up"),
        (["approve", "x"], "no lab is up"),
        (["fault", "shipping", "broken"], "no lab is up"),
        (["fault", "printer", "broken"], "'printer' is not one of"),
        (["fault", "payment", "melted"], "'melted' is not one of"),
        (["fault", "payment"], "name a service .* and a kind"),
        (["fault", "payment", "crash"], "that is no fault: a crash needs a point"),
        (["fault", "payment", "error", "--probability", "2"], "that is no fault"),
        (["fault", "payment", "error", "--operation", "reserve"], "reserve is not an operation of payment"),
        (["kill", "orchestration-door"], "no lab is up"),
        (["logs"], "no logs in"),
        (["audit"], "no lab is up"),
        (["dead-letters", "show"], "no lab is up"),
        (["dead-letters", "replay", "1"], "no lab is up"),
        (["dead-letters"], "no lab is up"),
        (["dead-letters", "replay", "1", "--body", "no.json"], r"cannot read no\.json"),
        (["up", "--practices", "brave"], "'brave' is not a practice or preset; known: hardened, naive"),
        (["up", "--lane", "mail"], "'mail' is not one of"),
        (["up", "--time-scale", "-1"], "time scale"),
        (["up", "--time-scale", "nan"], "time scale"),
        (["up", "--port-base", "80"], "port base"),
        (["up", "--conductors", "0"], "conductors"),
        (["up", "--host", "0.0.0.0"], "set the variable LAB_PASSWORD"),
        (["up", "--home", "/dev/null/x"], "cannot use /dev/null/x as the lab's home"),
        (["demo", "--presets", "brave"], "unknown preset brave"),
        (["demo", "--scenario", "no/such/file.toml"], r"no/such/file\.toml"),
    ],
)
def test_bad_input_is_one_line_on_stderr_and_exit_code_2(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert re.search(said, captured.err), captured.err
    assert captured.err.startswith("lab: ")
    assert captured.err.count("\n") == 1
    assert "Traceback" not in captured.err + captured.out


def test_without_arguments_it_helps(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 0
    out = capsys.readouterr().out
    for panel in ("Life of the lab", "Orders", "Faults", "Judgement"):
        assert panel in out


def test_logs_of_an_unknown_process_names_the_known_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logs = tmp_path / ".lab" / "logs"
    logs.mkdir(parents=True)
    (logs / "x-door.log").write_text("one\ntwo [bold]\n")
    assert run(["logs", "y"]) == 2
    assert "there are: x-door" in capsys.readouterr().err
    assert run(["logs", "x-door", "-n", "1"]) == 0
    assert capsys.readouterr().out == "two [bold]\n"


def test_a_bug_is_said_in_one_line_with_its_own_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_home: Path) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("lab.commands.machinery.find_lab", broken)
    assert run(["status"]) == 70
    assert capsys.readouterr().err == "lab: a bug: ZeroDivisionError: oops (LAB_DEBUG=1 shows where)\n"


def test_a_fault_rule_in_words() -> None:
    rule = FaultRule.model_validate(
        {"kind": "slow", "service": "payment", "operation": "charge", "probability": 0.5, "delay": {"mean_s": 2}}
    )
    assert describe(rule) == "payment slow in charge by 2 s on average (exponential) with probability 0.5"


def test_every_bad_input_has_exit_code_2() -> None:
    assert {error.exit_code for error in BadInput.__subclasses__()} == {2}

"""The order machine for AWS: valid for CloudFormation's own linter, and the same saga as here."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lab.cli import run
from orchestration.asl.checking import check
from orchestration.orders.cloudformation import aws_definition, template
from orchestration.orders.definition import order_machine
from orchestration.orders.tasks_as import TasksAs
from services.practices import PRESETS, parse_practices

pytestmark = pytest.mark.more


def machine(practices: str = "hardened") -> dict[str, Any]:
    return order_machine(
        parse_practices(practices),
        time_scale=1.0,
        approval_threshold_cents=50_000,
        approval_timeout_s=31_536_000.0,
        call_timeout_s=10.0,
    )


@pytest.mark.parametrize("practices", PRESETS)
@pytest.mark.parametrize("tasks", TasksAs)
def test_cfn_lint_finds_nothing(tasks: TasksAs, practices: str, tmp_path: Path) -> None:
    written = tmp_path / "template.json"
    written.write_text(json.dumps(template(machine(practices), tasks)), encoding="utf-8")
    linter = Path(sys.executable).with_name("cfn-lint")
    found = subprocess.run([linter, written], capture_output=True, text=True, check=False, timeout=60)
    assert (found.returncode, found.stdout) == (0, "")


@pytest.mark.parametrize("tasks", TasksAs)
def test_the_saga_is_the_same(tasks: TasksAs) -> None:
    ours, theirs = machine(), aws_definition(machine(), tasks)
    assert not check(theirs)
    assert theirs["StartAt"] == ours["StartAt"]
    for name, state in ours["States"].items():
        exported = theirs["States"][name]
        for field in (
            "Type",
            "Next",
            "End",
            "Comment",
            "Default",
            "Choices",
            "InputPath",
            "ResultPath",
            "TimeoutSeconds",
        ):
            assert exported.get(field) == state.get(field)
        numbers = ("IntervalSeconds", "MaxAttempts", "BackoffRate", "MaxDelaySeconds", "JitterStrategy")
        assert [[rule.get(each) for each in numbers] for rule in exported.get("Retry", ())] == [
            [rule.get(each) for each in numbers] for rule in state.get("Retry", ())
        ]
        assert [rule["Next"] for rule in exported.get("Catch", ())] == [rule["Next"] for rule in state.get("Catch", ())]


@pytest.mark.parametrize("tasks", TasksAs)
def test_nothing_that_only_our_conductor_knows_is_left(tasks: TasksAs) -> None:
    resources = {state.get("Resource", "arn:aws:") for state in aws_definition(machine(), tasks)["States"].values()}
    assert all(resource.startswith("arn:aws:states:::") for resource in resources if resource != "arn:aws:")
    assert "Http." not in json.dumps(aws_definition(machine(), TasksAs.HTTP)["States"]).replace("States.Http.", "")


def test_the_command_writes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["export", "aws", "--tasks", "lambda"]) == 0
    assert json.loads(capsys.readouterr().out) == template(machine(), TasksAs.LAMBDA)
    assert run(["export", "aws", "--output", str(tmp_path / "no" / "such" / "folder")]) == 2
    assert "cannot be written" in capsys.readouterr().err

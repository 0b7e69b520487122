"""The lab as a team would deploy it: loaded, broken and judged from outside."""

from pathlib import Path

import pytest

from lab.commands.orders import ROLLED_BACK_EXIT
from lab.scenario import load_scenario
from tests.compose.deployment import PROJECT, Deployment
from tests.compose.trials import trial
from tests.e2e.trials import explained

pytestmark = [pytest.mark.compose, pytest.mark.timeout(900)]
PATIENTLY = ("--timeout", "120")
SCENARIO = Path(__file__).parent / "nodes-die.toml"


def test_the_lab_s_commands_reach_the_containers(deployment: Deployment) -> None:
    assert "choreography-broker-3" in deployment.lab("status").stdout
    placed = deployment.lab("order", "--id", "first", "--wait", *PATIENTLY)
    assert placed.returncode == 0, placed.stdout + placed.stderr
    assert "PaymentCharged" in deployment.lab("why", "first").stdout


def test_a_fault_reaches_every_process_of_a_service(deployment: Deployment) -> None:
    """Only one process is told; the others hear of it from their ledger. With every label failing, no order gets by."""
    assert deployment.lab("fault", "shipping", "broken", "--operation", "print_label").returncode == 0
    try:
        for number in range(4):
            placed = deployment.lab("order", "--id", f"broken-{number}", "--wait", *PATIENTLY)
            assert placed.returncode == ROLLED_BACK_EXIT, placed.stdout + placed.stderr
    finally:
        assert deployment.lab("repair").returncode == 0
    mended = deployment.lab("order", "--id", "mended", "--wait", *PATIENTLY)
    assert mended.returncode == 0, mended.stdout + mended.stderr


def test_a_frozen_and_a_killed_process_come_back(deployment: Deployment) -> None:
    assert "frozen" in deployment.lab("freeze", "orchestration-conductor-1").stdout
    try:
        placed = deployment.lab("order", "--id", "without-one", "--wait", *PATIENTLY)
        assert placed.returncode == 0, placed.stdout + placed.stderr
    finally:
        assert deployment.lab("thaw", "orchestration-conductor-1").returncode == 0
    assert deployment.lab("kill", "orchestration-conductor-2").returncode == 0
    placed = deployment.lab("order", "--id", "after-a-kill", "--wait", *PATIENTLY)
    assert placed.returncode == 0, placed.stdout + placed.stderr


async def test_nothing_is_lost_when_a_broker_s_node_and_a_decider_are_killed(deployment: Deployment) -> None:
    run, verdicts = await trial(load_scenario(str(SCENARIO)), seed=6)
    told = explained(list(verdicts.values()))
    print("\n".join(text for _, text in run.actions))
    for lane, verdict in verdicts.items():
        cpu_ms = 1000 * run.lanes[lane].cpu_s / len(verdict.rows)
        print(f"{lane}: {verdict.audit.outcome_counts()}, {cpu_ms:.0f} ms of CPU an order")
        assert verdict.clean, told


def test_a_running_lab_is_clean_at_the_end(deployment: Deployment) -> None:
    judged = deployment.lab("audit", "--wait")
    assert judged.returncode == 0, judged.stdout + judged.stderr


def test_down_leaves_nothing(deployment: Deployment) -> None:
    """The last test of this module: it takes everything down, as the README says."""
    deployment.readme("docker compose down --volumes")
    mine = ("--filter", f"label=com.docker.compose.project={PROJECT}", "--quiet")
    for things in (("ps", "--all"), ("volume", "ls"), ("network", "ls")):
        assert not deployment.must(*deployment.docker, *things, *mine).strip()

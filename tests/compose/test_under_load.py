"""Containers under load while they are killed, restarted and replaced: nothing lost, nothing wrong in the books."""

import asyncio
import time
from pathlib import Path

import pytest

from lab.scenario import Conditions, Scenario, Settle, load_scenario
from lab.target.compose import ComposeTarget
from loadtests.workload import Shape
from tests.compose.deployment import Deployment
from tests.compose.trials import longest_without_acceptance_s, trial
from tests.e2e.trials import explained

pytestmark = [pytest.mark.compose, pytest.mark.timeout(900)]
NODES_DIE = Path(__file__).parent / "nodes-die.toml"
RATE_PER_S = 3.0
ROLLING_S = 150.0


async def test_nothing_is_lost_when_a_broker_s_node_and_a_decider_are_killed(deployment: Deployment) -> None:
    run, verdicts, costs = await trial(load_scenario(str(NODES_DIE)), seed=6)
    print("\n".join(text for _, text in run.actions))
    for lane, verdict in verdicts.items():
        lane_run = run.lanes[lane]
        cpu_ms = 1000 * lane_run.cpu_s / len(verdict.rows)
        print(f"{lane}: {verdict.audit.outcome_counts()}, {cpu_ms:.0f} ms of processor an order, all lives of all")
        print(f"  at most {lane_run.peak_rss_bytes / 2**20:.0f} MiB in all\n{costs[lane]}")
    for verdict in verdicts.values():
        assert verdict.clean, explained(list(verdicts.values()))


async def test_every_container_is_replaced_under_load_and_nothing_is_lost(deployment: Deployment) -> None:
    """Each node of the brokers' clusters is killed, each database and process restarted, one after the other."""
    scenario = Scenario(
        name="rolling",
        conditions=Conditions(time_scale=0.1),
        load=Shape(rate_per_s=RATE_PER_S, seconds=ROLLING_S, large_share=0.1, manager_delay_s=(1.0, 2.0)),
        settle=Settle(within_s=120.0, quiet_s=30.0),
    )
    replaced: dict[str, list[str]] = {}
    rolled: list[float] = []

    async def roll_all(lab: ComposeTarget) -> None:
        async with asyncio.TaskGroup() as tasks:
            for lane in lab.config.lanes:
                replaced[lane] = [each.name for each in lab.status() if each.group == lane]
                tasks.create_task(_roll(lab, replaced[lane]))
        rolled.append(time.monotonic() - began)

    began = time.monotonic()
    run, verdicts, _ = await trial(scenario, seed=7, meanwhile=roll_all)
    print(f"\nall replaced after {rolled[0]:.0f} s, judged after {time.monotonic() - began:.0f} s:")
    for lane, verdict in verdicts.items():
        without_s = longest_without_acceptance_s(run.lanes[lane])
        print(
            f"{lane}: {len(replaced[lane])} containers replaced, {verdict.audit.outcome_counts()},"
            f" at most {without_s:.1f} s without an accepted order"
        )
    for lane, verdict in verdicts.items():
        assert {f"{lane}-broker-3", f"{lane}-postgres", f"{lane}-door"} <= set(replaced[lane])
        assert verdict.clean, explained(list(verdicts.values()))


async def _roll(lab: ComposeTarget, names: list[str]) -> None:
    for name in names:
        await (lab.kill(name) if "-broker-" in name else lab.restart(name))
        await lab.wait_ready(name)


def test_a_running_lab_is_clean_at_the_end(deployment: Deployment) -> None:
    judged = deployment.lab("audit", "--wait")
    assert judged.returncode == 0, judged.stdout + judged.stderr


def test_a_scenario_runs_on_the_containers_as_it_does_embedded(deployment: Deployment, tmp_path: Path) -> None:
    scenario = tmp_path / "short.toml"
    scenario.write_text(NODES_DIE.read_text().replace("seconds = 30.0", "seconds = 8.0").partition("[[machinery]]")[0])
    home = ("--home", str(tmp_path))
    ran = deployment.lab("run", str(scenario), "--blocks", "1", *home)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "NOT clean" not in ran.stdout
    (manifest,) = tmp_path.rglob("manifest.json")
    assert '"target": "compose"' in manifest.read_text()
    print(ran.stdout)
    again = deployment.lab("run", str(scenario), "--blocks", "1", *home)
    assert again.returncode == 2, again.stdout + again.stderr
    assert "take another --seed" in again.stderr

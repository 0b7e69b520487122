"""Each crash point × each service × both lanes: a real SIGKILL, the supervisor's restart, and clean books."""

from dataclasses import replace

import pytest

from lab.embedded import Lab
from lab.scenario import Conditions, PlannedFault, Scenario, Settle
from lab.topology import LANES, LabConfig
from lab.trial import Run, run_scenario
from loadtests.workload import Shape
from services.commands import Refusal
from services.faults.plan import CrashPoint, FaultKind
from services.operations import SERVICE_OF, Operation, Service
from tests.e2e.trials import planned

SMALL_LOAD = Shape(rate_per_s=20.0, large_share=0.0)
CRASHES = {Operation.CHARGE, Operation.RESERVE, Operation.PRINT_LABEL}
UNDO_CRASHES = {Operation.RELEASE, Operation.REFUND, Operation.VOID_LABEL}


def crash(operation: Operation, point: CrashPoint) -> PlannedFault:
    return PlannedFault(
        service=SERVICE_OF[operation], operation=operation, kind=FaultKind.CRASH, point=point, attempts=1
    )


def scenario(point: CrashPoint, *, undone: bool) -> Scenario:
    """``undone``: shipping refuses every label, so that the undo operations run, and crash too."""
    faults = [crash(operation, point) for operation in sorted(UNDO_CRASHES if undone else CRASHES)]
    if undone:
        refusal = PlannedFault(
            service=Service.SHIPPING,
            operation=Operation.PRINT_LABEL,
            kind=FaultKind.REFUSAL,
            refusal=Refusal.OUT_OF_STOCK,
        )
        faults.append(refusal)
    return Scenario(
        name="crash",
        conditions=Conditions(time_scale=0.1),
        load=SMALL_LOAD,
        settle=Settle(within_s=90.0, quiet_s=60.0),
        faults=tuple(faults),
    )


@pytest.mark.slow
async def test_a_crash_at_any_point_of_any_service_leaves_clean_books(lab_config: LabConfig) -> None:
    config = replace(lab_config, lanes=LANES)
    async with Lab(config) as lab:
        seed = 0
        for point in CrashPoint:
            for undone in (False, True):
                seed += 1
                plan = scenario(point, undone=undone)
                orders = await planned(lab, seed, 2, plan.load)
                run = await run_scenario(lab, plan, orders, seed, lambda _: None)
                where = f"{point}, {'undone' if undone else 'fulfilled'}"
                for lane in LANES:
                    ids = {order.order_id for order in orders}
                    crashed = {
                        (row["operation"], row["point"])
                        for rows in run.lanes[lane].injected.values()
                        for row in rows
                        if row["kind"] == "crash" and row["order_id"] in ids
                    }
                    assert crashed == {(operation, point) for operation in (UNDO_CRASHES if undone else CRASHES)}, (
                        f"{lane}, {where}"
                    )
                    expected = {"rolled_back"} if undone else {"fulfilled"}
                    assert set(run.lanes[lane].stories.values()) == expected, f"{lane}, {where}"
        assert_no_effect_twice(run)  # the ledgers hold the orders of every round


def assert_no_effect_twice(run: Run) -> None:
    for lane, lane_run in run.lanes.items():
        counts: dict[tuple[str, str], int] = {}
        for effects in lane_run.effects.values():
            for effect in effects:
                counts[effect.order_id, effect.operation] = counts.get((effect.order_id, effect.operation), 0) + 1
        assert {key: count for key, count in counts.items() if count > 1} == {}, lane

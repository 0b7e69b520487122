"""Each crash point × each service × both lanes: a real SIGKILL, the supervisor's restart, and clean books.

Every order crashes every service that it reaches, once for each operation; shipping refuses most orders, so that the
undo operations run, and crash too. Whether an order then ends fulfilled is the retries' luck against the time
of a restart; that it ends, and with clean books, is not. Orders follow, one
at a time since each costs several restarts, until every combination has struck.
"""

from dataclasses import replace

import aiohttp
import pytest

from lab.auditor import Evidence, accepted_order, audit
from lab.collect import LaneReader
from lab.embedded import Lab
from lab.scenario import Conditions, PlannedFault, Scenario, Settle
from lab.topology import LANES, LabConfig
from lab.trial import address_of, run_scenario
from loadtests.workload import PlannedOrder, Shape
from services.commands import Refusal
from services.faults.plan import CrashPoint, FaultKind
from services.operations import SERVICE_OF, UNDOES, Operation, Service
from tests.e2e.trials import planned

ROUNDS = 8
ACTIONS = tuple(operation for operation in Operation if operation not in UNDOES)
TIME_SCALE = 1.0  # so that the retry waits outlast a restart, and one round is enough as a rule
CALL_TIMEOUT_S = 2.0

Struck = dict[str, set[tuple[str, str]]]


def scenario(point: CrashPoint, operations: tuple[Operation, ...]) -> Scenario:
    crashes = [
        PlannedFault(service=SERVICE_OF[each], operation=each, kind=FaultKind.CRASH, point=point, attempts=1)
        for each in operations
    ]
    refusal = PlannedFault(
        service=Service.SHIPPING,
        operation=Operation.PRINT_LABEL,
        kind=FaultKind.REFUSAL,
        refusal=Refusal.OUT_OF_STOCK,
    )
    return Scenario(
        name="crash",
        conditions=Conditions(time_scale=TIME_SCALE),
        load=Shape(rate_per_s=20.0, large_share=0.0),
        settle=Settle(within_s=90.0, quiet_s=60.0),
        faults=(*crashes, *([refusal] if operations != ACTIONS else [])),
    )


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_crash_at_any_point_of_any_service_leaves_clean_books(lab_config: LabConfig) -> None:
    config = replace(lab_config, lanes=LANES, time_scale=TIME_SCALE, call_timeout_base_s=CALL_TIMEOUT_S / TIME_SCALE)
    placed: list[PlannedOrder] = []
    async with Lab(config) as lab, aiohttp.ClientSession() as session:
        for point in CrashPoint:
            for operations in (ACTIONS, tuple(UNDOES)):
                wanted = {(operation.value, point.value) for operation in operations}
                struck: Struck = {lane: set() for lane in LANES}
                for _ in range(ROUNDS):
                    placed += await one_round(lab, scenario(point, operations), len(placed) + 1, struck)
                    if all(wanted <= struck[lane] for lane in LANES):
                        break
                missed = {lane: sorted(wanted - struck[lane]) for lane in LANES if wanted - struck[lane]}
                assert not missed, f"did not strike in {ROUNDS} rounds: {missed}"
        for lane in LANES:
            await assert_clean(LaneReader(address_of(lab, lane), session), placed)


async def one_round(lab: Lab, plan: Scenario, seed: int, struck: Struck) -> list[PlannedOrder]:
    orders = await planned(lab, seed, 1, plan.load)
    run = await run_scenario(lab, plan, orders, seed, lambda _: None)
    ids = {order.order_id for order in orders}
    for lane, lane_run in run.lanes.items():
        rows = [row for rows in lane_run.injected.values() for row in rows]
        struck[lane] |= {
            (row["operation"], row["point"]) for row in rows if row["kind"] == "crash" and row["order_id"] in ids
        }
    return orders


async def assert_clean(reader: LaneReader, placed: list[PlannedOrder]) -> None:
    found = audit(
        Evidence(
            accepted=[accepted_order(order.body) for order in placed],
            effects={service: await reader.effects(service) for service in Service},
            stock=await reader.stock(),
            stories=await reader.stories(order.order_id for order in placed),
        )
    )
    assert found.clean, f"{reader.address.lane}: {found.to_json()}"
    outcomes = found.outcome_counts()
    assert outcomes["open"] == 0
    assert min(outcomes["fulfilled"], outcomes["rolled_back"]) > 0, f"{reader.address.lane}: {outcomes}"

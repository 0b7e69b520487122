"""Each crash point × each service × both lanes: a real SIGKILL, the supervisor's restart, and clean books.

Every order crashes every service that it reaches, once for each operation; half of the orders are refused by shipping, so
that the undo operations run, and crash too. Whether an order then ends fulfilled is the retries' luck against the time
of a restart; that it ends, and with clean books, is not. Orders follow until every combination has struck.
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
from services.operations import SERVICE_OF, Operation, Service
from tests.e2e.trials import planned

ROUNDS = 8


def scenario(point: CrashPoint) -> Scenario:
    crashes = [
        PlannedFault(service=service, operation=operation, kind=FaultKind.CRASH, point=point, attempts=1)
        for operation, service in SERVICE_OF.items()
    ]
    refusal = PlannedFault(
        service=Service.SHIPPING,
        operation=Operation.PRINT_LABEL,
        kind=FaultKind.REFUSAL,
        refusal=Refusal.OUT_OF_STOCK,
        probability=0.5,
    )
    return Scenario(
        name="crash",
        conditions=Conditions(time_scale=0.2),
        load=Shape(rate_per_s=20.0, large_share=0.0),
        settle=Settle(within_s=90.0, quiet_s=60.0),
        faults=(*crashes, refusal),
    )


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_crash_at_any_point_of_any_service_leaves_clean_books(lab_config: LabConfig) -> None:
    config = replace(lab_config, lanes=LANES, time_scale=0.2)
    placed: list[PlannedOrder] = []
    struck: dict[str, set[tuple[str, str]]] = {lane: set() for lane in LANES}
    async with Lab(config) as lab, aiohttp.ClientSession() as session:
        seed = 0
        for point in CrashPoint:
            wanted = {(operation.value, point.value) for operation in Operation}
            for _ in range(ROUNDS):
                seed += 1
                plan = scenario(point)
                orders = await planned(lab, seed, 3, plan.load)
                placed += orders
                run = await run_scenario(lab, plan, orders, seed, lambda _: None)
                for lane, lane_run in run.lanes.items():
                    rows = [row for rows in lane_run.injected.values() for row in rows if row["kind"] == "crash"]
                    struck[lane] |= {(row["operation"], row["point"]) for row in rows}
                if all(wanted <= struck[lane] for lane in LANES):
                    break
            for lane in LANES:
                assert wanted <= struck[lane], f"{lane}: {point} did not strike everywhere in {ROUNDS} rounds"
        for lane in LANES:
            await assert_clean(LaneReader(address_of(lab, lane), session), placed)


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
    assert found.outcome_counts()["open"] == 0

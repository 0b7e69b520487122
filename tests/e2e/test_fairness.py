"""Both lanes stand under the same conditions: the same services, numbers, stores and limits, and the same faults.

First what can be read off the code and the configuration; then one seeded load through both lanes, compared with each
other, with a rerun, and with what the dice alone say (``forecast``). What was injected is the services' own record.
"""

import ast
import asyncio
import importlib
import json
import pkgutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import ModuleType

import aiohttp
import orjson
import pytest
import pytest_asyncio

import choreography
import orchestration
import services.process
from broker.server import server_config
from choreography import failing
from lab import topology, wirings
from lab.credentials import load_or_create
from lab.embedded import Lab
from lab.scenario import Conditions, PlannedFault, Scenario, Settle
from lab.topology import LANES, LabConfig
from lab.trial import LaneRun, run_scenario
from lab.verdict import Verdict, judge
from loadtests.workload import PlannedOrder, Shape
from orchestration.asl import recovery
from orchestration.asl.machine import TaskState
from orchestration.orders.definition import OPERATION_OF_RESOURCE, load_order_machine
from services import retry
from services.commands import Refusal
from services.faults.dice import outcome
from services.faults.plan import Delay, FaultKind, FaultPlan
from services.operations import SERVICE_OF, Operation, Service, is_undo
from services.practices import PRESETS
from services.service import Service as RunningService
from tests.e2e.asking import AskedLane, broker_admin, order_body, poll
from tests.e2e.forecast import ACTIONS, End, Forecast, forecast
from tests.e2e.trials import explained, planned
from tests.free_ports import free_port_base

CHOREOGRAPHY, ORCHESTRATION = LANES
WIRINGS = (choreography, orchestration)


# --- what can be read off ---------------------------------------------------------------------------------------------


def modules_of(package: ModuleType) -> list[str]:
    found = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    return [each.name for each in found if not each.name.endswith("__main__")]


def test_both_lanes_run_the_same_services() -> None:
    wired = [importlib.import_module(name) for package in WIRINGS for name in modules_of(package)]
    for what in ("Service", "create_app"):
        own = getattr(services.process, what)  # the services of the orchestration are processes of their own
        assert any(vars(module).get(what) is own for module in wired), f"the choreography does not run this {what}"
    assert services.process.Service is RunningService
    assert RunningService.__subclasses__() == []


def imports_of(name: str) -> Iterator[str]:
    path = importlib.import_module(name).__file__
    assert path is not None
    for node in ast.walk(ast.parse(Path(path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (each.name for each in node.names)


def test_no_wiring_reaches_behind_a_service() -> None:
    """What a service decides, keeps and rolls is its own: who looked there could know what the other lane cannot."""
    behind = ("services.rules", "services.ledger", "services.faults.dice", "services.catalogue")
    reached = {name: set(imports_of(name)) for package in WIRINGS for name in modules_of(package)}
    assert {n: found for n, all_of in reached.items() if (found := {i for i in all_of if i.startswith(behind)})} == {}


def test_both_lanes_retry_by_the_same_numbers() -> None:
    assert (failing.ACTION_RETRY, failing.UNDO_RETRY) == (retry.ACTION_RETRY, retry.UNDO_RETRY)
    machine = load_order_machine(
        PRESETS["hardened"],
        time_scale=1.0,
        approval_threshold_cents=50_000,
        approval_timeout_s=60.0,
        call_timeout_s=10.0,
    )
    seen: set[Operation] = set()
    for state in machine.graph.states.values():
        if not isinstance(state, TaskState) or state.resource.text not in OPERATION_OF_RESOURCE:
            continue
        operation = OPERATION_OF_RESOURCE[state.resource.text]
        policy = retry.UNDO_RETRY if is_undo(operation) else retry.ACTION_RETRY
        (rule,) = state.recovery.retriers
        assert rule.errors == ("Http.Unavailable", "Http.ConnectionLost", "States.Timeout")
        assert policy.max_retries in (None, rule.max_attempts), operation
        assert rule.max_attempts >= 99_999_999 or policy.max_retries is not None, "the language's word for ever"
        retries = range(100) if policy.max_retries is None else range(policy.max_retries)
        for made in retries:
            assert recovery.wait_s(rule, made, 0.7) == pytest.approx(policy.wait_s(made, 0.7)), (operation, made)
        seen.add(operation)
    assert seen == set(Operation)


# The conductor has others beside, for state machines, activities and messages of its own.
STREAMS_OF_ORDERS = frozenset({"ORDERS", "DEAD_LETTERS", "EXEC"})


def test_both_lanes_keep_the_same_way() -> None:
    """Streams, consumers and servers are alike in everything that costs or saves durability."""
    kept, delivered = {}, {}
    for lane in LANES:
        streams, consumers = wirings.streams_and_consumers(lane)
        same = ("storage", "retention", "num_replicas", "duplicate_window", "deny_delete", "deny_purge")
        ours = [stream for stream in streams if stream["name"] in STREAMS_OF_ORDERS]
        assert ours
        kept[lane] = {json.dumps({name: stream[name] for name in same}) for stream in ours}
        working = [each for _, each in consumers if each["durable_name"] in (*Service, "conductor")]
        assert working
        delivered[lane] = {json.dumps([each["ack_policy"], each["ack_wait"], each["num_replicas"]]) for each in working}
    assert kept[CHOREOGRAPHY] == kept[ORCHESTRATION]
    assert delivered[CHOREOGRAPHY] == delivered[ORCHESTRATION]
    text = server_config(host="h", port=1, monitor_port=2, store_dir="s", server_name="n", users={})
    assert "sync_interval: always" in text, "both servers' configuration is this function's"


def test_both_lanes_are_told_the_same(tmp_path: Path) -> None:
    config = replace(LabConfig(home=tmp_path), time_scale=0.3, stock_scale=2.0, catalogue_seed=9)
    credentials = load_or_create(tmp_path / "secrets.json", {lane: wirings.users(lane) for lane in LANES})
    told = topology.processes(config, credentials, python="python", nats_server="nats-server")
    env = {spec.name: spec.env for spec in told}
    for component in (*Service, "door"):
        mine, other = (env[f"{lane}-{component}"] for lane in LANES)
        where = {name for name in mine.keys() | other.keys() if mine.get(name) != other.get(name)}
        who = {"LAB_LANE", "LAB_PORT", "LAB_LEDGER_URL", "LAB_BROKER_URL", "LAB_BROKER_USER", "LAB_BROKER_PASSWORD"}
        who.add("LAB_READ_MODEL_URL")  # the other lane's is in its door's memory
        assert where <= who | {f"LAB_{service.upper()}_URL" for service in Service}, component


# --- the same dice ----------------------------------------------------------------------------------------------------

SEED = 9
ORDERS, ORDERS_AGAIN = 60, 25
SCENARIO = Scenario(
    name="fairness",
    conditions=Conditions(time_scale=0.1, stock_scale=100.0),
    load=Shape(rate_per_s=30.0, large_share=0.2, reject_share=0.4, manager_delay_s=(0.1, 0.3)),
    settle=Settle(within_s=90.0, quiet_s=60.0),
    faults=(
        PlannedFault(service=Service.SHIPPING, operation=Operation.PRINT_LABEL, kind=FaultKind.ERROR, probability=0.45),
        PlannedFault(service="every", kind=FaultKind.ERROR, probability=0.12),
        PlannedFault(service="every", kind=FaultKind.LOST_REPLY, probability=0.06),
        PlannedFault(service=Service.WAREHOUSE, kind=FaultKind.HANG, probability=0.03),
        PlannedFault(service=Service.PAYMENT, operation=Operation.CHARGE, kind=FaultKind.REFUSAL, probability=0.05),
        PlannedFault(service=Service.WAREHOUSE, operation=Operation.RESERVE, kind=FaultKind.REFUSAL, probability=0.08),
        PlannedFault(
            service=Service.SHIPPING,
            operation=Operation.PRINT_LABEL,
            kind=FaultKind.REFUSAL,
            refusal=Refusal.OUT_OF_STOCK,
            probability=0.05,
        ),
        PlannedFault(
            service="every",
            kind=FaultKind.SLOW,
            probability=0.1,
            delay=Delay(distribution="uniform", mean_s=0.05),
        ),
    ),
)
PLAN: FaultPlan = SCENARIO.faults_at(SEED, 0.0)

# (order, operation, attempt) -> kind of fault
Truth = dict[tuple[str, Operation, int], FaultKind]


@dataclass(frozen=True)
class Compared:
    """One run of both lanes. ``truth`` is what the services recorded, ``said`` what the dice say, both by lane."""

    orders: list[PlannedOrder]
    lanes: dict[str, LaneRun]
    verdicts: dict[str, Verdict]
    truth: dict[str, Truth]
    said: dict[str, dict[str, Forecast]]
    synced_writes: dict[str, int]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Compared]:
    """Two labs at once: most of a run is waiting for retries and redeliveries."""
    folders = [tmp_path_factory.mktemp(name) for name in ("first", "again")]
    bases = {free_port_base()}
    while len(bases) < len(folders):
        bases.add(free_port_base())
    counts = (ORDERS, ORDERS_AGAIN)
    return list(await asyncio.gather(*map(compared, folders, sorted(bases), counts)))


@pytest.fixture
def first(runs: list[Compared]) -> Compared:
    return runs[0]


@pytest.fixture
def again(runs: list[Compared]) -> Compared:
    return runs[1]


async def compared(folder: Path, port_base: int, count: int) -> Compared:
    config = LabConfig(
        home=folder / "lab",
        port_base=port_base,
        time_scale=0.1,
        stock_scale=100.0,  # nothing runs out: who comes first is no part of the comparison
        call_timeout_base_s=30.0,  # so that no call of a busy machine counts as unanswered
        quiet_after_base_s=900.0,
    )
    async with Lab(config) as lab, aiohttp.ClientSession() as session:
        asked = {lane: AskedLane(lab, lane, session) for lane in LANES}
        orders = await planned(lab, SEED, count, SCENARIO.load)
        said = {lane: {each.order_id: said_of(lane, each) for each in orders} for lane in LANES}
        run = await run_scenario(lab, SCENARIO, orders, SEED, lambda _: None)
        # An order may end before the message of a lost acknowledgement has come again.
        truth = {lane: await poll(partial(truth_of, asked[lane]), flat(said[lane])) for lane in LANES}
        verdicts = {lane: judge(run, run.lanes[lane], orders, SCENARIO) for lane in LANES}
        synced = {lane: await synced_writes(asked[lane]) for lane in LANES}
        return Compared(orders, run.lanes, verdicts, truth, said, synced)


def said_of(lane: str, order: PlannedOrder) -> Forecast:
    return forecast(PLAN, lane, order.order_id, approved=order.decision is None or order.decision.approve)


def flat(said: dict[str, Forecast]) -> Truth:
    return {(order_id, *met): kind for order_id, each in said.items() for met, kind in each.faults.items()}


async def truth_of(asked: AskedLane) -> Truth:
    truth: Truth = {}
    for service in Service:
        for row in await asked.reader().injected(service):
            key = (row["order_id"], Operation(row["operation"]), row["attempt"])
            assert key not in truth, f"{asked.lane}: {key} was injected twice"
            assert (row["service"], SERVICE_OF[key[1]]) == (service, service)
            truth[key] = FaultKind(row["kind"])
    return truth


async def synced_writes(asked: AskedLane) -> int:
    """How many messages one small order on its happy path stores, in all streams of the lane."""
    for service in Service:
        await asked.lab.put_faults(asked.lane, service, {})
    product = (await asked.reader().catalogue())[20]
    before = await stored(asked)
    assert await asked.place(order_body("happy", product)) == 202
    assert await asked.until("happy") == "fulfilled"
    return await stored(asked) - before


async def stored(asked: AskedLane) -> int:
    streams, _ = wirings.streams_and_consumers(asked.lane)
    async with broker_admin(asked.lab, asked.lane) as client:
        answers = [await client.request(f"$JS.API.STREAM.INFO.{stream['name']}", timeout=5) for stream in streams]
    return sum(orjson.loads(answer.data)["state"]["messages"] for answer in answers)


def test_the_seed_shows_something_of_everything(first: Compared) -> None:
    """Or else the comparisons below would say little."""
    for lane in LANES:
        said = first.said[lane].values()
        assert {kind for each in said for kind in each.faults.values()} == {
            FaultKind.ERROR,
            FaultKind.LOST_REPLY,
            FaultKind.HANG,
            FaultKind.REFUSAL,
            FaultKind.SLOW,
        }
        assert {end for each in said for end in each.ends.values()} == set(End)
        assert min(Counter(each.status for each in said).values()) > 10
        assert {operation for each in said for operation, _ in each.faults} == set(Operation)


def test_every_fault_is_the_one_that_the_dice_say(first: Compared) -> None:
    for lane in LANES:
        for (order_id, operation, attempt), kind in first.truth[lane].items():
            rule = outcome(PLAN, order_id, SERVICE_OF[operation], operation, attempt)
            assert rule is not None, (lane, order_id, operation, attempt)
            assert rule.kind is kind, (lane, order_id, operation, attempt)


def test_an_attempt_meets_the_same_fault_in_both_lanes(first: Compared) -> None:
    mine, other = first.truth[CHOREOGRAPHY], first.truth[ORCHESTRATION]
    both = mine.keys() & other.keys()
    assert len(both) > 50
    assert {key: mine[key] for key in both} == {key: other[key] for key in both}


def test_both_lanes_meet_the_same_faults_in_doing(first: Compared) -> None:
    doing = {
        lane: {key: kind for key, kind in truth.items() if key[1] in ACTIONS} for lane, truth in first.truth.items()
    }
    assert doing[CHOREOGRAPHY] == doing[ORCHESTRATION]


def test_what_differs_in_undoing_is_an_undo_that_only_one_lane_calls(first: Compared) -> None:
    """The choreography undoes from its last step backwards, also what never began; a conductor knows better."""
    mine, other = first.truth[CHOREOGRAPHY], first.truth[ORCHESTRATION]
    assert other.keys() <= mine.keys()
    for order_id, operation, _ in mine.keys() - other.keys():
        assert operation in (Operation.VOID_LABEL, Operation.RELEASE)
        assert operation not in first.said[ORCHESTRATION][order_id].ends, "the conductor called it too"


def test_each_lane_did_what_the_dice_and_the_shared_numbers_say(first: Compared) -> None:
    """Every fault that an order must have met by now, and no other; every outcome."""
    for lane in LANES:
        assert first.truth[lane] == flat(first.said[lane]), lane
        expected = {order_id: each.status for order_id, each in first.said[lane].items()}
        assert first.lanes[lane].stories == expected, lane


def test_both_lanes_end_alike_and_clean(first: Compared) -> None:
    assert first.lanes[CHOREOGRAPHY].stories == first.lanes[ORCHESTRATION].stories
    for verdict in first.verdicts.values():
        assert verdict.clean, explained([verdict])


def test_both_lanes_sync_as_many_writes_for_an_order(first: Compared) -> None:
    assert first.synced_writes == {CHOREOGRAPHY: 4, ORCHESTRATION: 4}


def test_a_rerun_is_the_same(first: Compared, again: Compared) -> None:
    ids = {order.order_id for order in again.orders}
    for lane in LANES:
        assert again.truth[lane] == {key: kind for key, kind in first.truth[lane].items() if key[0] in ids}, lane
        assert again.lanes[lane].stories == {
            order_id: story for order_id, story in first.lanes[lane].stories.items() if order_id in ids
        }
        assert again.verdicts[lane].clean, explained([again.verdicts[lane]])

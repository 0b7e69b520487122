"""``lab fault`` and ``lab repair``: what the services suffer from."""

import json
import time
from collections.abc import Callable
from typing import Annotated, Any, Final, TypeVar

import typer
from pydantic import ValidationError

from lab.commands.options import DEFAULT_HOME, HomeOption, LaneChoice, LaneOption, find_lab, narrow_table, out
from lab.errors import BadInput, OutOfReach
from lab.hints import advised, counted
from lab.lane_client import LaneClient, lane_clients
from lab.problems import problems_of
from lab.processes.state import State
from lab.topology import name_of
from services.commands import Refusal
from services.faults.plan import CrashPoint, Delay, FaultKind, FaultPlan, FaultRule
from services.operations import Operation, Service

# A service that has just crashed is back within seconds; after many crashes in a row its supervisor waits longer.
BACK_WITHIN_S: Final = 30.0
ASK_AGAIN_AFTER_S: Final = 0.2
NOT_COMING_BACK: Final = frozenset({State.STOPPED, State.DOWN, State.FROZEN})

T = TypeVar("T")

ServiceArgument = Annotated[Service | None, typer.Argument(metavar="[SERVICE]", help="payment, warehouse or shipping.")]


def fault(
    service: ServiceArgument = None,
    kind: Annotated[FaultKind | None, typer.Argument(help="What goes wrong.")] = None,
    operation: Annotated[Operation | None, typer.Option(help="Only in this operation.")] = None,
    probability: Annotated[float, typer.Option(help="How often, 0 to 1.")] = 1.0,
    attempts: Annotated[int | None, typer.Option(help="Only in the first so many attempts of an order.")] = None,
    point: Annotated[CrashPoint | None, typer.Option(help="Where to crash.")] = None,
    reply: Annotated[str, typer.Option(help="How a reply is lost: reset or hang.")] = "reset",
    delay: Annotated[float | None, typer.Option(help="How slow, in seconds on average.")] = None,
    refusal: Annotated[Refusal | None, typer.Option(help="What a refusal says.")] = None,
    seed: Annotated[int | None, typer.Option(help="The seed of the fault dice; default: unchanged.")] = None,
    show: Annotated[bool, typer.Option("--show", help="Show the rules in force, and change nothing.")] = False,
    lane: LaneOption = LaneChoice.BOTH,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Add a fault to a service: lab fault shipping broken · lab fault payment lost_reply --probability 0.03."""
    if show or (service is None and kind is None):
        _show(lane_clients(find_lab(home), lane.one()), service)
        return
    if service is None or kind is None:
        raise BadInput(f"name a service ({', '.join(Service)}) and a kind ({', '.join(FaultKind)})")
    rule = _rule(
        service=service,
        kind=kind,
        operation=operation,
        probability=probability,
        attempts=attempts,
        point=point,
        reply=reply,
        delay={"mean_s": delay} if delay is not None else None,
        refusal=refusal,
    )
    seeded = {} if seed is None else {"seed": seed}

    def add(client: LaneClient, service: Service) -> str:
        plan = _plan(client, service)
        changed = plan.model_copy(update={"rules": (rule, *plan.rules)} | seeded)
        client.put_faults(service, changed.model_dump(mode="json"))
        undo = f"lab repair {service}" + ("" if lane is LaneChoice.BOTH else f" --lane {lane.value}")
        return f"{client.lane}: {describe(rule)}; undo it with: {advised(undo, home)}"

    missed = [
        f"{client.lane} {service}: {problem}"
        for client in lane_clients(find_lab(home), lane.one())
        if (problem := _tried(client, service, add))
    ]
    if missed:
        raise OutOfReach(f"not in force in {'; '.join(missed)}")


def repair(
    service: ServiceArgument = None, lane: LaneOption = LaneChoice.BOTH, home: HomeOption = DEFAULT_HOME
) -> None:
    """Remove the faults of one service, or of all."""
    missed = []
    for client in lane_clients(find_lab(home), lane.one()):
        hindered = []
        for each in [service] if service is not None else list(Service):
            problem = _tried(client, each, _repair)
            if problem:
                hindered.append(f"{client.lane} {each}: {problem}")
        if not hindered:
            out.print(f"{client.lane}: {service or 'every service'} follows no fault rule now")
        missed += hindered
    if missed:
        raise OutOfReach(f"not repaired: {'; '.join(missed)}")


def _repair(client: LaneClient, service: Service) -> str:
    plan = _plan(client, service)
    client.put_faults(service, plan.model_copy(update={"rules": ()}).model_dump(mode="json"))
    return f"{client.lane}: {service}: {counted(len(plan.rules), 'fault')} removed" if plan.rules else ""


def _tried(client: LaneClient, service: Service, change: Callable[[LaneClient, Service], str]) -> str | None:
    """Make a change, and say what it says; why it could not be made, once the service is not coming back."""
    try:
        said = when_back(lambda: change(client, service), lambda: _state(client, service))
    except OutOfReach as error:
        return str(error)
    if said:
        out.print(said)
    return None


def when_back(ask: Callable[[], T], state: Callable[[], State]) -> T:
    """Ask until there is an answer. Raises ``OutOfReach``, at once where the process is not coming back by itself."""
    deadline = time.monotonic() + BACK_WITHIN_S
    while True:
        try:
            return ask()
        except OutOfReach:
            if time.monotonic() > deadline or state() in NOT_COMING_BACK:
                raise
            time.sleep(ASK_AGAIN_AFTER_S)


def _state(client: LaneClient, service: Service) -> State:
    """As the supervisor has it now."""
    name = name_of(client.lane, service)
    processes = client.lab.again().status["processes"]
    return next(State(each["state"]) for each in processes if each["name"] in (name, f"{name}-1"))


def describe(rule: FaultRule) -> str:
    """A rule in words."""
    words = [f"{rule.service} {rule.kind}"]
    if rule.operation is not None:
        words.append(f"in {rule.operation}")
    if rule.point is not None:
        words.append(f"at {rule.point}")
    if isinstance(rule.delay, Delay):
        words.append(f"by {rule.delay.mean_s:g} s on average ({rule.delay.distribution})")
    if rule.refusal is not None:
        words.append(f"with {rule.refusal}")
    if rule.probability < 1:
        words.append(f"with probability {rule.probability:g}")
    if rule.attempts is not None:
        words.append("in the first attempt" if rule.attempts == 1 else f"in the first {rule.attempts} attempts")
    return " ".join(words)


def _rule(**fields: Any) -> FaultRule:
    try:
        return FaultRule(**fields)
    except ValidationError as error:
        raise BadInput(f"that is no fault: {problems_of(error)}") from None


def _plan(client: LaneClient, service: Service) -> FaultPlan:
    return FaultPlan.model_validate(client.faults(service)["plan"])


def _show(clients: list[LaneClient], service: Service | None) -> None:
    facts = ("rules in force", "injected so far")
    table = narrow_table("lane", "service", "seed", *facts, wrap=facts)
    for client in clients:
        for each in [service] if service is not None else list(Service):
            answer = client.faults(each)
            plan = FaultPlan.model_validate(answer["plan"])
            rules = "\n".join(describe(rule) for rule in plan.rules) or "none"
            injected = {key: value for key, value in answer.items() if key != "plan"}
            table.add_row(client.lane, each, str(plan.seed), rules, json.dumps(injected.get("injected", injected)))
    out.print(table)

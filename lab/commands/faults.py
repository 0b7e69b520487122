"""``lab fault`` and ``lab repair``: what the services suffer from."""

import json
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from lab.commands.options import DEFAULT_HOME, HomeOption, LaneChoice, LaneOption, find_lab, narrow_table, out
from lab.errors import BadInput
from lab.lane_client import LaneClient, lane_clients
from services.commands import Refusal
from services.faults.plan import CrashPoint, Delay, FaultKind, FaultPlan, FaultRule
from services.operations import Operation, Service

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
    for client in lane_clients(find_lab(home), lane.one()):
        plan = _plan(client, service)
        changed = plan.model_copy(update={"rules": (rule, *plan.rules)} | ({} if seed is None else {"seed": seed}))
        client.put_faults(service, changed.model_dump(mode="json"))
        out.print(f"{client.lane}: {describe(rule)}; undo it with: lab repair {service}")


def repair(
    service: ServiceArgument = None, lane: LaneOption = LaneChoice.BOTH, home: HomeOption = DEFAULT_HOME
) -> None:
    """Remove the faults of one service, or of all."""
    for client in lane_clients(find_lab(home), lane.one()):
        for each in [service] if service is not None else list(Service):
            plan = _plan(client, each)
            client.put_faults(each, plan.model_copy(update={"rules": ()}).model_dump(mode="json"))
            if plan.rules:
                out.print(f"{client.lane}: {each} is repaired of {len(plan.rules)} fault(s)")
        out.print(f"{client.lane}: {service or 'every service'} follows no fault rule now")


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
        words.append(f"in the first {rule.attempts} attempts")
    return " ".join(words)


def _rule(**fields: Any) -> FaultRule:
    try:
        return FaultRule(**fields)
    except ValidationError as error:
        problems = "; ".join(each["msg"].removeprefix("Value error, ") for each in error.errors())
        raise BadInput(f"that is no fault: {problems}") from None


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

"""``lab why``: one order's story, as its lane tells it, or as the latest results keep it."""

import json
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.markup import escape

from lab.commands.options import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    LaneChoice,
    LaneOption,
    find_lab,
    narrow_table,
    out,
)
from lab.commands.orders import STATUS_STYLE
from lab.errors import BadInput, NotUp
from lab.hints import counted
from lab.home import Home
from lab.kept_trails import kept_trails
from lab.lane_client import LaneClient, lane_clients
from lab.story import Step, steps, stores_that_told, tell
from services.trail import OrderTrail

INDENT = 13
LEAST_WIDTH = 20
WORD_WIDTH = 8

STEP_STYLE: Final = {"succeeded": "green", "failed": "red", "caught": "yellow", "retrying": "yellow", "aborted": "dim"}


def why(
    order: Annotated[str, typer.Argument(metavar="ORDER", help="The order's id.")],
    lane: LaneOption = LaneChoice.BOTH,
    whole: Annotated[
        bool, typer.Option("--whole", help="Do not shorten inputs and outputs, and repeat what was told before.")
    ] = False,
    as_json: JsonOption = False,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Tell an order's story: each step with what is new in its input and output, its error, attempt and time, and which
    store told it. Without a lab that knows the order, the latest results are asked.
    """
    clients = _clients(home, lane)
    trails = {client.lane: _trail(client, order) for client in clients or ()}
    told = [trail for trail in trails.values() if trail is not None]
    kept = [] if told else kept_trails(Home(home.resolve()), order, lane.one())
    if not told and not kept:
        if clients is None:
            find_lab(home)  # says why there is none
        raise BadInput(f"no order {order!r} in {' or '.join(trails)}")
    if as_json:
        named = {trail.lane: trail for trail in told} | {
            f"{each.preset}/{each.trail.lane}": each.trail for each in kept
        }
        out.print_json(json.dumps({name: trail.model_dump(mode="json") for name, trail in named.items()}))
        return
    executions = {client.lane: client.execution(order) for client in clients or () if trails[client.lane] is not None}
    for trail in told:
        _print(trail, whole, execution=executions[trail.lane])
    for each in kept:
        _print(each.trail, whole, f" in the latest results, preset {each.preset}")
    for name in (name for name, trail in trails.items() if trail is None and told):
        out.print(f"{name}: knows no order {order}")


def _clients(home: Path, lane: LaneChoice) -> list[LaneClient] | None:
    """None: no lab is up."""
    try:
        return lane_clients(find_lab(home), lane.one())
    except NotUp:
        return None


def _trail(client: LaneClient, order: str) -> OrderTrail | None:
    """None: the lane knows no such order."""
    try:
        return client.trail(order)
    except BadInput:
        return None


def _print(trail: OrderTrail, whole: bool, where: str = "", execution: dict[str, Any] | None = None) -> None:
    style = STATUS_STYLE.get(trail.status, "cyan")
    out.rule(f"{trail.lane}: {trail.order_id} is [{style}]{trail.status}[/]{where}", align="left")
    if execution is not None:
        _print_steps(steps(execution))
    width = max(LEAST_WIDTH, out.width - INDENT - WORD_WIDTH - 1)
    for told in tell(trail, whole=whole, width=width):
        mark = "[red]✗[/]" if told.bad else "[dim]·[/]"
        out.print(f"{told.after_s:8.3f} s {mark} [bold]{escape(told.headline)}[/] [dim]— {escape(told.store)}[/]")
        for word, text in told.facts:
            style = "red" if word == "error" else "dim"
            out.print(f"{'':{INDENT}}{word + ':':<{WORD_WIDTH}} {escape(text)}", style=style)
    stores = stores_that_told(trail)
    asked = counted(len(trail.stores), "store")
    out.print(f"told by {', '.join(stores)}; {asked} asked, {counted(trail.queries, 'query', 'queries')}\n")


def _print_steps(found: list[Step]) -> None:
    """The states that the conductor entered, before the events that tell it."""
    table = narrow_table("state", "it", "seconds", "attempts", "because", wrap=("because",))
    for step in found:
        seconds = "" if step.seconds is None else f"{step.seconds:.3f}"
        attempts = str(step.attempts) if step.attempts else ""
        name = f"{'  ' * step.depth}{escape(step.state)}"
        table.add_row(
            name, f"[{STEP_STYLE.get(step.status, 'cyan')}]{step.status}[/]", seconds, attempts, escape(step.told)
        )
    out.print(table)

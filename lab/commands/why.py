"""``lab why``: one order's story, as its lane tells it."""

import json
from typing import Annotated

import typer
from rich.markup import escape

from lab.commands.options import DEFAULT_HOME, HomeOption, JsonOption, LaneChoice, LaneOption, find_lab, out
from lab.commands.orders import STATUS_STYLE
from lab.errors import BadInput
from lab.lane_client import lane_clients
from lab.story import tell
from services.trail import OrderTrail


def why(
    order: Annotated[str, typer.Argument(metavar="ORDER", help="The order's id.")],
    lane: LaneOption = LaneChoice.BOTH,
    whole: Annotated[bool, typer.Option("--whole", help="Do not shorten inputs and outputs.")] = False,
    as_json: JsonOption = False,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Tell an order's story: each step with input, output, error, attempt and time, and which store told it."""
    trails, unknown = [], []
    for client in lane_clients(find_lab(home), lane.one()):
        try:
            trails.append(client.trail(order))
        except BadInput:
            unknown.append(client.lane)
    if not trails:
        raise BadInput(f"no order {order!r} in {' or '.join(unknown)}")
    if as_json:
        out.print_json(json.dumps({trail.lane: trail.model_dump(mode="json") for trail in trails}))
        return
    for trail in trails:
        _print(trail, whole)
    for name in unknown:
        out.print(f"{name}: knows no order {order}")


def _print(trail: OrderTrail, whole: bool) -> None:
    style = STATUS_STYLE.get(trail.status, "cyan")
    out.rule(f"{trail.lane}: {trail.order_id} is [{style}]{trail.status}[/]", align="left")
    for told in tell(trail, whole=whole):
        mark = "[red]✗[/]" if told.bad else "[dim]·[/]"
        out.print(f"{told.after_s:8.3f} s {mark} [bold]{escape(told.headline)}[/] [dim]— {escape(told.store)}[/]")
        for word, text in told.facts:
            out.print(f"{'':13}{word + ':':<8} {escape(text)}", style="red" if word == "error" else "dim")
    stores = ", ".join(trail.stores)
    out.print(f"told by {len(trail.stores)} store(s): {stores}; {trail.queries} queries\n")

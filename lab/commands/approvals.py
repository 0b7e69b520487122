"""``lab approvals``, ``lab approve`` and ``lab reject``: the manager's desk."""

import json
from typing import Annotated

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
from lab.errors import BadInput, OutOfReach, Refused
from lab.hints import advised
from lab.lane_client import lane_clients

TokenArgument = Annotated[str, typer.Argument(metavar="TOKEN", help="As listed by lab approvals.")]
CommentOption = Annotated[str, typer.Option(help="Why; kept in the order's story.")]

_NOT_FOUND, _GONE = 404, 410


def approvals(lane: LaneOption = LaneChoice.BOTH, as_json: JsonOption = False, home: HomeOption = DEFAULT_HOME) -> None:
    """List the orders that wait for a manager."""
    pending = [
        (client.lane, each) for client in lane_clients(find_lab(home), lane.one()) for each in client.approvals()
    ]
    if as_json:
        out.print_json(json.dumps([{"lane": name, **each.model_dump(mode="json")} for name, each in pending]))
        return
    if not pending:
        out.print("nobody waits for a manager")
        return
    table = narrow_table("lane", "order", "total", "since", numbers=("total",))
    for name, each in pending:
        table.add_row(name, each.order_id, f"{each.total_cents / 100:.2f}", each.since[:19])
    out.print(table)
    for name, each in pending:  # on lines of their own, so that a token can be copied whole
        out.print(f"{escape(advised(f'lab approve {each.token}', home))}   [dim]# {name} {each.order_id}[/]")


def approve(token: TokenArgument, comment: CommentOption = "", home: HomeOption = DEFAULT_HOME) -> None:
    """Approve a large order: its label is printed."""
    _decide(token, "approve", comment, home)


def reject(token: TokenArgument, comment: CommentOption = "", home: HomeOption = DEFAULT_HOME) -> None:
    """Reject a large order: what was done for it is undone."""
    _decide(token, "reject", comment, home)


def _decide(token: str, decision: str, comment: str, home: HomeOption) -> None:
    """A token tells nobody which lane it is of: each is asked until one knows it."""
    for client in lane_clients(find_lab(home), None):
        answer = client.decide(token, decision, comment)
        if answer.status == _NOT_FOUND:
            continue
        if answer.status < 300:
            out.print(f"{client.lane}: {decision} accepted")
            return
        text = f"{client.lane}: {answer.problem()}"
        raise OutOfReach(text) if answer.status >= 500 else Refused(text)
    raise BadInput(f"no lane knows this token; {advised('lab approvals', home)} lists the valid ones")

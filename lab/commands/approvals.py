"""``lab approvals``, ``lab approve`` and ``lab reject``: the manager's desk."""

import json
import time
from typing import Annotated, Final

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
from lab.lane_client import LaneClient, lane_clients
from lab.set_apart import status_of
from services.trail import ENDED

TokenArgument = Annotated[
    str, typer.Argument(metavar="TOKEN", help="As listed by lab approvals; or an order: in every lane where it waits.")
]
CommentOption = Annotated[str, typer.Option(help="Why; kept in the order's story.")]

_NOT_FOUND, _GONE = 404, 410
# An order that was placed a moment ago is charged and reserved before its manager is asked.
ASKED_WITHIN_S: Final = 5.0
ASK_AGAIN_AFTER_S: Final = 0.2


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
    """A token tells nobody which lane it is of: each is asked until one knows it. An order is decided in each lane."""
    clients = lane_clients(find_lab(home), None)
    if any(_decided(client, token, decision, comment) for client in clients):
        return
    known = [client for client in clients if status_of(client, token) is not None]
    waiting = [(client, each) for client in known if (each := _token_of(client, token)) is not None]
    if not waiting:
        raise BadInput(f"no lane knows this token or order; {advised('lab approvals', home)} lists what waits")
    for client, each in waiting:
        _decided(client, each, decision, comment)


def _decided(client: LaneClient, token: str, decision: str, comment: str) -> bool:
    """False where the lane does not know the token."""
    answer = client.decide(token, decision, comment)
    if answer.status == _NOT_FOUND:
        return False
    if answer.status < 300:
        out.print(f"{client.lane}: {decision} accepted")
        return True
    text = f"{client.lane}: {answer.problem()}"
    raise OutOfReach(text) if answer.status >= 500 else Refused(text)


def _token_of(client: LaneClient, order_id: str) -> str | None:
    """Of an order that the lane knows; waits a moment for one that is still on its way to the manager."""
    deadline = time.monotonic() + ASKED_WITHIN_S
    while True:
        token = next((each.token for each in client.approvals() if each.order_id == order_id), None)
        if token is not None or status_of(client, order_id) in ENDED or time.monotonic() > deadline:
            return token
        time.sleep(ASK_AGAIN_AFTER_S)

"""``lab dead-letters``: what a lane set apart because it could not go on by itself, and why; and another try."""

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.markup import escape

from lab.commands.options import DEFAULT_HOME, HomeOption, JsonOption, LaneChoice, LaneOption, find_lab, out
from lab.errors import BadInput
from lab.hints import advised
from lab.lane_client import LaneClient, lane_clients
from lab.set_apart import order_of, set_apart, status_of, try_again
from services.trail import ENDED, OrderStatus

OUTCOME_WITHIN_S: Final = 5.0
ASK_AGAIN_AFTER_S: Final = 0.2

app = typer.Typer(help="What a lane could not process: show it, replay it.")


@app.callback(invoke_without_command=True)
def default(context: typer.Context, home: HomeOption = DEFAULT_HOME) -> None:
    if context.invoked_subcommand is None:
        show(home=home)


@app.command()
def show(lane: LaneOption = LaneChoice.BOTH, as_json: JsonOption = False, home: HomeOption = DEFAULT_HOME) -> None:
    """List what was set apart, with its reason."""
    found = [each for client in lane_clients(find_lab(home), lane.one()) for each in set_apart(client)]
    if as_json:
        out.print_json(json.dumps([asdict(each) for each in found]))
        return
    if not found:
        out.print("nothing was set apart")
    for each in found:
        style = "red" if each.waits else "dim"
        state = f"{each.state}, its order has ended: {each.order_status}" if each.ended else each.state
        out.print(f"[bold]{each.letter}[/] {each.lane} {each.order_id} [{style}]{state}[/] (set apart {each.at[:19]})")
        out.print(f"  {escape(each.what)}: {each.reason} {escape(each.cause)}")
    if any(each.waits for each in found):
        advice = advised("lab dead-letters replay LETTER", home)
        out.print(f"put right what hindered it, then: {advice}", markup=False)


@app.command()
def replay(
    letter: Annotated[
        str,
        typer.Argument(metavar="LETTER", help="As listed by lab dead-letters show; or an order: all that waits of it."),
    ],
    body: Annotated[Path | None, typer.Option(help="A JSON file: what the dead letter should have held.")] = None,
    lane: LaneOption = LaneChoice.BOTH,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Try it again, once what hindered it was put right."""
    content = _json(body) if body is not None else None
    clients = lane_clients(find_lab(home), lane.one())
    if any(_replayed(client, letter, content) for client in clients):
        return
    replayed = [_replayed_all(client, letter) for client in clients] if body is None else []
    if any(replayed):
        return
    shown = advised("lab dead-letters show", home)
    raise BadInput(f"no lane set {letter!r} apart; {shown} lists what there is")


def _replayed(client: LaneClient, letter: str, content: Any) -> bool:
    """False where the letter is not this lane's."""
    order_id = order_of(client, letter)
    before = status_of(client, order_id)
    if not try_again(client, letter, content):
        return False
    out.print(f"{client.lane}: {letter} is tried again")
    out.print(outcome(before, _after(client, order_id)))
    return True


def _replayed_all(client: LaneClient, order_id: str) -> bool:
    """Each letter of the order that waits, until its order has ended. False where none waits."""
    letters = [each.letter for each in set_apart(client) if each.order_id == order_id and each.waits]
    for letter in letters:
        if status_of(client, order_id) not in ENDED:
            _replayed(client, letter, None)
    return bool(letters)


def _after(client: LaneClient, order_id: str | None) -> OrderStatus | None:
    """Where the order stands once it has ended, or has had time to."""
    deadline = time.monotonic() + OUTCOME_WITHIN_S
    while (status := status_of(client, order_id)) not in ENDED and status is not None and time.monotonic() < deadline:
        time.sleep(ASK_AGAIN_AFTER_S)
    return status


def outcome(before: OrderStatus | None, after: OrderStatus | None) -> str:
    """What trying again came to, for the letter's order."""
    if after is None:
        return "no lane knows its order"
    if before in ENDED:
        return f"its order had ended before, as {before}; now it is {after}"
    return f"its order is {after}" if after in ENDED else f"its order is {after}; it has not ended yet"


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise BadInput(f"cannot read {path}: {error}") from None

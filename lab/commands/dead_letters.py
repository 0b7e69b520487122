"""``lab dead-letters``: what a lane set apart because it could not go on by itself, and why; and another try."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from lab.commands.options import DEFAULT_HOME, HomeOption, JsonOption, LaneChoice, LaneOption, find_lab, out
from lab.errors import BadInput
from lab.lane_client import lane_clients
from lab.set_apart import set_apart, try_again

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
        style = "red" if each.state == "parked" else "dim"
        out.print(f"[bold]{each.letter}[/] {each.lane} {each.order_id} [{style}]{each.state}[/] since {each.at[:19]}")
        out.print(f"  {escape(each.what)}: {each.reason} {escape(each.cause)}")
    if any(each.state == "parked" for each in found):
        out.print("put right what hindered it, then: lab dead-letters replay LETTER")


@app.command()
def replay(
    letter: Annotated[str, typer.Argument(metavar="LETTER", help="As listed by lab dead-letters show.")],
    body: Annotated[Path | None, typer.Option(help="A JSON file: what the dead letter should have held.")] = None,
    lane: LaneOption = LaneChoice.BOTH,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Try it again, once what hindered it was put right."""
    content = _json(body) if body is not None else None
    for client in lane_clients(find_lab(home), lane.one()):
        if try_again(client, letter, content):
            out.print(f"{client.lane}: {letter} is tried again")
            return
    raise BadInput(f"no lane set {letter!r} apart; lab dead-letters show lists what there is")


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise BadInput(f"cannot read {path}: {error}") from None

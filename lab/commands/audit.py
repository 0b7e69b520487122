"""``lab audit``: the judge's verdict on a running lab, from its ledgers and accepted orders."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from lab.commands.options import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    LaneChoice,
    LaneOption,
    err,
    find_lab,
    narrow_table,
    out,
)
from lab.hints import counted
from lab.lane_client import LaneClient, lane_clients
from services.trail import OrderStatus

if TYPE_CHECKING:
    from lab.auditor import Audit
    from lab.live_audit import LiveAudit

WAIT_S: Final = 60.0
AGAIN_AFTER_S: Final = 0.5

LedgersOnlyOption = Annotated[bool, typer.Option("--ledgers-only", help="Do not ask the lane for its own stories.")]


WaitOption = Annotated[
    bool, typer.Option("--wait", help="Wait for orders that are moving; not for those that wait for a manager.")
]


def audit(
    lane: LaneOption = LaneChoice.BOTH,
    ledgers_only: LedgersOnlyOption = False,
    wait: WaitOption = False,
    as_json: JsonOption = False,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Judge the books. Exit code 1: anomalies. Orders that are still on their way are named apart, and not judged."""
    from lab.live_audit import REMEMBERED  # brings aiohttp along, which other commands should not wait for

    lab = find_lab(home)
    with err.status("reading ledgers …"):
        audits = _audits(lane_clients(lab, lane.one()), not ledgers_only, WAIT_S if wait else 0.0)
    found = {name: each.found for name, each in audits.items()}
    if as_json:
        documents = {
            name: {**each.found.to_json(), "under_way": each.under_way, "note": REMEMBERED}
            for name, each in audits.items()
        }
        out.print_json(json.dumps(documents))
    else:
        _print(found)
        for name, each in audits.items():
            out.print(verdict_line(name, each.found.clean, each.under_way))
        out.print(REMEMBERED)
    for name, each in audits.items():
        if each.untold:
            some = ", ".join(each.untold[:5])
            left_out = counted(len(each.untold), "order")
            err.print(f"{name}: {left_out} left out, as their trail holds no order: {some}")
    if not all(result.clean for result in found.values()):
        raise typer.Exit(1)


def _audits(clients: Sequence[LaneClient], ask_stories: bool, wait_s: float) -> "dict[str, LiveAudit]":
    """Again and again while something moves and there is time left."""
    from lab.live_audit import MOVING, audit_lane

    deadline = time.monotonic() + wait_s
    while True:
        audits = {
            client.lane: asyncio.run(
                audit_lane(client, client.lab.status["lanes"][client.lane]["urls"], ask_stories=ask_stories)
            )
            for client in clients
        }
        moving = any(status in MOVING for each in audits.values() for status in each.under_way.values())
        if not moving or time.monotonic() > deadline:
            return audits
        time.sleep(AGAIN_AFTER_S)


def verdict_line(lane: str, clean: bool, under_way: Mapping[str, str]) -> str:
    """In markup. What is still on its way is no fault of the lane's."""
    if not under_way:
        return f"{lane}: {'[green]clean[/]' if clean else '[red]not clean[/]'}"
    kinds = Counter(status.replace("_", " ") for status in under_way.values())
    of_which = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    are = "is still on its way" if len(under_way) == 1 else "are still on their way"
    waiting = OrderStatus.WAITING_FOR_APPROVAL
    again = "audit again when they have ended" + ("" if set(under_way.values()) == {waiting} else ", or with --wait")
    left = f"{counted(len(under_way), 'order')} {are} ({of_which}): {again}"
    return f"{lane}: {'[green]clean so far[/]' if clean else '[red]not clean[/]'}; {left}"


def _print(found: "dict[str, Audit]") -> None:
    table = narrow_table("", *found, numbers=tuple(found), wrap=tuple(found))
    rows: dict[str, dict[str, Any]] = {}
    for name, result in found.items():
        rows.setdefault("orders", {})[name] = result.orders
        for outcome, count in result.outcome_counts().items():
            rows.setdefault(outcome, {})[name] = count
        rows.setdefault("money conserved", {})[name] = _yes(result.money.conserved)
        rows.setdefault("stock conserved", {})[name] = _yes(result.stock.conserved)
        for kind, tally in result.tallies.items():
            text = f"[red]{tally.count}[/], first {tally.first}, worst {tally.worst}"
            rows.setdefault(f"[red]{kind}[/]", {})[name] = text
    for heading, cells in rows.items():
        table.add_row(heading, *(str(cells.get(name, 0)) for name in found))
    out.print(table)


def _yes(good: bool) -> str:
    return "yes" if good else "[red]no[/]"

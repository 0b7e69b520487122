"""``lab audit``: the judge's verdict on a running lab, from its ledgers and accepted orders."""

import asyncio
import json
from typing import TYPE_CHECKING, Annotated, Any

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
from lab.lane_client import lane_clients

if TYPE_CHECKING:
    from lab.auditor import Audit

LedgersOnlyOption = Annotated[bool, typer.Option("--ledgers-only", help="Do not ask the lane for its own stories.")]


def audit(
    lane: LaneOption = LaneChoice.BOTH,
    ledgers_only: LedgersOnlyOption = False,
    as_json: JsonOption = False,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Judge the books. Exit code 1: anomalies. Orders still under way count as stuck: audit when nothing moves."""
    from lab.live_audit import REMEMBERED, audit_lane  # brings aiohttp along, which other commands should not wait for

    lab = find_lab(home)
    audits = {}
    with err.status("reading ledgers …"):
        for client in lane_clients(lab, lane.one()):
            urls = lab.status["lanes"][client.lane]["urls"]
            audits[client.lane] = asyncio.run(audit_lane(client, urls, ask_stories=not ledgers_only))
    found = {name: each.found for name, each in audits.items()}
    if as_json:
        out.print_json(json.dumps({name: {**result.to_json(), "note": REMEMBERED} for name, result in found.items()}))
    else:
        _print(found)
        out.print(REMEMBERED)
    for name, each in audits.items():
        if each.untold:
            some = ", ".join(each.untold[:5])
            err.print(f"{name}: {len(each.untold)} order(s) left out, as their trail holds no order: {some}")
    if not all(result.clean for result in found.values()):
        raise typer.Exit(1)


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
    for name, result in found.items():
        out.print(f"{name}: {'[green]clean[/]' if result.clean else '[red]not clean[/]'}")


def _yes(good: bool) -> str:
    return "yes" if good else "[red]no[/]"

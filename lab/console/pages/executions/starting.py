"""Starting an execution again with an edited input; one of an order is an order, and goes through the front door."""

import json
import secrets
from typing import Any
from urllib.parse import quote

from lab.console.backend import LaneBackend
from lab.console.conductor import Conductor, compact
from lab.console.pages.executions.actions import Begin
from lab.errors import BadInput


def input_of(told: dict[str, Any], *, orders: bool) -> str:
    """What the execution was started with, for a person to edit; an order gets an id of its own."""
    given = told["entries"][0]["input"] if told["entries"] else {}
    if orders and isinstance(given, dict) and isinstance(given.get("order"), dict):
        order = given["order"]
        given = {**order, "order_id": f"{order['order_id'][:50]}-again-{secrets.token_hex(2)}"}
    return json.dumps(given, indent=2, ensure_ascii=False)


def begin_again(lane: LaneBackend, conductor: Conductor, machine_arn: str) -> dict[bool, Begin]:
    """By whether it is an order: what takes the edited text and starts."""

    async def place(text: str) -> str:
        order = json.loads(text)
        if not isinstance(order, dict) or not isinstance(order.get("order_id"), str):
            raise BadInput("an order is an object with an order_id")
        await lane.place(order)
        return f"/executions/{quote(order['order_id'], safe='')}"

    async def start(text: str) -> str:
        return f"/executions/{quote(await conductor.start(machine_arn, compact(text)), safe='')}"

    return {True: place, False: start}

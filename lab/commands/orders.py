"""``lab order`` and ``lab orders``."""

import json
import random
import time
import uuid
from collections.abc import Sequence
from typing import Annotated, Final

import typer
from pydantic import ValidationError
from rich.cells import cell_len
from rich.markup import escape

from lab.commands.options import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    LaneChoice,
    LaneOption,
    find_lab,
    out,
)
from lab.errors import BadInput, OutOfReach
from lab.hints import advised
from lab.lane_client import LaneClient, lane_clients
from lab.problems import problems_of
from services.order import Line, Order
from services.trail import ENDED, OrderStatus, OrderView

ROLLED_BACK_EXIT: Final = 3
# Over every usual threshold, so that a manager is asked.
LARGE_CENTS: Final = 60_000
DEAR_ONES: Final = 20
STATUS_STYLE: Final = {
    OrderStatus.FULFILLED: "green",
    OrderStatus.ROLLED_BACK: "yellow",
    OrderStatus.FAILED: "red",
    OrderStatus.PARKED: "red",
}
STATUS_COLUMN: Final = 2
_POLL_S = 0.2


def order(
    lane: LaneOption = LaneChoice.BOTH,
    sku: Annotated[str | None, typer.Option(help="A product; default: one that is usually in stock.")] = None,
    quantity: Annotated[int, typer.Option(help="How many of it.")] = 1,
    amount: Annotated[int | None, typer.Option(help="The price of a piece in cents; default: as in the catalogue.")] = (
        None
    ),
    large: Annotated[bool, typer.Option("--large", help="So dear that a manager must approve it.")] = False,
    order_id: Annotated[str | None, typer.Option("--id", help="The order's id; default: a fresh one.")] = None,
    customer: Annotated[str, typer.Option(help="The customer's id.")] = "customer-1",
    wait: Annotated[bool, typer.Option("--wait", help="Follow it to its end.")] = False,
    timeout: Annotated[float, typer.Option(help="How many seconds to wait for the end.")] = 60.0,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Place one order: the same in each lane.

    Exit code with --wait: 0 fulfilled, 3 rolled back, 1 failed or not ended in time.
    """
    lab = find_lab(home)
    clients = lane_clients(lab, lane.one())
    prices = {str(each["sku"]): int(each["unit_price_cents"]) for each in clients[0].catalogue()}
    chosen_id = order_id if order_id is not None else f"order-{uuid.uuid4().hex[:12]}"
    placed = _order(choose(prices, sku, large, chosen_id), chosen_id, customer, quantity, amount, large)
    for client in clients:
        client.place(placed)
        out.print(f"{client.lane}: accepted [bold]{placed.order_id}[/] ({placed.total_cents / 100:.2f})")
    if not wait:
        out.print(f"its story: {advised(f'lab why {placed.order_id}', home)}", markup=False)
        return
    ends = _follow(clients, placed.order_id, timeout)
    if len(ends) < len(clients):
        out.print(f"see: {advised(f'lab why {placed.order_id}', home)}", markup=False)
    raise typer.Exit(exit_code(ends, len(clients)))


def exit_code(ends: list[OrderStatus], lanes: int) -> int:
    """Of an order that was followed in some lanes."""
    if len(ends) < lanes or OrderStatus.FAILED in ends:
        return 1
    return ROLLED_BACK_EXIT if OrderStatus.ROLLED_BACK in ends else 0


def choose(prices: dict[str, int], sku: str | None, large: bool, order_id: str) -> tuple[str, int]:
    """A SKU and its price: where none is named, the same for the same id, so that an order can be sent again.

    ``prices`` are in the order of popularity, the most popular first.
    """
    if sku is None:
        in_stock = list(prices)[len(prices) // 2 :]  # the popular half may have run out
        if large:  # so that a few pieces are enough
            in_stock = sorted(in_stock, key=lambda each: prices[each])[-DEAR_ONES:]
        sku = random.Random(order_id).choice(in_stock)
    if sku not in prices:
        raise BadInput(f"no product {sku!r}; for instance: {', '.join(list(prices)[:5])}")
    return sku, prices[sku]


def _order(
    product: tuple[str, int], order_id: str, customer: str, quantity: int, amount: int | None, large: bool
) -> Order:
    sku, usual_price = product
    price = amount if amount is not None else usual_price
    if large:
        quantity = max(quantity, -(-LARGE_CENTS // max(1, price)))
    try:
        return Order(
            order_id=order_id,
            customer_id=customer,
            lines=(Line(sku=sku, quantity=quantity, unit_price_cents=price),),
            total_cents=quantity * price,
            currency="EUR",
            ship_to="1 Long Street, Springfield",
        )
    except ValidationError as error:
        raise BadInput(f"that is no order: {problems_of(error)}") from None


def _follow(clients: list[LaneClient], order_id: str, timeout_s: float) -> list[OrderStatus]:
    """Prints each lane's changes of status; the statuses of those that ended in time."""
    deadline = time.monotonic() + timeout_s
    seen: dict[str, OrderStatus] = {}
    with out.status("waiting for the end …") as progress:
        while time.monotonic() < deadline:
            for client in clients:
                view = _view(client, order_id)
                if view is not None and seen.get(client.lane) is not view.status:
                    seen[client.lane] = view.status
                    _print_view(view)
                    if view.status is OrderStatus.WAITING_FOR_APPROVAL:
                        _print_approval(client, order_id)
            if all(seen.get(client.lane) in ENDED for client in clients):
                break
            progress.update(f"waiting for the end … {deadline - time.monotonic():.0f} s left")
            time.sleep(_POLL_S)
    for client in clients:
        if seen.get(client.lane) not in ENDED:
            out.print(f"{client.lane}: no end within {timeout_s:g} s")
    return [status for status in seen.values() if status in ENDED]


def _view(client: LaneClient, order_id: str) -> OrderView | None:
    """None while the front door is being restarted, or its read model has not caught up."""
    try:
        return client.view(order_id)
    except (OutOfReach, BadInput):
        return None


def _print_view(view: OrderView) -> None:
    reason = f" ({escape(view.reason)})" if view.reason else ""
    out.print(f"{view.lane}: [{STATUS_STYLE.get(view.status, 'cyan')}]{view.status}[/]{reason}")


def _print_approval(client: LaneClient, order_id: str) -> None:
    token = next((each.token for each in client.approvals() if each.order_id == order_id), None)
    if token is not None:
        command = advised(f"lab approve {token}", client.lab.home.path)
        out.print(f"  a manager must decide, in another terminal: {command}   (or reject)", markup=False)


def orders(
    lane: LaneOption = LaneChoice.BOTH,
    status: Annotated[OrderStatus | None, typer.Option(help="Only those with this status.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many a lane.")] = 20,
    as_json: JsonOption = False,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """List orders, newest first."""
    lab = find_lab(home)
    views = [view for client in lane_clients(lab, lane.one()) for view in client.orders(status, limit)]
    if as_json:
        out.print_json(json.dumps([view.model_dump(mode="json") for view in views]))
        return
    if not views:
        out.print("none")
    widths = [max(map(len, column)) for column in zip(*map(_facts, views), strict=True)]
    for view in views:
        for line in order_lines(view, widths, out.width):
            out.print(line)


def _facts(view: OrderView) -> tuple[str, str, str, str, str]:
    """Lane, order, status, accepted, ended."""
    return (view.lane, view.order_id, view.status, view.accepted_at[11:19], (view.finished_at or "")[11:19])


def order_lines(view: OrderView, widths: Sequence[int], width: int) -> list[str]:
    """One order as a line of so many characters, or as two where its reason does not fit beside it. With markup."""
    cells = [fact.ljust(width) for fact, width in zip(_facts(view), widths, strict=True)]
    room = width - sum(map(cell_len, cells)) - 2 * len(cells)
    style = STATUS_STYLE.get(view.status, "cyan")
    line = "  ".join(f"[{style}]{cell}[/]" if place == STATUS_COLUMN else cell for place, cell in enumerate(cells))
    if not view.reason:
        return [line.rstrip()]
    reason = f"[dim]{escape(view.reason)}[/]"
    return [f"{line}  {reason}"] if cell_len(view.reason) <= room else [line.rstrip(), f"    {reason}"]

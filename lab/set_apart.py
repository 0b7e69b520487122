"""What a lane set apart because it could not go on by itself: dead letters, and undo steps that wait for a person.

The lanes keep different things, each in its own way; here they become one list, and one way to try again.
"""

from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import quote

from lab.errors import BadInput
from lab.lane_client import LaneClient, checked
from services.trail import ENDED, OrderStatus

PARKED: Final = "parked"


@dataclass(frozen=True)
class SetApart:
    """``letter`` is what ``try_again`` wants: a dead letter's number or a parked step's token."""

    lane: str
    letter: str
    order_id: str
    what: str
    reason: str
    cause: str
    at: str
    state: str
    order_status: OrderStatus | None = None

    @property
    def ended(self) -> bool:
        return self.order_status in ENDED

    @property
    def waits(self) -> bool:
        """It makes sense to try it again: nobody did, and its order has not ended without it."""
        return self.state == PARKED and not self.ended


def set_apart(client: LaneClient) -> list[SetApart]:
    """Whatever this lane's front door knows of. Raises ``OutOfReach``."""
    found = [*_dead_letters(client), *_parked(client)]
    statuses = {order_id: status_of(client, order_id) for order_id in {each.order_id for each in found}}
    return [replace(each, order_status=statuses[each.order_id]) for each in found]


def order_of(client: LaneClient, letter: str) -> str | None:
    """The order that a letter is about; None where it is not this lane's."""
    found = (each.order_id for each in [*_dead_letters(client), *_parked(client)] if each.letter == letter)
    return next(found, None)


def status_of(client: LaneClient, order_id: str | None) -> OrderStatus | None:
    """None where the lane knows no such order."""
    if order_id is None:
        return None
    try:
        return client.view(order_id).status
    except BadInput:
        return None


def try_again(client: LaneClient, letter: str, body: object | None = None) -> bool:
    """False when it is not this lane's. ``body`` replaces what a dead letter held. Raises ``Refused``."""
    if letter.isdecimal():
        path, content = f"/dead-letters/{letter}/replay", {} if body is None else {"data": body}
    elif body is None:
        path, content = f"/parked/{quote(letter, safe='')}", {}
    else:
        raise BadInput("only a dead letter (a number) can be replayed with another body")
    answer = client.ask("POST", "door", path, content)
    if answer.status == 404:
        return False
    checked(client.lane, answer)
    return True


def _dead_letters(client: LaneClient) -> list[SetApart]:
    return [
        SetApart(
            client.lane,
            str(each["seq"]),
            each["order_id"],
            f"{each['subject']} for {each['consumer']}",
            each["reason"],
            each["cause"],
            each["at"],
            each["state"],
        )
        for each in _list(client, "/dead-letters")
    ]


def _parked(client: LaneClient) -> list[SetApart]:
    return [
        SetApart(
            client.lane,
            each["token"],
            each["order_id"],
            "an undo step",
            "undo_failed",
            client.view(each["order_id"]).reason or "",
            each["since"],
            PARKED,
        )
        for each in _list(client, "/parked")
    ]


def _list(client: LaneClient, path: str) -> list[dict[str, Any]]:
    """Empty where the lane has no such thing."""
    answer = client.ask("GET", "door", path)
    return [] if answer.status == 404 else list(checked(client.lane, answer))

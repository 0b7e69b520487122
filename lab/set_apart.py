"""What a lane set apart because it could not go on by itself: dead letters, and undo steps that wait for a person.

The lanes keep different things, each in its own way; here they become one list, and one way to try again.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from lab.errors import BadInput
from lab.lane_client import LaneClient, checked


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


def set_apart(client: LaneClient) -> list[SetApart]:
    """Whatever this lane's front door knows of. Raises ``OutOfReach``."""
    return [*_dead_letters(client), *_parked(client)]


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
            "parked",
        )
        for each in _list(client, "/parked")
    ]


def _list(client: LaneClient, path: str) -> list[dict[str, Any]]:
    """Empty where the lane has no such thing."""
    answer = client.ask("GET", "door", path)
    return [] if answer.status == 404 else list(checked(client.lane, answer))

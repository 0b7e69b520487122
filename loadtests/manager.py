"""A robot manager: asks what waits for approval, thinks for the planned time, and answers as planned.

One that is planned to answer twice says the same again and then the contrary: only the first answer may count.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import aiohttp

from loadtests.workload import Decision, PlannedOrder

log = logging.getLogger(__name__)

ASK_EVERY_S = 0.25
ANSWER_TIMEOUT_S = 5.0
# After these the decision stands or is no longer wanted; anything else is tried again.
SETTLED = frozenset({200, 404, 409, 410})


@dataclass
class Desk:
    """What the manager did so far."""

    decisions: Mapping[str, Decision]
    taken_up: set[str] = field(default_factory=set)  # tokens
    answered: dict[str, int] = field(default_factory=dict)  # order id → HTTP status of the answer that settled it
    unsure: set[str] = field(default_factory=set)  # orders of which a decision was sent and its answer was lost, or 503
    # Of a manager who answers twice: order id, whether it was a yes, HTTP status of the answer (0: none).
    repeated: list[tuple[str, bool, int]] = field(default_factory=list)


def desk_for(orders: Iterable[PlannedOrder]) -> Desk:
    return Desk({order.order_id: order.decision for order in orders if order.decision is not None})


async def manage(desk: Desk, front_door_url: str, *, admin_token: str = "", until: asyncio.Event) -> None:
    """Answer approvals until ``until`` is set; orders that the plan says nothing about are left alone."""
    headers = {"Authorization": f"Bearer {admin_token}"} if admin_token else {}
    timeout = aiohttp.ClientTimeout(total=ANSWER_TIMEOUT_S)
    async with aiohttp.ClientSession(timeout=timeout, headers=headers) as session, asyncio.TaskGroup() as tasks:
        while not until.is_set():
            for waiting in await _waiting(session, front_door_url):
                decision = desk.decisions.get(waiting["order_id"])
                if decision is None or decision.answers == "never" or waiting["token"] in desk.taken_up:
                    continue
                desk.taken_up.add(waiting["token"])
                tasks.create_task(_answer(session, front_door_url, waiting, decision, desk, until))
            await _pause(until, ASK_EVERY_S)


async def _waiting(session: aiohttp.ClientSession, front_door_url: str) -> list[dict[str, str]]:
    """The approvals that wait now; none while the front door is out of reach (it is asked again soon)."""
    try:
        async with session.get(f"{front_door_url}/approvals") as answer:
            if answer.status != 200:
                return []
            listed: list[dict[str, str]] = await answer.json()
            return listed
    except (aiohttp.ClientError, TimeoutError):
        return []


async def _answer(
    session: aiohttp.ClientSession,
    front_door_url: str,
    waiting: dict[str, str],
    decision: Decision,
    desk: Desk,
    until: asyncio.Event,
) -> None:
    order_id, url = waiting["order_id"], f"{front_door_url}/approvals/{waiting['token']}"
    await _pause(until, decision.delay_s)
    while not until.is_set():
        status = await _say(session, url, decision.approve, decision.comment)
        if status in SETTLED:
            desk.answered[order_id] = status
            break
        log.debug("approval of %s was answered with %s, asked again", order_id, status)
        desk.unsure.add(order_id)  # it may be stored all the same
        await _pause(until, ASK_EVERY_S)
    if decision.answers == "twice":
        for approve in (decision.approve, not decision.approve):
            desk.repeated.append((order_id, approve, await _say(session, url, approve, decision.comment)))


async def _say(session: aiohttp.ClientSession, url: str, approve: bool, comment: str) -> int:
    """The status of the answer; 0: none came."""
    body = {"decision": "approve" if approve else "reject", "comment": comment}
    try:
        async with session.post(url, json=body) as answer:
            await answer.read()
            return answer.status
    except (aiohttp.ClientError, TimeoutError):
        return 0


async def _pause(until: asyncio.Event, seconds: float) -> None:
    """Sleep, but no longer than the manager is needed."""
    try:
        await asyncio.wait_for(until.wait(), seconds)
    except TimeoutError:
        return

"""Asking the lanes of a running lab, as a customer, a manager or a wiring would, and judging what they did."""

import asyncio
import io
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
from nats.aio.client import Client

from broker.connection import close, connect
from broker.publish import Message, publish
from lab.auditor import Audit, Evidence, accepted_order, audit
from lab.collect import LaneReader
from lab.embedded import Lab
from lab.trial import address_of
from services.operations import Service
from services.trail import ENDED

Body = dict[str, Any]
ANSWER_WITHIN_S = 20.0


@dataclass(frozen=True)
class Answer:
    """``body`` is parsed JSON, or the text where it was none."""

    status: int
    body: Any
    headers: dict[str, str]

    @property
    def paths(self) -> list[str]:
        """Where the answer says that something is wrong."""
        return [problem["path"] for problem in self.body.get("problems", [])]


@dataclass(frozen=True)
class AskedLane:
    """One lane of a running lab."""

    lab: Lab
    lane: str
    session: aiohttp.ClientSession

    async def ask(
        self, method: str, component: str, path: str, content: Any = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """``content``: bytes or an iterator of them as they are, anything else as JSON."""
        as_json = {} if content is None else {"content-type": "application/json"}
        if isinstance(content, bytes):
            content = io.BytesIO(content)  # aiohttp warns of large ones
        elif content is not None and not hasattr(content, "__aiter__"):
            content = orjson.dumps(content)
        async with self.session.request(
            method,
            self.lab.url(self.lane, component) + path,
            data=content,
            headers={**as_json, **(headers or {})},
        ) as answer:
            text = await answer.read()
            try:
                body = orjson.loads(text)
            except orjson.JSONDecodeError:
                body = text.decode(errors="replace")
            return Answer(answer.status, body, {name.lower(): value for name, value in answer.headers.items()})

    async def place(self, body: Body) -> int:
        return (await self.ask("POST", "door", "/orders", body)).status

    async def status(self, order_id: str) -> str | None:
        answer = await self.ask("GET", "door", f"/orders/{order_id}")
        return str(answer.body["status"]) if answer.status == 200 else None

    async def until(self, order_id: str, *statuses: str, within_s: float = 30.0) -> str:
        """The order's status once it is one of these (default: any that ends it)."""
        wanted = frozenset(statuses) or ENDED

        async def reached() -> str | None:
            status = await self.status(order_id)
            return status if status in wanted else None

        return str(await eventually(reached, within_s))

    async def token(self, order_id: str) -> str:
        """The approval that waits for this order, as soon as it does."""

        async def shown() -> str | None:
            pending = (await self.ask("GET", "door", "/approvals")).body
            return next((each["token"] for each in pending if each["order_id"] == order_id), None)

        return str(await eventually(shown))

    async def decide(self, token: str, decision: str) -> Answer:
        return await self.ask("POST", "door", f"/approvals/{token}", {"decision": decision})

    def reader(self) -> LaneReader:
        return LaneReader(address_of(self.lab, self.lane), self.session)

    async def judged(self, orders: Sequence[Body], *, only_these: bool = False) -> Audit:
        """What the auditor says, these orders having been accepted; ``only_these``: whatever else is in the ledgers was
        done by the test itself, past the doors, and is nobody's order."""
        reader = self.reader()
        ids = [order["order_id"] for order in orders]
        effects = {service.value: await reader.effects(service) for service in Service}
        stock = await reader.stock()
        if only_these:
            effects = {name: [each for each in rows if each.order_id in ids] for name, rows in effects.items()}
            stock = {}
        accepted = [accepted_order(order) for order in orders]
        return audit(Evidence(accepted, effects, stock, stories=await reader.stories(ids)))


def assert_told(answer: Answer, status: int, where: str) -> None:
    """The answer says in one format what was wrong, and does not repeat it at length."""
    assert answer.status == status, f"{where}: {answer}"
    assert answer.body["error"], where
    assert answer.body["cause"], where
    assert len(orjson.dumps(answer.body)) < 20_000, where


async def eventually(holds: Callable[[], Awaitable[Any]], within_s: float = ANSWER_WITHIN_S) -> Any:
    """The first true answer; fails the test when none comes in time."""
    deadline = time.monotonic() + within_s
    while not (answer := await holds()):
        assert time.monotonic() < deadline, f"still {answer!r} after {within_s:g} s"
        await asyncio.sleep(0.05)
    return answer


async def poll(look: Callable[[], Awaitable[Any]], wanted: Any, within_s: float = ANSWER_WITHIN_S) -> Any:
    """What is seen as soon as it is what is wanted; else what is seen in the end, for the test to compare."""
    seen: list[Any] = []

    async def as_wanted_or_late() -> bool:
        seen[:] = [await look()]
        return seen[0] == wanted or time.monotonic() >= deadline

    deadline = time.monotonic() + within_s
    await eventually(as_wanted_or_late, within_s + ANSWER_WITHIN_S)
    return seen[0]


@asynccontextmanager
async def broker_admin(lab: Lab, lane: str) -> AsyncIterator[Client]:
    """The lane's broker with all permissions, to publish what no component would."""
    access = lab.broker(lane)
    client = await connect(access.url, user=access.user, password=access.password, name="test", give_up_after_s=10)
    try:
        yield client
    finally:
        await close(client)


async def set_apart(asked: AskedLane, messages: list[Message]) -> dict[str, Body]:
    """Send them; what the lane shows as set apart, by subject, once each of them is there."""
    async with broker_admin(asked.lab, asked.lane) as client:
        for message in messages:
            await publish(client, message)

    async def all_of_them() -> dict[str, Body]:
        answer = await asked.ask("GET", "door", "/dead-letters")
        assert answer.status == 200, answer
        found = {each["subject"]: each for each in answer.body}
        return found if {message.subject for message in messages} <= found.keys() else {}

    found: dict[str, Body] = await eventually(all_of_them)
    return found


async def nothing_but_a_story(asked: AskedLane, count: int) -> None:
    """Whoever asks for such an order is told what little is known of it."""
    for number in range(1, count + 1):
        for path in (f"/orders/bus-{number}", f"/orders/bus-{number}/trail"):
            answer = await asked.ask("GET", "door", path)
            assert answer.status in (200, 404), answer
            assert answer.status == 404 or answer.body["status"] not in ("fulfilled", "rolled_back"), answer


def order_body(order_id: str, product: Body, quantity: int = 1, **changes: Any) -> Body:
    """An order of one product, as ``GET /catalogue`` tells it."""
    line = {"sku": product["sku"], "quantity": quantity, "unit_price_cents": product["unit_price_cents"]}
    return {
        "order_id": order_id,
        "customer_id": "c-1",
        "lines": [line],
        "total_cents": quantity * product["unit_price_cents"],
        "currency": "EUR",
        "ship_to": "1 Long Road",
        **changes,
    }


def logs_with_traceback(lab: Lab) -> list[str]:
    return [
        path.name for path in sorted(lab.home.logs.glob("*.log")) if "Traceback" in path.read_text(errors="replace")
    ]


def restarted(lab: Lab) -> list[str]:
    return [each.name for each in lab.status() if each.restarts]

"""The whole lane in this process, on a real nats-server with every user's own permissions and real SQLite ledgers.

A service can be killed as SIGKILL would: its tasks vanish where they stand, and its connection with them.
"""

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from nats.aio.client import Client

from broker.connection import close, connect
from broker.provision import provision
from broker.publish import Message, publish
from broker.read import Record, all_of
from choreography.broker_setup import ORDERS, TRACKER, setup
from choreography.dead_letters import DeadLetter, dead_letters
from choreography.door import ChoreographyLane
from choreography.follower import Follower
from choreography.last_resort import LastResort
from choreography.listener import Listener
from choreography.reactions_simple import SimpleReactions
from choreography.tracker import Tracker
from choreography.watch import Watch
from services.catalogue import catalogue
from services.faults.injector import Injector
from services.faults.plan import FaultPlan, FaultRule
from services.front_door import NotDurable
from services.operations import Service as ServiceName
from services.order import Line, Order
from services.practices import Practice
from services.service import Service
from services.settings import Settings
from services.trail import ENDED, OrderStatus
from tests.conftest import RealNats

THRESHOLD_CENTS = 50_000


class Killed(Exception):
    """What a test's injector raises where a real one sends SIGKILL."""


def an_order(order_id: str = "o-1", total_cents: int = 1_000, quantity: int = 1) -> Order:
    sku = catalogue(1, 1.0)[0].sku
    line = Line(sku=sku, quantity=quantity, unit_price_cents=total_cents // quantity)
    return Order(
        order_id=order_id,
        customer_id="c-1",
        lines=(line,),
        total_cents=line.unit_price_cents * quantity,
        currency="EUR",
        ship_to="1 Long Street",
    )


async def until(holds: Callable[[], Awaitable[Any]], timeout_s: float = 20.0) -> Any:
    """The first true answer; fails the test when none comes in time."""
    deadline = time.monotonic() + timeout_s
    while True:
        answer = await holds()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"still {answer!r} after {timeout_s} s"
        await asyncio.sleep(0.03)


@dataclass
class Room:
    service: Service
    client: Client
    listener: Listener
    task: asyncio.Task[None]


@dataclass
class RunningLane:
    nats: RealNats
    folder: Path
    admin: Client
    values: dict[str, Any] = field(default_factory=dict)
    rooms: dict[ServiceName, Room] = field(default_factory=dict)
    door: ChoreographyLane = field(init=False)
    door_client: Client = field(init=False)
    reactions: SimpleReactions = field(init=False)
    killed: list[ServiceName] = field(default_factory=list)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _clients: list[Client] = field(default_factory=list)

    def settings(self, component: str) -> Settings:
        values = {
            "time_scale": 0.01,
            "stock_scale": 100.0,
            "approval_threshold_cents": THRESHOLD_CENTS,
            "approval_secret": "secret",
            **self.values,
        }
        return Settings(
            lane="choreography", component=component, ledger_url=f"sqlite:///{self.folder}/{component}.db", **values
        )

    async def start(self) -> None:
        for name in ServiceName:
            await self.open(name)
        self.door_client = await self.client("door")
        tracker = Tracker("choreography", counting=False)
        self.door = ChoreographyLane(self.door_client, self.settings("door"), tracker)
        self._run(Follower(self.door_client, TRACKER, tracker.hear).run())

    async def start_watch(self, **values: Any) -> None:
        settings = self.settings("watch").model_copy(update=values)
        client = await self.client("watch")
        self.reactions = SimpleReactions(client)
        self._run(Watch(client, settings, enforcing=Practice.DEADLINES in settings.practices).run())
        self._run(self.reactions.run())
        self._run(LastResort(client, "choreography").run())

    async def client(self, user: str) -> Client:
        client = await connect(self.nats.url, user=user, password=user, name=user)
        self._clients.append(client)
        return client

    async def open(self, name: ServiceName) -> Room:
        """Start a service, for the first time or again on its ledger."""
        settings = self.settings(name)

        loop = asyncio.get_running_loop()

        def die() -> None:
            self.killed.append(name)
            if threading.current_thread() is threading.main_thread():
                self.kill(name)
            else:  # the ledger's writer, in the middle of a transaction
                loop.call_soon_threadsafe(self.kill, name)
            raise Killed

        service = await Service.open(settings, Injector(die))
        client = await self.client(name)
        listener = Listener(client, service, settings)
        self.rooms[name] = Room(service, client, listener, asyncio.create_task(listener.run()))
        return self.rooms[name]

    def kill(self, name: ServiceName) -> None:
        """Nothing more leaves the process; what it had in flight is gone."""
        room = self.rooms[name]
        room.client._transport.close()  # type: ignore[union-attr]
        room.client._status = Client.CLOSED
        room.task.cancel()

    async def restart(self, name: ServiceName) -> Room:
        room = self.rooms.pop(name)
        if not room.task.done():
            self.rooms[name] = room
            self.kill(name)
        with contextlib.suppress(asyncio.CancelledError):
            await room.task
        await room.service.close()
        return await self.open(name)

    async def stop(self) -> None:
        for room in self.rooms.values():
            room.task.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*(r.task for r in self.rooms.values()), *self._tasks, return_exceptions=True)
        for room in self.rooms.values():
            await room.service.close()
        for client in self._clients:
            if not client.is_closed:
                await close(client)

    def _run(self, work: Any) -> None:
        self._tasks.append(asyncio.create_task(work))

    # --- doing and looking -------------------------------------------------------------------------------------------

    async def faults(self, *rules: FaultRule, seed: int = 1) -> None:
        for room in self.rooms.values():
            await room.service.set_plan(FaultPlan(seed=seed, rules=rules))

    async def status(self, order_id: str = "o-1") -> OrderStatus | None:
        view = await self.door.view(order_id)
        return None if view is None else view.status

    async def ends(self, order_id: str = "o-1", timeout_s: float = 20.0) -> OrderStatus:
        async def ended() -> OrderStatus | None:
            try:
                status = await self.status(order_id)
            except NotDurable:  # the broker is just being started: any client would ask again
                return None
            return status if status in ENDED else None

        return OrderStatus(await until(ended, timeout_s))

    async def events(self, order_id: str = "o-1") -> list[Record]:
        return await all_of(self.admin, ORDERS, f"orders.{order_id}.>")

    async def types(self, order_id: str = "o-1") -> list[str]:
        types = [record.subject.split(".")[2] for record in await self.events(order_id)]
        return [each for each in types if each != "AttemptFailed"]

    async def letters(self) -> list[DeadLetter]:
        return await dead_letters(self.admin)

    async def effects(self) -> list[tuple[str, str]]:
        """(order, operation) of every effect in every ledger."""
        found: list[tuple[str, str]] = []
        for room in self.rooms.values():
            async for page in room.service.effects():
                rows = [orjson.loads(line) for line in page.splitlines()]
                found += [(row["order_id"], row["operation"]) for row in rows]
        return found

    async def anomalies(self, order_ids: Sequence[str] = ("o-1",)) -> list[str]:
        """A small auditor: clean books agree with how each order ended."""
        effects = await self.effects()
        found: list[str] = []
        for order_id in order_ids:
            status = await self.status(order_id)
            wanted = {OrderStatus.FULFILLED: 1, OrderStatus.ROLLED_BACK: 0}.get(status)  # type: ignore[arg-type]
            if wanted is None:
                found.append(f"{order_id} stuck: {status}")
            for action, undo in (("charge", "refund"), ("reserve", "release"), ("print_label", "void_label")):
                done, undone = effects.count((order_id, action)), effects.count((order_id, undo))
                found += [f"{order_id} double {name}" for name, n in ((action, done), (undo, undone)) if n > 1]
                if wanted is not None and done - undone != wanted:
                    found.append(f"{order_id} {status}, but {action} {done} - {undone}")
        return found

    async def deliver_again(self, order_id: str = "o-1") -> None:
        """Every message of the order once more, past the broker's own deduplication, in the wrong order."""
        for record in reversed(await self.events(order_id)):
            headers = {name: value for name, value in record.headers.items() if not name.startswith("Nats-")}
            await publish(self.admin, Message(record.subject, record.body, headers=headers))

    async def idle(self) -> None:
        """Until every service has acknowledged everything."""

        async def nothing_pending() -> bool:
            for name in ServiceName:
                answer = await self.admin.request(f"$JS.API.CONSUMER.INFO.{ORDERS}.{name}", timeout=5)
                info = orjson.loads(answer.data)
                if info["num_pending"] or info["num_ack_pending"]:
                    return False
            return True

        await until(nothing_pending)


@contextlib.asynccontextmanager
async def running_lane(
    nats: RealNats, folder: Path, *, ack_wait_s: float = 2.0, max_deliver: int = 50, **values: Any
) -> AsyncIterator[RunningLane]:
    configured = setup(ack_wait_s=ack_wait_s, max_deliver=max_deliver)
    nats.users.update({name: (name, permissions) for name, permissions in configured.users.items()})
    await nats.restart()
    admin = await connect(nats.url, user=nats.user, password=nats.password, name="admin")
    await provision(admin, configured.streams, configured.consumers)
    lane = RunningLane(nats, folder, admin, values)
    await lane.start()
    try:
        yield lane
    finally:
        await lane.stop()
        await close(admin)

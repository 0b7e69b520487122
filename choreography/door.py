"""The front door of this lane: places orders, takes decisions, and tells where an order stands.

An order is durable when its OrderPlaced is stored, and that is stored only while the order has no message at all; a
decision is stored only while no other message of the order came in between. After a conflict or a timeout the door
reads back and compares, and never infers. It must not know what listeners do.
"""

import asyncio
import logging
from collections.abc import Awaitable, Sequence
from typing import Final, TypeVar

from nats.aio.client import Client

from broker.errors import BrokerError, Conflict, NotStored
from broker.group import GroupPublisher
from broker.publish import Message, publish
from broker.read import Record, all_of, few_of, last
from choreography.approvals import order_of, token_for
from choreography.broker_setup import ORDERS
from choreography.clock import epoch_s, now_text, text_of
from choreography.cloud_events import Event, compose, parse, subject_of
from choreography.dead_letters import dead_letters
from choreography.errors import Malformed
from choreography.events import ApprovalGranted, ApprovalRejected, Body, EventType, OrderPlaced
from choreography.status import Story, Told, story_of, told
from choreography.tracker import Tracker, view_of
from choreography.trail import trail_of
from services.front_door import Decided, NotDurable, Outcome, Placed
from services.order import Order
from services.settings import Settings
from services.trail import OrderStatus, OrderTrail, OrderView, PendingApproval
from telemetry.context import current

log = logging.getLogger(__name__)

STORE_TRIES: Final = 3
STORE_TIMEOUT_S: Final = 2.0
SOURCE: Final = "door"

T = TypeVar("T")


class ChoreographyLane:
    """Implements ``services.front_door.Lane``. ``tracker`` None: switched off; lists are then read from the stream."""

    def __init__(self, client: Client, settings: Settings, tracker: Tracker | None) -> None:
        self.name = settings.lane
        self._client = client
        self._publisher = GroupPublisher(client)
        self._tracker = tracker
        self._secret = settings.approval_secret.get_secret_value()
        self._compare = "compare_and_set" not in settings.guards_removed

    # --- writing --------------------------------------------------------------------------------------

    async def place(self, order: Order) -> Placed:
        trace = current.get()
        placed = compose(EventType.ORDER_PLACED, OrderPlaced(order=order), source=SOURCE, at=now_text(), trace=trace)
        message = self._guarded(placed.subject, placed.body, placed.id, placed.headers, order.order_id, 0)
        failure: Exception | None = None
        for _ in range(STORE_TRIES):
            try:
                stored = await self._publisher.publish((message,), STORE_TIMEOUT_S)
            except Conflict:
                return await self._compared(order, ours=failure is not None)
            except BrokerError as error:
                failure = error  # stored or not: the next try tells, as it conflicts with the first
                if not self._client.is_connected:
                    break
            else:
                return await self._compared(order, ours=False) if stored.duplicate else Placed.ACCEPTED
        raise NotDurable(f"the order could not be stored: {failure}")

    async def decide(self, token: str, *, approve: bool, comment: str) -> Decided:
        order_id = order_of(token, self._secret)
        if order_id is None:
            return Decided.UNKNOWN
        type_ = EventType.APPROVAL_GRANTED if approve else EventType.APPROVAL_REJECTED
        sent = False
        for _ in range(STORE_TRIES):
            records = await self._events(order_id)
            story = story_of(_tellings(records))
            before = _decided_before(story, approve)
            if before is not None:
                return Decided.ACCEPTED if sent and before is Decided.REPEATED else before
            message = self._decision(type_, comment, order_id, records)
            if message is None:
                return Decided.UNKNOWN
            try:
                stored = await publish(self._client, message, STORE_TIMEOUT_S)
            except Conflict:
                continue
            except BrokerError as error:
                log.warning("decision on %s: %s", order_id, error)
                sent = True
                continue
            return Decided.REPEATED if stored.duplicate else Decided.ACCEPTED
        raise NotDurable("the decision could not be stored")

    def _decision(self, type_: EventType, comment: str, order_id: str, records: Sequence[Record]) -> Message | None:
        cause = next((e for e in _events_of(records) if e.type is EventType.APPROVAL_REQUESTED), None)
        if cause is None or not isinstance(cause.body, Body):
            return None
        model = ApprovalGranted if type_ is EventType.APPROVAL_GRANTED else ApprovalRejected
        body = model(order=cause.body.order, comment=comment)
        made = compose(type_, body, source=SOURCE, at=now_text(), cause=cause)
        # The order's last message, be it one that nobody can read: else a single such message would bar every decision.
        return self._guarded(made.subject, made.body, made.id, made.headers, order_id, records[-1].sequence)

    def _guarded(
        self, subject: str, body: bytes, id_: str, headers: dict[str, str], order_id: str, expected: int
    ) -> Message:
        if not self._compare:
            return Message(subject, body, id_, headers=headers)
        return Message(subject, body, id_, expected, f"orders.{order_id}.>", headers)

    async def _compared(self, order: Order, *, ours: bool) -> Placed:
        """The id is taken: by this very order?"""
        subject = subject_of(order.order_id, EventType.ORDER_PLACED)
        records = await self._read(all_of(self._client, ORDERS, subject, limit=1))
        if not records:
            raise NotDurable("the order could not be read back")
        event = next(iter(_events_of(records)), None)
        if event is None or not isinstance(event.body, Body):
            return Placed.CONFLICT
        if event.body.order.fingerprint() != order.fingerprint():
            return Placed.CONFLICT
        return Placed.ACCEPTED if ours else Placed.REPEATED

    # --- reading --------------------------------------------------------------------------------------

    async def view(self, order_id: str) -> OrderView | None:
        records, letters = await asyncio.gather(
            self._events(order_id), self._read(dead_letters(self._client, order_id))
        )
        parked = any(each.needs_a_person for each in letters)
        return view_of(self.name, order_id, story_of(_tellings(records)), parked=parked)

    async def trail(self, order_id: str) -> OrderTrail | None:
        records, letters = await asyncio.gather(
            self._events(order_id), self._read(dead_letters(self._client, order_id))
        )
        story = story_of(_tellings(records))
        if story.accepted_at is None:
            return None
        return trail_of(self.name, order_id, story, records, letters)

    async def pending_approvals(self) -> list[PendingApproval]:
        tracker = await self._model()
        return [
            PendingApproval(
                order_id=order_id, token=token_for(order_id, self._secret), total_cents=total, since=text_of(since)
            )
            for order_id, total, since in tracker.waiting()
        ]

    async def list_orders(self, status: OrderStatus | None, limit: int) -> list[OrderView]:
        tracker = await self._model()
        letters = await self._read(dead_letters(self._client))
        return tracker.orders(status, limit, {each.order_id for each in letters if each.needs_a_person})

    async def outcomes(self, after: int, limit: int) -> list[Outcome]:
        return (await self._model()).outcomes(after, limit)

    async def ready(self) -> str | None:
        if not self._client.is_connected:
            return "the broker is out of reach"
        try:
            # Any subject will do: a stream that is not there, or not ready, does not answer at all.
            await last(self._client, ORDERS, "orders.none.none", timeout_s=1.0)
        except BrokerError as error:
            return str(error)
        return None

    async def _model(self) -> Tracker:
        """The tracker, or without one a model made from the whole stream for this question only."""
        if self._tracker is not None:
            return self._tracker
        model = Tracker(self.name, counting=False)
        for event in _tellings(await self._read(all_of(self._client, ORDERS, "orders.>"))):
            model.hear(event)
        return model

    async def _events(self, order_id: str) -> list[Record]:
        return await self._read(few_of(self._client, ORDERS, f"orders.{order_id}.>"))

    async def _read(self, reading: Awaitable[T]) -> T:
        try:
            return await reading
        except NotStored as error:
            raise NotDurable(str(error)) from error


def _decided_before(story: Story, approve: bool) -> Decided | None:
    """What the events say already about a decision; None while it is awaited."""
    mine, other = EventType.APPROVAL_GRANTED, EventType.APPROVAL_REJECTED
    if not approve:
        mine, other = other, mine
    if mine in story.types:
        return Decided.REPEATED
    if other in story.types:
        return Decided.CONFLICT
    if EventType.APPROVAL_REQUESTED not in story.types:
        return Decided.UNKNOWN
    if story.status() is not OrderStatus.WAITING_FOR_APPROVAL:
        return Decided.TOO_LATE
    return None


def _tellings(records: Sequence[Record]) -> list[Told]:
    tellings: list[Told] = []
    for record in records:
        try:
            tellings.append(told(record.subject, record.body, record.sequence, epoch_s(record.at)))
        except Malformed:
            log.debug("%s is none of ours; the watch parks it", record.subject)
    return tellings


def _events_of(records: Sequence[Record]) -> list[Event]:
    events: list[Event] = []
    for record in records:
        try:
            events.append(parse(record.subject, record.headers, record.body))
        except Malformed:
            log.debug("%s cannot be read; its listener parks it", record.subject)
    return events

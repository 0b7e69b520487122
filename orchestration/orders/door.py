"""The front door of this lane: orders become executions, and histories become answers.

Implements ``services.front_door.Lane``. Whatever it tells is read from the stream; it holds nothing of its own.
"""

from collections.abc import Callable
from typing import Final

from nats.aio.client import Client

from broker.errors import BrokerError, Conflict, NotStored
from broker.group import GroupPublisher
from broker.publish import Message
from broker.read import Record, all_of, few_of, last
from orchestration.asl.protocol import TaskFailed, TaskSucceeded
from orchestration.errors import Unreadable
from orchestration.orders.order_story import ASKS_A_MANAGER, ASKS_FOR_REPAIR, MACHINE, reason_of, status_of
from orchestration.orders.read_model import Orders, total_cents
from orchestration.orders.trail import trail_of
from orchestration.rfc3339 import rfc3339
from orchestration.runtime import records
from orchestration.runtime.callbacks import Sent, send_result
from orchestration.runtime.dead_letters import DeadLetter, read_letter
from orchestration.runtime.tokens import token_maker
from services.front_door import Decided, NotDurable, Outcome, Placed
from services.order import Order
from services.trail import ENDED, OrderStatus, OrderTrail, OrderView, PendingApproval
from telemetry.context import current

REJECTED: Final = "ApprovalRejected"
PUBLISH_TIMEOUT_S: Final = 2.0
TRIES: Final = 2
MAX_LETTERS: Final = 1000


class OrchestrationLane:
    """``secret`` makes and checks callback tokens, and is shared with the conductors."""

    def __init__(self, client: Client, name: str, secret: str, orders: Orders) -> None:
        self.name = name
        self._client = client
        self._starts = GroupPublisher(client)
        self._secret = secret
        self._token_of = token_maker(secret)
        self._orders = orders

    async def place(self, order: Order) -> Placed:
        fingerprint = order.fingerprint()
        caused = current.get()
        trace_header = "" if caused is None else caused.traceparent
        given = {"order": order.model_dump(mode="json")}
        start = records.Start(MACHINE, given, fingerprint, trace_header=trace_header)
        subject = records.start_subject(order.order_id)
        message = Message(subject, start.encode(), expected_last=0)
        doubtful = False
        for _ in range(TRIES):
            try:
                await self._starts.publish([message], PUBLISH_TIMEOUT_S)
            except Conflict:
                return await self._compare(subject, fingerprint, ours=doubtful)
            except NotStored as error:
                doubtful, doubt = True, error
            except BrokerError as error:
                raise NotDurable(str(error)) from error
            else:
                return Placed.ACCEPTED
        raise NotDurable(str(doubt))

    async def _compare(self, subject: str, fingerprint: str, *, ours: bool) -> Placed:
        """Something stands there already: the same order, another one, or what we stored without hearing of it."""
        found = await self._last(subject)
        if found is None:
            raise NotDurable(f"{subject}: a conflict with what cannot be read")
        try:
            same = records.decode_start(found.body).fingerprint == fingerprint
        except Unreadable:
            same = False
        if not same:
            return Placed.CONFLICT
        return Placed.ACCEPTED if ours else Placed.REPEATED

    async def view(self, order_id: str) -> OrderView | None:
        found = await self._last(records.story_subject(order_id))
        if found is None:
            return None
        outline = None if found.subject.startswith(f"{records.START}.") else records.decode_outline(found.body)
        status = status_of(outline)
        return OrderView(
            order_id=order_id,
            lane=self.name,
            status=status,
            reason=reason_of(outline),
            accepted_at=found.at if outline is None else outline.began_at,
            finished_at=found.at if status in ENDED else None,
        )

    async def trail(self, order_id: str) -> OrderTrail | None:
        try:
            found = await few_of(self._client, records.STREAM, records.story_subject(order_id))
        except BrokerError as error:
            raise NotDurable(str(error)) from error
        return trail_of(self.name, order_id, found, queries=1)

    async def decide(self, token: str, *, approve: bool, comment: str) -> Decided:
        def result_of(entry: int) -> TaskSucceeded | TaskFailed:
            if approve:
                return TaskSucceeded(entry, {"decision": "approve", "comment": comment})
            return TaskFailed(entry, REJECTED, comment or "rejected by a manager")

        return Decided(await self._send(token, ASKS_A_MANAGER, result_of))

    async def resume(self, token: str) -> Decided:
        """A person says that a parked undo step can be tried again."""

        def result_of(entry: int) -> TaskSucceeded:
            return TaskSucceeded(entry, {"resumed": True})

        return Decided(await self._send(token, ASKS_FOR_REPAIR, result_of))

    async def pending_approvals(self) -> list[PendingApproval]:
        return await self._pending(OrderStatus.WAITING_FOR_APPROVAL, ASKS_A_MANAGER)

    async def parked(self) -> list[PendingApproval]:
        return await self._pending(OrderStatus.PARKED, ASKS_FOR_REPAIR)

    async def dead_letters(self) -> list[DeadLetter]:
        """Work that no conductor could make sense of."""
        try:
            found = await all_of(self._client, records.STREAM, f"{records.DEAD}.*", limit=MAX_LETTERS)
        except BrokerError as error:
            raise NotDurable(str(error)) from error
        return [read_letter(record) for record in found]

    async def list_orders(self, status: OrderStatus | None, limit: int) -> list[OrderView]:
        return await self._orders.views(status, limit)

    async def outcomes(self, after: int, limit: int) -> list[Outcome]:
        return await self._orders.outcomes(after, limit)

    async def ready(self) -> str | None:
        if not self._client.is_connected:
            return "no connection to the broker"
        try:
            await last(self._client, records.STREAM, records.start_subject("none"), timeout_s=1.0)
        except BrokerError as error:
            return f"the broker does not answer: {error}"
        return None

    async def _pending(self, status: OrderStatus, scheme: str) -> list[PendingApproval]:
        return [
            PendingApproval(
                order_id=row.name,
                token=self._token_of(row.token, waiting.entry, waiting.attempt),
                total_cents=total_cents(row),
                since=rfc3339(row.since),
            )
            for row in await self._orders.waiting(status)
            for waiting in row.callbacks
            if waiting.resource.startswith(scheme)
        ]

    async def _last(self, subject: str) -> Record | None:
        try:
            return await last(self._client, records.STREAM, subject)
        except BrokerError as error:
            raise NotDurable(str(error)) from error

    async def _send(self, token: str, scheme: str, result_of: Callable[[int], TaskSucceeded | TaskFailed]) -> Sent:
        try:
            return await send_result(self._client, self._secret, token, scheme, result_of)
        except BrokerError as error:
            raise NotDurable(str(error)) from error

"""The deadline watch: finds orders gone quiet and has them undone, or shown where they are stuck in being undone.

What it remembers only tells it when to look; before it acts it reads the order's own events, and OrderExpired is stored
only if none came in between. It must not know why an order is quiet.
"""

import asyncio
import logging
import time
from typing import Final

from nats.aio.client import Client

from broker.connection import after_reconnect, raise_if_cancelled
from broker.errors import BrokerError, Conflict
from broker.publish import Message, publish
from broker.read import Record, few_of
from choreography.broker_setup import ORDERS, WATCH
from choreography.clock import epoch_s, now_text
from choreography.cloud_events import compose, parse
from choreography.dead_letters import Reason, letter, park
from choreography.deadlines import Deadlines
from choreography.errors import Malformed
from choreography.events import Body, EventType, OrderExpired
from choreography.follower import Follower
from choreography.status import Story, Told, story_of, told
from services import metrics
from services.practices import Practice
from services.settings import Settings
from services.trail import ENDED, OrderStatus

log = logging.getLogger(__name__)

SOURCE: Final = "watch"
BACK_OFF_S: Final = 1.0
MAX_ODD: Final = 1000
PAUSE_S: Final = 0.5  # far below any deadline


class Watch:
    """Owns the follower of the orders. ``enforcing`` False (practice ``deadlines`` off): nobody looks."""

    def __init__(self, client: Client, settings: Settings, *, enforcing: bool) -> None:
        self._client = client
        self._lane = settings.lane
        metrics.expect_dead_letters(self._lane, (Reason.MALFORMED, Reason.STUCK_UNDOING))
        self._enforcing = enforcing
        self._parks = Practice.DEAD_LETTERS in settings.practices
        self._grace_s = settings.quiet_after_s
        self._compare = "compare_and_set" not in settings.guards_removed
        self._deadlines = Deadlines(settings.quiet_after_s, settings.approval_timeout_s)
        self._follower = Follower(client, WATCH, self._hear, self._odd if self._parks else None, pause_s=PAUSE_S)
        self._news = asyncio.Event()
        self._odd_ones: asyncio.Queue[tuple[str, bytes, int]] = asyncio.Queue(MAX_ODD)
        self.caught_up = self._follower.caught_up

    async def run(self) -> None:
        """Runs until cancelled."""
        forget = after_reconnect(self._client, self._start_again)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._follower.run(), name="watch follower")
                tasks.create_task(self._park_odd(), name="watch odd messages")
                if self._enforcing:
                    tasks.create_task(self._enforce(), name="watch deadlines")
        finally:
            forget()

    def _hear(self, event: Told, _news: bool) -> None:
        if not self._enforcing:
            return
        self._deadlines.hear(event)
        if not self._news.is_set():
            self._news.set()

    async def _start_again(self) -> None:
        """While the broker was away, everyone was quiet."""
        self._deadlines.not_before = time.time() + self._grace_s

    async def _enforce(self) -> None:
        await self._follower.caught_up.wait()
        await self._start_again()
        while True:
            raise_if_cancelled()
            next_at = self._deadlines.next_at()
            if next_at is None:
                self._news.clear()
                await self._news.wait()
                continue
            # News can only put a deadline off, so nothing is missed by sleeping until the earliest one. A long wait
            # for a manager is the exception: an order that is not waiting may come and be due earlier.
            await asyncio.sleep(min(max(0.0, next_at - time.time()), self._grace_s) + 0.01)
            for order_id in self._deadlines.due(time.time()):
                try:
                    await self._look_at(order_id)
                except BrokerError as error:
                    log.warning("looking at %s: %s", order_id, error)
                    await asyncio.sleep(BACK_OFF_S)

    async def _look_at(self, order_id: str) -> None:
        records = await few_of(self._client, ORDERS, f"orders.{order_id}.>")
        tellings = _tellings(records)
        story = story_of(tellings)
        now = time.time()
        if not tellings or story.status() in ENDED:
            self._deadlines.forget(order_id)
        elif not self._deadlines.is_due(story, tellings[-1].at, now):
            self._deadlines.postpone(order_id, tellings[-1].at)
        elif story.status() is OrderStatus.UNDOING:
            await self._show_stuck(order_id, _last_news(records), story)
        else:
            await self._expire(order_id, records, story, now - tellings[-1].at)

    async def _expire(self, order_id: str, records: list[Record], story: Story, quiet_s: float) -> None:
        placed = next((r for r in records if r.subject.endswith(f".{EventType.ORDER_PLACED}")), None)
        try:
            if placed is None:
                raise Malformed("it was never placed")
            cause = parse(placed.subject, placed.headers, placed.body)
        except Malformed as error:
            log.warning("order %s has gone quiet, and nothing of it can be undone: %s", order_id, error)
            self._deadlines.forget(order_id)
            return
        assert isinstance(cause.body, Body)
        body = OrderExpired(order=cause.body.order, quiet_s=round(quiet_s, 3), last_event=str(story.last_type))
        made = compose(EventType.ORDER_EXPIRED, body, source=SOURCE, at=now_text(), cause=cause)
        expected, on = (records[-1].sequence, f"orders.{order_id}.>") if self._compare else (None, None)
        try:
            await publish(self._client, Message(made.subject, made.body, made.id, expected, on, made.headers))
            log.warning("order %s was quiet for %.1f s after %s: expired", order_id, quiet_s, story.last_type)
        except Conflict:
            log.info("order %s is not quiet after all", order_id)
        self._deadlines.postpone(order_id, time.time())

    async def _show_stuck(self, order_id: str, record: Record, story: Story) -> None:
        """Undoing again would not help: whoever should undo does not. A person must look."""
        self._deadlines.forget(order_id)
        if not self._parks:
            return
        message = letter(
            consumer=SOURCE,
            reason=Reason.STUCK_UNDOING,
            cause=f"no news after {story.last_type} while the order was being undone",
            attempts=1,
            subject=record.subject,
            sequence=record.sequence,
            headers=record.headers,
            body=record.body,
        )
        if await park(self._client, message):
            metrics.dead_letters.labels(self._lane, Reason.STUCK_UNDOING).inc()
            log.warning("order %s is stuck in being undone after %s", order_id, story.last_type)

    # --- messages that are no event at all ------------------------------------------------------------

    def _odd(self, subject: str, body: bytes, sequence: int) -> None:
        try:
            self._odd_ones.put_nowait((subject, body, sequence))
        except asyncio.QueueFull:
            log.error("too many messages that are no events; %s (%d) is parked at the next start", subject, sequence)

    async def _park_odd(self) -> None:
        while True:
            raise_if_cancelled()
            subject, body, sequence = await self._odd_ones.get()
            message = letter(
                consumer=SOURCE,
                reason=Reason.MALFORMED,
                cause=f"subject {subject!r} is none of ours",
                attempts=1,
                subject=subject,
                sequence=sequence,
                headers={},
                body=body,
            )
            while True:
                try:
                    if await park(self._client, message):
                        metrics.dead_letters.labels(self._lane, Reason.MALFORMED).inc()
                    break
                except BrokerError as error:
                    log.warning("parking %s: %s", subject, error)
                    await asyncio.sleep(BACK_OFF_S)


def _last_news(records: list[Record]) -> Record:
    """The last event that someone should have reacted to."""
    return next(r for r in reversed(records) if not r.subject.endswith(f".{EventType.ATTEMPT_FAILED}"))


def _tellings(records: list[Record]) -> list[Told]:
    tellings: list[Told] = []
    for record in records:
        try:
            tellings.append(told(record.subject, record.body, record.sequence, epoch_s(record.at)))
        except Malformed:
            continue  # parked by ``_park_odd``
    return tellings

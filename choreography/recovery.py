"""When a command failed: the shell around ``failing``. Retries by delayed redelivery, gives up, parks.

Giving up an action tells the failing event, so that everything is undone, and only then parks the message; a crash in
between repeats both without harm, as their ids are the same again. It must not know how commands are executed.
"""

import logging
import random
from collections.abc import Sequence
from typing import Final, assert_never

from nats.aio.client import Client

from broker.errors import Conflict
from broker.publish import Message, publish
from broker.pull import Delivery
from choreography.broker_setup import MAX_DELIVER
from choreography.clock import now_text
from choreography.cloud_events import Event, again, compose, subject_of
from choreography.dead_letters import Reason, letter, park
from choreography.events import AttemptFailed, EventType
from choreography.failing import GiveUp, LeaveUnacknowledged, RetryRules, TryAgain, after_failure
from choreography.outbox import Outbox
from choreography.reactions import Reaction
from choreography.telling import told_when_given_up
from services import metrics
from services.commands import Answer, Outgoing
from services.errors import KeyReused
from services.operations import SERVICE_OF, Operation, Service
from services.order import Order
from services.practices import Practice
from services.settings import Settings

log = logging.getLogger(__name__)

# A retry for ever would run into ``max_deliver``: this many deliveries later a copy under a new id takes its place.
RENEW_AT: Final = MAX_DELIVER - 10


class Recovery:
    """What one service's listener does about what it could not process."""

    def __init__(self, client: Client, service: Service, settings: Settings, outbox: Outbox) -> None:
        guards = settings.guards_removed
        practices = settings.practices - {Practice.RETRIES} if "retries" in guards else settings.practices
        self._client = client
        self._service = service
        self._lane = settings.lane
        self._outbox = outbox
        self._compare = "compare_and_set" not in guards
        self._parks = Practice.DEAD_LETTERS in practices
        self._rules = RetryRules(practices, settings.time_scale, settings.call_timeout_s)
        metrics.expect_retries(self._lane, (operation for operation in SERVICE_OF if SERVICE_OF[operation] is service))
        metrics.expect_dead_letters(
            self._lane, (Reason.MALFORMED, Reason.RETRIES_USED_UP, Reason.KEY_REUSED, Reason.UNDO_FAILED)
        )

    async def after(
        self,
        error: Exception,
        row: Reaction,
        event: Event,
        order: Order,
        delivery: Delivery,
        told: Sequence[Outgoing],
    ) -> bool:
        """Acts upon a failed command. True: acknowledge the delivery. Raises ``BrokerError``: leave it."""
        assert row.operation is not None
        decision = after_failure(
            error, row.operation, deliveries=delivery.delivered, u=random.random(), rules=self._rules
        )
        match decision:
            case LeaveUnacknowledged():
                await self._outbox.send(told)
                return False
            case TryAgain():
                await self._try_again(decision, error, row.operation, event, delivery)
                return False
            case GiveUp():
                return await self._give_up(decision, error, row, event, order, delivery)
            case _:
                assert_never(decision)

    async def undo_refused(self, answer: Answer, row: Reaction, event: Event, delivery: Delivery) -> bool:
        """An undo met a refusal: nobody but a person can go on from here."""
        cause = f"{row.operation} was refused: {answer.refusal}: {answer.detail.get('cause', '')}"
        await self._park(Reason.UNDO_FAILED, cause, delivery.delivered, delivery)
        return False

    async def park_malformed(self, delivery: Delivery, cause: str) -> None:
        await self._park(Reason.MALFORMED, cause, delivery.delivered, delivery)

    async def _try_again(
        self, decision: TryAgain, error: Exception, operation: Operation, event: Event, delivery: Delivery
    ) -> None:
        metrics.retries.labels(self._lane, self._service, operation).inc()
        body = AttemptFailed(
            order_id=event.order_id,
            operation=operation,
            attempt=decision.attempt,
            error=type(error).__name__,
            cause=str(error),
            wait_s=round(decision.wait_s, 3),
        )
        suffix = f"{operation}-{decision.attempt}"
        news = compose(EventType.ATTEMPT_FAILED, body, source=self._service, at=now_text(), cause=event, suffix=suffix)
        await publish(self._client, Message(news.subject, news.body, news.id, headers=news.headers))
        if delivery.delivered >= RENEW_AT:
            await self._renew(event, delivery)
        else:
            await delivery.nak(decision.wait_s)

    async def _renew(self, event: Event, delivery: Delivery) -> None:
        new_id = f"{event.id.partition(':renewed-')[0]}:renewed-{delivery.stream_sequence}"
        subject = subject_of(event.order_id, event.type, self._service)
        headers = again(delivery.headers, new_id)
        await publish(self._client, Message(subject, delivery.body, new_id, headers=headers))
        await delivery.term("renewed")

    async def _give_up(
        self, decision: GiveUp, error: Exception, row: Reaction, event: Event, order: Order, delivery: Delivery
    ) -> bool:
        if not self._parks:
            log.warning("%s dropped after attempt %d: %s", delivery.subject, decision.attempt, error)
            await delivery.term("dropped")
            return False
        await self._outbox.settle()
        news = told_when_given_up(row, order, error)
        reused = isinstance(error, KeyReused)
        if (
            news is not None
            and not await self._tell_failure(
                compose(*news, source=self._service, at=now_text(), cause=event), subject_of(event.order_id, row.done)
            )
            and not reused
        ):
            return True
        reason = Reason.UNDO_FAILED if news is None else Reason.KEY_REUSED if reused else Reason.RETRIES_USED_UP
        await self._park(reason, f"{row.operation}: {type(error).__name__}: {error}", decision.attempt, delivery)
        return False

    async def _tell_failure(self, failure: Outgoing, success_subject: str) -> bool:
        """Stored only while the success is not: an earlier delivery may have done it, and then nothing failed."""
        expected, on = (0, success_subject) if self._compare else (None, None)
        message = Message(failure.subject, failure.body, failure.id, expected, on, failure.headers)
        try:
            await publish(self._client, message)
        except Conflict:
            log.info("%s was told before; nothing to give up", success_subject)
            return False
        return True

    async def _park(self, reason: Reason, cause: str, attempts: int, delivery: Delivery) -> None:
        if self._parks:
            message = letter(
                consumer=self._service,
                reason=reason,
                cause=cause,
                attempts=attempts,
                subject=delivery.subject,
                sequence=delivery.stream_sequence,
                headers=delivery.headers,
                body=delivery.body,
            )
            if await park(self._client, message):
                metrics.dead_letters.labels(self._lane, reason).inc()
        else:
            log.warning("%s dropped: %s", delivery.subject, cause)
        await delivery.term(reason)

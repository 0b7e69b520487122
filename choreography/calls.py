"""Calling the service as any caller does: an answer is waited for so long and no longer, however slow the service is.

What comes late is not called back: it ends, and what it tells is sent. Meanwhile the message may have come again;
inbox, key and tombstone see to it that the order is acted upon once. It must not know what is decided after a failure.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final, Protocol

from broker.errors import BrokerError
from choreography.outbox import Outbox
from services.commands import Answer, Command, Outgoing
from services.errors import NoAnswer, ServiceError
from services.faults.plan import FaultKind

log = logging.getLogger(__name__)

CLOSE_WITHIN_S: Final = 0.5


class CalledService(Protocol):
    """What a call needs of ``services.service.Service``."""

    async def execute(self, command: Command, *, hang_s: float | None = None) -> Answer: ...

    def attempt_under_way(self, command: Command) -> int | None: ...


class Calls:
    """Owns every call of one service process, also those that nobody waits for any more.

    ``durable`` False: practice ``outbox`` is off.
    """

    def __init__(self, service: CalledService, outbox: Outbox, *, timeout_s: float, durable: bool) -> None:
        self._service = service
        self._outbox = outbox
        self._timeout_s = timeout_s
        self._durable = durable
        self._late: set[asyncio.Task[None]] = set()

    async def execute(self, command: Command, told: Sequence[Outgoing], deliveries: int) -> Answer:
        """Raises what the service raises, and ``NoAnswer`` when it takes too long; ``told`` is sent then all the same.

        ``deliveries`` counts the tries where the service cannot.
        """
        call = asyncio.create_task(self._call(command))
        try:
            answered, _ = await asyncio.wait((call,), timeout=self._timeout_s)
        except asyncio.CancelledError:
            call.cancel()
            raise
        if answered:
            return call.result()
        attempt = self._service.attempt_under_way(command) or deliveries
        late = asyncio.create_task(self._see_to(call, command, told))
        self._late.add(late)
        late.add_done_callback(self._late.discard)
        # Not a ``hang``, whose whole timeout is still to be waited for (see ``failing``): it has passed here.
        raise NoAnswer(f"no answer in {self._timeout_s:g} s", kind=FaultKind.SLOW, attempt=attempt)

    async def close(self) -> None:
        """Let go of what is late. What it committed and did not send is left to the outbox of the next life."""
        for late in self._late:
            late.cancel()
        if self._late:
            await asyncio.wait(self._late, timeout=CLOSE_WITHIN_S)

    async def _call(self, command: Command) -> Answer:
        answer = await self._service.execute(command, hang_s=0.0)
        if not self._durable and not answer.replayed and command.outgoing is not None:
            command.outgoing(answer)  # no one called it inside a transaction
        return answer

    async def _see_to(self, call: asyncio.Task[Answer], command: Command, told: Sequence[Outgoing]) -> None:
        try:
            await call
        except ServiceError as error:  # its effect, if any, is what the next delivery finds
            log.info("%s of %s failed late: %s", command.operation, command.order.order_id, error)
        except Exception:
            log.exception("%s of %s failed late", command.operation, command.order.order_id)
        try:
            await self._outbox.send(told)
        except BrokerError as error:
            order_id = command.order.order_id
            log.warning("%s of %s came late and stays in the outbox: %s", command.operation, order_id, error)

"""One service, running: executes commands against its ledger and acts out the faults that its dice give it.

Both shells use it, HTTP and a bus listener, so that both lanes meet the same rules and the same faults. It must not
know which of them calls.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

from services import metrics, spans
from services.catalogue import catalogue
from services.commands import Answer, Command, Outgoing, Withheld
from services.errors import NoAnswer, Unavailable
from services.faults.dice import delay_s
from services.faults.injector import Injector
from services.faults.plan import CrashPoint, FaultKind, FaultPlan
from services.guards import Guards
from services.ledger.batch import Outcome, Request
from services.ledger.group_commit import GroupCommit
from services.ledger.ledger import PAGE, Ledger
from services.operations import SERVICE_OF, UNDOES, Operation
from services.operations import Service as ServiceName
from services.settings import Settings
from telemetry.recording import recording


@dataclass(frozen=True, slots=True)
class Performed:
    """What came of a command, for a shell that acts out a lost answer itself (HTTP holds or cuts the connection).

    ``withheld`` None: give the answer. Else the caller must not get one: ``hang`` leaves it waiting, ``reset`` cuts the
    connection. ``answer`` is None where nothing was done (fault ``hang``).
    """

    answer: Answer | None
    attempt: int
    withheld: Withheld | None = None


class Service:
    """Implements ``ServicePort``. Opened inside a running event loop, used only there, and closed.

    ``on_outgoing`` is called on the loop after each commit with the outbox rows that it wrote, also where the answer is
    withheld; set it before the first command.
    """

    def __init__(self, name: ServiceName, settings: Settings, ledger: Ledger, injector: Injector) -> None:
        self.name: Final = name
        self.on_outgoing: Callable[[Sequence[Outgoing]], None] | None = None
        self._settings = settings
        self._ledger = ledger
        self._injector = injector
        self._commits = GroupCommit(
            ledger, before_commit=lambda: injector.crash(CrashPoint.BEFORE_COMMIT), on_outgoing=self._tell_outgoing
        )
        self._operations = frozenset(operation for operation, service in SERVICE_OF.items() if service is name)
        lane = settings.lane
        self._count_effect = {op: metrics.effects.labels(lane, name.value, op.value) for op in self._operations}
        self._time_step = {op: metrics.step_seconds.labels(lane, name.value, op.value) for op in self._operations}
        self._slow: dict[int, int] = {}  # a command that a fault slows down now, by identity -> its attempt
        self._count_undo = metrics.compensations.labels(lane, name.value)
        metrics.expect_faults(lane, name)
        metrics.show_plan(lane, name, ledger.plan)
        ledger.on_other_plan = lambda plan: metrics.show_plan(lane, name, plan)

    @classmethod
    async def open(cls, settings: Settings, injector: Injector | None = None) -> Self:
        """The service ``settings.component`` with its ledger at ``settings.ledger_url``, made ready and seeded.

        Raises ``LedgerUnavailable``, or ``ValueError`` for a component, URL or guard that does not exist.
        """
        name = ServiceName(settings.component)
        ledger = Ledger(settings.ledger_url, name, Guards.of(settings))
        products = catalogue(settings.catalogue_seed, settings.stock_scale) if name is ServiceName.WAREHOUSE else ()
        await asyncio.to_thread(ledger.prepare, products)
        return cls(name, settings, ledger, injector or Injector())

    async def close(self) -> None:
        """Finish what was submitted, write what was marked sent, and let go of the database."""
        await self._commits.close()
        await asyncio.to_thread(self._ledger.close)

    # --- commands ---------------------------------------------------------------------------------------------------

    async def execute(self, command: Command, *, hang_s: float | None = None) -> Answer:
        """See ``ServicePort``; also ``LedgerUnavailable``. A ``hang`` lasts ``hang_s`` (default: the call timeout)."""
        performed = await self.perform(command)
        if performed.withheld is None and performed.answer is not None:
            return performed.answer
        if performed.answer is None:
            await asyncio.sleep(self._settings.call_timeout_s if hang_s is None else hang_s)
            raise NoAnswer("no answer in time", kind=FaultKind.HANG, attempt=performed.attempt)
        raise NoAnswer("the answer was lost", kind=FaultKind.LOST_REPLY, attempt=performed.attempt)

    async def execute_all(
        self, commands: Sequence[Command], *, hang_s: float | None = None
    ) -> list[Answer | BaseException]:
        """Execute together, in one transaction where they can; errors are returned in place, not raised."""
        return await asyncio.gather(
            *(self.execute(command, hang_s=hang_s) for command in commands), return_exceptions=True
        )

    async def perform(self, command: Command) -> Performed:
        """Like ``execute``, but leaves the acting out of a withheld answer to the caller."""
        if command.operation not in self._operations:
            raise ValueError(f"{self.name} does not {command.operation}")
        if recording():
            return await spans.performed(self._perform, command, self.name)
        return await self._perform(command)

    async def _perform(self, command: Command) -> Performed:
        began = time.perf_counter()
        request = Request(command, f"{command.operation.value}/{command.order.fingerprint()}")
        outcome = await self._submit(request)
        fault = outcome.fault
        if fault is not None:
            outcome = await self._strike(request, outcome)
        if outcome.error is not None:
            raise outcome.error
        self._time_step[command.operation].observe(time.perf_counter() - began)
        return Performed(outcome.answer, outcome.attempt, _withheld(outcome))

    async def _submit(self, request: Request) -> Outcome:
        outcome = await self._commits.submit(request)
        operation = request.command.operation
        if outcome.acted:
            self._count_effect[operation].inc()
            if operation in UNDOES:
                self._count_undo.inc()
        if outcome.fault is not None:
            metrics.faults_injected.labels(self._settings.lane, self.name.value, outcome.fault.kind.value).inc()
        return outcome

    async def _strike(self, request: Request, outcome: Outcome) -> Outcome:
        """Act out the part of a fault that does not depend on the shell."""
        fault, command = outcome.fault, request.command
        assert fault is not None
        match fault.kind:
            case FaultKind.ERROR | FaultKind.BROKEN:
                raise Unavailable(f"injected fault: {fault.kind}", kind=fault.kind, attempt=outcome.attempt)
            case FaultKind.SLOW:
                order_id = command.order.order_id
                wait_s = delay_s(self._ledger.plan, fault, order_id, command.operation, outcome.attempt)
                self._slow[id(command)] = outcome.attempt
                try:
                    await self._injector.be_slow(wait_s)
                    return await self._submit(replace(request, attempt=outcome.attempt))
                finally:
                    del self._slow[id(command)]
            case FaultKind.CRASH:
                return await self._crash_or_arm(request, outcome, fault.point)
            case FaultKind.HANG | FaultKind.LOST_REPLY | FaultKind.REFUSAL:
                return outcome

    async def _crash_or_arm(self, request: Request, outcome: Outcome, point: CrashPoint | None) -> Outcome:
        command = request.command
        if point is CrashPoint.BEFORE_COMMIT:
            return await self._submit(replace(request, attempt=outcome.attempt, doomed=True))
        if point is CrashPoint.AFTER_COMMIT:
            self._injector.crash(f"{command.operation} {point}")
        elif point is not None:
            self._injector.arm(command.order.order_id, command.operation, point)
        return outcome

    def attempt_under_way(self, command: Command) -> int | None:
        """For a shell that stops waiting: which attempt a fault slows down; None where no fault does."""
        return self._slow.get(id(command))

    def crash_point(self, order_id: str, operation: Operation, point: CrashPoint) -> None:
        """A shell says where it is: ``before_publish``, ``after_publish``, ``before_ack``.

        Cheap, and does not return where the dice of this command say so.
        """
        self._injector.reached(order_id, operation, point)

    # --- outbox -----------------------------------------------------------------------------------------------------

    async def unsent(self, limit: int = PAGE) -> list[Outgoing]:
        """Outbox rows not marked sent, oldest first: what an earlier life of the process left behind."""
        return await asyncio.to_thread(self._ledger.unsent, limit)

    def mark_sent(self, ids: Sequence[str]) -> None:
        """Written along with the next transaction, or after a second of quiet; a crash before that only sends again."""
        self._commits.mark_sent(ids)

    def _tell_outgoing(self, messages: Sequence[Outgoing]) -> None:
        if self.on_outgoing is not None:
            self.on_outgoing(messages)

    # --- faults and reading -----------------------------------------------------------------------------------------

    @property
    def plan(self) -> FaultPlan:
        return self._ledger.plan

    async def set_plan(self, plan: FaultPlan) -> None:
        """In force for every command submitted from now on, and after a restart."""
        await self._commits.run(lambda: self._ledger.save_plan(plan))
        metrics.show_plan(self._settings.lane, self.name, plan)

    async def heard_plan(self) -> FaultPlan:
        """The plan in force, also where another process of this service was given it."""
        return await self._commits.run(self._ledger.hear_plan)

    async def injected_counts(self) -> dict[str, int]:
        return await asyncio.to_thread(self._ledger.injected_counts)

    async def stock(self) -> dict[str, dict[str, int]]:
        return await asyncio.to_thread(self._ledger.stock)

    def effects(self, after: int = 0, limit: int | None = None) -> AsyncIterator[bytes]:
        """Lines of JSON, as ``GET /ledger`` gives them; read page by page."""
        return _pages(self._ledger.effects_page, after, limit)

    def injected(self, after: int = 0, limit: int | None = None) -> AsyncIterator[bytes]:
        """Lines of JSON, as ``GET /faults/injected`` gives them."""
        return _pages(self._ledger.injected_page, after, limit)


async def _pages(
    read: Callable[[int, int], list[tuple[int, bytes]]], after: int, limit: int | None
) -> AsyncIterator[bytes]:
    left = limit
    while left is None or left > 0:
        size = PAGE if left is None else min(PAGE, left)
        rows = await asyncio.to_thread(read, after, size)
        if rows:
            yield b"".join(line for _, line in rows)
            after = rows[-1][0]
        if len(rows) < size:
            return
        left = None if left is None else left - size


def _withheld(outcome: Outcome) -> Withheld | None:
    if outcome.fault is None:
        return None
    if outcome.fault.kind is FaultKind.HANG:
        return "hang"
    return outcome.fault.reply if outcome.fault.kind is FaultKind.LOST_REPLY else None

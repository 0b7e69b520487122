"""The scenario's clock: does to every lane at once what the scenario plans, and notes when it was really done.

Faults of services are plans that their dice follow; the machinery is killed, frozen and restarted; links are cut;
messages come again. What comes of it is not its business.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from nats.errors import Error as NatsError

from lab.errors import BadInput, OutOfReach
from lab.link.links import Links
from lab.messages import Messages
from lab.scenario import LinkFault, MessageFault, Own, PlannedFault, Role, Scenario, component_of
from lab.target.protocol import Target
from lab.topology import name_of
from services.operations import Service

READY_AGAIN_WITHIN_S: Final = 60.0
ASK_AGAIN_AFTER_S: Final = 0.5


@dataclass(frozen=True)
class Happening:
    """Something that was done, from when to when (epoch seconds). A kill lasts until the process is ready again."""

    kind: Literal["fault", "machinery"]
    label: str
    from_at: float
    to_at: float


@dataclass
class Clock:
    """``actions``: what was done, in words, for a spectator. ``starts_at`` must be set before ``run``."""

    lab: Target
    scenario: Scenario
    seed: int
    links: Links
    starts_at: float = 0.0
    actions: list[tuple[float, str]] = field(default_factory=list)
    happenings: list[Happening] = field(default_factory=list)

    async def run(self) -> None:
        """Until all that was planned has been done. Raises ``LabError`` when it cannot be done."""
        scenario = self.scenario
        async with asyncio.TaskGroup() as tasks:
            for at_s in scenario.plan_changes():
                tasks.create_task(self._change_plan(at_s))
            for at_s, verb, role in scenario.actions():
                for lane in self.lab.config.lanes:
                    tasks.create_task(self._act(lane, at_s, verb, role))
            for link in scenario.links:
                for lane in self.lab.config.lanes:
                    tasks.create_task(self._break_link(lane, link))
            if scenario.messages:
                for lane in self.lab.config.lanes:
                    tasks.create_task(self._disturb(lane, scenario.messages))

    # --- the services' dice ------------------------------------------------------------------------------------------

    async def _change_plan(self, at_s: float) -> None:
        await self._until(at_s)
        plan = self.scenario.faults_at(self.seed, at_s)
        words = ", ".join(sorted({f"{rule.service} {rule.kind}" for rule in plan.rules})) or "none"
        began = time.time()
        self.actions.append((began, f"faults from now on: {words}"))
        await self.put_faults(at_s)
        for fault in self.scenario.faults:
            if fault.at_s == at_s and fault.for_s is not None:
                self.happenings.append(Happening("fault", _words(fault), began, began + fault.for_s))

    async def put_faults(self, at_s: float) -> None:
        """The plan of a moment, to every service of every lane."""
        plan = self.scenario.faults_at(self.seed, at_s).model_dump(mode="json")
        async with asyncio.TaskGroup() as tasks:
            for lane in self.lab.config.lanes:
                for service in Service:
                    tasks.create_task(self._put_when_ready(lane, service, plan))

    async def _put_when_ready(self, lane: str, service: Service, plan: dict[str, Any]) -> None:
        """A service that is just being started again, or dies of its old plan meanwhile, gets it when it is back."""
        give_up_at = time.monotonic() + READY_AGAIN_WITHIN_S
        while True:
            await self.lab.wait_ready(name_of(lane, service), READY_AGAIN_WITHIN_S)
            try:
                await self.lab.put_faults(lane, service, plan)
            except OutOfReach:
                if time.monotonic() > give_up_at:
                    raise
                await asyncio.sleep(ASK_AGAIN_AFTER_S)
            else:
                return

    # --- the machinery -----------------------------------------------------------------------------------------------

    async def _act(self, lane: str, at_s: float, verb: str, role: Role | Own) -> None:
        """Do it, and see the process back."""
        await self._until(at_s)
        lab, name = self.lab, name_of(lane, component_of(role, lane))
        act = {"kill": lab.kill, "freeze": lab.freeze, "thaw": lab.thaw, "restart": lab.restart}[verb]
        done_at = time.time()
        self.actions.append((done_at, f"{verb} {name}"))
        await act(name)
        if verb in ("kill", "restart"):
            await lab.wait_ready(name, READY_AGAIN_WITHIN_S)
            self.actions.append((time.time(), f"{name} is ready again after {time.time() - done_at:.1f} s"))
            self.happenings.append(Happening("machinery", f"{verb} {role}", done_at, time.time()))
        elif verb == "freeze":
            lasts_s = next(
                each.for_s or 0.0
                for each in self.scenario.machinery
                if each.do == "freeze" and each.target == role and each.at_s == at_s
            )
            self.happenings.append(Happening("machinery", f"freeze {role}", done_at, done_at + lasts_s))

    async def _break_link(self, lane: str, fault: LinkFault) -> None:
        name = name_of(lane, component_of(fault.target, lane))
        link = self.links.get(name)
        if link is None:
            raise BadInput(f"the link of {name} was not prepared before the lab started")
        await self._until(fault.at_s)
        began = time.time()
        self.actions.append((began, f"{fault.do} the link of {name}"))
        link.set(fault.do, fault.delay_s or 0.0)
        await self._until(fault.at_s + fault.for_s)
        link.set("whole")
        self.actions.append((time.time(), f"the link of {name} is whole again"))
        self.happenings.append(Happening("machinery", f"{fault.do} the link of {fault.target}", began, time.time()))

    # --- messages ----------------------------------------------------------------------------------------------------

    async def _disturb(self, lane: str, faults: Sequence[MessageFault]) -> None:
        try:
            async with Messages(self.lab, lane) as messages, asyncio.TaskGroup() as tasks:
                for fault in faults:
                    tasks.create_task(
                        self._malform(lane, messages, fault) if fault.count else self._again(lane, messages, fault)
                    )
        except* (NatsError, TimeoutError) as failures:
            raise OutOfReach(f"{lane}: the broker gave no answer: {failures.exceptions[0]}") from failures

    async def _malform(self, lane: str, messages: Messages, fault: MessageFault) -> None:
        await self._until(fault.at_s)
        began = time.time()
        self.actions.append((began, f"{fault.count} malformed messages to {lane}"))
        await messages.malformed(fault.count or 0)
        self.happenings.append(Happening("fault", "malformed messages", began, time.time()))

    async def _again(self, lane: str, messages: Messages, fault: MessageFault) -> None:
        self.actions.append((time.time(), f"{lane}: messages of the last {fault.back_s:g} s will come again"))
        async with asyncio.TaskGroup() as tasks:
            for moment in fault.moments():
                tasks.create_task(self._deliver_again(messages, moment, fault.back_s or 0.0))
        began = self.starts_at + fault.at_s
        self.happenings.append(Happening("fault", "messages again", began, time.time()))

    async def _deliver_again(self, messages: Messages, at_s: float, back_s: float) -> None:
        sequence = 0
        if at_s > back_s:
            await self._until(at_s - back_s)
            sequence = await messages.last()
        await self._until(at_s)
        await messages.again_after(sequence)

    async def _until(self, at_s: float) -> None:
        await asyncio.sleep(max(0.0, self.starts_at + at_s - time.time()))


def _words(fault: PlannedFault) -> str:
    where = fault.service if fault.operation is None else f"{fault.service} {fault.operation}"
    return f"{where} {fault.kind}"

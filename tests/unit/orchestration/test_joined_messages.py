"""A message that joins an execution in these hands is held as long as they hold it: it may be what they hold it by."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, cast

from orchestration.asl.protocol import TaskSucceeded
from orchestration.runtime import records, wakes
from orchestration.runtime.conductor import Conductor
from orchestration.runtime.drive import Drive
from orchestration.runtime.hands import Hand


@dataclass
class Told:
    """A drive that takes every event, and goes on."""

    ended: bool = False
    whole: bool = True
    events: list[Any] = field(default_factory=list)

    async def tell(self, event: Any) -> bool:
        self.events.append(event)
        return True


@dataclass
class Message:
    subject: str = records.callback_subject("o-1", 7, 1)
    body: bytes = wakes.encode_wake(TaskSucceeded(7, {}, 1))
    delivered: int = 1
    stream_sequence: int = 5
    acknowledged: int = 0

    async def ack(self) -> None:
        self.acknowledged += 1


async def test_it_is_acknowledged_when_they_have_let_go_and_not_before() -> None:
    tools = cast(
        Any, type("Tools", (), {"history": type("History", (), {"durable": True}), "clock": lambda self: 0.0})()
    )
    conductor = Conductor(cast(Any, None), tools, ack_wait_s=5.0, consumer="c")
    hand, drive, message = Hand(), Told(), Message()
    hand.open(cast(Drive, drive))
    conductor._hands["o-1"] = hand
    working = asyncio.create_task(conductor._work(cast(Any, message)))
    for _ in range(50):  # all that it does now, it does without waiting for anything outside
        await asyncio.sleep(0)
    assert len(drive.events) == 1
    assert (message.acknowledged, working.done()) == (0, False)
    hand.settled = True
    hand.let_go()
    await working
    assert message.acknowledged == 1

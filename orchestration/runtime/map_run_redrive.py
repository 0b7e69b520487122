"""Running the unsuccessful children of a map run again: Standard ones go on from their failure, Express ones anew."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from orchestration.asl import map_run
from orchestration.asl.interpreter import ExecutionState, redrivable
from orchestration.asl.protocol import RedriveRequested
from orchestration.errors import HistoryUnreachable
from orchestration.runtime import records, wakes
from orchestration.runtime.machines import Machines
from orchestration.runtime.map_run_records import Beginning
from orchestration.runtime.map_run_store import MapRunStore

AT_ONCE: Final = 64


@dataclass
class Restarted:
    """What the map run is to be told, and the messages that make it true."""

    events: list[map_run.Event] = field(default_factory=list)
    posts: list[records.Post] = field(default_factory=list)


@dataclass(frozen=True)
class Restarting:
    """``redrive`` is the number of the map run's redrive."""

    store: MapRunStore
    machines: Machines
    run: str
    beginning: Beginning
    redrive: int

    async def restart(self, command: map_run.RestartChildren) -> Restarted:
        """Looks at the children in their order until enough are found. Raises ``HistoryUnreachable``."""
        done = Restarted()
        children: dict[int, int] = {}
        refused: list[map_run.Event] = []
        number = command.number
        most = min(command.most, AT_ONCE)
        while number < command.before and len(children) < most:
            numbers = range(number, min(number + most - len(children), command.before))
            ends = await asyncio.gather(*(self.store.child_end(self.run, each) for each in numbers))
            for each, end in zip(numbers, ends, strict=True):
                if end is None:
                    raise HistoryUnreachable(f"{self.run}: the end of child {each} is not to be seen yet")
                if end.child["Status"] == map_run.ENDS[0]:
                    continue
                children[each] = self._items(end.child)
                post = await self._again(each, end.child)
                if post is None:
                    refused.append(map_run.ChildEnded(each, str(end.child["Status"])))
                else:
                    done.posts.append(post)
            number = numbers.stop
        done.events.append(map_run.ChildrenRestarted(children, number if number < command.before else None))
        done.events += refused
        return done

    def _items(self, child: Mapping[str, Any]) -> int:
        return len(child["Input"]["Items"]) if "batch" in self.beginning.plan else 1

    async def _again(self, number: int, child: Mapping[str, Any]) -> records.Post | None:
        """None: it cannot go on."""
        if self.beginning.plan["express"]:
            return self.beginning.child_start(self.run, number, child["Input"], self.redrive)
        token = self.beginning.child(number).token
        append = await self.store.append_of(token)
        machine = await self.machines.load(append.machine)
        if not redrivable(machine, ExecutionState.from_json(append.checkpoint)):
            return None
        wake = wakes.encode_wake(RedriveRequested(append.redrives + 1))
        return records.Post(records.redrive_subject(token), wake)

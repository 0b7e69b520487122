"""The machines of child executions: ``<reference>#<Map state>`` is what stands in that Map of the machine."""

from collections import OrderedDict
from typing import Final

from orchestration.asl.interpreter import Machine
from orchestration.asl.machine import processor_machine
from orchestration.errors import Unreadable
from orchestration.runtime.express_log import LogSetting
from orchestration.runtime.machines import Machines

MARK: Final = "#"
MAX_KEPT: Final = 256


class MachinesWithMaps:
    """Implements ``runtime.machines.Machines`` over another, which knows whole machines."""

    def __init__(self, whole: Machines) -> None:
        self._whole = whole
        self._kept: OrderedDict[str, tuple[Machine, Machine]] = OrderedDict()

    async def load(self, reference: str) -> Machine:
        base, _, state = reference.partition(MARK)
        machine = await self._whole.load(base)
        if not state:
            return machine
        kept = self._kept.get(reference)
        if kept is None or kept[0] is not machine:
            kept = self._kept[reference] = (machine, _part(machine, reference, state))
        self._kept.move_to_end(reference)
        while len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)
        return kept[1]

    async def log_setting(self, reference: str) -> LogSetting:
        return await self._whole.log_setting(reference.partition(MARK)[0])


def _part(machine: Machine, reference: str, state: str) -> Machine:
    try:
        return processor_machine(machine, state)
    except KeyError:
        raise Unreadable(f"no state machine is named {reference!r}") from None

"""State machines for the workers: the built-in ones, and the stored revisions, parsed once and kept while in use."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import orjson

from broker.errors import BrokerError
from orchestration.asl.errors import DefinitionInvalid
from orchestration.asl.interpreter import Machine, load_machine
from orchestration.errors import HistoryUnreachable, Overloaded, Unreadable
from orchestration.machines.model import Revision, reference
from orchestration.machines.store import MachineStore
from orchestration.off_loop import off_loop
from orchestration.runtime.express_log import LogSetting

MAX_MACHINES: Final = 256
# Of definition text. A parsed machine takes many times as much memory: one that is all queries, 450 times.
MAX_BYTES: Final = 512 * 1024


@dataclass(frozen=True)
class _Kept:
    machine: Machine
    size: int
    log_setting: LogSetting
    role_arn: str


class StoredMachines:
    """Implements ``runtime.machines.Machines``. A revision never changes, so what is kept is never stale."""

    def __init__(
        self,
        store: MachineStore,
        built_in: Mapping[str, Machine],
        *,
        time_scale: float = 1.0,
        max_machines: int = MAX_MACHINES,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self.built_in = dict(built_in)
        self._store = store
        self._time_scale = time_scale
        self._max_machines = max_machines
        self._max_bytes = max_bytes
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._bytes = 0
        self._loading: dict[str, asyncio.Future[_Kept]] = {}

    async def load(self, reference: str) -> Machine:
        """Raises ``Unreadable`` when there is no such machine, and ``HistoryUnreachable``."""
        built_in = self.built_in.get(reference)
        if built_in is not None:
            return built_in
        return (await self._stored(reference)).machine

    async def current(self, name: str) -> str | None:
        """The reference of a machine as it is now; None: there is none. Raises ``broker.errors.BrokerError``."""
        if name in self.built_in:
            return name
        found = await self._store.head(name)
        return None if found is None or found.head.deleted else reference(name, found.head.revision)

    async def log_setting(self, reference: str) -> LogSetting:
        """What of its Express executions goes to the log. Raises as ``load`` does."""
        return LogSetting() if reference in self.built_in else (await self._stored(reference)).log_setting

    async def role_arn(self, reference: str) -> str:
        """Under which role it was stored to run; empty for a built-in one. Raises as ``load`` does."""
        return "" if reference in self.built_in else (await self._stored(reference)).role_arn

    async def _stored(self, reference: str) -> _Kept:
        kept = self._kept.get(reference)
        if kept is not None:
            self._kept.move_to_end(reference)
            return kept
        loading = self._loading.get(reference)
        if loading is None:
            loading = self._loading[reference] = asyncio.ensure_future(self._load(reference))
            loading.add_done_callback(lambda done: self._loaded(reference, done))
        return await asyncio.shield(loading)

    async def _load(self, reference: str) -> _Kept:
        """Once, however many executions wait for it."""
        revision = await self._revision(reference)
        size = len(revision.definition)
        try:
            machine = await off_loop(size, _parsed, reference, revision.definition, self._time_scale)
        except Overloaded as error:
            raise HistoryUnreachable(f"the state machine {reference!r}: {error}") from error
        kept = _Kept(machine, size, LogSetting.of(revision.logging), revision.role_arn)
        self._keep(reference, kept)
        return kept

    def _loaded(self, reference: str, done: asyncio.Future[_Kept]) -> None:
        del self._loading[reference]
        if not done.cancelled():
            done.exception()  # whoever still waits is told; perhaps nobody does

    async def _revision(self, reference: str) -> Revision:
        name, _, revision = reference.rpartition("@")
        try:
            found = await self._store.revision(name, revision) if name and revision else None
        except BrokerError as error:
            raise HistoryUnreachable(f"the state machine {reference!r}: {error}") from error
        if found is None:
            raise Unreadable(f"no state machine is named {reference!r}")
        return found

    def _keep(self, reference: str, kept: _Kept) -> None:
        if reference not in self._kept:
            self._bytes += kept.size
        self._kept[reference] = kept
        while len(self._kept) > self._max_machines or (self._bytes > self._max_bytes and len(self._kept) > 1):
            _, dropped = self._kept.popitem(last=False)
            self._bytes -= dropped.size


def _parsed(reference: str, text: str, time_scale: float) -> Machine:
    try:
        return load_machine(orjson.loads(text), time_scale=time_scale)
    except (DefinitionInvalid, orjson.JSONDecodeError) as error:
        raise Unreadable(f"the state machine {reference!r} cannot be loaded: {error}") from error

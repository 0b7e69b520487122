"""The task behind a distributed Map: it stores the beginning of the map run, once, and leaves the rest to a worker."""

import contextlib
import time
import uuid
from collections.abc import Callable

from orchestration.asl import map_run
from orchestration.asl.distributed import MAP_REDRIVE
from orchestration.asl.protocol import RunTask, TaskSubmitted
from orchestration.errors import Lost, Unreadable
from orchestration.names import MapRunName, map_run_of_arn
from orchestration.rfc3339 import rfc3339
from orchestration.runtime import map_run_records, records
from orchestration.runtime.map_run_store import MapRunStore
from orchestration.tracing import inside_state
from telemetry.recording import recording


class MapRunTasks:
    """Implements ``tasks.registry.Runner``."""

    def __init__(self, store: MapRunStore, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    def told_at_once(self, task: RunTask) -> None:
        return None

    async def run(self, execution: str, task: RunTask) -> TaskSubmitted:
        """Repeated, it changes nothing. Raises ``HistoryUnreachable``."""
        if task.resource == MAP_REDRIVE:
            return await self._redrive(task)
        plan = task.parameters
        run = MapRunName(plan["machine"], plan["label"], plan["run"]).token
        start = await self._store.start_of(execution)
        beginning = map_run_records.Beginning(
            plan=plan,
            machine=start.machine,
            parent=execution,
            parent_arn=start.arn or execution,
            entry=task.entry,
            attempt=task.attempt,
            facts=start.facts,
            mock=start.mock,
            trace_header=inside_state(execution, task.entry) if recording() else start.trace_header,
        )
        checkpoint = map_run_records.Checkpoint(
            arn=plan["arn"],
            parent_arn=beginning.parent_arn,
            machine_arn=start.facts.get("StateMachine", {}).get("Id", ""),
            began_at=rfc3339(self._clock()),
            state=map_run.initial(plan, task.attempt),
        )
        posts = (
            records.Post(map_run_records.index_subject(execution, run), b"{}"),
            records.Post(map_run_records.begin_subject(run), beginning.encode()),
        )
        append_id = f"{run}.begin.{uuid.uuid4().hex}"
        with contextlib.suppress(Lost):  # it has begun already, or was stopped before that
            await self._store.append(run, checkpoint.encode(), after=0, append_id=append_id, posts=posts)
        return TaskSubmitted(task.entry, None)

    async def _redrive(self, task: RunTask) -> TaskSubmitted:
        name = map_run_of_arn(task.parameters["arn"])
        if name is None:
            raise Unreadable(f"no map run's ARN: {task.parameters['arn']!r}")
        await self._store.redrive(name.token, task.attempt)
        return TaskSubmitted(task.entry, None)

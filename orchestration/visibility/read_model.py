"""The read model of one process, wired up: its database, what feeds it and what answers from it."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from nats.aio.client import Client

from orchestration.broker_setup import API_READ_MODEL, READ_MODEL
from orchestration.visibility.database import Database
from orchestration.visibility.folding import Changes, Reader
from orchestration.visibility.projector import Projector
from orchestration.visibility.sql import SqlExecutions
from orchestration.vital import vital

NO_READERS: Final[Mapping[str, Reader]] = {}


@dataclass
class ReadModel:
    """``run`` until ``stop``; ``executions`` answers meanwhile."""

    database: Database
    projector: Projector
    executions: SqlExecutions
    _folder: "tempfile.TemporaryDirectory[str] | None" = field(default=None)

    async def run(self) -> None:
        try:
            await self.projector.run()
        finally:
            if self._folder is not None:
                self._folder.cleanup()

    async def stop(self) -> None:
        await self.projector.stop()


@asynccontextmanager
async def running(read_model: ReadModel) -> AsyncIterator[None]:
    """The read model follows the stream for as long as the process serves; when it cannot, the process stops."""
    following = vital(read_model.run(), "the read model")
    try:
        yield
    finally:
        await read_model.stop()
        following.cancel()
        await asyncio.wait((following,))


def open_read_model(
    client: Client,
    url: str,
    *,
    component: str = "door",
    readers: Mapping[str, Reader] = NO_READERS,
    observer: Callable[[Database], Callable[[Changes | None], None]] = lambda database: lambda changes: None,
) -> ReadModel:
    """``url`` empty: a file that goes with the process. ``observer`` makes what is told of each change."""
    folder = None if url else tempfile.TemporaryDirectory(prefix="read-model-")
    database = Database(url or f"sqlite:///{Path(folder.name if folder else '') / 'read-model.db'}")
    consumer = API_READ_MODEL if component == "api" else READ_MODEL
    projector = Projector(client, database, consumer, readers, observer(database))
    return ReadModel(database, projector, SqlExecutions(projector), folder)

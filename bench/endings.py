"""Who waits for executions to end: told by the last append of each, delivered from the stream once it is stored."""

import asyncio
from types import TracebackType
from typing import Self

import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg

from orchestration.names import ExecutionName
from orchestration.runtime.history import ENDED_HEADER
from orchestration.runtime.records import LOG, STREAM, execution_of


class Endings:
    """``expect`` before the end can come. The consumer goes with the client's connection."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._ended: dict[str, asyncio.Future[str]] = {}

    async def __aenter__(self) -> Self:
        inbox = self._client.new_inbox()
        await self._client.subscribe(inbox, cb=self._note)
        config = {"deliver_policy": "new", "ack_policy": "none", "headers_only": True, "deliver_subject": inbox}
        request = {"stream_name": STREAM, "config": {**config, "filter_subject": f"{LOG}.*"}}
        answer = await self._client.request(f"$JS.API.CONSUMER.CREATE.{STREAM}", orjson.dumps(request))
        if "error" in (told := orjson.loads(answer.data)):
            raise RuntimeError(f"following the executions: {told['error']}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def expect(self, name: ExecutionName) -> "asyncio.Future[str]":
        """Its status, once it has ended."""
        ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._ended[name.token] = ended
        return ended

    async def _note(self, message: Msg) -> None:
        status = (message.headers or {}).get(ENDED_HEADER)
        if status is None:
            return
        waiting = self._ended.pop(execution_of(message.subject), None)
        if waiting is not None and not waiting.done():
            waiting.set_result(status)

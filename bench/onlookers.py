"""Pages that are open elsewhere: each asks for its page as a browser does, holds its socket, and draws nothing.

What an open page costs the lab is the console's work, not a browser's, which stands on somebody else's machine.
"""

import asyncio
import re
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urlencode

import aiohttp

SOCKET: Final = "/_nicegui_ws/socket.io/"
CONNECTED_WITHIN_S: Final = 10.0
_CLIENT: Final = re.compile(r"""["']client_id["']:\s*["']([0-9a-f-]+)["']""")
# Engine.IO's packets: https://github.com/socketio/engine.io-protocol
CONNECT, CONNECTED, PING, PONG = "40", "40", "2", "3"


class Onlooker:
    """``async with``. ``messages``: how many it has got; ``size``: their characters."""

    def __init__(self, session: aiohttp.ClientSession, url: str, page: str) -> None:
        self.messages = self.size = 0
        self._session, self._url, self._page = session, url, page

    async def look(self, ready: asyncio.Event) -> None:
        """Until cancelled. Raises ``RuntimeError`` when it is sent away."""
        async with self._session.get(self._url + self._page) as answer:
            found = _CLIENT.search(await answer.text())
        if found is None:
            raise RuntimeError(f"{self._page} is no page of the console's: {answer.status}")
        told = {
            "EIO": 4,
            "transport": "websocket",
            "client_id": found[1],
            "next_message_id": 0,
            "implicit_handshake": "true",
            "tab_id": str(uuid.uuid4()),
            "document_id": str(uuid.uuid4()),
        }
        async with self._session.ws_connect(f"{self._url}{SOCKET}?{urlencode(told)}", max_msg_size=0) as socket:
            await socket.send_str(CONNECT)
            async for message in socket:
                text = str(message.data)
                if text.startswith(CONNECTED):
                    ready.set()
                elif text == PING:
                    await socket.send_str(PONG)
                else:
                    self.messages += 1
                    self.size += len(text)
        raise RuntimeError(f"the console closed the socket of {self._page}")


@asynccontextmanager
async def onlookers(url: str, pages: list[str]) -> AsyncIterator[list[Onlooker]]:
    """All connected; gone at the end."""
    async with aiohttp.ClientSession() as session:
        looking = [Onlooker(session, url, page) for page in pages]
        ready = [asyncio.Event() for _ in pages]
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(one.look(event)) for one, event in zip(looking, ready, strict=True)]
            async with asyncio.timeout(CONNECTED_WITHIN_S):
                await asyncio.gather(*(event.wait() for event in ready))
            yield looking
            for task in running:
                task.cancel()

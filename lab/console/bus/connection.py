"""The console's own connection to a lane's broker: made when a page first needs it, one for all pages."""

import asyncio
from typing import Final

from nats.aio.client import Client

from broker.connection import close, connect
from broker.errors import BrokerError
from lab.console.settings import BrokerLogin
from lab.errors import BadInput, OutOfReach

CONNECT_WITHIN_S: Final = 3.0


class BusConnection:
    """``login`` None: this console was given no broker."""

    def __init__(self, login: BrokerLogin | None) -> None:
        self._login = login
        self._client: Client | None = None
        self._making = asyncio.Lock()

    async def client(self) -> Client:
        """Raises ``BadInput`` without a broker, ``OutOfReach`` when it gives no answer."""
        if self._login is None:
            raise BadInput("this console was given no broker of the choreography: its events cannot be read here")
        async with self._making:
            if self._client is None or self._client.is_closed:
                self._client = await _connected(self._login)
        if not self._client.is_connected:
            raise OutOfReach("the broker of the choreography is out of reach; the page tries again")
        return self._client

    async def close(self) -> None:
        if self._client is not None:
            await close(self._client)


async def _connected(login: BrokerLogin) -> Client:
    try:
        return await connect(
            login.url,
            user=login.user,
            password=login.password.get_secret_value(),
            name="console",
            give_up_after_s=CONNECT_WITHIN_S,
        )
    except (TimeoutError, OSError, BrokerError) as error:
        raise OutOfReach(f"the broker of the choreography gives no answer: {error}") from error

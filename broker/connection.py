"""Connecting to NATS with settings that notice a frozen server and never give up.

Each figure answers a trap probed on nats-server 2.15.1 with nats-py 2.16.0: the default ping settings take six
minutes to notice a frozen server; after 60 reconnects the client would be closed for good; a publish while
disconnected would raise and yet be stored after the reconnect, unless nothing may be pending.
"""

import asyncio
import logging
import weakref
from collections.abc import Awaitable, Callable

from nats.aio.client import Client
from nats.errors import AuthorizationError

log = logging.getLogger(__name__)

PING_INTERVAL_S = 2
MAX_OUTSTANDING_PINGS = 2
RECONNECT_WAIT_S = 0.25
CONNECT_TIMEOUT_S = 2
AUTHORIZATION_VIOLATION = "Authorization Violation"

# What each client does after a reconnect; nats-py has room for a single callback.
_after_reconnect: weakref.WeakKeyDictionary[Client, set[Callable[[], Awaitable[None]]]] = weakref.WeakKeyDictionary()


def inbox_prefix(user: str) -> str:
    """The one inbox that a user may subscribe to, so that no component reads another's answers."""
    return f"_INBOX_{user}"


class LeanClient(Client):
    """nats-py looks at each character of each header's name: measured, more than half of a busy receiver's time.

    ``clustered``: of several servers, so that what one of them has stored another may not have yet.
    """

    clustered: bool = False

    @staticmethod
    def _parse_header_lines(raw: bytes) -> dict[str, str]:
        headers: dict[str, str] = {}
        for line in raw.decode("utf-8", "replace").split("\r\n"):
            name, colon, value = line.partition(":")
            if colon:
                headers[name.strip()] = value.strip()
        return headers


async def connect(
    url: str,
    *,
    user: str,
    password: str,
    name: str,
    give_up_after_s: float = 60.0,
) -> Client:
    """A connected client that reconnects for ever. ``url``: of one server, or of each of a cluster, by commas.

    Waits for a server that is still starting. Raises ``nats.errors.AuthorizationError`` at once for a wrong password
    and ``TimeoutError`` after ``give_up_after_s``. A denied publish only shows in the log: its caller sees a timeout.
    """
    heard = _Heard(user)
    servers = url.split(",")
    client = LeanClient()
    client.clustered = len(servers) > 1
    connecting: asyncio.Future[None] = asyncio.ensure_future(
        client.connect(
            servers,
            user=user,
            password=password,
            name=name,
            inbox_prefix=inbox_prefix(user).encode(),
            ping_interval=PING_INTERVAL_S,
            max_outstanding_pings=MAX_OUTSTANDING_PINGS,
            max_reconnect_attempts=-1,
            reconnect_time_wait=RECONNECT_WAIT_S,  # type: ignore[arg-type]  # annotated int, used as a float
            connect_timeout=CONNECT_TIMEOUT_S,
            pending_size=0,
            error_cb=heard.error,
            reconnected_cb=heard.reconnected,
        )
    )
    try:
        await asyncio.wait((connecting, heard.refused), timeout=give_up_after_s, return_when=asyncio.FIRST_COMPLETED)
        if connecting.done():
            connecting.result()
            _after_reconnect[client] = heard.callbacks
            return client
        if heard.refused.done():
            heard.refused.result()
        raise TimeoutError(f"no answer from the broker at {url} within {give_up_after_s:g} s")
    finally:
        if not connecting.done():
            connecting.cancel()
        heard.refused.cancel()


class _Heard:
    """What a client tells of its connection. The same error again is only for who debugs, until it is connected."""

    def __init__(self, user: str) -> None:
        self.refused: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.callbacks: set[Callable[[], Awaitable[None]]] = set()
        self._user = user
        self._said: set[str] = set()

    async def error(self, error: Exception) -> None:
        if AUTHORIZATION_VIOLATION in str(error) and not self.refused.done():
            self.refused.set_exception(AuthorizationError(self._user))
        text = f"{type(error).__name__}: {error}"
        log.log(logging.DEBUG if text in self._said else logging.WARNING, "broker: %s", text)
        self._said.add(text)

    async def reconnected(self) -> None:
        self._said.clear()
        log.warning("broker: connected again")
        for callback in tuple(self.callbacks):
            await callback()


def after_reconnect(client: Client, callback: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    """Call ``callback`` after each reconnect of a client made by ``connect``; the answer takes it back."""
    callbacks = _after_reconnect[client]
    callbacks.add(callback)
    return lambda: callbacks.discard(callback)


def raise_if_cancelled() -> None:
    """For loops that publish: probed, nats-py swallows a cancellation that arrives while its flush queue is full."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def close(client: Client, timeout_s: float = 2.0) -> None:
    """Close under a deadline: ``drain()`` was seen to hang for 30 s after a fetch."""
    try:
        await asyncio.wait_for(client.close(), timeout_s)
    except TimeoutError:
        log.warning("broker: the connection did not close within %g s", timeout_s)
